"""Writes the software bill of materials of a released file, as CycloneDX JSON: its hash, and what it is made of.

    python3 infra/sbom.py function transform aarch64-unknown-linux-musl transform.zip >transform.cdx.json
    python3 infra/sbom.py chart kubecost-lake-exporter-0.1.0.tgz registry/image@sha256:… >chart.cdx.json

A function's are the crates that are compiled into it; a chart's are its files and the image that it runs.
"""

import hashlib
import json
import pathlib
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def sha256(content):
    return [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}]


def document(kind, name, version, file, components):
    """The same input gives the same document: it has no time and no random number."""
    component = {"type": kind, "name": name, "version": version, "hashes": sha256(file.read_bytes())}
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"component": component}, "components": components}


def of_function(program, target, file):
    command = ["cargo", "tree", "--locked", "--package", program, "--edges", "normal", "--target", target, "--prefix", "none", "--format", "{p}|{l}"]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    # A crate that was listed before is marked with (*), one of the workspace has its path.
    crates = {(*package.split()[:2], licence.removesuffix(" (*)")) for package, licence in (line.split("|") for line in lines if "|" in line)}
    (version,) = {version.removeprefix("v") for name, version, _ in crates if name == program}
    return document("application", program, version, file, [crate(*found) for found in sorted(crates) if found[0] != program])


def crate(name, version, licence):
    version = version.removeprefix("v")
    # Older crates write a slash for "or".
    licences = [{"expression": licence.replace("/", " OR ")}] if licence else []
    return {"type": "library", "name": name, "version": version, "purl": f"pkg:cargo/{name}@{version}", "licenses": licences}


def of_chart(file, image):
    name, _, version = file.name.removesuffix(".tgz").rpartition("-")
    with tarfile.open(file) as archive:
        members = sorted((member for member in archive if member.isfile()), key=lambda member: member.name)
        files = [{"type": "file", "name": member.name, "hashes": sha256(archive.extractfile(member).read())} for member in members]
    repository, digest = image.split("@")
    purl = f"pkg:oci/{repository.rsplit('/', 1)[1]}@{digest.replace(':', '%3A')}?repository_url={repository}"
    return document("application", name, version, file, [{"type": "container", "name": repository, "version": digest, "purl": purl}, *files])


def main(kind, *arguments):
    match kind, arguments:
        case "function", [program, target, file]:
            made = of_function(program, target, pathlib.Path(file))
        case "chart", [file, image]:
            made = of_chart(pathlib.Path(file), image)
        case _:
            sys.exit(__doc__)
    json.dump(made, sys.stdout, indent=1)


if __name__ == "__main__":
    main(*(sys.argv[1:] or [""]))
