"""The bills of materials of released files, as the release workflow makes them."""

import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/kubecost-lake-exporter"


def made(*arguments):
    command = [sys.executable, ROOT / "infra/sbom.py", *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_a_functions_are_the_crates_that_it_is_compiled_from(tmp_path):
    package = tmp_path / "package.zip"
    package.write_bytes(b"content")
    clients = {}
    for program in ["transform", "backfill", "crawler"]:
        found = made("function", program, "x86_64-unknown-linux-musl", package)
        assert found["metadata"]["component"]["hashes"][0]["content"] == hashlib.sha256(b"content").hexdigest()
        assert all(component["licenses"] and component["purl"].startswith("pkg:cargo/") for component in found["components"])
        clients[program] = {component["name"] for component in found["components"]} & {"aws-sdk-s3", "aws-sdk-glue", "parquet"}
    assert clients == {"transform": {"aws-sdk-s3", "parquet"}, "backfill": {"aws-sdk-s3"}, "crawler": {"aws-sdk-s3", "aws-sdk-glue"}}


def test_a_charts_are_its_files_and_its_image(tmp_path):
    package = tmp_path / "kubecost-lake-exporter-1.2.3.tgz"
    with tarfile.open(package, "w:gz") as archive:
        for file in ["Chart.yaml", "values.yaml"]:
            content = (CHART / file).read_bytes()
            member = tarfile.TarInfo(f"kubecost-lake-exporter/{file}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    found = made("chart", package, f"ghcr.io/owner/kubecost-lake-exporter@sha256:{'a' * 64}")
    assert found["metadata"]["component"]["version"] == "1.2.3"
    image, chart, _ = found["components"]
    assert image["purl"].startswith(f"pkg:oci/kubecost-lake-exporter@sha256%3A{'a' * 64}?")
    assert chart["hashes"][0]["content"] == hashlib.sha256((CHART / "Chart.yaml").read_bytes()).hexdigest()
