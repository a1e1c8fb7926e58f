"""Computes the table in docs/COSTS.md: dollars a month, from measured sizes and AWS's list prices for us-east-1. Prints it.

    python3 infra/costs.py
"""

DAYS = 30
FLEETS = [(clusters, containers) for containers in (500, 3000) for clusters in (1, 50, 1000)]

# List prices in dollars, us-east-1, November 2026, without free tiers.
GB_SECOND = 0.0000133334  # Lambda on arm64
INVOCATION = 0.20 / 1e6
S3_GB_MONTH = 0.023
S3_WRITE = 0.005 / 1000  # PUT, POST and LIST
S3_READ = 0.0004 / 1000
EVENT = 1.00 / 1e6  # S3's events through EventBridge
METRIC_MONTH = 0.30
ALARM_MONTH = 0.10
DASHBOARD_MONTH = 3.00
LOG_GB = 0.50
ATHENA_TB = 5.00
SPICE_GB_MONTH = 0.38
DPU_HOUR = 0.44
VCPU_HOUR, GB_HOUR = 0.04048, 0.004445  # Fargate, as the price of a pod's requests

# Measured: `kubecost-lake demo` with 3,000 containers, the benchmark, and the Python exporter on the same responses (1,300 MiB for 20,675 rows).
STAGED_BYTES = 171  # of a container and day, compressed
LAKE_BYTES = 182
TRANSFORM_CPU_SECONDS = 1 / 100_000  # of a container and day
AUDIT_SECONDS = 10 / 1000  # of a cluster, at the concurrency of the default
EXPORTER_GB, PREDECESSOR_GB = 0.064, lambda containers: 0.13 + 57e-6 * containers

# Counted in the code, for each day of a set and each run.
SETS = 3  # yesterday, and two days that are collected again while costs are reconciled
WRITES_OF_SET, READS_OF_SET = 10, 6
WRITES_OF_RUN, READS_OF_RUN = 12, 4
AUDITS = 4
WRITES_OF_AUDIT, READS_OF_AUDIT = 8, 12
OBJECTS_OF_DAY = 2  # allocations and assets
METRICS, ALARMS = 18, 17

# Assumed.
TRANSFORM_WAIT_SECONDS = 0.5  # for S3
BACKFILL_SECONDS, CRAWLER_SECONDS = 1.0, 0.2
LOG_BYTES_OF_INVOCATION = 2000
RUN_MINUTES = 5
LAKE_MONTHS, VIEW_MONTHS, STAGING_DAYS, OLD_VERSION_DAYS = 12, 6, 45, 30
SPICE_BYTES = 1000  # of a row
CRAWL_DPU, CRAWL_MINUTES = 2, 10  # Glue's minimum is 10 minutes; a large lake takes longer
READS_OF_CRAWLED_OBJECT, LISTED_AT_ONCE = 1, 1000


def costs(clusters, containers):
    sets = clusters * SETS * DAYS
    runs = clusters * DAYS
    rows = clusters * containers
    transform = sets * 0.512 * (TRANSFORM_WAIT_SECONDS + TRANSFORM_CPU_SECONDS * containers / 0.29)
    backfill = (runs * BACKFILL_SECONDS + AUDITS * DAYS * max(1, clusters * AUDIT_SECONDS)) * 0.256
    crawler = sets * 0.128 * CRAWLER_SECONDS
    invocations = sets * 2 + runs + (AUDITS + 4) * DAYS
    stored = rows * (LAKE_BYTES * DAYS * LAKE_MONTHS + STAGED_BYTES * SETS * STAGING_DAYS + LAKE_BYTES * SETS * OLD_VERSION_DAYS)
    writes = sets * WRITES_OF_SET + runs * WRITES_OF_RUN + clusters * AUDITS * DAYS * WRITES_OF_AUDIT
    reads = sets * READS_OF_SET + runs * READS_OF_RUN + clusters * AUDITS * DAYS * READS_OF_AUDIT
    crawled = clusters * OBJECTS_OF_DAY * DAYS * LAKE_MONTHS
    pod_hours = clusters * DAYS * RUN_MINUTES / 60
    return {
        "Lambda": (transform + backfill + crawler) * GB_SECOND + invocations * INVOCATION,
        "S3: storage after a year": stored / 1e9 * S3_GB_MONTH,
        "S3: requests and events": writes * S3_WRITE + reads * S3_READ + (sets * 2 + runs) * EVENT,
        "CloudWatch: metrics, alarms, dashboard": METRICS * METRIC_MONTH + ALARMS * ALARM_MONTH + DASHBOARD_MONTH,
        "CloudWatch: logs": invocations * LOG_BYTES_OF_INVOCATION / 1e9 * LOG_GB,
        "Glue crawler, daily": DAYS * CRAWL_DPU * CRAWL_MINUTES / 60 * DPU_HOUR,
        "S3: requests of its full crawls, after a year": DAYS * crawled * (READS_OF_CRAWLED_OBJECT * S3_READ + S3_WRITE / LISTED_AT_ONCE),
        "The exporters' pods": pod_hours * (0.1 * VCPU_HOUR + EXPORTER_GB * GB_HOUR),
        "**Sum**": None,
        "Athena: a daily refresh of SPICE": rows * LAKE_BYTES * DAYS * VIEW_MONTHS * DAYS / 1e12 * ATHENA_TB,
        "SPICE: six months": rows * DAYS * VIEW_MONTHS * SPICE_BYTES / 1e9 * SPICE_GB_MONTH,
        "For comparison: the Python exporter's pods": pod_hours * (1.0 * VCPU_HOUR + PREDECESSOR_GB(containers) * GB_HOUR),
    }


def table():
    columns = [costs(*fleet) for fleet in FLEETS]
    for column in columns:
        names = list(column)
        column["**Sum**"] = sum(column[name] for name in names[: names.index("**Sum**")])
    lines = ["| | " + " | ".join(f"{clusters:,} × {containers:,}" for clusters, containers in FLEETS) + " |", "|---" + "|---:" * len(FLEETS) + "|"]
    for name in columns[0]:
        lines.append(f"| {name} | " + " | ".join(f"{column[name]:,.2f}" for column in columns) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
