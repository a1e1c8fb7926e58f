"""The chart in a real Kubernetes API. Helm installs it with Terraform's values, the controllers create Job and Pod, and the exporter, run with the
pod's environment and projected token, fills the lake through both roles."""

import contextlib
import json
import subprocess

import pytest
import yaml
from joserfc import jwt
from joserfc.jwk import KeySet

from aws import ACCOUNT, BINARIES, ISSUERS, REGION
from cluster import CHART, Container, started
from deployed import DEPLOYED
from recorded_kubecost import SETTLE_HOURS, Kubecost, settled_days
from servers import CERTIFICATES, serving, wait_for

RELEASE = DEPLOYED["module.cluster_two.helm_release.exporter[0]"]
NAME, NAMESPACE = RELEASE["name"], RELEASE["namespace"]
SELECTOR = f"app.kubernetes.io/instance={NAME}"


@pytest.fixture(scope="module")
def cluster(go_programs, tmp_path_factory):
    """Cluster two of the example: its service accounts' tokens have that issuer."""
    with started(go_programs, tmp_path_factory.mktemp("cluster"), ISSUERS["TWO"]) as cluster:
        # The strictest Pod Security Standard: the API server rejects pods that violate it.
        labels = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"}
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
        yield cluster


@pytest.fixture(scope="module")
def values(kubecost_with_tls, tmp_path_factory):
    """Helm's arguments: the values of Terraform's helm_release, with the test's address of the source and its schedule."""
    directory = tmp_path_factory.mktemp("values")
    arguments = []
    for index, values in enumerate(RELEASE["values"]):
        file = directory / f"{index}.yaml"
        file.write_text(values)
        arguments += ["--values", file]
    return [*arguments, "--set", f"source.url={kubecost_with_tls},source.settleHours={SETTLE_HOURS}", "--set", "schedule=* * * * *"]


@pytest.fixture(scope="module")
def installed(cluster, lake, values):
    done = cluster.helm("install", NAME, CHART, "--namespace", NAMESPACE, *values)
    assert done.returncode == 0, done.stderr
    return done.stdout


def pods(cluster):
    return cluster.core.list_namespaced_pod(NAMESPACE, label_selector=SELECTOR).items


@pytest.fixture(scope="module")
def pod(cluster, installed):
    """The pod of the first run. The schedule is suspended after it."""
    found = wait_for(lambda: pods(cluster), 90)[0]
    cluster.batch.patch_namespaced_cron_job(NAME, NAMESPACE, {"spec": {"suspend": True}})
    return found


@contextlib.contextmanager
def job(cluster, name, spec):
    """Creates a Job besides those of the CronJob. Returns a function that returns its pods."""
    cluster.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec})
    yield lambda: wait_for(lambda: cluster.core.list_namespaced_pod(NAMESPACE, label_selector=f"job-name={name}").items)
    cluster.batch.delete_namespaced_job(name, NAMESPACE, propagation_policy="Foreground")


@pytest.fixture(scope="module")
def container(cluster, pod):
    return Container(cluster, pod)


def test_notes_contain_the_commands_to_run_it_now_and_see_its_log(installed):
    assert f"job={NAME}-$(date +%s)" in installed
    assert f"kubectl --namespace {NAMESPACE} create job --from=cronjob/{NAME} $job" in installed
    assert f"kubectl --namespace {NAMESPACE} logs --follow --pod-running-timeout=5m job/$job" in installed


def test_the_controllers_create_job_and_pod(cluster, pod):
    job = cluster.batch.read_namespaced_job(pod.metadata.owner_references[0].name, NAMESPACE)
    assert job.metadata.owner_references[0].kind == "CronJob" and job.metadata.owner_references[0].name == NAME
    assert pod.spec.automount_service_account_token is False and not pod.spec.volumes


def test_the_token_is_what_the_child_role_trusts(cluster, container):
    claims = jwt.decode(container.token(), KeySet.import_key_set(cluster.signing_keys()), algorithms=["RS256"]).claims
    trust = DEPLOYED["module.cluster_two.aws_iam_role.child[0]"]["assume_role_policy"]["Statement"][0]
    issuer = claims["iss"].removeprefix("https://")
    assert trust["Principal"]["Federated"].endswith(f":oidc-provider/{issuer}")
    assert trust["Condition"]["StringEquals"] == {f"{issuer}:sub": claims["sub"], f"{issuer}:aud": "sts.amazonaws.com"}
    assert claims["aud"] == ["sts.amazonaws.com"]


def test_the_pods_command_fills_the_lake_and_the_job_completes(cluster, lake, container, pod):
    lake.empty()
    days = settled_days()
    assert container.container.command is None and container.container.args is None
    done = container.run(BINARIES / "exporter", {"AWS_ENDPOINT_URL": lake.endpoint})
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["day"] for line in lines if line["message"] == "collected day"] == [str(day) for day in days]
    files = {f"{day}_cluster-one-blue.snappy.parquet" for day in days}
    wait_for(lambda: {key.rsplit("/", 1)[1] for key in lake.keys(f"lake/account_id={ACCOUNT}/region={REGION}/")} >= files)
    job = pod.metadata.owner_references[0].name
    wait_for(lambda: cluster.batch.read_namespaced_job_status(job, NAMESPACE).status.succeeded == 1)
    wait_for(lambda: cluster.batch.read_namespaced_cron_job_status(NAME, NAMESPACE).status.last_successful_time)


def test_helms_test_runs_the_check_with_the_pods_identity(cluster, lake, installed, pod):
    """Helm creates the Job of the check and waits for it, while its container runs here."""
    testing = subprocess.Popen([cluster.helm_program, "test", NAME, "--namespace", NAMESPACE, "--kubeconfig", cluster.kubeconfig])
    [checking] = wait_for(lambda: cluster.core.list_namespaced_pod(NAMESPACE, label_selector=f"job-name={NAME}-check").items, 60)
    assert checking.spec.containers[0].args == ["check"]
    done = Container(cluster, checking).run(BINARIES / "exporter", {"AWS_ENDPOINT_URL": lake.endpoint})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout and "ok      write: s3://" in done.stdout
    assert testing.wait(60) == 0
    cluster.batch.delete_namespaced_job(f"{NAME}-check", NAMESPACE, propagation_policy="Foreground")


def test_another_service_account_is_denied_and_the_job_tries_again(cluster, lake, installed, pod):
    """The role trusts one service account: the same pod with another one is denied, logs that, and is retried."""
    account = cluster.core.read_namespaced_service_account(NAME, NAMESPACE)
    cluster.create(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "another", "namespace": NAMESPACE, "annotations": account.metadata.annotations},
        }
    )
    spec = cluster.client.sanitize_for_serialization(cluster.batch.read_namespaced_cron_job(NAME, NAMESPACE).spec.job_template.spec)
    spec["template"]["spec"]["serviceAccountName"] = "another"
    with job(cluster, "another", spec) as pods_of_job:
        done = Container(cluster, pods_of_job()[0]).run(BINARIES / "exporter", {"AWS_ENDPOINT_URL": lake.endpoint})
        assert done.returncode == 1 and "AssumeRoleWithWebIdentity" in done.stderr, done.stderr
        wait_for(lambda: len(pods_of_job()) == 2)


class GuardedKubecost(Kubecost):
    def do_GET(self):
        if self.headers["Authorization"] != "Bearer the source's token":
            return self.respond(401, b"Unauthorized\n")
        super().do_GET()


def test_certificate_and_token_are_read_from_mounted_files(cluster, lake, installed, values):
    """The private CA from a ConfigMap, the source's token from a Secret."""
    authority = {"ca.crt": (CERTIFICATES / "ca.pem").read_text()}
    token = {"token": "the source's token"}
    cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "company-ca", "namespace": NAMESPACE}, "data": authority})
    cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kubecost", "namespace": NAMESPACE}, "stringData": token})
    with serving(GuardedKubecost, CERTIFICATES) as source:
        given = f"source.url={source},source.tls.ca.secretsManager.name=,source.tls.ca.configMap.name=company-ca"
        given += ",source.authentication.scheme=bearer,source.authentication.secret.name=kubecost"
        done = cluster.helm("template", NAME, CHART, "--namespace", NAMESPACE, *values, "--set", given, "--validate")
        assert done.returncode == 0, done.stderr
        cron_job = next(document for document in yaml.safe_load_all(done.stdout) if document["kind"] == "CronJob")
        with job(cluster, "mounted", cron_job["spec"]["jobTemplate"]["spec"]) as pods_of_job:
            ended = Container(cluster, pods_of_job()[0]).run(BINARIES / "exporter", {"AWS_ENDPOINT_URL": lake.endpoint})
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("file", sorted(path.name for path in (CHART / "ci").glob("*.yaml")))
def test_the_api_accepts_all_manifests_strictly(cluster, file):
    done = cluster.helm("template", "costs", CHART, "--namespace", NAMESPACE, "--values", CHART / "ci" / file, "--validate")
    assert done.returncode == 0, done.stderr
    for manifest in yaml.safe_load_all(done.stdout):
        cluster.create(manifest, dry_run="All")


def test_upgrade_and_uninstall_leave_nothing(cluster, installed, pod):
    done = cluster.helm("upgrade", NAME, CHART, "--namespace", NAMESPACE, "--reuse-values", "--set", "schedule=15 4 * * *")
    assert done.returncode == 0, done.stderr
    assert cluster.batch.read_namespaced_cron_job(NAME, NAMESPACE).spec.schedule == "15 4 * * *"
    assert cluster.helm("uninstall", NAME, "--namespace", NAMESPACE).returncode == 0

    def left():
        kinds = [
            cluster.batch.list_namespaced_cron_job,
            cluster.batch.list_namespaced_job,
            cluster.core.list_namespaced_pod,
            cluster.core.list_namespaced_service_account,
        ]
        return [object for kind in kinds for object in kind(NAMESPACE, label_selector=SELECTOR).items]

    wait_for(lambda: not left())
