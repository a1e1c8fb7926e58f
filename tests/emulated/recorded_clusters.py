"""A Kubecost for each of many clusters, which all have the recorded day once."""

import contextlib
import datetime
import json
import random
import threading

import recorded_kubecost
from fault_proxy import Server
from recorded_kubecost import Kubecost

# The day that an exporter without a plan collects.
DAY = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=2)).date() - datetime.timedelta(days=1)
QUANTITIES = ["totalCost", "cpuCoreHours", "ramByteHours"]


class CostSource(Kubecost):
    """A Kubecost for each cluster, at `/<cluster>`: it has the recorded day for one day, below the cluster's name."""

    def do_GET(self):
        _, self.cluster, rest = self.path.split("/", 2)
        self.path = f"/{rest}"
        super().do_GET()

    def respond(self, status, body):
        if status == 200:
            body = of_cluster(self.cluster, body, assets=self.path.startswith("/model/assets"))
        super().respond(status, body)


def of_cluster(cluster, body, assets=False):
    """A response of the recorded source as that of one cluster, which has one day. Names that begin with `fat` have long annotations."""
    response = json.loads(body.replace(b"cluster-one", cluster.encode()))
    if assets:
        return json.dumps(response).encode()
    response["data"] = [rows if is_of_the_day(rows) else {} for rows in response["data"]]
    if cluster.startswith("fat"):
        bits = random.Random(cluster)
        for rows in response["data"]:
            for row in rows.values():
                if "container" in row["properties"]:
                    row["properties"]["annotations"] = {"text": bits.randbytes(800_000).hex()}
    return json.dumps(response).encode()


def is_of_the_day(rows):
    return any(row["window"]["start"].startswith(str(DAY)) for row in rows.values())


def expected(cluster):
    """Rows and sums of the day as the source sends them."""
    rows = json.loads(of_cluster(cluster, recorded_kubecost.moved("kubecost_allocation_1day.json", DAY)))["data"][0].values()
    return len(rows), [sum(row[name] for row in rows) for name in QUANTITIES]


@contextlib.contextmanager
def serving_clusters():
    """Runs the sources of all clusters in this process. Returns their address, below which each has its name."""
    server = Server(("127.0.0.1", 0), CostSource)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
