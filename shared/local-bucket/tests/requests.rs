//! The bucket on a directory, through the real client.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use bytes::Bytes;
use local_bucket::{BUCKET_NAME, LocalBucket};
use store::{Condition, Crc32, Store, UploadError, session};

async fn serve(directory: &std::path::Path) -> (LocalBucket, Store) {
    let (bucket, _) = LocalBucket::serve(directory, |_| false).await.unwrap();
    let store = Store::new(session::s3_client(&bucket.sdk_config()), BUCKET_NAME);
    (bucket, store)
}

#[tokio::test]
async fn objects_of_all_sizes_are_read_back_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let (_bucket, store) = serve(directory.path()).await;
    for (key, size) in [("a/small", 11), ("a=b/large one+ä", 20_000_000), ("a/empty", 0)] {
        let content: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
        let mut upload = store.upload(key).metadata("run", "1").begin();
        upload.write(Bytes::from(content.clone())).await.unwrap();
        upload.finish().await.unwrap();
        let read = store.get_bytes(key, 1 << 30).await.unwrap().unwrap();
        assert!(read == content, "{key}");
        let mut checksum = Crc32::default();
        checksum.update(&content);
        assert_eq!(store.checksum(key).await.unwrap(), Some(checksum.finish()), "{key}");
        assert_eq!(store.head(key).await.unwrap().unwrap().metadata["run"], "1");
        assert_eq!(std::fs::read(directory.path().join(key)).unwrap(), content);
    }
    let keys: Vec<String> = store
        .list("a")
        .objects()
        .await
        .unwrap()
        .into_iter()
        .map(|object| object.key)
        .collect();
    assert_eq!(keys, ["a/empty", "a/small", "a=b/large one+ä"]);
}

#[tokio::test]
async fn conditions_are_checked_by_both_kinds_of_upload() {
    let directory = tempfile::tempdir().unwrap();
    let (_bucket, store) = serve(directory.path()).await;
    for size in [10, 9_000_000] {
        let key = format!("key-{size}");
        let write = async |condition: Condition| {
            let mut upload = store.upload(&key).condition(condition).begin();
            upload.write(Bytes::from(vec![7; size])).await.unwrap();
            upload.finish().await
        };
        write(Condition::IfAbsent).await.unwrap();
        assert!(matches!(
            write(Condition::IfAbsent).await,
            Err(UploadError::ConditionFailed { .. })
        ));
        let etag = store.head(&key).await.unwrap().unwrap().etag;
        write(Condition::IfMatch(etag.clone())).await.unwrap();
        assert!(matches!(
            write(Condition::IfMatch(etag)).await,
            Err(UploadError::ConditionFailed { .. })
        ));
    }
}

#[tokio::test]
async fn listings_have_pages_and_wrong_credentials_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (bucket, store) = serve(directory.path()).await;
    for number in 0..2_500 {
        let path = directory.path().join(format!("many/{:02}/{number:04}", number % 50));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    let keys: Vec<String> = store
        .list("many/")
        .objects()
        .await
        .unwrap()
        .into_iter()
        .map(|object| object.key)
        .collect();
    assert!(keys.len() == 2_500 && keys.is_sorted());
    assert_eq!(store.list("many/").folders().prefixes().await.unwrap().len(), 50);
    let config = bucket.sdk_config();
    let stranger = aws_sdk_s3::config::Credentials::new("key", "secret", None, None, "test");
    let config = config
        .to_builder()
        .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(stranger))
        .build();
    let stranger = Store::new(session::s3_client(&config), BUCKET_NAME);
    assert!(stranger.list("many/").objects().await.unwrap_err().is_forbidden());
}
