"""Trino, the engine behind Athena, as tests/tools/trino.sh installs it. It reads table and view from Glue."""

import contextlib
import json
import os
import pathlib
import subprocess
import urllib.request

from aws import LAKE_ACCOUNT
from deployed import TABLE
from servers import free_port, wait_for

# Athena's name for Glue's catalog, which is part of the view's text.
CATALOG = "awsdatacatalog"
USER = "analyst"
# A start takes some ten seconds of both cores, and longer if other processes use them.
START_SECONDS = 300
# A server whose cores have other work responds late.
REQUEST_SECONDS = 300
# The simplest compiler and collector, since starting takes most of the time.
TESTING = ["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


class QueryFailed(Exception):
    pass


class Trino:
    """A server, which may still be starting."""

    def __init__(self, port, process, log):
        self.endpoint = f"http://127.0.0.1:{port}"
        self.process = process
        self.log = log

    def wait_until_started(self, seconds=START_SECONDS):
        def started():
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            with contextlib.suppress(OSError):
                return not self.request("/v1/info")["starting"]

        wait_for(started, seconds)

    def request(self, path, body=None, headers=None):
        """The JSON response from a path of the server, or from a URL in one of its responses."""
        request = urllib.request.Request(path if path.startswith("http") else self.endpoint + path, body, headers or {})
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as response:
            return json.load(response)

    def query(self, sql):
        """The statement's rows, in the lake's database. Timestamps are strings, maps are dictionaries."""
        return self.run(sql)[0]

    def measured(self, sql):
        """The statement's rows, and what Trino knows of the query."""
        rows, query = self.run(sql)
        return rows, self.request(f"/v1/query/{query}", headers={"X-Trino-User": USER})

    def run(self, sql):
        """The statement's rows, and the query's id."""
        headers = {
            "X-Trino-User": USER,
            "X-Trino-Catalog": CATALOG,
            "X-Trino-Schema": TABLE["GLUE_DATABASE_NAME"],
            # Athena's time zone is UTC.
            "X-Trino-Time-Zone": "UTC",
        }
        page = self.request("/v1/statement", sql.encode(), headers)
        rows = page.get("data", [])
        while "nextUri" in page:
            page = self.request(page["nextUri"])
            rows += page.get("data", [])
        if "error" in page:
            raise QueryFailed(page["error"]["message"])
        return [tuple(row) for row in rows], page["id"]


@contextlib.contextmanager
def started(directory, glue, s3, keys=(LAKE_ACCOUNT, "secret"), java=TESTING):
    """Starts a server that uses Glue and S3 at these addresses, and does not wait until it is ready.

    `keys` are those of S3, and `java` are options of the virtual machine.
    """
    home = pathlib.Path(os.environ["KUBECOST_LAKE_TRINO"])
    port = free_port()
    catalogs = directory / "catalogs"
    catalogs.mkdir(parents=True)
    (catalogs / f"{CATALOG}.properties").write_text(f"""
connector.name=hive
hive.metastore=glue
hive.metastore.glue.region=us-east-1
hive.metastore.glue.endpoint-url={glue}
hive.metastore.glue.aws-access-key={LAKE_ACCOUNT}
hive.metastore.glue.aws-secret-key=secret
fs.native-s3.enabled=true
s3.region=us-east-1
s3.endpoint={s3}
s3.path-style-access=true
s3.aws-access-key={keys[0]}
s3.aws-secret-key={keys[1]}
""")
    settings = {
        "node.environment": "test",
        "node.data-dir": directory / "data",
        "node.internal-address": "127.0.0.1",
        "node.bind-ip": "127.0.0.1",
        "http-server.http.port": port,
        "discovery.uri": f"http://127.0.0.1:{port}",
        "coordinator": "true",
        "node-scheduler.include-coordinator": "true",
        "catalog.config-dir": catalogs,
        "plugin.dir": home / "plugin",
    }
    options = [*java, "-Duser.timezone=UTC", *(f"-D{name}={value}" for name, value in settings.items())]
    command = [home / "java", *options, "-cp", f"{home}/lib/*", "io.trino.server.TrinoServer"]
    log = directory / "log"
    with open(log, "w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=directory)
        try:
            yield Trino(port, process, log)
        finally:
            process.terminate()
            process.wait(timeout=30)
