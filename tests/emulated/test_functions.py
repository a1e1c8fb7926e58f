"""The whole pipeline on emulated AWS: the exporter, S3 events, bootstraps behind a Lambda runtime API, Glue."""

import concurrent.futures
import datetime
import io
import json

import pyarrow.parquet as pq
import pytest

from aws import ACCOUNT, BUCKET, LAKE_ACCOUNT, REGION, lake_key
from deployed import ASSETS_TABLE, TABLE, deployed, object_rule, partitions
from recorded_kubecost import RECORDINGS, settled_days
from servers import wait_for

PREFIX = f"lake/account_id={ACCOUNT}/region={REGION}/"
ROWS = len(json.loads((RECORDINGS / "kubecost_allocation_1day.json").read_text())["data"][0])


SCHEDULE = {"source": "aws.events", "detail-type": "Scheduled Event"}
REMOVE_GONE_PARTITIONS = {"detail-type": "Remove Gone Partitions"}


def values_of(found):
    return sorted(tuple(partition["Values"]) for partition in found)


def months(days):
    return sorted({(ACCOUNT, REGION, f"{day:%Y}", f"{day:%m}") for day in days})


def collected(log):
    return [line["day"] for line in log if line["message"] == "collected day"]


@pytest.fixture(scope="module")
def filled(lake, export):
    """A new cluster, after its first run."""
    lake.empty()
    log = export()
    wait_for(lambda: set(lake.keys(PREFIX)) == {lake_key(day) for day in settled_days()})
    return log


def test_one_run_fills_the_whole_period_newest_day_first(lake, filled):
    assert collected(filled) == [str(day) for day in settled_days()]
    plan = json.loads(lake.s3.get_object(Bucket=BUCKET, Key=f"plans/{ACCOUNT}/{REGION}/cluster-one-blue/plan.json")["Body"].read())
    assert {day["reason"] for day in plan["days"]} == {"missing"}


def test_the_table_is_complete_and_has_its_run(lake, filled):
    found = lake.s3.get_object(Bucket=BUCKET, Key=lake_key(settled_days()[0]))
    table = pq.read_table(io.BytesIO(found["Body"].read()))
    assert table.num_rows == ROWS
    assert table.column_names[58:61] == [
        "properties.labels.team",
        "properties.labels.app.kubernetes.io/name",
        "properties.annotations.example.com/owner",
    ]
    run = lake.keys(f"staging/{ACCOUNT}/")[0].split("/")[4]
    assert found["Metadata"]["run"] == run


def test_glue_has_each_month_with_the_tables_format(lake, glue, filled):
    expected = months(settled_days())
    found = wait_for(lambda: len(partitions(glue[1])) == len(expected) and partitions(glue[1]))
    assert values_of(found) == expected
    for partition in found:
        storage = partition["StorageDescriptor"]
        assert "ParquetHiveSerDe" in storage["SerdeInfo"]["SerializationLibrary"]
        assert storage["Location"].startswith(f"s3://{BUCKET}/{PREFIX}year=")
    found = wait_for(lambda: len(partitions(glue[1], ASSETS_TABLE)) == len(expected) and partitions(glue[1], ASSETS_TABLE))
    assert values_of(found) == expected
    locations = {partition["StorageDescriptor"]["Location"] for partition in found}
    assert all(location.startswith(f"s3://{BUCKET}/assets/{PREFIX.removeprefix('lake/')}year=") for location in locations)


def test_each_day_has_its_assets_and_the_audit_mends_those_that_are_missing(lake, filled):
    of_assets = lambda day: lake_key(day).replace("lake/", "assets/", 1)
    days = [day for day in settled_days() if lake_key(day) in lake.keys(PREFIX)]
    assert {of_assets(day) for day in days} <= set(lake.keys("assets/"))
    day = days[3]
    found = lake.s3.get_object(Bucket=BUCKET, Key=of_assets(day))
    assert pq.read_table(io.BytesIO(found["Body"].read())).column("covered").to_pylist() == [True, True]
    lake.s3.delete_object(Bucket=BUCKET, Key=of_assets(day))
    lake.invoke("kubecost-lake-backfill", SCHEDULE)
    report = json.loads(lake.s3.get_object(Bucket=BUCKET, Key="reports/audit.json")["Body"].read())
    assert report["assets_missing_days"] == 1
    wait_for(lambda: of_assets(day) in lake.keys("assets/"))


def test_a_complete_lake_needs_no_day_and_a_deleted_day_is_collected_again(lake, export, filled):
    assert collected(export()) == []
    lost = settled_days()[5]
    lake.s3.delete_object(Bucket=BUCKET, Key=lake_key(lost))
    assert collected(export()) == [str(lost)]
    wait_for(lambda: lake_key(lost) in lake.keys(PREFIX))


def test_the_audit_reports_and_redelivers_on_the_schedule(lake, filled):
    lost = settled_days()[7]
    lake.s3.delete_object(Bucket=BUCKET, Key=lake_key(lost))
    lake.invoke("kubecost-lake-backfill", SCHEDULE)
    report = json.loads(lake.s3.get_object(Bucket=BUCKET, Key="reports/audit.json")["Body"].read())
    assert (report["clusters"], report["stuck_sets"], report["redelivered_sets"]) == (1, 1, 1)
    # The staged set was redelivered, without the source and without the cluster.
    wait_for(lambda: lake_key(lost) in lake.keys(PREFIX))


def test_the_alarms_use_metrics_that_the_audit_writes(lake, filled):
    lake.invoke("kubecost-lake-backfill", SCHEDULE)
    alarms = [alarm for alarm in deployed("aws_cloudwatch_metric_alarm", "pipeline") if not alarm["namespace"].startswith("AWS/")]
    assert len(alarms) > 3

    def written():
        """Namespace, name and dimensions of each metric in the log, in CloudWatch's embedded metric format."""
        events = lake.client("logs").filter_log_events(logGroupName="/aws/lambda/kubecost-lake-backfill")["events"]
        lines = [json.loads(event["message"]) for event in events if '"CloudWatchMetrics"' in event["message"]]
        return {
            (metrics["Namespace"], metric["Name"], *((name, line[name]) for name in metrics["Dimensions"][0]))
            for line in lines
            for metrics in line["_aws"]["CloudWatchMetrics"]
            for metric in metrics["Metrics"]
        }

    watched = {(alarm["namespace"], alarm["metric_name"], *alarm["dimensions"].items()) for alarm in alarms}
    assert watched <= wait_for(written)


def test_the_schedule_marks_partitions_without_objects_and_removes_them_an_hour_later(lake, glue, filled):
    endpoint, client = glue
    lake.create_function("crawler", "pruning", AWS_ENDPOINT_URL_GLUE=endpoint)
    empty = ["999999999999", "us-east-1", "2020", "01"]
    storage = {"Location": f"s3://{BUCKET}/lake/account_id=999999999999/", "Columns": [{"Name": "name", "Type": "string"}]}
    created = {"Values": empty, "StorageDescriptor": storage, "Parameters": {"classification": "parquet"}}
    names = {"DatabaseName": TABLE["GLUE_DATABASE_NAME"], "TableName": TABLE["GLUE_TABLE_NAME"]}
    client.create_partition(**names, PartitionInput=created)
    full = list(months(settled_days())[0])
    kept = client.get_partition(**names, PartitionValues=full)["Partition"]

    def set_mark(values, time):
        found = client.get_partition(**names, PartitionValues=values)["Partition"]
        parameters = {**found.get("Parameters", {}), "kubecost-lake.empty-since": time}
        changed = {"Values": values, "StorageDescriptor": found["StorageDescriptor"], "Parameters": parameters}
        client.update_partition(**names, PartitionValueList=values, PartitionInput=changed)

    # One that has objects loses its mark, however old that is.
    set_mark(full, "2026-01-01T00:00:00Z")
    for _ in range(2):
        lake.invoke("pruning", SCHEDULE)
        marked = client.get_partition(**names, PartitionValues=empty)["Partition"]
        assert marked["StorageDescriptor"] == {**marked["StorageDescriptor"], **storage}
        assert sorted(marked["Parameters"]) == ["classification", "kubecost-lake.empty-since"]
    unmarked = client.get_partition(**names, PartitionValues=full)["Partition"]
    assert unmarked["StorageDescriptor"] == kept["StorageDescriptor"] and not unmarked.get("Parameters")
    set_mark(empty, f"{datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=61):%Y-%m-%dT%H:%M:%SZ}")
    for _ in range(2):
        lake.invoke("pruning", SCHEDULE)
        assert values_of(partitions(client)) == months(settled_days())


def test_eventbridge_delivers_as_the_bucket_does(lake, export, filled):
    """The example's rules instead of notifications."""
    notifications = lake.notifications()
    events = lake.client("events")
    for name in ["backfill", "transform", "crawler"]:
        rule = object_rule(name)
        events.put_rule(Name=rule["name"], EventPattern=json.dumps(rule["event_pattern"]))
        function = lake.functions.get_function(FunctionName=f"kubecost-lake-{name}")["Configuration"]["FunctionArn"]
        events.put_targets(Rule=rule["name"], Targets=[{"Id": name, "Arn": function}])
    lake.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}})
    lost = settled_days()[9]
    lake.s3.delete_object(Bucket=BUCKET, Key=lake_key(lost))
    assert collected(export()) == [str(lost)]
    wait_for(lambda: lake_key(lost) in lake.keys(PREFIX))
    lake.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=notifications)
    for name in ["backfill", "transform", "crawler"]:
        events.remove_targets(Rule=object_rule(name)["name"], Ids=[name])


def test_a_set_that_cannot_be_converted_is_quarantined_with_its_reason(lake, filled):
    staged = [name for name in lake.keys(f"staging/{ACCOUNT}/") if name.endswith("manifest.json")]
    manifest = json.loads(lake.s3.get_object(Bucket=BUCKET, Key=staged[0])["Body"].read())
    # Newer than the manifest's run by less than a millisecond: runs of the future are not read.
    run = manifest["run"][:15] + "fff-bfff-ffffffffffff"
    text = json.dumps(manifest).replace(manifest["run"], run)
    parts = staged[0].split("/")
    parts[4] = run
    lake.s3.put_object(Bucket=BUCKET, Key="/".join(parts), Body=text)
    quarantined = wait_for(lambda: lake.keys("quarantine/"))
    document = json.loads(lake.s3.get_object(Bucket=BUCKET, Key=quarantined[0])["Body"].read())
    assert document["reason"] == "part_missing" and ".json.zst is missing" in document["message"]
    lake.s3.delete_object(Bucket=BUCKET, Key="/".join(parts))


def test_many_new_partitions_at_once_are_registered_and_start_one_crawl(lake, glue, filled):
    endpoint, client = glue
    client.create_crawler(Name="costs", Role=f"arn:aws:iam::{LAKE_ACCOUNT}:role/crawler", DatabaseName="kubecost_db", Targets={"S3Targets": [{"Path": f"s3://{BUCKET}/lake/"}]})
    settings = {"CATALOG_MODE": "crawler", "GLUE_CRAWLER_NAME": "costs"}
    lake.create_function("crawler", "crawling", AWS_ENDPOINT_URL_GLUE=endpoint, **settings)

    def event(number):
        name = f"lake/account_id={number:012}/region=us-east-1/year=2026/month=11/2026-11-20_new.snappy.parquet"
        record = {"s3": {"bucket": {"name": BUCKET}, "object": {"key": name.replace("=", "%3D")}}}
        return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", **record}]}

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        # None of them fails, although Glue rejects all starts but one, since the crawler is running.
        list(pool.map(lambda number: lake.invoke("crawling", event(number)), range(300)))
    assert client.get_crawler(Name="costs")["Crawler"]["State"] == "RUNNING"
    assert {f"{number:012}" for number in range(300)} <= {partition["Values"][0] for partition in partitions(client)}
    # The schedule only marks them, although the lake has no such objects; a person can have them removed at once.
    lake.invoke("crawling", SCHEDULE)
    assert len(partitions(client)) >= 300
    lake.invoke("crawling", REMOVE_GONE_PARTITIONS)
    assert values_of(partitions(client)) == months(settled_days())
