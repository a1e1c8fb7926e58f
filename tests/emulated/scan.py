"""What Trino, the engine behind Athena, reads of the lake, as the parts of an experiment, each by its name: prints tables.

    KUBECOST_LAKE_BINARIES=target/release KUBECOST_LAKE_TRINO=$(bash tests/tools/trino.sh) \\
        PATH=$PWD/target/tools/bin:$PATH python tests/emulated/scan.py [order] [objects]

`order` has one day of 100,000 containers with its rows in different orders; the environment variable CONTAINERS has their number. `objects` has
CLUSTERS (1000) small clusters for DAYS (180) days, as one object for each cluster and day and rolled up.

A result that differs from the others ends the program with an error. Objects are in a temporary directory below KUBECOST_LAKE_LOAD_DIRECTORY.
"""

import os
import pathlib
import sys
import tempfile

from scan_objects import objects
from scan_order import order


def number(name, default):
    return int(os.environ.get(name, default))


PARTS = {
    "order": lambda directory: order(directory, number("CONTAINERS", 100_000)),
    "objects": lambda directory: objects(directory, number("CLUSTERS", 1000), number("DAYS", 180)),
}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory(dir=os.environ.get("KUBECOST_LAKE_LOAD_DIRECTORY")) as directory:
            PARTS[chosen](pathlib.Path(directory))
