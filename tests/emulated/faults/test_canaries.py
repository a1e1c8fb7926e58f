"""Secrets with values that are found again: in no log at any level, no message, no object of the bucket, and at no other server."""

import base64
import http.server
import itertools
import json
import re
import urllib.parse

import pyarrow as pa
import pytest

from aws import BINARIES, BUCKET, lake_key
from fault_proxy import Fault, Response, cut, respond_text, rewritten
from fleet import run
from recorded_clusters import DAY
from servers import serving

TOKEN, USER, PASSWORD, KEY = "c4nary-token", "c4nary-user", "c4nary-password", "c4nary-key"
OF_PROXY, OF_ADDRESS, OF_QUERY, OF_CA = "c4nary-proxy", "c4nary-address", "c4nary-query", "c4nary-ca"
OF_COOKIE, OF_CONFIGURATION, OF_AWS, OF_LOGIN = "c4nary-cookie", "c4nary-configuration", "c4nary-aws", "c4nary-login"
# How to authenticate, the content of the file, and the header that the source gets.
AUTHENTICATION = {
    "bearer": (TOKEN, f"Bearer {TOKEN}"),
    "basic": (f"{USER}:{PASSWORD}", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()),
    "x-api-key": (KEY, KEY),
}
LEVELS = ["error", "warn", "info", "debug", "trace"]
DAY_OF_CLUSTER = "GET /{cluster}/model/allocation[?](?!.*aggregate=)"


def spellings(secret):
    """A secret as it may be written: as it is, in base64, as part of an address, in hexadecimal digits."""
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, encoded.rstrip("="), encoded[: len(encoded) // 4 * 4], urllib.parse.quote(secret, safe=""), secret.encode().hex()}


def leaks(text, secrets):
    words = set().union(*map(spellings, secrets))
    return [line for line in text.splitlines() if any(word in line for word in words)]


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """Another server. It remembers what it is sent."""

    received = []

    def do_GET(self):
        Elsewhere.received.append(f"{self.path} {self.headers}")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_CONNECT = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def elsewhere():
    with serving(Elsewhere) as url:
        yield url.replace("127.0.0.1", "localhost")


class Sessions:
    """The secrets of the sessions that STS gave."""

    def __init__(self):
        self.secrets = set()

    def keep(self, exchange, _):
        found = exchange.forward()
        for name in ["SecretAccessKey", "SessionToken"]:
            self.secrets |= set(re.findall(f"<{name}>(.*?)</{name}>", found.body.decode()))
        exchange.send(found)


def with_header(name, value):
    return rewritten(lambda response: Response(response.status, [*response.headers, (name, value)], response.body))


def echo(exchange, _):
    """An error page that repeats all headers, as those of debugging proxies do."""
    exchange.send(Response(500, [], json.dumps(dict(exchange.headers)).encode()))


def situations(elsewhere):
    """What the source does with a request for the day."""
    return {
        "well": None,
        "echo": echo,
        "unauthorised": lambda exchange, _: exchange.send(Response(401, [("WWW-Authenticate", str(exchange.headers))], str(exchange.headers).encode())),
        "redirect": respond_text(302, headers=[("Location", f"{elsewhere}/model/allocation?login={OF_LOGIN}")]),
        "cookie": with_header("Set-Cookie", f"session={OF_COOKIE}"),
        "broken": cut(0.4),
    }


@pytest.fixture
def export(clusters, tmp_path):
    """Runs the exporter with secrets. Returns how it ended, and the secrets that it had."""

    def exported(cluster, how, effect=None, **changed):
        content, header = AUTHENTICATION[how]
        secret = tmp_path / "secret"
        secret.write_text(content)
        sessions, received = Sessions(), []

        def asked(exchange, proxy):
            received.append(exchange.headers)
            (effect or (lambda exchange, _: exchange.send(exchange.forward())))(exchange, proxy)

        clusters.create_roles(cluster)
        clusters.add("aws", Fault(f"POST / .*kubecost-lake-{cluster}-", sessions.keep))
        clusters.add("source", Fault(DAY_OF_CLUSTER.replace("{cluster}", cluster), asked))
        authentication = {"SOURCE_AUTHENTICATION": how, "SOURCE_AUTHENTICATION_FILE": str(secret), "RETRIES": "0"}
        ran = clusters.export(cluster, **{"LOG_LEVEL": "trace", "RUST_LOG": "trace", **authentication, **changed})
        token = clusters.token(cluster)
        assert received and all(header in headers.values() for headers in received), "the source did not get the secret"
        assert len(sessions.secrets) == 4, "STS gave no two sessions"
        return ran, {*content.split(":"), content, *sessions.secrets, token, OF_COOKIE, OF_LOGIN}

    return exported


def objects(clusters, cluster):
    """All objects of a cluster as text, decompressed, with their metadata."""
    place = clusters.place(cluster)
    for key in clusters.emulator.keys(""):
        if f"{place}/" not in key and f"_{cluster}." not in key:
            continue
        found = clusters.emulator.s3.get_object(Bucket=BUCKET, Key=key)
        content = found["Body"].read()
        if key.endswith(".zst"):
            content = pa.input_stream(pa.BufferReader(content), compression="zstd").read()
        yield key, content.decode("latin-1") + str(found["Metadata"])


NAMES = ["well", "echo", "unauthorised", "redirect", "cookie", "broken"]


@pytest.mark.parametrize(("how", "name"), list(itertools.product(AUTHENTICATION, NAMES)))
def test_no_secret_is_in_the_log_at_the_finest_level_nor_in_an_object(clusters, export, elsewhere, how, name):
    cluster = f"canary-{how}-{name}"
    ran, secrets = export(cluster, how, situations(elsewhere)[name])
    assert ran.status == (0 if name in ("well", "cookie") else 1), ran.log
    assert "TRACE" in ran.log
    assert leaks(ran.log, secrets) == []
    found = dict(objects(clusters, cluster))
    assert any(key.endswith("run.json") for key in found)
    assert {key: leaks(text, secrets) for key, text in found.items() if leaks(text, secrets)} == {}
    assert [request for request in Elsewhere.received if leaks(request, secrets)] == []


@pytest.mark.parametrize("level", LEVELS[:-1])
def test_no_secret_is_in_the_log_at_any_level(clusters, export, level):
    ran, secrets = export(f"canary-level-{level}", "bearer", echo, LOG_LEVEL=level, RUST_LOG=level)
    assert ran.status == 1 and "***" in ran.log, ran.log
    assert leaks(ran.log, secrets) == []


# Settings that hold a secret where none belongs, or whose file is not what it should be; and the exit status.
SETTINGS = {
    "password in the address": ({"KUBECOST_API_ENDPOINT": f"http://{USER}:{OF_ADDRESS}@127.0.0.1:9"}, 2),
    "token in the query of the address": ({"KUBECOST_API_ENDPOINT": f"http://127.0.0.1:9/?token={OF_QUERY}"}, None),
    "proxy with a password": ({"HTTP_PROXY": f"http://{USER}:{OF_PROXY}@127.0.0.1:9", "HTTPS_PROXY": f"http://{USER}:{OF_PROXY}@127.0.0.1:9"}, 1),
    "proxy that is none": ({"HTTPS_PROXY": f"socks5://{USER}:{OF_PROXY}@127.0.0.1:9"}, 1),
    "CA that is none": ({"KUBECOST_API_ENDPOINT": "https://127.0.0.1:9", "CA_CERTIFICATE_FILE": "{ca}"}, 1),
    "file of basic authentication without a colon": ({"SOURCE_AUTHENTICATION": "basic", "SOURCE_AUTHENTICATION_FILE": "{secret}"}, 1),
    "token with a line break": ({"SOURCE_AUTHENTICATION": "bearer", "SOURCE_AUTHENTICATION_FILE": "{broken}"}, 1),
}


@pytest.mark.parametrize("subcommand", [[], ["check"]], ids=["run", "check"])
@pytest.mark.parametrize("name", SETTINGS)
def test_no_message_about_a_setting_shows_its_secret(clusters, tmp_path, name, subcommand):
    changed, status = SETTINGS[name]
    files = {"ca": f"-----BEGIN PRIVATE KEY-----\n{OF_CA}\n", "secret": TOKEN, "broken": f"{TOKEN}\n{KEY}"}
    for file, content in files.items():
        (tmp_path / file).write_text(content)
    changed = {variable: value.format(**{file: tmp_path / file for file in files}) for variable, value in changed.items()}
    settings = {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": OF_AWS,
        "AWS_SESSION_TOKEN": OF_AWS,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": clusters.aws_url,
        "S3_BUCKET_NAME": BUCKET,
        "CLUSTER_ID": "arn:aws:eks:us-east-1:111122223333:cluster/canary",
        "KUBECOST_API_ENDPOINT": f"{clusters.source_url}/canary",
        "PLAN_WAIT_SECONDS": "0",
        "RETRIES": "0",
        "CONNECTION_TIMEOUT": "5",
        "LOG_LEVEL": "trace",
        "RUST_LOG": "trace",
        **changed,
    }
    ran = run([BINARIES / "exporter", *subcommand], settings)
    assert ran.status == status or status is None and ran.status, ran
    secrets = {TOKEN, KEY, OF_PROXY, OF_ADDRESS, OF_QUERY, OF_CA, OF_AWS}
    assert leaks(ran.log, secrets) == []


def test_no_error_repeats_the_configuration_of_the_source(clusters, export):
    """Kubecost's configuration holds keys of clouds, beside the currency."""
    cluster = "canary-configuration"
    configuration = json.dumps({"data": {"currencyCode": "no currency", "awsServiceKeySecret": OF_CONFIGURATION}})
    clusters.add("source", Fault(f"GET /{cluster}/model/getConfigs", respond_text(200, configuration)))
    clusters.create_roles(cluster)
    ran = clusters.export(cluster, LOG_LEVEL="trace", RUST_LOG="trace", RETRIES="0")
    assert ran.status == 1 and "not a currency code" in ran.log, ran.log
    assert leaks(ran.log, {OF_CONFIGURATION}) == []
    assert [key for key, text in objects(clusters, cluster) if leaks(text, {OF_CONFIGURATION})] == []


def test_functions_log_no_secret_at_the_finest_level(clusters):
    """Their credentials are in the environment, where the emulator puts them."""
    settings = {"AWS_ENDPOINT_URL": clusters.aws_url, "LOG_LEVEL": "trace", "RUST_LOG": "trace", "LOG_FORMAT": "text"}
    secrets = {"AWS_SECRET_ACCESS_KEY": OF_AWS, "AWS_SESSION_TOKEN": f"{OF_AWS}-session"}
    clusters.emulator.create_function("transform", "transform-traced", **settings)
    cluster = "canary-function"
    clusters.create_roles(cluster)
    assert clusters.export(cluster).status == 0
    sent = []

    def keep(exchange, _):
        sent.append(exchange.headers)
        exchange.send(exchange.forward())

    manifests = clusters.without_day(cluster)
    clusters.add("aws", Fault(f"PUT .*/lake/.*_{cluster}[.]", keep))
    assert clusters.invoke("transform-traced", manifests) is None
    found = {value for headers in sent for name, value in headers.items() if name.lower() == "x-amz-security-token"}
    log = clusters.log_of("transform-traced")
    assert sent and "TRACE" in log
    assert leaks(log, found | set(secrets.values())) == []
    assert lake_key(DAY, cluster=cluster) in clusters.emulator.keys("lake/")
