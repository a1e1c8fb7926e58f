"""A cluster's day that the program converts: containers as `kubecost-lake demo` makes them, as many as wanted."""

import datetime
import json
import random
import subprocess

from aws import BINARIES

# Containers with consecutive numbers run on one node, two in each pod, three pods in each controller.
CONTAINERS_OF_A_NODE, CONTAINERS_OF_A_POD, PODS_OF_A_CONTROLLER = 25, 2, 3
HOURS, GIB = 24, 2**30
CPU_PRICE, RAM_PRICE = 0.0316, 0.0042
TEAMS = ["checkout", "search", "catalog", "payments", "identity", "shipping", "pricing", "reviews", "media", "data-platform", "observability"]
TEAMS += ["kube-system"]
TIERS = [("web", 0.1, 0.25), ("worker", 0.5, 0.5), ("batch", 1.0, 2.0), ("cache", 0.25, 4.0)]
INSTANCES = [("m6i.4xlarge", "ON_DEMAND"), ("c6i.4xlarge", "SPOT"), ("m7g.4xlarge", "ON_DEMAND")]


def converted(lake, arn, containers, days):
    """Has the program convert generated days into the directory of a lake. Returns the Parquet files, in the order of the days."""
    lake.mkdir(parents=True)
    response = lake / "allocation.json"
    sets = (day_of(arn.split("/")[-1], arn.split(":")[3], containers, day) for day in days)
    response.write_text(f'{{"code":200,"data":[{",".join(sets)}]}}')
    command = [BINARIES / "kubecost-lake", "convert", response, "--cluster", arn, "--lake", lake]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    response.unlink()
    files = sorted(lake.glob("lake/**/*.parquet"), key=lambda file: file.name)
    assert len(files) == len(days)
    return files


def day_of(cluster, region, containers, day):
    """The rows of a day in the order of their keys, as both sources send them. Names are the same on all days, and usage is not."""
    names, usage = random.Random(containers), random.Random(str(day))
    rows = {}
    for first in range(0, containers, CONTAINERS_OF_A_NODE):
        node = node_of(names, first // CONTAINERS_OF_A_NODE, region)
        numbers = range(first, min(first + CONTAINERS_OF_A_NODE, containers))
        made = [*pods(usage, cluster, node, numbers), idle(usage, cluster, node)]
        rows.update({row["name"]: json.dumps(complete(row, day)) for row in made})
    return "{" + ",".join(f"{json.dumps(name)}:{rows[name]}" for name in sorted(rows)) + "}"


def node_of(names, number, region):
    instance, capacity = names.choice(INSTANCES)
    return {
        # A name occurs once: no key may come twice.
        "name": f"ip-10-{names.randrange(256)}-{names.randrange(256)}-{number}.ec2.internal",
        "id": f"i-{names.getrandbits(68):017x}",
        "labels": {
            "kubernetes_io_arch": "arm64" if instance.startswith("m7g") else "amd64",
            "kubernetes_io_os": "linux",
            "node_kubernetes_io_instance_type": instance,
            "topology_kubernetes_io_zone": f"{region}{'abc'[number % 3]}",
            "topology_kubernetes_io_region": region,
            "eks_amazonaws_com_capacityType": capacity,
            "eks_amazonaws_com_nodegroup": f"workers-{instance.replace('.', '-')}",
        },
    }


def pods(usage, cluster, node, numbers):
    """The containers of a node, which are those of consecutive pods."""
    for pod in sorted({number // CONTAINERS_OF_A_POD for number in numbers}):
        # The same for each part of a pod that two nodes share.
        own = random.Random(pod)
        team = own.choice(TEAMS)
        tier, cores, gib = own.choice(TIERS)
        stage = "prod" if own.random() < 0.8 else "dev"
        controller = f"{team}-{tier}-{pod // PODS_OF_A_CONTROLLER:03}"
        properties = {
            "cluster": cluster,
            "node": node["name"],
            "providerID": node["id"],
            "namespace": team if team == "kube-system" else f"{team}-{stage}",
            "controller": controller,
            "controllerKind": "deployment",
            "pod": f"{controller}-{own.getrandbits(40):010x}-{own.getrandbits(20):05x}",
            "services": [controller],
        }
        properties |= texts_of(own, properties, node, team, tier, stage, pod)
        for number in numbers:
            if number // CONTAINERS_OF_A_POD == pod:
                is_proxy = number % CONTAINERS_OF_A_POD == 1
                size = (0.1, 0.125) if is_proxy else (cores, gib)
                yield container(usage, properties | {"container": "istio-proxy" if is_proxy else tier}, *size)


def texts_of(own, properties, node, team, tier, stage, pod):
    """The labels and annotations of a pod and of its namespace: 23 in all."""
    controller, namespace, release = properties["controller"], properties["namespace"], own.randrange(60)
    labels = {
        "app": controller,
        "app_kubernetes_io_name": tier,
        "app_kubernetes_io_instance": f"{controller}-{stage}",
        "app_kubernetes_io_version": f"1.{release}.0",
        "pod_template_hash": f"{own.getrandbits(40):010x}",
        "team": team,
        "stage": stage,
        "cost_center": f"{1000 + len(team) * 37:04}",
        "version": f"1.{release}",
        "kubernetes_io_metadata_name": namespace,
    }
    annotations = {
        "prometheus_io_scrape": "true",
        "prometheus_io_port": "8080",
        "owner": f"{team}@example.com",
        "deployment_example_com_commit": f"{pod * 7_919:040x}",
    }
    of_namespace = {"kubernetes_io_metadata_name": namespace, "team": team}
    return {"labels": labels | node["labels"], "annotations": annotations, "namespaceLabels": of_namespace}


def container(usage, properties, cores, gib):
    used_cores, used_gib = cores * (0.4 + 0.4 * usage.random()), gib * (0.4 + 0.4 * usage.random())
    sent = float(round(usage.random() * 4e9))
    parts = [properties[part] for part in ["cluster", "node", "namespace", "pod", "container"]]
    return {
        "name": "/".join(parts),
        "properties": properties,
        "cpuCores": cores,
        "cpuCoreRequestAverage": cores,
        "cpuCoreUsageAverage": round(used_cores, 5),
        "cpuCoreHours": cores * HOURS,
        "cpuCost": round(cores * HOURS * CPU_PRICE, 5),
        "cpuEfficiency": round(used_cores / cores, 5),
        "ramBytes": gib * GIB,
        "ramByteRequestAverage": gib * GIB,
        "ramByteUsageAverage": float(round(used_gib * GIB)),
        "ramByteHours": gib * GIB * HOURS,
        "ramCost": round(gib * HOURS * RAM_PRICE, 5),
        "ramEfficiency": round(used_gib / gib, 5),
        "networkTransferBytes": sent,
        "networkReceiveBytes": round(sent * 1.3),
        "networkCost": round(sent / 1e9 * 0.01, 5),
        "rawAllocationOnly": {"cpuCoreUsageMax": used_cores * 1.7, "ramByteUsageMax": round(used_gib * GIB * 1.2)},
    }


def idle(usage, cluster, node):
    cores, gib = 16 * (0.1 + 0.3 * usage.random()), 64 * (0.1 + 0.3 * usage.random())
    return {
        "name": f"{cluster}/{node['name']}/__idle__",
        "properties": {"cluster": cluster, "node": node["name"], "providerID": node["id"]},
        "cpuCoreHours": cores * HOURS,
        "cpuCost": round(cores * HOURS * CPU_PRICE, 5),
        "ramByteHours": gib * GIB * HOURS,
        "ramCost": round(gib * HOURS * RAM_PRICE, 5),
    }


def complete(row, day):
    """Adds the window and the total."""
    start, end = (f"{moment}T00:00:00Z" for moment in [day, day + datetime.timedelta(days=1)])
    costs = [row.get(name, 0) for name in ["cpuCost", "ramCost", "networkCost"]]
    window = {"start": start, "end": end}
    return row | {"window": window, "start": start, "end": end, "minutes": 1440, "totalCost": round(sum(costs), 5)}
