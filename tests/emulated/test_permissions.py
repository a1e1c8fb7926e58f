"""The permissions of each role by the policies that Terraform renders: what ARCHITECTURE.md lists, and nothing else."""

import contextlib
import json
import re

import pytest
from botocore.exceptions import ClientError
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy

from aws import BUCKET, ISSUERS, LAKE_ACCOUNT, lake_key, web_identity_token
from deployed import DEPLOYED, role_arn
from recorded_kubecost import settled_days
from servers import Handler, serving, wait_for

OTHER_BUCKET = "finops-lake-archive"
ONE = f"{LAKE_ACCOUNT}/us-east-1/cluster-one"
BLUE = "111122223333/eu-central-1/cluster-one-blue"
DENIED = {"AccessDenied", "AccessDeniedException"}


@contextlib.contextmanager
def denied():
    with pytest.raises(ClientError) as refusal:
        yield
    assert refusal.value.response["Error"]["Code"] in DENIED, refusal.value


def session_of(aws, cluster, provider, **claims):
    """The credentials that a cluster's pod gets for its service account's token."""
    response = aws.client("sts").assume_role_with_web_identity(
        RoleArn=role_arn("child[0]", cluster), RoleSessionName="exporter", WebIdentityToken=web_identity_token(provider, **claims)
    )
    return response["Credentials"]


def assume(aws, session, arn):
    return aws.client("sts", session=session).assume_role(RoleArn=arn, RoleSessionName="exporter")["Credentials"]


@pytest.fixture(scope="module")
def objects(lake):
    """Objects below each prefix, and another bucket."""
    lake.s3.create_bucket(Bucket=OTHER_BUCKET)
    for place in [ONE, BLUE]:
        for key in [f"plans/{place}/plan.json", f"staging/{place}/run/inventory.json"]:
            lake.s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    lake.s3.put_object(Bucket=BUCKET, Key="lake/some.snappy.parquet", Body=b"PAR1")
    lake.s3.put_object(Bucket=OTHER_BUCKET, Key=f"plans/{BLUE}/plan.json", Body=b"{}")
    return lake


@pytest.fixture(scope="module")
def child(objects):
    return session_of(objects, "cluster_two", "TWO")


@pytest.fixture(scope="module")
def exporters(objects, child):
    """The sessions that write: within one account by its only role, across two accounts by the parent role."""
    return {
        ONE: session_of(objects, "cluster_one", "ONE"),
        BLUE: assume(objects, child, role_arn("parent[0]", "cluster_two")),
    }


@pytest.fixture(params=[ONE, BLUE], ids=["one account", "two accounts"])
def exporter(request, objects, exporters):
    """An exporter's place, its S3 client, its clients of other services, and the place of another cluster."""
    other = BLUE if request.param == ONE else ONE
    session = exporters[request.param]
    return request.param, objects.client("s3", session=session), lambda service: objects.client(service, session=session), other


def test_an_exporter_writes_below_its_own_prefix_and_reads_its_plan(exporter):
    place, s3, _, _ = exporter
    s3.put_object(Bucket=BUCKET, Key=f"staging/{place}/run/2026-11-20/manifest.json", Body=b"{}")
    key = f"staging/{place}/run/2026-11-20/allocation-0000.json.zst"
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    s3.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}
    )
    assert s3.get_object(Bucket=BUCKET, Key=f"plans/{place}/plan.json")["Body"].read()


DENIED_REQUESTS = {
    "put below another cluster's prefix": lambda s3, place, other: s3.put_object(Bucket=BUCKET, Key=f"staging/{other}/run/inventory.json"),
    # One cluster's name begins with the other's.
    "put below a prefix that begins with its own": lambda s3, place, other: s3.put_object(Bucket=BUCKET, Key=f"staging/{place}-2/run/inventory.json"),
    "put a plan": lambda s3, place, other: s3.put_object(Bucket=BUCKET, Key=f"plans/{place}/plan.json"),
    "put into the lake": lambda s3, place, other: s3.put_object(Bucket=BUCKET, Key="lake/some.snappy.parquet"),
    "put into quarantine": lambda s3, place, other: s3.put_object(Bucket=BUCKET, Key=f"quarantine/{place}/run/2026-11-20.json"),
    "put into another bucket": lambda s3, place, other: s3.put_object(Bucket=OTHER_BUCKET, Key=f"staging/{place}/run/inventory.json"),
    "get another cluster's plan": lambda s3, place, other: s3.get_object(Bucket=BUCKET, Key=f"plans/{other}/plan.json"),
    "get what it staged": lambda s3, place, other: s3.get_object(Bucket=BUCKET, Key=f"staging/{place}/run/inventory.json"),
    "get from the lake": lambda s3, place, other: s3.get_object(Bucket=BUCKET, Key="lake/some.snappy.parquet"),
    "get from another bucket": lambda s3, place, other: s3.get_object(Bucket=OTHER_BUCKET, Key=f"plans/{BLUE}/plan.json"),
    "list the bucket": lambda s3, place, other: s3.list_objects_v2(Bucket=BUCKET),
    "list its own prefix": lambda s3, place, other: s3.list_objects_v2(Bucket=BUCKET, Prefix=f"staging/{place}/"),
    "list versions": lambda s3, place, other: s3.list_object_versions(Bucket=BUCKET),
    "delete what it staged": lambda s3, place, other: s3.delete_object(Bucket=BUCKET, Key=f"staging/{place}/run/inventory.json"),
    "delete from the lake": lambda s3, place, other: s3.delete_object(Bucket=BUCKET, Key="lake/some.snappy.parquet"),
    "change the bucket's policy": lambda s3, place, other: s3.delete_bucket_policy(Bucket=BUCKET),
    "change the bucket's notifications": lambda s3, place, other: s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={}
    ),
}


@pytest.mark.parametrize("request_of", DENIED_REQUESTS.values(), ids=DENIED_REQUESTS.keys())
def test_an_exporter_may_not(exporter, request_of):
    place, s3, _, other = exporter
    with denied():
        request_of(s3, place, other)


def test_a_missing_plan_is_denied_like_one_that_may_not_be_read(exporter, objects):
    # The exporter treats 403 as "no plan yet": it may not list, so S3 does not reveal which objects exist.
    place, s3, _, _ = exporter
    key = f"plans/{place}/plan.json"
    plan = objects.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    objects.s3.delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(ClientError) as refusal:
        s3.get_object(Bucket=BUCKET, Key=key)
    assert refusal.value.response["Error"]["Code"] in DENIED | {"NoSuchKey"}
    objects.s3.put_object(Bucket=BUCKET, Key=key, Body=plan)


def test_an_exporter_has_no_access_to_other_services(exporter):
    _, _, client, _ = exporter
    with denied():
        client("glue").get_tables(DatabaseName="kubecost_db")
    with denied():
        client("lambda").invoke(FunctionName="kubecost-lake-transform", Payload=b"{}")
    with denied():
        client("iam").list_roles()
    with denied():
        client("sqs").list_queues()


def test_an_exporter_reads_its_secret_and_no_other(exporters, objects, secrets):
    private_ca, payroll = secrets
    client = objects.client("secretsmanager", session=exporters[BLUE])
    assert client.get_secret_value(SecretId=private_ca)["SecretString"].startswith("-----BEGIN CERTIFICATE-----")
    with denied():
        client.get_secret_value(SecretId=payroll)
    with denied():
        client.put_secret_value(SecretId=private_ca, SecretString="another")
    with denied():
        objects.client("secretsmanager", session=exporters[ONE]).get_secret_value(SecretId=payroll)


def test_a_child_may_assume_its_parent_only(objects, child, secrets):
    s3 = objects.client("s3", session=child)
    with denied():
        s3.put_object(Bucket=BUCKET, Key=f"staging/{BLUE}/run/inventory.json")
    with denied():
        s3.get_object(Bucket=BUCKET, Key=f"plans/{BLUE}/plan.json")
    with denied():
        objects.client("secretsmanager", session=child).get_secret_value(SecretId=secrets[0])
    for arn in [role_arn("child[0]", "cluster_one"), role_arn('function["transform"]', "pipeline")]:
        with denied():
            assume(objects, child, arn)


def test_nobody_but_the_child_assumes_the_parent(objects, exporters):
    with denied():
        assume(objects, exporters[ONE], role_arn("parent[0]", "cluster_two"))
    with denied():
        stranger = {"AccessKeyId": "111122223333", "SecretAccessKey": "secret"}
        assume(objects, stranger, role_arn("parent[0]", "cluster_two"))


def test_pod_identity_uses_the_same_roles(objects, export, child, tmp_path):
    """The EKS Pod Identity agent returns the child role's credentials for the pod's token."""
    token = tmp_path / "eks-pod-identity-token"
    token.write_text("the pod's token")
    requests = []

    class Agent(Handler):
        def do_GET(self):
            requests.append((self.path, self.headers["Authorization"]))
            credentials = {name: child[name] for name in ["AccessKeyId", "SecretAccessKey"]}
            credentials |= {"Token": child["SessionToken"], "Expiration": child["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")}
            self.respond(200, json.dumps(credentials).encode())

    before = len(objects.keys(f"staging/{BLUE}/"))
    with serving(Agent) as agent:
        export({"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{agent}/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)})
    assert requests[0] == ("/v1/credentials", "the pod's token")
    assert len(objects.keys(f"staging/{BLUE}/")) > before


WRONG_TOKENS = {
    "another service account": {"sub": "system:serviceaccount:kubecost-lake:default"},
    "another namespace": {"sub": "system:serviceaccount:default:kubecost-lake-exporter"},
    "another audience": {"aud": "https://kubernetes.default.svc"},
    "another cluster": {"iss": ISSUERS["ONE"]},
}


@pytest.mark.parametrize("claims", WRONG_TOKENS.values(), ids=WRONG_TOKENS.keys())
def test_the_child_role_is_for_one_service_account_of_one_cluster(objects, claims):
    with pytest.raises(ClientError) as refusal:
        session_of(objects, "cluster_two", "TWO", **claims)
    assert refusal.value.response["Error"]["Code"] in DENIED | {"InvalidIdentityToken"}, refusal.value


STATE = f"reports/{BLUE}/state.json"
MANIFEST = f"staging/{BLUE}/run/2026-11-20/manifest.json"
THINNER = f"quarantine/{BLUE}/run/2026-11-20.thinner.json"
LAKE = "lake/account_id=111122223333/2026-11-20_cluster-one-blue.snappy.parquet"
# Whether transform and backfill may get and put the objects that keep a fuller day in the lake.
FUNCTIONS_REQUESTS = {
    "transform": {MANIFEST: (True, False), THINNER: (False, True), LAKE: (True, True), STATE: (False, False)},
    "backfill": {MANIFEST: (True, True), THINNER: (True, False), LAKE: (True, False), STATE: (True, True)},
}


@pytest.mark.parametrize("function", FUNCTIONS_REQUESTS)
def test_a_function_gets_and_puts_what_keeps_a_fuller_day(objects, function):
    # Only Lambda may assume the function's role. A user with the same policy has the same permissions.
    iam = objects.client("iam")
    policy = DEPLOYED[f'module.pipeline.aws_iam_role_policy.work["{function}"]']["policy"]
    iam.create_user(UserName=function)
    iam.put_user_policy(UserName=function, PolicyName="work", PolicyDocument=json.dumps(policy))
    s3 = objects.client("s3", session=iam.create_access_key(UserName=function)["AccessKey"])
    for key, (get, put) in FUNCTIONS_REQUESTS[function].items():
        objects.s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
        # Metadata has no permission of its own.
        for allowed, request in [(get, s3.get_object), (put, s3.put_object)]:
            with contextlib.nullcontext() if allowed else denied():
                request(Bucket=BUCKET, Key=key)
        if get:
            assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] >= 0
    for key in FUNCTIONS_REQUESTS[function]:
        objects.s3.delete_object(Bucket=BUCKET, Key=key)


@pytest.fixture
def bucket_policy(objects):
    """The example's bucket policy. Only one test includes the statement that requires TLS, since the emulator uses HTTP.

    In AWS, `aws:PrincipalArn` of a session is its role's ARN, in the emulator it is the session's.
    """
    text = json.dumps(DEPLOYED["aws_s3_bucket_policy.lake"]["policy"])
    policy = json.loads(re.sub(r"arn:aws:iam::(\d+):role/([^\"]+)", r"arn:aws:sts::\1:assumed-role/\2/*", text))

    def put(**without):
        statements = [statement for statement in policy["Statement"] if statement["Sid"] != without.get("sid")]
        objects.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({**policy, "Statement": statements}))

    yield put
    objects.s3.delete_bucket_policy(Bucket=BUCKET)


def test_the_bucket_policy_denies_requests_without_tls(objects, exporters, bucket_policy):
    s3 = objects.client("s3", session=exporters[BLUE])
    key = f"staging/{BLUE}/run/inventory.json"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    bucket_policy()
    with denied():
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")


GUARDED = [f"staging/{BLUE}/run/inventory.json", f"plans/{BLUE}/plan.json", "lake/some.snappy.parquet"]


@pytest.fixture
def administrator(objects):
    """The S3 client of an administrator in the lake's account, whose IAM policies allow everything."""
    iam = objects.client("iam")
    iam.create_user(UserName="administrator")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="administrator", PolicyName="everything", PolicyDocument=json.dumps(everything))
    s3 = objects.client("s3", session=iam.create_access_key(UserName="administrator")["AccessKey"])
    for key in GUARDED:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    return s3


def test_the_bucket_policy_allows_only_exporters_and_functions(objects, export, bucket_policy, administrator):
    day = settled_days()[3]
    lost = lake_key(day)
    objects.s3.delete_object(Bucket=BUCKET, Key=lost)
    bucket_policy(sid="OnlyOverTls")
    export()
    wait_for(lambda: lost in objects.keys("lake/"))
    for key in GUARDED:
        with denied():
            administrator.get_object(Bucket=BUCKET, Key=key)
        with denied():
            administrator.put_object(Bucket=BUCKET, Key=key, Body=b"forged")


LAKE_OBJECT, STAGED = f"{BUCKET}/{LAKE}", f"{BUCKET}/staging/{BLUE}/run/inventory.json"
# A role, what it requests, and whether the bucket's policy allows it.
READERS_REQUESTS = {
    "a reader gets from the lake": ("777788889999:role/bi-team", "s3:GetObject", LAKE_OBJECT, {}, "Allow"),
    "a reader lists the lake": ("777788889999:role/bi-team", "s3:ListBucket", BUCKET, {"s3:prefix": "lake/"}, "Allow"),
    "a reader locates the bucket": ("777788889999:role/bi-team", "s3:GetBucketLocation", BUCKET, {}, "Allow"),
    "a reader lists staging": ("777788889999:role/bi-team", "s3:ListBucket", BUCKET, {"s3:prefix": "staging/"}, None),
    "a reader gets a staged object": ("777788889999:role/bi-team", "s3:GetObject", STAGED, {}, None),
    "a reader puts into the lake": ("777788889999:role/bi-team", "s3:PutObject", LAKE_OBJECT, {}, "Deny"),
    "another role of that account": ("777788889999:role/developers", "s3:GetObject", LAKE_OBJECT, {}, "Deny"),
    "a role of that name in another account": ("123456789012:role/bi-team", "s3:GetObject", LAKE_OBJECT, {}, "Deny"),
}


@pytest.mark.parametrize("role, action, resource, keys, decision", READERS_REQUESTS.values(), ids=READERS_REQUESTS.keys())
def test_the_bucket_policy_lets_readers_of_other_accounts_read_the_lake_only(role, action, resource, keys, decision):
    # The emulator's S3 knows only the account of a request from another one. Its evaluator of policies knows the role.
    context = EvalContext(
        principal_arn=f"arn:aws:iam::{role}",
        principal_type="AssumedRole",
        principal_account=role.split(":")[0],
        action=action,
        resource_arn=f"arn:aws:s3:::{resource}",
        region="us-east-1",
        secure_transport=True,
        service_context=keys,
    )
    result = evaluate_resource_policy(DEPLOYED["aws_s3_bucket_policy.lake"]["policy"], context).decision
    assert result == decision if decision else result != "Allow"


# S3's condition keys of a request that makes an object visible, and of one that only creates an upload or sends a part.
CREATES, PREPARES = {"s3:objectcreationoperation": "true"}, {"s3:objectcreationoperation": "false"}
EXPORTER, TRANSFORM = "role/kubecost-lake-blue-parent", "role/kubecost-lake-transform"
CREATING_REQUESTS = {
    "an exporter creates an object": (EXPORTER, STAGED, {**CREATES, "s3:if-none-match": "*"}, None),
    "an exporter replaces an object": (EXPORTER, STAGED, CREATES, "Deny"),
    "an exporter sends a part": (EXPORTER, STAGED, PREPARES, None),
    "a function writes a manifest again": (TRANSFORM, STAGED, CREATES, None),
    "a function writes into the lake": (TRANSFORM, LAKE_OBJECT, {**CREATES, "s3:if-match": "abc"}, None),
    "a file is copied into the lake": (TRANSFORM, LAKE_OBJECT, CREATES, None),
}


@pytest.mark.parametrize("role, resource, keys, decision", CREATING_REQUESTS.values(), ids=CREATING_REQUESTS.keys())
def test_the_bucket_policy_lets_exporters_only_create(role, resource, keys, decision):
    # No emulator sets S3's condition keys of conditional writes: the policy is evaluated with those that S3's guide names.
    context = EvalContext(
        principal_arn=f"arn:aws:iam::{LAKE_ACCOUNT}:{role}",
        principal_type="AssumedRole",
        principal_account=LAKE_ACCOUNT,
        action="s3:PutObject",
        resource_arn=f"arn:aws:s3:::{resource}",
        region="us-east-1",
        secure_transport=True,
        service_context=keys,
    )
    result = evaluate_resource_policy(DEPLOYED["aws_s3_bucket_policy.lake"]["policy"], context).decision
    assert result == decision if decision else result != "Deny"
