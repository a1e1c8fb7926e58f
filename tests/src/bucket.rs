//! The local bucket on a temporary directory, with a recorder in front: a test sees the requests, and has some refused.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use aws_sdk_s3::{
    Client,
    config::{Credentials, SharedCredentialsProvider},
};
use bytes::Bytes;
use futures_util::TryStreamExt;
use local_bucket::{
    Listed, LocalBucket,
    directory::{Directory, Precondition},
    tree::Kind,
};
use s3s::{
    S3Request, S3Result,
    access::{S3Access, S3AccessContext},
    dto::{GetObjectInput, PutObjectInput, StreamingBlob, UploadPartInput},
    s3_error,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;

pub use local_bucket::BUCKET_NAME;

/// The bucket. Its clones are the same bucket; the server runs until the last one is dropped.
#[derive(Clone)]
pub struct Bucket {
    directory: Arc<Directory>,
    server: Arc<OnceCell<LocalBucket>>,
    recorder: Arc<Mutex<Recorder>>,
    _root: Arc<TempDir>,
}

#[derive(Default)]
struct Recorder {
    calls: Vec<Call>,
    broken_reads: HashMap<String, u32>,
    broken_writes: HashMap<String, u32>,
    /// By key: how many reads find what is there, and what the next one finds.
    mended: HashMap<String, (u32, Bytes)>,
}

/// A request that writes.
#[derive(Debug, Clone)]
pub struct Call {
    pub operation: String,
    headers: HashMap<String, String>,
}

impl Call {
    /// A header's value; empty if the header is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// An object.
#[derive(Debug, Clone)]
pub struct Object {
    pub content: Bytes,
    pub metadata: HashMap<String, String>,
}

impl Default for Bucket {
    fn default() -> Self {
        let root = tempfile::tempdir().unwrap();
        Self {
            directory: Arc::new(Directory::open(root.path()).unwrap()),
            server: Arc::default(),
            recorder: Arc::default(),
            _root: Arc::new(root),
        }
    }
}

impl Bucket {
    fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap()
    }

    pub fn put(&self, key: &str, content: impl Into<Bytes>) {
        let (content, metadata) = (content.into(), HashMap::new());
        self.write(key, &Object { content, metadata });
    }

    fn write(&self, key: &str, object: &Object) {
        write(&self.directory, key, object);
    }

    pub fn get(&self, key: &str) -> Option<Object> {
        let (entry, mut file) = self.directory.read(key).unwrap()?;
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut content).unwrap();
        Some(Object {
            content: content.into(),
            metadata: entry.metadata,
        })
    }

    /// Changes an object's content or metadata.
    pub fn edit(&self, key: &str, change: impl FnOnce(&mut Object)) {
        let mut object = self.get(key).unwrap();
        change(&mut object);
        self.write(key, &object);
    }

    pub fn remove(&self, key: &str) {
        self.directory.delete(key).unwrap();
    }

    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = self.directory.list(prefix, "", false, usize::MAX).unwrap();
        let keys = listed.into_iter().map(|listed| match listed {
            Listed::Object(key, _) | Listed::Folder(key) => key,
        });
        keys.collect()
    }

    /// Multipart uploads that were begun and neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        let file = self.directory.unfinished();
        let (folder, _) = file.rsplit_once('/').unwrap();
        let uploads = self.directory.tree().names(folder).unwrap().unwrap();
        uploads.iter().filter(|(_, kind)| *kind == Kind::Folder).count()
    }

    /// Refuses the next reads of an object, with a status that the client does not retry.
    pub fn break_reads(&self, key: &str, count: u32) {
        self.recorder().broken_reads.insert(key.to_owned(), count);
    }

    /// Replaces an object after some reads: those find what is there now, or nothing.
    pub fn mend_after(&self, reads: u32, key: &str, content: impl Into<Bytes>) {
        self.recorder().mended.insert(key.to_owned(), (reads, content.into()));
    }

    /// Refuses the next writes of an object or of its parts, with a status that the client does not retry.
    pub fn break_writes(&self, key: &str, count: u32) {
        self.recorder().broken_writes.insert(key.to_owned(), count);
    }

    /// The writing requests so far, in their order.
    pub fn calls(&self) -> Vec<Call> {
        self.recorder().calls.clone()
    }

    async fn server(&self) -> &LocalBucket {
        let serve = async || {
            let access = Access(Arc::clone(&self.recorder), Arc::clone(&self.directory));
            let served = LocalBucket::serve_with(Arc::clone(&self.directory), |_| false, access).await;
            served.unwrap().0
        };
        self.server.get_or_init(serve).await
    }

    /// Serves the bucket on a port of this machine, and returns the product's own client for it.
    pub async fn serve(&self) -> Client {
        store::session::s3_client(&self.server().await.sdk_config())
    }

    /// As [`Bucket::serve`], with a client that signs with another secret: all its requests are refused.
    pub async fn serve_to_stranger(&self, secret: &str) -> Client {
        let server = self.server().await;
        let credentials = Credentials::new(&server.access_key, secret, None, None, "test");
        let config = server.sdk_config().to_builder();
        let config = config.credentials_provider(SharedCredentialsProvider::new(credentials));
        store::session::s3_client(&config.build())
    }
}

fn write(directory: &Directory, key: &str, object: &Object) {
    let file = directory.unfinished();
    directory.tree().write(&file, &object.content).unwrap();
    let committed = directory.commit(&file, key, object.metadata.clone(), None, &Precondition::None);
    committed.unwrap();
}

/// The recorder as s3s calls it.
struct Access(Arc<Mutex<Recorder>>, Arc<Directory>);

/// Counts down the refusals of a key; fails while some are left.
fn refuse_one(broken: &mut HashMap<String, u32>, key: &str) -> S3Result<()> {
    match broken.get_mut(key) {
        Some(left) if *left > 0 => {
            *left -= 1;
            Err(s3_error!(AccessDenied))
        }
        _ => Ok(()),
    }
}

impl Access {
    /// The body of a refused write is read to its end: otherwise the client may see a broken connection.
    async fn write(&self, key: &str, body: &mut Option<StreamingBlob>) -> S3Result<()> {
        let refused = refuse_one(&mut self.0.lock().unwrap().broken_writes, key);
        if refused.is_err()
            && let Some(mut body) = body.take()
        {
            while body.try_next().await.is_ok_and(|chunk| chunk.is_some()) {}
        }
        refused
    }
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_none() {
            return Err(s3_error!(AccessDenied));
        }
        if !["GET", "HEAD"].contains(&context.method().as_str()) {
            let headers = context.headers().iter();
            let call = Call {
                operation: context.s3_op().name().to_owned(),
                headers: headers
                    .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                    .collect(),
            };
            self.0.lock().unwrap().calls.push(call);
        }
        Ok(())
    }

    async fn get_object(&self, request: &mut S3Request<GetObjectInput>) -> S3Result<()> {
        let (key, mut recorder) = (&request.input.key, self.0.lock().unwrap());
        if let Some((reads, content)) = recorder.mended.remove(key) {
            match reads.checked_sub(1) {
                Some(left) => drop(recorder.mended.insert(key.clone(), (left, content))),
                None => {
                    let metadata = HashMap::new();
                    write(&self.1, key, &Object { content, metadata });
                }
            }
        }
        refuse_one(&mut recorder.broken_reads, key)
    }

    async fn put_object(&self, request: &mut S3Request<PutObjectInput>) -> S3Result<()> {
        self.write(&request.input.key, &mut request.input.body).await
    }

    async fn upload_part(&self, request: &mut S3Request<UploadPartInput>) -> S3Result<()> {
        self.write(&request.input.key, &mut request.input.body).await
    }
}
