"""A cluster's day that the program converts: containers as `kubecost-lake demo` makes them, as many as wanted."""

import subprocess

from aws import BINARIES

ACCOUNT, REGION, NAME = "111122223333", "eu-west-1", "benchmark"


def converted(directory, containers, day):
    """Has the program convert a generated day into a new directory. Returns the Parquet file."""
    directory.mkdir(parents=True)
    run(BINARIES / "benchmark", "--write", directory, "--containers", str(containers), "--day", str(day))
    response = directory / "allocation.json"
    cluster = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{NAME}"
    run(BINARIES / "kubecost-lake", "convert", response, "--cluster", cluster, "--lake", directory)
    response.unlink()
    [file] = directory.glob("lake/**/*.parquet")
    return file


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{command[0]}: {done.stderr[-2000:]}"
