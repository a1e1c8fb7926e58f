//! Objects written as streams, over S3's API.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use bytes::Bytes;
use end_to_end::bucket::{BUCKET_NAME, Bucket};
use store::{Condition, PART_BYTES, Store, StoreError, UploadError};

const KEY: &str = "staging/an object";

async fn store() -> (Bucket, Store) {
    let bucket = Bucket::default();
    let store = Store::new(bucket.serve().await, BUCKET_NAME);
    (bucket, store)
}

fn operations(bucket: &Bucket) -> Vec<String> {
    let calls = bucket.calls();
    calls.into_iter().map(|call| call.operation).collect()
}

/// Bytes of which no two parts are the same.
fn content(length: usize) -> Bytes {
    (0..length)
        .map(|index| u8::try_from((index / 1000 + index) % 251).unwrap())
        .collect()
}

/// Writes in pieces of a size that divides no part.
async fn write(builder: store::upload::UploadBuilder, content: &Bytes) -> Result<store::upload::Uploaded, UploadError> {
    let mut upload = builder.begin();
    let mut rest = content.clone();
    while !rest.is_empty() {
        upload.write(rest.split_to(rest.len().min(300_007))).await.unwrap();
    }
    assert_eq!(upload.bytes(), content.len() as u64);
    upload.finish().await
}

#[tokio::test]
async fn what_fits_into_a_part_is_one_request_and_more_is_several() {
    let cases = [
        (0, 0),
        (1, 0),
        (PART_BYTES, 0),
        (PART_BYTES + 1, 2),
        (2 * PART_BYTES, 2),
        (2 * PART_BYTES + 12_345, 3),
    ];
    for (length, parts) in cases {
        let (bucket, store) = store().await;
        let content = content(length);
        let uploaded = write(store.upload(KEY), &content).await.unwrap();
        assert_eq!(uploaded.bytes, length as u64);
        let mut expected = vec!["PutObject"];
        if parts > 0 {
            expected = vec!["CreateMultipartUpload"];
            expected.extend(vec!["UploadPart"; parts]);
            expected.push("CompleteMultipartUpload");
        }
        assert_eq!(operations(&bucket), expected, "{length}");
        assert!(bucket.get(KEY).unwrap().content == content, "{length}");
        let head = store.head(KEY).await.unwrap().unwrap();
        assert_eq!((head.bytes, &head.etag), (length as u64, &uploaded.etag));
    }
}

#[tokio::test]
async fn one_large_piece_is_cut_into_parts() {
    let (bucket, store) = store().await;
    let content = content(3 * PART_BYTES + 5);
    let mut upload = store.upload(KEY).begin();
    upload.write(content.clone()).await.unwrap();
    upload.finish().await.unwrap();
    assert!(bucket.get(KEY).unwrap().content == content);
    let parts = operations(&bucket)
        .into_iter()
        .filter(|operation| operation == "UploadPart");
    assert_eq!(parts.count(), 4);
}

#[tokio::test]
async fn each_request_is_checksummed_and_says_what_was_set() {
    for length in [10, PART_BYTES + 10] {
        let (bucket, store) = store().await;
        let store = store
            .with_kms_key(Some("arn:aws:kms:us-east-1:111122223333:key/one".to_owned()))
            .with_bucket_owner(Some("111122223333".to_owned()));
        let builder = store
            .upload(KEY)
            .content_type("application/zstd")
            .metadata("run", "019aaaaa-0000-7000-8000-000000000001");
        write(builder, &content(length)).await.unwrap();
        let calls = bucket.calls();
        for call in &calls {
            let sends_content = ["PutObject", "UploadPart"].contains(&call.operation.as_str());
            let checksum = [call.header("x-amz-checksum-crc32"), call.header("x-amz-trailer")];
            assert!(!sends_content || checksum.concat().len() > 4, "no checksum: {call:?}");
            assert_eq!(call.header("x-amz-expected-bucket-owner"), "111122223333");
        }
        // What holds for the whole object is said once, when it begins.
        assert_eq!(calls[0].header("content-type"), "application/zstd");
        assert_eq!(calls[0].header("x-amz-server-side-encryption"), "aws:kms");
        assert!(
            calls[0]
                .header("x-amz-server-side-encryption-aws-kms-key-id")
                .ends_with("key/one")
        );
        let metadata = store.head(KEY).await.unwrap().unwrap().metadata;
        assert_eq!(metadata["run"], "019aaaaa-0000-7000-8000-000000000001");
    }
}

#[tokio::test]
async fn conditions_are_looked_at_when_the_object_becomes_visible() {
    for length in [10, PART_BYTES + 10] {
        let (bucket, store) = store().await;
        let content = content(length);
        let first = write(
            store.upload(KEY).condition(Condition::IfAbsent),
            &Bytes::from_static(b"first"),
        )
        .await
        .unwrap();
        let failing = [Condition::IfAbsent, Condition::IfMatch("another".to_owned())];
        for condition in failing {
            let error = write(store.upload(KEY).condition(condition), &content)
                .await
                .unwrap_err();
            assert!(
                matches!(&error, UploadError::ConditionFailed { key } if key == KEY),
                "{error}"
            );
        }
        assert_eq!(bucket.get(KEY).unwrap().content, &b"first"[..]);
        assert_eq!(bucket.open_uploads(), 0);
        let matching = Condition::IfMatch(first.etag);
        write(store.upload(KEY).condition(matching.clone()), &content)
            .await
            .unwrap();
        assert!(bucket.get(KEY).unwrap().content == content);
        // An object that is gone is none that matches.
        bucket.remove(KEY);
        let error = write(store.upload(KEY).condition(matching), &content)
            .await
            .unwrap_err();
        assert!(matches!(error, UploadError::ConditionFailed { .. }), "{error}");
    }
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing_behind() {
    for length in [10, 2 * PART_BYTES + 10] {
        let (bucket, store) = store().await;
        let mut upload = store.upload(KEY).begin();
        upload.write(content(length)).await.unwrap();
        upload.abort().await;
        assert!(bucket.get(KEY).is_none() && bucket.open_uploads() == 0);
    }
}

#[tokio::test]
async fn a_part_that_s3_refuses_ends_the_upload() {
    let (bucket, store) = store().await;
    bucket.break_writes(KEY, 1);
    let mut upload = store.upload(KEY).begin();
    upload.write(content(PART_BYTES + 10)).await.unwrap();
    let error = upload.finish().await.unwrap_err();
    assert!(
        matches!(&error, UploadError::Store(error) if error.is_forbidden()),
        "{error}"
    );
    let message = error.to_string();
    assert!(
        message.contains("UploadPart") && message.contains(KEY) && message.contains("policy"),
        "{message}"
    );
    assert!(bucket.get(KEY).is_none() && bucket.open_uploads() == 0);
}

#[tokio::test]
async fn absence_refusal_and_size_are_distinguished() {
    let (bucket, store) = store().await;
    assert!(store.head(KEY).await.unwrap().is_none());
    assert!(store.open(KEY).await.unwrap().is_none());
    assert!(store.get_bytes(KEY, 10).await.unwrap().is_none());
    bucket.put(KEY, "0123456789");
    assert_eq!(store.get_bytes(KEY, 10).await.unwrap().unwrap(), "0123456789");
    let error = store.get_bytes(KEY, 9).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { limit: 9, .. }), "{error}");
    assert!(error.is_permanent());
    bucket.break_reads(KEY, 1);
    let error = store.get_bytes(KEY, 10).await.unwrap_err();
    assert!(error.is_forbidden() && !error.is_permanent());
}

#[tokio::test]
async fn wrong_credentials_are_a_refusal_that_does_not_tell_them() {
    let bucket = Bucket::default();
    let store = Store::new(bucket.serve_to_stranger("s3cret").await, BUCKET_NAME);
    let error = store.put_json(KEY, b"{}".to_vec()).await.unwrap_err();
    assert!(error.is_forbidden(), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    assert!(bucket.get(KEY).is_none());
}
