"""A Kubernetes API server with its controllers and no kubelet: the tests run a pod's container as a process."""

import base64
import contextlib
import functools
import os
import pathlib
import subprocess
import tempfile

import kubernetes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from servers import ROOT, free_port, served, wait_for

CHART = ROOT / "helm/kubecost-lake-exporter"
ADMINISTRATOR = "administrators-token"
CONTROLLERS = "cronjob-controller,job-controller,serviceaccount-controller,namespace-controller,garbage-collector-controller"
# Where EKS mounts the token of a service account with a role.
EKS_TOKEN = pathlib.PurePosixPath("/var/run/secrets/eks.amazonaws.com/serviceaccount")


class Cluster:
    """A cluster's API, and helm for this cluster."""

    def __init__(self, programs, endpoint, certificate, directory):
        self.helm_program = programs / "helm"
        self.directory = directory
        self.kubeconfig = directory / "kubeconfig"
        self.kubeconfig.write_text(kubeconfig(endpoint, certificate))
        client = kubernetes.config.new_client_from_config(str(self.kubeconfig))
        self.core = kubernetes.client.CoreV1Api(client)
        self.batch = kubernetes.client.BatchV1Api(client)
        self.client = client

    @functools.cached_property
    def objects(self):
        """All kinds of objects, as the running API server lists them."""
        return kubernetes.dynamic.DynamicClient(self.client)

    def helm(self, *arguments, **options):
        """Runs helm for this cluster; options are those of subprocess.run."""
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HELM_CACHE_HOME": str(self.directory / "helm")}
        return subprocess.run([self.helm_program, *map(str, arguments)], env=environment, capture_output=True, text=True, **options)

    def create(self, manifest, **parameters):
        """Creates an object. The API rejects unknown fields."""
        kind = self.objects.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        return kind.create(body=manifest, namespace=manifest["metadata"].get("namespace"), field_validation="Strict", **parameters)

    def signing_keys(self):
        """The public keys of service accounts' tokens, which AWS fetches from the cluster's issuer."""
        return self.client.call_api("/openid/v1/jwks", "GET", auth_settings=["BearerToken"], response_type="object")[0]


def kubeconfig(endpoint, certificate):
    authority = base64.b64encode(certificate.read_bytes()).decode()
    return f"""
apiVersion: v1
kind: Config
current-context: test
contexts: [{{name: test, context: {{cluster: test, user: administrator}}}}]
clusters: [{{name: test, cluster: {{server: "{endpoint}", certificate-authority-data: {authority}}}}}]
users: [{{name: administrator, user: {{token: "{ADMINISTRATOR}"}}}}]
"""


@contextlib.contextmanager
def started(programs, directory, issuer):
    """Starts etcd, the API server with that issuer of service accounts' tokens, and the controllers."""
    signing_key = directory / "signing-key.pem"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    signing_key.write_bytes(key.private_bytes(*encoding))
    tokens = directory / "tokens.csv"
    tokens.write_text(f'{ADMINISTRATOR},administrator,administrator,"system:masters"\n')
    peers = f"http://127.0.0.1:{free_port()}"
    etcd = [
        programs / "etcd",
        "--data-dir=data",
        "--unsafe-no-fsync",
        "--listen-client-urls=http://127.0.0.1:{port}",
        "--advertise-client-urls=http://127.0.0.1:{port}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
    ]
    with contextlib.ExitStack() as servers:
        store = servers.enter_context(served(etcd, directory / "etcd"))
        api_server = [
            programs / "kube-apiserver",
            f"--etcd-servers={store}",
            "--bind-address=127.0.0.1",
            "--secure-port={port}",
            "--cert-dir=certificates",
            "--authorization-mode=RBAC",
            f"--token-auth-file={tokens}",
            f"--service-account-issuer={issuer}",
            f"--service-account-key-file={signing_key}",
            f"--service-account-signing-key-file={signing_key}",
            "--service-cluster-ip-range=10.0.0.0/24",
        ]
        endpoint = servers.enter_context(served(api_server, directory / "kube-apiserver")).replace("http:", "https:")
        certificate = directory / "kube-apiserver/certificates/apiserver.crt"
        wait_for(certificate.exists)
        cluster = Cluster(programs, endpoint, certificate, directory)
        wait_for(lambda: ready(cluster))
        controllers = [
            programs / "kube-controller-manager",
            f"--kubeconfig={cluster.kubeconfig}",
            f"--controllers={CONTROLLERS}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            "--secure-port={port}",
            "--cert-dir=certificates",
        ]
        servers.enter_context(served(controllers, directory / "kube-controller-manager"))
        yield cluster


def ready(cluster):
    """Whether the API server serves requests."""
    with contextlib.suppress(kubernetes.client.ApiException, OSError):
        return cluster.core.read_namespace("kube-system")


class Container:
    """A pod's only container, run as a process with the pod's environment, user and mounted files, in a temporary directory."""

    def __init__(self, cluster, pod):
        self.cluster = cluster
        self.pod = pod
        self.container = pod.spec.containers[0]
        # The pod's user has no access to pytest's directories.
        self.directory = tempfile.TemporaryDirectory(prefix="container-")
        self.root = pathlib.Path(self.directory.name)
        self.root.chmod(0o755)
        self.environment = {entry.name: entry.value for entry in self.container.env}
        volumes = {volume.name: volume for volume in pod.spec.volumes or []}
        for mount in self.container.volume_mounts or []:
            self._mount(volumes[mount.name], mount.mount_path)
        account = cluster.core.read_namespaced_service_account(pod.spec.service_account_name, pod.metadata.namespace)
        if role := (account.metadata.annotations or {}).get("eks.amazonaws.com/role-arn"):
            self._give_role(role)

    def _file(self, path, content):
        file = self.root / str(path).lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def _mount(self, volume, mount_path):
        namespace = self.pod.metadata.namespace
        if volume.secret:
            data, items = self.cluster.core.read_namespaced_secret(volume.secret.secret_name, namespace).data, volume.secret.items
            content = {key: base64.b64decode(value) for key, value in data.items()}
        else:
            data, items = self.cluster.core.read_namespaced_config_map(volume.config_map.name, namespace).data, volume.config_map.items
            content = {key: value.encode() for key, value in data.items()}
        for item in items:
            self._file(f"{mount_path}/{item.path}", content[item.key])

    def _give_role(self, role):
        """Does what EKS's webhook does for a service account with a role: mounts a token for STS and sets its path."""
        self._file(EKS_TOKEN / "token", self.token().encode())
        region = self.environment["CLUSTER_ID"].split(":")[3]
        self.environment |= {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(EKS_TOKEN / "token"), "AWS_REGION": region}

    def token(self):
        """A token for STS, bound to the pod, as the kubelet projects it."""
        bound = {"kind": "Pod", "apiVersion": "v1", "name": self.pod.metadata.name, "uid": self.pod.metadata.uid}
        request = {"spec": {"audiences": ["sts.amazonaws.com"], "expirationSeconds": 86400, "boundObjectRef": bound}}
        account, namespace = self.pod.spec.service_account_name, self.pod.metadata.namespace
        return self.cluster.core.create_namespaced_service_account_token(account, namespace, request).status.token

    def run(self, program, extra_environment):
        """Runs the program with the container's arguments and this machine's paths of mounted files, and reports the pod's status to the API."""
        mounted = {str(path)[len(str(self.root)) :]: str(path) for path in self.root.rglob("*") if path.is_file()}
        environment = {name: mounted.get(value, value) for name, value in self.environment.items()} | extra_environment
        user = self.pod.spec.security_context.run_as_user
        identity = {"user": user, "group": self.pod.spec.security_context.run_as_group} if os.geteuid() == 0 else {}
        self._report("Running", {"running": {}})
        done = subprocess.run([program, *(self.container.args or [])], env=environment, cwd="/", capture_output=True, text=True, timeout=300, **identity)
        phase = "Succeeded" if done.returncode == 0 else "Failed"
        self._report(phase, {"terminated": {"exitCode": done.returncode, "reason": "Completed" if phase == "Succeeded" else "Error"}})
        return done

    def _report(self, phase, state):
        container = {"name": self.container.name, "image": self.container.image, "imageID": "", "ready": False, "restartCount": 0, "state": state}
        status = {"status": {"phase": phase, "containerStatuses": [container]}}
        self.cluster.core.patch_namespaced_pod_status(self.pod.metadata.name, self.pod.metadata.namespace, status)
