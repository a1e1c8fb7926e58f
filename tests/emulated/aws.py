"""Ministack, an emulator of AWS. It runs the functions' own bootstraps on S3 events and enforces the policies that Terraform renders."""

import base64
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import zipfile

import boto3

from deployed import DEPLOYED, role_arn
from servers import ROOT, served

# The tests' own builds, or others such as release builds.
BINARIES = pathlib.Path(os.environ.get("KUBECOST_LAKE_BINARIES", ROOT / "target/debug"))
BUCKET = "finops-lake"
LAKE_ACCOUNT = "444455556666"
LAKE_REGION = "us-east-1"
# Cluster two of the example, in another account and another region than the lake.
ACCOUNT = "111122223333"
REGION = "eu-central-1"
PLACE = (ACCOUNT, REGION)
CLUSTER = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/cluster-one-blue"
# The issuers of the clusters' OIDC providers.
ISSUERS = {name: f"https://oidc.eks.{region}.amazonaws.com/id/{name}" for name, region in {"ONE": LAKE_REGION, "TWO": REGION}.items()}


def ministack(directory):
    """Runs the emulator. Returns its address."""
    environment = {"BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "GATEWAY_PORT": "{port}", "AUTH": "true"}
    return served([sys.executable, ROOT / "tests/emulated/ministack_server.py"], directory, environment)


class Aws:
    """The emulator. A client acts as an account's root user unless it has a session's credentials."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.s3 = self.client("s3")
        self.functions = self.client("lambda")

    def client(self, service, account=LAKE_ACCOUNT, session=None):
        return self.client_of(self.endpoint, service, account, session)

    @staticmethod
    def client_of(endpoint, service, account=LAKE_ACCOUNT, session=None):
        session = session or {"AccessKeyId": account, "SecretAccessKey": "secret"}
        keys = {"aws_access_key_id": session["AccessKeyId"], "aws_secret_access_key": session["SecretAccessKey"]}
        return boto3.client(
            service, endpoint_url=endpoint, region_name=LAKE_REGION, aws_session_token=session.get("SessionToken"), **keys
        )

    def create_roles(self, secret_arns):
        """Creates the example's roles with their policies, each in its account."""
        for address, values in DEPLOYED.items():
            account = values["arn"].split(":")[4] if ".aws_iam_role." in address else None
            if account:
                self.client("iam", account).create_role(
                    RoleName=values["name"], AssumeRolePolicyDocument=json.dumps(values["assume_role_policy"])
                )
        for address, values in DEPLOYED.items():
            if ".aws_iam_role_policy." not in address:
                continue
            module, _, resource = address.removeprefix("module.").split(".", 2)
            name = resource.removeprefix("aws_iam_role_policy.").replace("work", "function").replace("runtime", "function")
            role = DEPLOYED[f"module.{module}.aws_iam_role.{name}"]
            policy = json.dumps(values["policy"])
            for rendered, arn in secret_arns.items():
                policy = policy.replace(rendered, arn)
            self.client("iam", role["arn"].split(":")[4]).put_role_policy(
                RoleName=role["name"], PolicyName=values["name"], PolicyDocument=policy
            )

    def create_function(self, program, name=None, timeout=None, data_limit=None, **settings):
        """Creates a function as Terraform renders it, with the test's changes to its settings, optionally under another name.

        With a limit of the memory for its data, in MB, the program is started by a script that sets it.
        """
        rendered = DEPLOYED[f'module.pipeline.aws_lambda_function.this["{program}"]']
        package = io.BytesIO()
        files = {"bootstrap": without_debug_information(BINARIES / program)}
        if data_limit:
            script = f'#!/bin/sh\nulimit -d {data_limit * 1024}\nexec "$LAMBDA_TASK_ROOT/program"\n'
            files = {"program": files["bootstrap"], "bootstrap": script.encode()}
        with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            for path, content in files.items():
                entry = zipfile.ZipInfo(path)
                entry.external_attr = 0o755 << 16
                file.writestr(entry, content)
        variables = {**rendered["environment"][0]["variables"], "AWS_ENDPOINT_URL": self.endpoint, **settings}
        return self.functions.create_function(
            FunctionName=name or rendered["function_name"],
            Runtime=rendered["runtime"],
            Handler=rendered["handler"],
            Role=role_arn(f'function["{program}"]', "pipeline"),
            Code={"ZipFile": package.getvalue()},
            Timeout=timeout or rendered["timeout"],
            MemorySize=data_limit or rendered["memory_size"],
            Environment={"Variables": variables},
        )["FunctionArn"]

    def invoke(self, name, event):
        response = self.functions.invoke(FunctionName=name, Payload=json.dumps(event))
        assert "FunctionError" not in response, response["Payload"].read()
        return json.loads(response["Payload"].read())

    def notifications(self):
        """The bucket's notification configuration, in the form in which it can be put again."""
        configuration = self.s3.get_bucket_notification_configuration(Bucket=BUCKET)
        configuration.pop("ResponseMetadata")
        return configuration

    def empty(self):
        """Deletes all objects, so that a test starts with a new cluster."""
        for key in self.keys(""):
            self.s3.delete_object(Bucket=BUCKET, Key=key)

    def keys(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def lake_prefix(day, place=PLACE):
    """The prefix of a day's partition; a place is an account and a region."""
    account, region = place
    return f"lake/account_id={account}/region={region}/year={day:%Y}/month={day:%m}/"


def lake_key(day, place=PLACE, cluster="cluster-one-blue"):
    return f"{lake_prefix(day, place)}{day}_{cluster}.snappy.parquet"


def without_debug_information(program):
    if not shutil.which("strip"):
        return program.read_bytes()
    stripped = program.with_suffix(".stripped")
    subprocess.run(["strip", "-o", stripped, program], check=True)
    return stripped.read_bytes()


def web_identity_token(provider, **claims):
    """A service account's token with the claims that the cluster's issuer would sign."""
    claims = {
        "iss": ISSUERS[provider],
        "sub": "system:serviceaccount:kubecost-lake:kubecost-lake-exporter",
        "aud": "sts.amazonaws.com",
        "iat": int(time.time()),
        "exp": int(time.time()) + 3600,
        **claims,
    }

    def encoded(document):
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    return f"{encoded({'alg': 'RS256', 'kid': 'any'})}.{encoded(claims)}.c2lnbmF0dXJl"
