"""What S3 does with objects, as cases that any server of S3 is tested with: metadata, ranges, conditions, uploads in parts.

Each function is a case. It is given the keys of a prefix of its own, in a bucket that exists.
"""

import concurrent.futures
import datetime
import hashlib
import urllib.request

from botocore.exceptions import ClientError

from s3_client import PART, refused

# Objects and metadata


def case_an_object_is_read_as_it_was_written(s3):
    body = bytes(range(256)) * 40
    s3.put("a", body)
    assert s3.read("a") == body


def case_an_object_may_be_empty(s3):
    s3.put("a", b"")
    assert s3.read("a") == b""
    assert s3.head("a")["ContentLength"] == 0


def case_an_object_of_megabytes_is_one_put(s3):
    body = hashlib.sha256(b"seed").digest() * 250_000
    s3.put("a", body)
    assert hashlib.sha256(s3.read("a")).digest() == hashlib.sha256(body).digest()


def case_a_write_replaces_an_object(s3):
    s3.put("a", b"one")
    s3.put("a", b"three")
    assert s3.read("a") == b"three"
    assert s3.head("a")["ContentLength"] == 5


def case_metadata_is_read_as_it_was_written(s3):
    metadata = {"run": "019a", "record": '{"rows":3,"text":"a b=c+d"}'}
    s3.put("a", Metadata=metadata)
    assert s3.head("a")["Metadata"] == metadata
    assert s3.get("a")["Metadata"] == metadata


def case_names_of_metadata_are_lower_case(s3):
    s3.put("a", Metadata={"Run": "1"})
    assert s3.head("a")["Metadata"] == {"run": "1"}


def case_metadata_may_have_two_kilobytes(s3):
    s3.put("a", Metadata={"m": "x" * 1900})
    assert s3.head("a")["Metadata"]["m"] == "x" * 1900


def case_a_write_replaces_metadata(s3):
    s3.put("a", Metadata={"one": "1"})
    s3.put("a", Metadata={"two": "2"})
    assert s3.head("a")["Metadata"] == {"two": "2"}


def case_a_deleted_object_leaves_no_metadata(s3):
    s3.put("a", Metadata={"one": "1"})
    s3.delete("a")
    s3.put("a")
    assert s3.head("a")["Metadata"] == {}


def case_the_content_type_is_kept(s3):
    s3.put("a", ContentType="application/json")
    assert s3.head("a")["ContentType"] == "application/json"


def case_the_etag_is_the_same_everywhere(s3):
    etag = s3.put("a")["ETag"]
    assert etag.startswith('"') and etag.endswith('"')
    assert s3.head("a")["ETag"] == s3.get("a")["ETag"] == s3.list()["Contents"][0]["ETag"] == etag


def case_the_etag_changes_with_the_content(s3):
    assert s3.put("a", b"one")["ETag"] != s3.put("a", b"two")["ETag"]


def case_the_etag_of_a_put_is_the_md5(s3):
    assert s3.put("a", b"one")["ETag"] == f'"{hashlib.md5(b"one").hexdigest()}"'


def case_the_time_is_the_writes(s3):
    s3.put("a")
    now = datetime.datetime.now(datetime.UTC)
    for time in [s3.head("a")["LastModified"], s3.list()["Contents"][0]["LastModified"]]:
        assert abs(now - time) < datetime.timedelta(minutes=2)


def case_head_of_an_absent_object_is_404(s3):
    refused("404", 404, s3.head, "absent")


def case_get_of_an_absent_object_is_no_such_key(s3):
    refused("NoSuchKey", 404, s3.get, "absent")


def case_a_deletion_can_be_repeated(s3):
    s3.put("a")
    for _ in range(2):
        assert s3.delete("a")["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused("NoSuchKey", 404, s3.get, "a")


def case_several_objects_are_deleted_at_once(s3):
    s3.put("a")
    s3.put("b")
    objects = [{"Key": s3.key(name)} for name in ["a", "b", "absent"]]
    deleted = s3.client.delete_objects(Bucket=s3.bucket, Delete={"Objects": objects})["Deleted"]
    assert len(deleted) == 3 and s3.names() == ([], [])


def case_an_object_is_copied(s3):
    s3.put("a", b"one", Metadata={"run": "1"})
    s3.client.copy_object(Bucket=s3.bucket, Key=s3.key("b"), CopySource={"Bucket": s3.bucket, "Key": s3.key("a")})
    assert s3.read("b") == b"one" and s3.head("b")["Metadata"] == {"run": "1"}


def case_a_presigned_url_reads_an_object(s3):
    s3.put("a b", b"one")
    url = s3.client.generate_presigned_url("get_object", Params={"Bucket": s3.bucket, "Key": s3.key("a b")}, ExpiresIn=60)
    with urllib.request.urlopen(url) as response:
        assert response.read() == b"one"


# Buckets


def case_the_bucket_exists(s3):
    assert s3.client.head_bucket(Bucket=s3.bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200


def case_no_object_is_read_from_an_absent_bucket(s3):
    refused("NoSuchBucket", 404, s3.client.get_object, Bucket=s3.bucket + "-absent-9f3b", Key="a")


def case_no_object_is_written_to_an_absent_bucket(s3):
    refused("NoSuchBucket", 404, s3.client.put_object, Bucket=s3.bucket + "-absent-9f3b", Key="a", Body=b"")


def case_an_absent_bucket_is_not_listed(s3):
    refused("NoSuchBucket", 404, s3.client.list_objects_v2, Bucket=s3.bucket + "-absent-9f3b")


# Ranges


def ranged(s3, text, expected, content_range):
    s3.put("a", b"0123456789")
    found = s3.get("a", Range=text)
    assert (found["Body"].read(), found["ContentRange"]) == (expected, content_range)
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 206


def case_a_range_at_the_beginning(s3):
    ranged(s3, "bytes=0-3", b"0123", "bytes 0-3/10")


def case_a_range_in_the_middle(s3):
    ranged(s3, "bytes=4-4", b"4", "bytes 4-4/10")


def case_a_range_to_the_end(s3):
    ranged(s3, "bytes=7-", b"789", "bytes 7-9/10")


def case_a_range_of_the_last_bytes(s3):
    ranged(s3, "bytes=-4", b"6789", "bytes 6-9/10")


def case_a_range_of_more_last_bytes_than_there_are(s3):
    ranged(s3, "bytes=-40", b"0123456789", "bytes 0-9/10")


def case_a_range_beyond_the_end_is_cut(s3):
    ranged(s3, "bytes=8-99", b"89", "bytes 8-9/10")


def case_a_range_after_the_end_is_refused(s3):
    s3.put("a", b"0123456789")
    refused("InvalidRange", 416, s3.get, "a", Range="bytes=10-12")


def case_an_empty_object_has_no_range(s3):
    s3.put("a", b"")
    refused("InvalidRange", 416, s3.get, "a", Range="bytes=0-0")


# Conditional reads


def case_a_read_if_match(s3):
    etag = s3.put("a")["ETag"]
    assert s3.read("a", IfMatch=etag) == b"content"
    s3.put("a", b"other")
    refused("PreconditionFailed", 412, s3.get, "a", IfMatch=etag)


def case_a_read_if_none_match(s3):
    etag = s3.put("a")["ETag"]
    refused("304", 304, s3.get, "a", IfNoneMatch=etag)
    s3.put("a", b"other")
    assert s3.read("a", IfNoneMatch=etag) == b"other"


# Conditional writes


def case_a_write_if_absent(s3):
    s3.put("a", b"one", IfNoneMatch="*")
    refused("PreconditionFailed", 412, s3.put, "a", b"two", IfNoneMatch="*")
    assert s3.read("a") == b"one"


def case_a_write_if_absent_after_a_deletion(s3):
    s3.put("a", b"one")
    s3.delete("a")
    s3.put("a", b"two", IfNoneMatch="*")
    assert s3.read("a") == b"two"


def case_a_write_if_match(s3):
    etag = s3.put("a", b"one")["ETag"]
    replaced = s3.put("a", b"two", IfMatch=etag)["ETag"]
    refused("PreconditionFailed", 412, s3.put, "a", b"three", IfMatch=etag)
    assert s3.read("a") == b"two"
    s3.put("a", b"four", IfMatch=replaced)


def case_a_write_if_match_of_an_absent_object(s3):
    refused("NoSuchKey", 404, s3.put, "a", IfMatch='"d41d8cd98f00b204e9800998ecf8427e"')
    assert s3.names() == ([], [])


def case_a_failed_condition_keeps_the_metadata(s3):
    s3.put("a", Metadata={"run": "1"})
    refused("PreconditionFailed", 412, s3.put, "a", Metadata={"run": "2"}, IfNoneMatch="*")
    assert s3.head("a")["Metadata"] == {"run": "1"}


def race(s3, **condition):
    """Writes at once on one condition. Returns the contents of those that won."""

    def write(number):
        try:
            s3.put("a", str(number).encode(), **condition)
            return str(number).encode()
        except ClientError as error:
            # 409 is S3's response to some of the requests that come at the same time.
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412)
            return None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return [body for body in pool.map(write, range(16)) if body is not None]


def case_of_many_writers_if_absent_one_wins(s3):
    winners = race(s3, IfNoneMatch="*")
    assert len(winners) == 1 and s3.read("a") == winners[0]


def case_of_many_writers_if_match_one_wins(s3):
    etag = s3.put("a", b"first")["ETag"]
    winners = race(s3, IfMatch=etag)
    assert len(winners) == 1 and s3.read("a") == winners[0]


# Uploads in parts


def case_an_upload_of_one_part(s3):
    upload = s3.begin("a")
    upload.complete([upload.part(1, b"content")])
    assert s3.read("a") == b"content"


def case_an_upload_of_two_parts(s3):
    upload = s3.begin("a")
    upload.complete([upload.part(1, b"x" * PART), upload.part(2, b"end")])
    assert s3.read("a") == b"x" * PART + b"end"
    assert s3.head("a")["ContentLength"] == PART + 3


def case_an_upload_has_its_metadata(s3):
    upload = s3.begin("a", Metadata={"run": "1", "record": "{}"})
    upload.complete([upload.part(1, b"content")])
    assert s3.head("a")["Metadata"] == {"run": "1", "record": "{}"}


def case_the_etag_of_an_upload_is_the_same_everywhere(s3):
    upload = s3.begin("a")
    etag = upload.complete([upload.part(1, b"content")])["ETag"]
    assert s3.head("a")["ETag"] == s3.list()["Contents"][0]["ETag"] == etag


def case_parts_may_arrive_in_any_order(s3):
    upload = s3.begin("a")
    last, first = upload.part(2, b"end"), upload.part(1, b"x" * PART)
    upload.complete([first, last])
    assert s3.read("a") == b"x" * PART + b"end"


def case_numbers_of_parts_may_have_gaps(s3):
    upload = s3.begin("a")
    upload.complete([upload.part(3, b"x" * PART), upload.part(77, b"end")])
    assert s3.read("a") == b"x" * PART + b"end"


def case_the_last_upload_of_a_part_counts(s3):
    upload = s3.begin("a")
    upload.part(1, b"first")
    upload.complete([upload.part(1, b"second")])
    assert s3.read("a") == b"second"


def case_a_part_that_is_not_named_is_left_out(s3):
    upload = s3.begin("a")
    upload.part(2, b"left out")
    upload.complete([upload.part(1, b"content")])
    assert s3.read("a") == b"content"


def case_an_upload_is_invisible_until_it_is_complete(s3):
    upload = s3.begin("a")
    part = upload.part(1, b"content")
    refused("404", 404, s3.head, "a")
    assert s3.names() == ([], [])
    upload.complete([part])
    assert s3.names() == (["a"], [])


def case_an_upload_replaces_an_object(s3):
    s3.put("a", b"old", Metadata={"run": "1"})
    upload = s3.begin("a")
    part = upload.part(1, b"new")
    assert s3.read("a") == b"old"
    upload.complete([part])
    assert s3.read("a") == b"new" and s3.head("a")["Metadata"] == {}


def case_an_aborted_upload_changes_nothing(s3):
    s3.put("a", b"old")
    upload = s3.begin("a")
    part = upload.part(1, b"new")
    upload.abort()
    refused("NoSuchUpload", 404, upload.complete, [part])
    assert s3.read("a") == b"old"


def case_no_part_of_an_unknown_upload(s3):
    upload = s3.begin("a")
    upload.abort()
    refused("NoSuchUpload", 404, upload.part, 1, b"content")


def case_no_abortion_of_an_unknown_upload(s3):
    upload = s3.begin("a")
    upload.abort()
    refused("NoSuchUpload", 404, upload.abort)


def case_parts_are_named_in_order(s3):
    upload = s3.begin("a")
    first, last = upload.part(1, b"x" * PART), upload.part(2, b"end")
    refused("InvalidPartOrder", 400, upload.complete, [last, first])


def case_an_absent_part_is_refused(s3):
    upload = s3.begin("a")
    part = upload.part(1, b"content")
    refused("InvalidPart", 400, upload.complete, [{**part, "PartNumber": 2}])


def case_a_part_with_another_etag_is_refused(s3):
    upload = s3.begin("a")
    part = upload.part(1, b"content")
    refused("InvalidPart", 400, upload.complete, [{**part, "ETag": '"d41d8cd98f00b204e9800998ecf8427e"'}])


def case_an_upload_without_parts_is_refused(s3):
    refused("MalformedXML", 400, s3.begin("a").complete, [])


def case_a_small_part_that_is_not_the_last_is_refused(s3):
    upload = s3.begin("a")
    refused("EntityTooSmall", 400, upload.complete, [upload.part(1, b"small"), upload.part(2, b"end")])


def case_an_upload_can_be_completed_after_a_refusal(s3):
    upload = s3.begin("a")
    part = upload.part(1, b"content")
    refused("InvalidPart", 400, upload.complete, [{**part, "PartNumber": 2}])
    upload.complete([part])
    assert s3.read("a") == b"content"


def case_an_upload_if_absent(s3):
    upload = s3.begin("a")
    upload.complete([upload.part(1, b"one")], IfNoneMatch="*")
    upload = s3.begin("a")
    refused("PreconditionFailed", 412, upload.complete, [upload.part(1, b"two")], IfNoneMatch="*")
    assert s3.read("a") == b"one"


def case_an_upload_if_match(s3):
    etag = s3.put("a", b"one")["ETag"]
    upload = s3.begin("a")
    upload.complete([upload.part(1, b"two")], IfMatch=etag)
    upload = s3.begin("a")
    refused("PreconditionFailed", 412, upload.complete, [upload.part(1, b"three")], IfMatch=etag)
    assert s3.read("a") == b"two"


def case_a_range_across_two_parts(s3):
    upload = s3.begin("a")
    upload.complete([upload.part(1, b"x" * PART), upload.part(2, b"0123")])
    assert s3.read("a", Range=f"bytes={PART - 2}-{PART + 1}") == b"xx01"


def case_open_uploads_are_listed(s3):
    upload = s3.begin("a")
    upload.part(1, b"content")
    listed = s3.client.list_multipart_uploads(Bucket=s3.bucket, Prefix=s3.prefix)
    assert [found["UploadId"] for found in listed["Uploads"]] == [upload.upload_id]
    assert [part["PartNumber"] for part in s3.client.list_parts(**upload.of)["Parts"]] == [1]
