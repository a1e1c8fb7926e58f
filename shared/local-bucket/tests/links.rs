//! Links in the bucket's directory: no operation follows one, and what they lead to stays as it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
};

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use local_bucket::{BUCKET_NAME, DirectoryError, LocalBucket, directory::Directory};
use store::session;

/// A directory with links, beside another one that they lead to.
struct Place {
    root: tempfile::TempDir,
    bucket: PathBuf,
    outside: PathBuf,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let [bucket, outside] = ["bucket", "outside"].map(|name| root.path().join(name));
        fs::create_dir_all(outside.join("folder")).unwrap();
        fs::create_dir(&bucket).unwrap();
        fs::write(outside.join("file"), "not the bucket's").unwrap();
        fs::write(outside.join("folder/file"), "not the bucket's either").unwrap();
        Self { root, bucket, outside }
    }

    /// Every file beside the bucket, with its content.
    fn outside(&self) -> BTreeMap<PathBuf, String> {
        fn visit(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    visit(&path, found);
                } else {
                    let content = fs::read_to_string(&path).unwrap();
                    found.insert(path, content);
                }
            }
        }
        let mut found = BTreeMap::new();
        visit(&self.outside, &mut found);
        found
    }

    async fn serve(&self) -> (LocalBucket, Client) {
        let (bucket, _) = LocalBucket::serve(&self.bucket, |_| false).await.unwrap();
        let client = session::s3_client(&bucket.sdk_config());
        (bucket, client)
    }
}

async fn put(client: &Client, key: &str) -> Result<(), Option<String>> {
    let put = client.put_object().bucket(BUCKET_NAME).key(key);
    code(put.body(ByteStream::from_static(b"new")).send().await)
}

async fn upload(client: &Client, key: &str) -> Result<(), Option<String>> {
    let begun = client.create_multipart_upload().bucket(BUCKET_NAME).key(key).send();
    let id = begun.await.unwrap().upload_id.unwrap();
    let part = client.upload_part().bucket(BUCKET_NAME).key(key).upload_id(&id);
    let part = part.part_number(1).body(ByteStream::from_static(b"new")).send().await;
    let part = CompletedPart::builder()
        .part_number(1)
        .set_e_tag(part.unwrap().e_tag)
        .build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = client.complete_multipart_upload().bucket(BUCKET_NAME).key(key);
    code(complete.upload_id(&id).multipart_upload(parts).send().await)
}

/// The error's code, for requests whose response has no body that is needed.
fn code<T, E: ProvideErrorMetadata, R>(result: Result<T, SdkError<E, R>>) -> Result<(), Option<String>> {
    result.map(drop).map_err(|error| error.code().map(str::to_owned))
}

async fn keys(client: &Client) -> Vec<String> {
    let listed = client.list_objects_v2().bucket(BUCKET_NAME).send().await.unwrap();
    listed
        .contents
        .unwrap_or_default()
        .into_iter()
        .filter_map(|object| object.key)
        .collect()
}

#[tokio::test]
async fn no_operation_follows_a_link() {
    let place = Place::new();
    let inside = place.bucket.join("lake");
    fs::create_dir(&inside).unwrap();
    fs::write(inside.join("own"), "own").unwrap();
    symlink(place.outside.join("file"), inside.join("file")).unwrap();
    symlink(place.outside.join("folder"), inside.join("folder")).unwrap();
    symlink(place.outside.join("absent"), inside.join("dangling")).unwrap();
    symlink(place.outside.join("absent"), inside.join("dangling-folder")).unwrap();
    // Also one that stays within the bucket.
    symlink(inside.join("own"), inside.join("second-name")).unwrap();
    let before = place.outside();
    let (bucket, client) = place.serve().await;
    for key in [
        "lake/file",
        "lake/folder/file",
        "lake/folder/new",
        "lake/dangling",
        "lake/dangling-folder/new",
        "lake/second-name",
    ] {
        let refused = Err(Some("InvalidRequest".to_owned()));
        let get = client.get_object().bucket(BUCKET_NAME).key(key).send();
        assert_eq!(code(get.await), refused, "get {key}");
        let delete = client.delete_object().bucket(BUCKET_NAME).key(key).send();
        assert_eq!(code(delete.await), refused, "delete {key}");
        assert_eq!(put(&client, key).await, refused, "put {key}");
        assert_eq!(upload(&client, key).await, refused, "multipart upload of {key}");
        let head = client.head_object().bucket(BUCKET_NAME).key(key).send();
        let status = head.await.unwrap_err().raw_response().map(|raw| raw.status().as_u16());
        assert_eq!(status, Some(400), "head {key}");
    }
    assert_eq!(keys(&client).await, ["lake/own"]);
    // The links are still there, and what they lead to is unchanged.
    for link in ["file", "folder", "dangling", "dangling-folder", "second-name"] {
        assert!(inside.join(link).is_symlink(), "{link}");
    }
    assert_eq!(place.outside(), before);
    assert_eq!(fs::read_to_string(inside.join("own")).unwrap(), "own");
    bucket.close().await;
    drop(place.root);
}

#[tokio::test]
async fn the_directories_of_the_bucket_itself_are_not_followed_either() {
    for name in [
        ".bucket",
        ".bucket/lock",
        ".bucket/uploads",
        ".bucket/events",
        ".bucket/metadata",
    ] {
        let place = Place::new();
        let link = place.bucket.join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let target = if name.ends_with("lock") { "file" } else { "folder" };
        symlink(place.outside.join(target), &link).unwrap();
        let before = place.outside();
        let refusal = match LocalBucket::serve(&place.bucket, |_| true).await {
            Err(error) => error.to_string(),
            // The metadata is first needed with the first object.
            Ok((bucket, _)) => {
                let client = session::s3_client(&bucket.sdk_config());
                let put = client.put_object().bucket(BUCKET_NAME).key("a/b").send();
                let error = put.await.unwrap_err();
                bucket.close().await;
                error.message().unwrap().to_owned()
            }
        };
        assert!(
            refusal.contains(&format!("{name}' is a link, which the local lake does not follow")),
            "{name}: {refusal}"
        );
        assert_eq!(place.outside(), before, "{name}");
        assert!(link.is_symlink());
    }
    let place = Place::new();
    // The directory that the user names may be a link.
    let link = place.root.path().join("link");
    symlink(&place.bucket, &link).unwrap();
    drop(Directory::open(&link).unwrap());
    assert!(place.bucket.join(".bucket/lock").is_file());
    assert!(matches!(
        Directory::for_reading(&place.root.path().join("absent")),
        Err(DirectoryError::Io { .. })
    ));
}

#[tokio::test]
async fn what_is_created_is_private() {
    let place = Place::new();
    fs::remove_dir(&place.bucket).unwrap();
    let (bucket, client) = place.serve().await;
    put(&client, "lake/a/b").await.unwrap();
    upload(&client, "lake/a/c").await.unwrap();
    fn visit(path: &Path, seen: &mut usize) {
        let metadata = fs::symlink_metadata(path).unwrap();
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.mode() & 0o777, expected, "{}", path.display());
        *seen += 1;
        if metadata.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                visit(&entry.unwrap().path(), seen);
            }
        }
    }
    let mut seen = 0;
    visit(&place.bucket, &mut seen);
    assert!(seen > 8, "{seen}");
    bucket.close().await;
}
