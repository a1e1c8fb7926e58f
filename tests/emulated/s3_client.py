"""A server of S3, and the keys of a prefix, as the cases of S3 use them."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

PART = 5 * 1024 * 1024
"""The least size of a part that is not the last one."""


class Keys:
    """A bucket, seen through a prefix."""

    def __init__(self, server, prefix):
        self.server, self.client, self.bucket, self.prefix = server, server.client(), server.bucket, prefix

    def key(self, name):
        return self.prefix + name

    def put(self, name, body=b"content", **more):
        return self.client.put_object(Bucket=self.bucket, Key=self.key(name), Body=body, **more)

    def get(self, name, **more):
        return self.client.get_object(Bucket=self.bucket, Key=self.key(name), **more)

    def read(self, name, **more):
        return self.get(name, **more)["Body"].read()

    def head(self, name, **more):
        return self.client.head_object(Bucket=self.bucket, Key=self.key(name), **more)

    def delete(self, name):
        return self.client.delete_object(Bucket=self.bucket, Key=self.key(name))

    def list(self, prefix="", **more):
        return self.client.list_objects_v2(Bucket=self.bucket, Prefix=self.key(prefix), **more)

    def names(self, prefix="", **more):
        """The names of a listing, and of its folders, without this prefix."""
        listed = self.list(prefix, **more)
        cut = len(self.prefix)
        objects = [item["Key"][cut:] for item in listed.get("Contents", [])]
        folders = [item["Prefix"][cut:] for item in listed.get("CommonPrefixes", [])]
        return objects, folders

    def begin(self, name, **more):
        return Upload(self, name, self.client.create_multipart_upload(Bucket=self.bucket, Key=self.key(name), **more)["UploadId"])


class Upload:
    def __init__(self, keys, name, upload_id):
        self.keys, self.upload_id = keys, upload_id
        self.of = {"Bucket": keys.bucket, "Key": keys.key(name), "UploadId": upload_id}

    def part(self, number, body):
        etag = self.keys.client.upload_part(**self.of, PartNumber=number, Body=body)["ETag"]
        return {"PartNumber": number, "ETag": etag}

    def complete(self, parts, **more):
        return self.keys.client.complete_multipart_upload(**self.of, MultipartUpload={"Parts": parts}, **more)

    def abort(self):
        return self.keys.client.abort_multipart_upload(**self.of)


def refused(code, status, call, *arguments, **named):
    """A request that is refused with this code and status."""
    with pytest.raises(ClientError) as refusal:
        call(*arguments, **named)
    response = refusal.value.response
    # A response to HEAD has no body, so that the code is the status.
    assert response["Error"]["Code"] in (code, str(status)), response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status, response


class Server:
    """A server of S3 and a bucket of it."""

    def __init__(self, bucket, endpoint=None, key=None, secret=None, region="us-east-1"):
        self.bucket, self.endpoint, self.key, self.secret, self.region = bucket, endpoint, key, secret, region

    def client(self, key=None, secret=None, signature_version="s3v4"):
        config = Config(signature_version=signature_version, retries={"total_max_attempts": 1}, max_pool_connections=20)
        if self.endpoint:
            config = config.merge(Config(s3={"addressing_style": "path"}))
        credentials = {"aws_access_key_id": key or self.key, "aws_secret_access_key": secret or self.secret}
        if not self.endpoint and not (key or secret):
            credentials = {}
        elif not self.endpoint:
            # The credentials of the environment, one of them changed.
            own = boto3.Session().get_credentials().get_frozen_credentials()
            credentials = {"aws_access_key_id": key or own.access_key, "aws_secret_access_key": secret or own.secret_key}
        return boto3.client("s3", endpoint_url=self.endpoint, region_name=self.region, config=config, **credentials)
