"""The chart as helm renders it: snapshots, versions of Kubernetes, and values that are rejected."""

import collections
import hashlib
import json
import re
import subprocess
import zlib

import kubernetes_validate
import pytest
import yaml
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from cluster import CHART
from servers import ROOT

VALUES = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))
# The oldest that the chart supports, and all newer ones.
VERSIONS = [version for version in kubernetes_validate.utils.all_versions() if int(version.split(".")[1]) >= 27]


@pytest.fixture(scope="module")
def render(go_programs):
    """Renders the chart and returns helm's completed process."""

    def run(values="minimal", version="1.33.0", *arguments):
        file = CHART / f"ci/{values}-values.yaml"
        command = [go_programs / "helm", "template", "costs", CHART, "--namespace", "finops", "--kube-version", version, "--values", file]
        return subprocess.run([*command, *arguments], capture_output=True, text=True)

    return run


class Yaml(SingleFileSnapshotExtension):
    """A snapshot is a file that kubectl can apply."""

    file_extension = "yaml"
    _write_mode = WriteMode.TEXT

    def serialize(self, data, **_):
        return data


def rendered(render, *arguments):
    done = render(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def container(manifests):
    cron_job = next(document for document in yaml.safe_load_all(manifests) if document["kind"] == "CronJob")
    return cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("values", VALUES)
def test_manifests_match_their_snapshots(render, snapshot, values):
    assert rendered(render, values) == snapshot(extension_class=Yaml)


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_valid_in_each_version_of_kubernetes(render, version, values):
    documents = list(yaml.safe_load_all(rendered(render, values, version)))
    assert "CronJob" in [document["kind"] for document in documents]
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)


def test_a_version_without_time_zones_of_cron_jobs_is_rejected(render):
    assert "requires kubeVersion" in render("minimal", "1.26.0").stderr


@pytest.mark.parametrize("values", VALUES)
def test_lint_finds_nothing(go_programs, values):
    command = [go_programs / "helm", "lint", "--strict", "--quiet", CHART, "--values", CHART / f"ci/{values}-values.yaml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_defaults_are_the_exporters(render):
    table = re.findall(r"^\| `([A-Z0-9_]+)` \| `--\S+` \| `?([^|`]*)`? \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    defaults = {name: default.strip() for name, default in table}
    environment = {entry["name"]: entry["value"] for entry in container(rendered(render))["env"]}
    different = {
        name: (value, defaults[name])
        for name, value in environment.items()
        # The chart's is that of its Job, see activeDeadlineSeconds.
        if name != "RUN_DEADLINE_SECONDS" and defaults[name] and value not in {defaults[name], {"yes": "true"}.get(defaults[name])}
    }
    assert len(environment) > 15 and different == {}


ARNS = [
    "arn:aws:eks:us-east-1:111122223333:cluster/x",
    "arn:aws-cn:eks:cn-north-1:111122223333:cluster/x",
    "arn:aws-us-gov:eks:us-gov-west-1:111122223333:cluster/x",
    "arn:aws-eusc:eks:eusc-de-east-1:111122223333:cluster/x",
    "arn:aws-iso:eks:us-iso-east-1:111122223333:cluster/x",
    "arn:aws-iso-b:eks:us-isob-east-1:111122223333:cluster/x",
]


def test_a_list_of_clusters_is_a_file_of_the_exporter(render):
    documents = list(yaml.safe_load_all(rendered(render, "many-clusters")))
    [lines] = [document["data"]["clusters"].splitlines() for document in documents if document["kind"] == "ConfigMap"]
    assert len(lines) == 4 and lines[0] == "primary=arn:aws:eks:us-east-1:444455556666:cluster/costs"
    for document in documents:
        if document["kind"] not in ("CronJob", "Job"):
            continue
        template = document["spec"].get("jobTemplate", document)["spec"]["template"]
        environment = {entry["name"]: entry["value"] for entry in template["spec"]["containers"][0]["env"]}
        [mount] = template["spec"]["containers"][0]["volumeMounts"]
        [volume] = template["spec"]["volumes"]
        assert "CLUSTER_ID" not in environment
        assert environment["SOURCE_CLUSTERS_FILE"] == f"{mount['mountPath']}/{volume['configMap']['items'][0]['path']}"


@pytest.mark.parametrize("arn", ARNS)
def test_partitions_and_regions_are_accepted_by_their_form(render, arn):
    _, partition, _, region, _, _ = arn.split(":")
    roles = f"parentRoleArn=arn:{partition}:iam::111122223333:role/parent,bucket.region={region}"
    key = f"bucket.kmsKeyArn=arn:{partition}:kms:{region}:111122223333:key/bucket"
    environment = container(rendered(render, "minimal", "1.33.0", "--set", f"clusterArn={arn},{roles},{key}"))["env"]
    assert {"name": "CLUSTER_ID", "value": arn} in environment


def schedule(manifests):
    return next(document for document in yaml.safe_load_all(manifests) if document["kind"] == "CronJob")["spec"]["schedule"]


def computed_minute(arn, settle_hours=3):
    """The minute of the day at which the chart starts a cluster's run."""
    time = settle_hours * 60 + 30 + zlib.adler32(hashlib.sha256(arn.encode()).hexdigest().encode()) % 90
    after_audit = (time + 180) % 360
    return (time + (60 if after_audit < 30 or after_audit >= 330 else 0)) % 1440


def arn_of(number):
    return f"arn:aws:eks:us-east-1:111122223333:cluster/team-{number}"


@pytest.mark.parametrize("settle_hours", [0, 3, 8, 24])
def test_without_a_schedule_a_cluster_runs_at_its_own_minute(render, settle_hours):
    for number in range(5):
        minute = computed_minute(arn_of(number), settle_hours)
        arguments = ["--set", f"clusterArn={arn_of(number)},source.settleHours={settle_hours}"]
        assert schedule(rendered(render, "minimal", "1.33.0", *arguments)) == f"{minute % 60} {minute // 60} * * *"


def test_the_runs_of_1000_clusters_are_spread_after_the_settle_time_and_away_from_the_audits():
    minutes = collections.Counter(computed_minute(arn_of(number)) for number in range(1000))
    assert set(minutes) <= set(range(3 * 60 + 30, 5 * 60)) and len(minutes) == 90
    # 11 on average.
    assert max(minutes.values()) <= 30
    for settle_hours in range(73):
        for number in range(50):
            assert 30 <= (computed_minute(arn_of(number), settle_hours) - 180) % 360 <= 330


def test_a_fixed_schedule_stays_possible(render):
    assert schedule(rendered(render, "minimal", "1.33.0", "--set", "schedule=15 7 * * 1-5")) == "15 7 * * 1-5"


def test_alerts_are_for_failed_and_missing_runs_of_this_cron_job(render):
    given = "prometheusRule.enabled=true,prometheusRule.labels.release=prometheus,prometheusRule.missingAfterHours=48"
    documents = list(yaml.safe_load_all(rendered(render, "minimal", "1.33.0", "--set", given)))
    [rule] = [document for document in documents if document["kind"] == "PrometheusRule"]
    [name] = [document["metadata"]["name"] for document in documents if document["kind"] == "CronJob"]
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    [group] = rule["spec"]["groups"]
    failed, missing = group["rules"]
    assert (failed["alert"], missing["alert"]) == ("KubecostLakeExporterFailed", "KubecostLakeExporterMissing")
    assert f'owner_name="{name}"' in failed["expr"] and 'namespace="finops"' in failed["expr"]
    assert f'cronjob="{name}"' in missing["expr"] and f"> {48 * 3600}" in missing["expr"]
    for alert in group["rules"]:
        assert alert["labels"] == {"severity": "warning"} and alert["expr"].count("(") == alert["expr"].count(")")
        assert set(re.findall(r"kube_\w+", alert["expr"])) <= KUBE_STATE_METRICS


# Those of kube-state-metrics that the alerts use.
KUBE_STATE_METRICS = {
    "kube_job_failed",
    "kube_job_owner",
    "kube_job_created",
    "kube_cronjob_created",
    "kube_cronjob_spec_suspend",
    "kube_cronjob_status_last_successful_time",
}


def test_safe_defaults_of_security_contexts_stay_where_they_are_not_overridden(render):
    [cron_job] = [document for document in yaml.safe_load_all(rendered(render, "full")) if document["kind"] == "CronJob"]
    pod = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000680000,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["containers"][0]["securityContext"] == {
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


# Arguments, and the text that helm's error must contain.
REJECTED = {
    "a computed schedule in another time zone": (["--set", "timeZone=Europe/Berlin"], "timeZone: set schedule as well"),
    "a variable that the chart sets": (["--set", "extraEnv[0].name=S3_BUCKET_NAME,extraEnv[0].value=other"], "extraEnv: S3_BUCKET_NAME is set by a value of the chart"),
    "a variable without a name": (["--set", "extraEnv[0].value=other"], "extraEnv"),
    "a container without a name": (["--set", "extraContainers[0].image=other"], "extraContainers"),
    "an unknown DNS policy": (["--set", "dnsPolicy=none"], "dnsPolicy"),
    "a misspelt value of the alerts": (["--set", "prometheusRule.enable=true"], "prometheusRule"),
    "no cluster": (["--set", "clusterArn="], "clusterArn"),
    "a cluster's name instead of its ARN": (["--set", "clusterArn=production"], "clusterArn"),
    "another cloud": (["--set", "clusterArn=arn:azure:eks:us-east-1:111122223333:cluster/x"], "clusterArn"),
    "a region without hyphens": (["--set", "clusterArn=arn:aws:eks:useast1:111122223333:cluster/x"], "clusterArn"),
    "a partition that ends with a hyphen": (["--set", "clusterArn=arn:aws-:eks:us-east-1:111122223333:cluster/x"], "clusterArn"),
    "a role of another cloud": (["--set", "parentRoleArn=arn:azure:iam::111122223333:role/x"], "parentRoleArn"),
    "no image": (["--set", "image.repository="], "image/repository"),
    "no bucket": (["--set", "bucket.name="], "bucket/name"),
    "a bucket's ARN": (["--set", "bucket.name=arn:aws:s3:::costs"], "bucket/name"),
    "a bucket with two dots": (["--set", "bucket.name=my..bucket"], "bucket/name"),
    "a bucket that ends with a dash": (["--set", "bucket.name=my-bucket-"], "bucket/name"),
    "an invalid region": (["--set", "bucket.region=frankfurt"], "bucket/region"),
    "plans below the staging prefix": (["--set", "bucket.prefixes.plans=staging/plans/"], "bucket.prefixes: staging and plans must not contain each other"),
    "a password in the address": (["--set", "source.url=http://me:secret@kubecost"], "source/url"),
    "an address with a query": (["--set", "source.url=http://kubecost/model?window=1d"], "source/url"),
    "too much concurrency": (["--set", "source.concurrency=17"], "concurrency"),
    "too many retries": (["--set", "source.retries=21"], "retries"),
    "too large a page": (["--set", "source.pageSize=1000001"], "pageSize"),
    "an invalid account": (["--set-string", "bucket.owner=12345"], "bucket/owner"),
    "a prefix without a slash": (["--set", "bucket.prefixes.staging=staging"], "prefixes/staging"),
    "an invalid role": (["--set", "parentRoleArn=costs"], "parentRoleArn"),
    "an invalid schedule": (["--set", "schedule=every day"], "schedule"),
    "a misspelt value": (["--set", "source.ulr=http://kubecost"], "ulr"),
    "a list of environment variables": (["--set", "env[0].name=LOG_LEVEL"], "env"),
    "an unknown aggregation": (["--set", "source.aggregation=label"], "aggregation"),
    "too short a period": (["--set", "source.backfillPeriodDays=2"], "backfillPeriodDays"),
    "a word that is no period": (["--set", "source.backfillPeriodDays=everything"], "backfillPeriodDays"),
    "all days of an OpenCost": (
        ["--set", "source.backfillPeriodDays=all,source.kind=opencost"],
        "source.backfillPeriodDays: an OpenCost cannot be queried for all days",
    ),
    "a number as text": (["--set-string", "source.retries=3"], "retries"),
    "root": (["--set", "podSecurityContext.runAsUser=0"], "runAsUser"),
    "certificates from two places": (
        ["--set", "source.url=https://kubecost,source.tls.ca.secret.name=one,source.tls.ca.configMap.name=two"],
        "source.tls.ca: set only one of configMap, secret and secretsManager",
    ),
    "a certificate for a source without TLS": (["--set", "source.tls.ca.secret.name=ca"], "source.url: a private CA requires an https:// URL"),
    "a scheme without its secret": (["--set", "source.authentication.scheme=bearer"], "source.authentication.secret.name"),
    "a secret without its scheme": (["--set", "source.authentication.secret.name=token"], "source.authentication.scheme"),
    "a proxy without a scheme": (["--set", "proxy.httpsProxy=proxy:3128"], "proxy/httpsProxy"),
    "exceptions without a proxy": (["--set", "proxy.noProxy=.svc"], "proxy.noProxy: set proxy.httpsProxy or proxy.httpProxy"),
    "two ids of the cluster in one text": (["--set-string", "source.clusterIds[0]=one\\,two"], "clusterIds"),
    "an id of the cluster instead of a list": (["--set", "source.clusterIds=one"], "clusterIds"),
    "a word for idle": (["--set-string", "source.idle=separate"], "idle"),
    "one cluster and a list": (["--set", "clusters[0].id=a,clusters[0].arn=arn:aws:eks:us-east-1:111122223333:cluster/a"], "clusters: set either"),
    "neither a cluster nor a list": (["--set", "clusterArn="], "clusterArn: set the ARN"),
    "a list and a filter": (
        ["--set", "clusterArn=,source.clusterIds={a},clusters[0].id=a,clusters[0].arn=arn:aws:eks:us-east-1:111122223333:cluster/a"],
        "source.filter, source.clusterIds: remove them",
    ),
    "an id with a comma": (
        ["--set-string", "clusterArn=,clusters[0].id=a\\,b,clusters[0].arn=arn:aws:eks:us-east-1:111122223333:cluster/a"],
        "clusters",
    ),
    "a service account without a name": (["--set", "serviceAccount.create=false"], "serviceAccount.name"),
}


@pytest.mark.parametrize("arguments, named", REJECTED.values(), ids=REJECTED.keys())
def test_invalid_values_are_rejected_by_name(render, arguments, named):
    done = render("minimal", "1.33.0", *arguments)
    assert done.returncode != 0 and named in done.stderr, done.stdout + done.stderr


def leaves(values, path=()):
    for name, value in values.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from leaves(value, (*path, name))


@pytest.fixture(scope="module")
def usual(render):
    return rendered(render, "full")


# Helm removes null values. A number would then be 0, such as a deadline in which no run can start.
@pytest.mark.parametrize("path", [".".join(path) for path in leaves(yaml.safe_load((CHART / "values.yaml").read_text()))])
def test_null_is_rejected_or_omits_the_field(render, usual, path):
    done = render("full", "1.33.0", "--set", f"{path}=null")
    if done.returncode:
        assert path.split(".")[-1] in done.stderr and "nil pointer" not in done.stderr, done.stderr
        return
    assert len(done.stdout.splitlines()) <= len(usual.splitlines())
    for document in yaml.safe_load_all(done.stdout):
        kubernetes_validate.validate(document, VERSIONS[-1], strict=True)


def test_all_faults_are_reported_together(render):
    done = render("minimal", "1.33.0", "--set", "source.tls.ca.secret.name=ca,source.authentication.scheme=bearer")
    assert "source.url" in done.stderr and "source.authentication.secret.name" in done.stderr


def test_the_schema_has_each_value():
    values = (CHART / "values.yaml").read_text()
    schema = json.loads((CHART / "values.schema.json").read_text())

    def missing(defaults, properties, path):
        for name, default in defaults.items():
            if name not in properties:
                yield f"{path}{name}"
            # Maps without fixed names have no properties in the schema: Kubernetes validates them.
            elif isinstance(default, dict) and "properties" in properties[name]:
                yield from missing(default, properties[name]["properties"], f"{path}{name}.")

    found = list(missing(yaml.safe_load(values), schema["properties"], ""))
    assert found == []


def test_the_readme_maps_values_to_settings():
    template = (CHART / "templates/_helpers.tpl").read_text()
    readme = (CHART / "README.md").read_text()
    settings = re.findall(r'\(list "([A-Z0-9_]+)"', template)
    assert len(settings) > 20 and [name for name in settings if f"`{name}`" not in readme] == []


def test_the_readme_is_what_helm_docs_writes(go_programs):
    readme = (CHART / "README.md").read_text()
    command = [go_programs / "helm-docs", "--chart-search-root", CHART, "--sort-values-order", "file", "--dry-run"]
    written = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert [row for row in written.splitlines() if row.endswith("|  |")] == [], "values without a description"
    assert readme.strip() == written.strip(), "run `helm-docs --chart-search-root helm --sort-values-order file`"
