"""What S3 does with listings, keys and wrong requests, as cases that any server of S3 is tested with.

Each function is a case. It is given the keys of a prefix of its own, in a bucket that exists.
"""

import concurrent.futures
import hashlib
import urllib.error
import urllib.request
import zlib
from base64 import b64encode

import pytest
from botocore import UNSIGNED

from s3_client import refused

# Listings

TREE = ["a-b/1", "a/1", "a/2/x", "a/2/y", "a/20", "a0/1", "b"]


def tree(s3):
    for name in reversed(TREE):
        s3.put(name)


def case_keys_are_listed_in_the_order_of_their_bytes(s3):
    names = ["B", "a", "a+", "a-", "a0", "aB", "é", "日"]
    for name in names:
        s3.put(name)
    assert s3.names()[0] == sorted(names, key=lambda name: name.encode())


def case_a_folder_is_no_key(s3):
    tree(s3)
    assert s3.names() == (TREE, [])


def case_a_prefix_may_end_within_a_name(s3):
    tree(s3)
    assert s3.names("a/2") == (["a/2/x", "a/2/y", "a/20"], [])


def case_a_prefix_of_nothing(s3):
    tree(s3)
    listed = s3.list("c")
    assert listed["KeyCount"] == 0 and not listed["IsTruncated"] and "Contents" not in listed


def case_folders_are_common_prefixes(s3):
    tree(s3)
    assert s3.names(Delimiter="/") == (["b"], ["a-b/", "a/", "a0/"])


def case_folders_below_a_prefix(s3):
    tree(s3)
    assert s3.names("a/", Delimiter="/") == (["a/1", "a/20"], ["a/2/"])


def case_a_prefix_without_its_slash_is_a_folder(s3):
    tree(s3)
    assert s3.names("a", Delimiter="/") == ([], ["a-b/", "a/", "a0/"])


def pages(s3, size, **more):
    found, folders, token = [], [], {}
    for _ in range(100):
        listed = s3.list(MaxKeys=size, **more, **token)
        objects = [item["Key"][len(s3.prefix) :] for item in listed.get("Contents", [])]
        prefixes = [item["Prefix"][len(s3.prefix) :] for item in listed.get("CommonPrefixes", [])]
        assert listed["KeyCount"] == len(objects) + len(prefixes) <= size
        found += objects
        folders += prefixes
        if not listed["IsTruncated"]:
            assert "NextContinuationToken" not in listed
            return found, folders
        token = {"ContinuationToken": listed["NextContinuationToken"]}
    raise AssertionError("the listing does not end")


def case_pages_of_one_key(s3):
    tree(s3)
    assert pages(s3, 1) == (TREE, [])


def case_pages_of_three_keys(s3):
    tree(s3)
    assert pages(s3, 3) == (TREE, [])


def case_a_page_that_has_all_keys_is_the_last(s3):
    tree(s3)
    assert not s3.list(MaxKeys=len(TREE))["IsTruncated"]


def case_pages_of_folders(s3):
    tree(s3)
    for size in [1, 2, 3]:
        assert pages(s3, size, Delimiter="/") == (["b"], ["a-b/", "a/", "a0/"])


def case_a_listing_starts_after_a_key(s3):
    tree(s3)
    assert s3.names(StartAfter=s3.key("a/2/x"))[0] == ["a/2/y", "a/20", "a0/1", "b"]


def case_a_listing_starts_after_a_key_that_does_not_exist(s3):
    tree(s3)
    assert s3.names(StartAfter=s3.key("a/2/xx"))[0] == ["a/2/y", "a/20", "a0/1", "b"]


def case_folders_are_listed_after_a_key_in_one_of_them(s3):
    tree(s3)
    assert s3.names(Delimiter="/", StartAfter=s3.key("a/2/x")) == (["b"], ["a/", "a0/"])


def case_a_page_of_no_keys(s3):
    tree(s3)
    listed = s3.list(MaxKeys=0)
    assert listed["KeyCount"] == 0 and not listed["IsTruncated"]


def case_a_page_has_a_thousand_keys_at_most(s3):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: s3.put(f"{number:04}"), range(1001)))
    listed = s3.list(MaxKeys=5000)
    assert len(listed["Contents"]) == 1000 and listed["IsTruncated"]
    assert s3.names(StartAfter=s3.key("0999"))[0] == ["1000"]


def case_a_listing_has_sizes(s3):
    s3.put("a", b"12345")
    s3.put("b", b"")
    assert [item["Size"] for item in s3.list()["Contents"]] == [5, 0]


def case_an_overwritten_object_is_listed_once(s3):
    for body in [b"one", b"two", b"three"]:
        s3.put("a", body)
    assert [(item["Key"], item["Size"]) for item in s3.list()["Contents"]] == [(s3.key("a"), 5)]


def case_a_listing_is_true_at_once(s3):
    for number in range(5):
        s3.put(f"a{number}")
        assert len(s3.names()[0]) == number + 1
    for number in range(5):
        s3.delete(f"a{number}")
        assert len(s3.names()[0]) == 4 - number


def case_a_delimiter_may_be_any_text(s3):
    for name in ["a--1", "a--2", "b"]:
        s3.put(name)
    assert s3.names(Delimiter="--") == (["b"], ["a--"])


def case_the_first_version_of_listings(s3):
    tree(s3)
    listed = s3.client.list_objects(Bucket=s3.bucket, Prefix=s3.prefix)
    assert [item["Key"][len(s3.prefix) :] for item in listed["Contents"]] == TREE


def case_a_key_may_be_the_folder_of_another(s3):
    s3.put("a", b"one")
    s3.put("a/b", b"two")
    assert s3.names()[0] == ["a", "a/b"] and s3.read("a") == b"one"


# Keys


def kept(s3, name):
    s3.put(name, b"content", Metadata={"run": "1"})
    assert s3.read(name) == b"content"
    assert s3.names()[0] == [name]
    assert s3.head(name)["Metadata"] == {"run": "1"}
    s3.delete(name)
    assert s3.names()[0] == []


def case_a_key_as_the_lakes(s3):
    kept(s3, "lake/account_id=111122223333/region=eu-west-1/year=2026/month=11/2026-11-20_shop.snappy.parquet")


def case_a_key_with_spaces(s3):
    kept(s3, "a b/ c/d ")


def case_a_key_with_plus_and_percent(s3):
    kept(s3, "a+b%20c%2Fd%")


def case_a_key_with_what_urls_give_a_meaning(s3):
    kept(s3, "a?b=c&d#e;f:g@h,i")


def case_a_key_with_what_xml_gives_a_meaning(s3):
    kept(s3, "a<b>&amp;'c'\"d\"")


def case_a_key_with_brackets(s3):
    kept(s3, "a(b)[c]{d}!*|^`~$")


def case_a_key_in_other_scripts(s3):
    kept(s3, "Größe/日本語/поды/🦀")


def case_a_key_with_a_combining_accent(s3):
    kept(s3, "e\u0301")


def case_a_key_with_a_backslash(s3):
    kept(s3, "a\\b")


def case_a_key_with_two_slashes(s3):
    kept(s3, "a//b")


def case_a_key_that_ends_with_a_slash(s3):
    kept(s3, "a/")


def case_a_key_with_a_name_that_begins_with_a_dot(s3):
    kept(s3, ".a/.b")


def case_a_key_with_a_long_name(s3):
    kept(s3, "n" * 250)


def case_a_key_with_a_name_that_no_file_can_have(s3):
    kept(s3, "n" * 300)


def case_a_key_of_many_folders(s3):
    kept(s3, "/".join(["f"] * 60))


def case_a_key_of_1024_bytes(s3):
    name = "d" * 100 + "/"
    length = 1024 - len(s3.prefix)
    kept(s3, (name * 11)[: length - 1] + "e")


def case_a_key_of_more_than_1024_bytes_is_refused(s3):
    name = ("d" * 100 + "/") * 11
    refused("KeyTooLongError", 400, s3.put, name[:1024] + "e")


# Refusals


def case_a_wrong_signature_is_refused(s3):
    client = s3.server.client(secret="wrong")
    refused("SignatureDoesNotMatch", 403, client.list_objects_v2, Bucket=s3.bucket)


def case_an_unknown_access_key_is_refused(s3):
    client = s3.server.client(key="AKIAUNKNOWN000000000")
    refused("InvalidAccessKeyId", 403, client.list_objects_v2, Bucket=s3.bucket)


def case_a_request_without_a_signature_is_refused(s3):
    s3.put("a")
    client = s3.server.client(signature_version=UNSIGNED)
    refused("AccessDenied", 403, client.get_object, Bucket=s3.bucket, Key=s3.key("a"))


def case_a_presigned_url_that_was_changed_is_refused(s3):
    s3.put("a")
    url = s3.client.generate_presigned_url("get_object", Params={"Bucket": s3.bucket, "Key": s3.key("a")}, ExpiresIn=60)
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(url.replace("Expires=60", "Expires=600"))
    assert refusal.value.code == 403


def case_a_wrong_crc32_is_refused(s3):
    wrong = b64encode(zlib.crc32(b"other").to_bytes(4, "big")).decode()
    refused("BadDigest", 400, s3.put, "a", b"content", ChecksumCRC32=wrong)
    assert s3.names() == ([], [])


def case_a_wrong_crc32_of_a_part_is_refused(s3):
    wrong = b64encode(zlib.crc32(b"other").to_bytes(4, "big")).decode()
    upload = s3.begin("a", ChecksumAlgorithm="CRC32")
    refused("BadDigest", 400, s3.client.upload_part, **upload.of, PartNumber=1, Body=b"content", ChecksumCRC32=wrong)


def case_a_wrong_sha256_is_refused(s3):
    wrong = b64encode(hashlib.sha256(b"other").digest()).decode()
    refused("BadDigest", 400, s3.put, "a", b"content", ChecksumSHA256=wrong)
    assert s3.names() == ([], [])


def case_a_wrong_md5_is_refused(s3):
    wrong = b64encode(hashlib.md5(b"other").digest()).decode()
    refused("BadDigest", 400, s3.put, "a", b"content", ContentMD5=wrong)
    assert s3.names() == ([], [])
