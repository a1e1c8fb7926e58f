"""Runs a script and prints what this process used: python measured.py SCRIPT ARGUMENTS..."""

import json
import os
import runpy
import sys
import time

began = time.monotonic()
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
# What engines print is not the result.
result = os.dup(1)
os.dup2(2, 1)
runpy.run_path(sys.argv[0], run_name="__main__")
usage = os.times()
with open("/proc/self/status", encoding="ascii") as status:
    peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
measured = {
    "raw_bytes": 0,
    "rows": 0,
    "written_bytes": 0,
    "cpu_seconds": usage.user + usage.system,
    "wall_seconds": time.monotonic() - began,
    "peak_bytes": peak,
}
os.write(result, json.dumps(measured).encode())
