//! An S3 server in memory, whose conditional writes are atomic. Real requests of the real client reach it over HTTP.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use axum::http::HeaderMap;
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{
    Body, S3, S3Request, S3Response, S3Result,
    auth::SimpleAuth,
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
        CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag, ETagCondition,
        GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Metadata, PutObjectInput, PutObjectOutput,
        StreamingBlob, UploadPartInput, UploadPartOutput,
    },
    s3_error,
    service::S3ServiceBuilder,
};
use tokio::net::TcpListener;

const ACCESS_KEY: &str = "key";
const SECRET_KEY: &str = "secret";

/// The bucket; shared with the server, so that a test can look into it and change it.
#[derive(Debug, Clone, Default)]
pub struct Bucket {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Object>,
    uploads: HashMap<String, Upload>,
    writes: u64,
    broken_reads: HashMap<String, u32>,
    broken_writes: HashMap<String, u32>,
    calls: Vec<Call>,
}

/// A request that wrote or could have.
#[derive(Debug, Clone)]
pub struct Call {
    pub operation: &'static str,
    pub headers: HeaderMap,
}

impl Call {
    /// A header's value; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// An object.
#[derive(Debug, Clone)]
pub struct Object {
    pub content: Bytes,
    pub metadata: Metadata,
    etag: String,
}

#[derive(Debug)]
struct Upload {
    metadata: Metadata,
    parts: BTreeMap<i32, Bytes>,
}

impl Bucket {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn put(&self, key: &str, content: impl Into<Bytes>) {
        self.state()
            .store(key.to_owned(), content.into(), Metadata::default(), None, None)
            .unwrap();
    }

    pub fn get(&self, key: &str) -> Option<Object> {
        self.state().objects.get(key).cloned()
    }

    /// Changes an object in place, as no client could.
    pub fn edit(&self, key: &str, change: impl FnOnce(&mut Object)) {
        change(self.state().objects.get_mut(key).unwrap());
    }

    pub fn remove(&self, key: &str) {
        self.state().objects.remove(key);
    }

    pub fn keys(&self, prefix: &str) -> Vec<String> {
        self.state()
            .objects
            .keys()
            .filter(|key| key.starts_with(prefix))
            .cloned()
            .collect()
    }

    /// Multipart uploads that were begun and neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.state().uploads.len()
    }

    /// Has the next reads of an object fail with a status that the client does not retry.
    pub fn break_reads(&self, key: &str, count: u32) {
        self.state().broken_reads.insert(key.to_owned(), count);
    }

    /// The same of the next writes: of the whole object, or of a part.
    pub fn break_writes(&self, key: &str, count: u32) {
        self.state().broken_writes.insert(key.to_owned(), count);
    }

    /// The writing requests so far, in their order.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    fn record<T>(&self, operation: &'static str, request: &S3Request<T>) {
        self.state().calls.push(Call {
            operation,
            headers: request.headers.clone(),
        });
    }

    /// Serves the bucket on a port of this machine until the runtime ends, and gives a client of it.
    pub async fn serve(&self) -> aws_sdk_s3::Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(self.clone().accept(listener));
        client(&format!("http://{address}"))
    }

    /// Serves the bucket to whoever connects.
    pub async fn accept(self, listener: TcpListener) {
        let mut builder = S3ServiceBuilder::new(self);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        loop {
            let Ok((socket, _)) = listener.accept().await else {
                return;
            };
            let service = service.clone();
            tokio::spawn(async move {
                // A client that goes away is no fault of the server.
                let _ = Builder::new(TokioExecutor::new())
                    .http1_only()
                    .serve_connection(TokioIo::new(socket), service)
                    .await;
            });
        }
    }
}

/// A client of a server.
pub fn client(endpoint: &str) -> aws_sdk_s3::Client {
    client_with_secret(endpoint, SECRET_KEY)
}

/// A client that signs with a secret: with another than the server's it is refused.
pub fn client_with_secret(endpoint: &str, secret: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(ACCESS_KEY, secret, None, None, "test"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

/// Takes one off a count of failures, and fails while there are some.
fn refuse_one(broken: &mut HashMap<String, u32>, key: &str) -> S3Result<()> {
    match broken.get_mut(key) {
        Some(left) if *left > 0 => {
            *left -= 1;
            Err(s3_error!(AccessDenied))
        }
        _ => Ok(()),
    }
}

impl State {
    /// Looks at the conditions and stores the object, in one step.
    fn store(
        &mut self,
        key: String,
        content: Bytes,
        metadata: Metadata,
        if_match: Option<&ETagCondition>,
        if_none_match: Option<&ETagCondition>,
    ) -> S3Result<ETag> {
        let current = self.objects.get(&key);
        if if_none_match.is_some_and(ETagCondition::is_any) && current.is_some() {
            return Err(s3_error!(PreconditionFailed));
        }
        if let Some(wanted) = if_match.and_then(ETagCondition::as_etag) {
            match current {
                None => return Err(s3_error!(NoSuchKey)),
                Some(object) if object.etag != wanted.value() => {
                    return Err(s3_error!(PreconditionFailed));
                }
                Some(_) => {}
            }
        }
        self.writes += 1;
        let etag = format!("etag-{}", self.writes);
        self.objects.insert(
            key,
            Object {
                content,
                metadata,
                etag: etag.clone(),
            },
        );
        Ok(ETag::Strong(etag))
    }
}

async fn read(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(mut body) = body else {
        return Ok(Bytes::new());
    };
    let mut content = BytesMut::new();
    while let Some(chunk) = body.try_next().await.map_err(|_| s3_error!(IncompleteBody))? {
        content.extend_from_slice(&chunk);
    }
    Ok(content.freeze())
}

#[async_trait::async_trait]
impl S3 for Bucket {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        self.record("PutObject", &request);
        let PutObjectInput {
            key,
            body,
            metadata,
            if_match,
            if_none_match,
            ..
        } = request.input;
        let content = read(body).await?;
        refuse_one(&mut self.state().broken_writes, &key)?;
        let etag = self.state().store(
            key,
            content,
            metadata.unwrap_or_default(),
            if_match.as_ref(),
            if_none_match.as_ref(),
        )?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(etag),
            ..Default::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let mut state = self.state();
        refuse_one(&mut state.broken_reads, &request.input.key)?;
        let object = state
            .objects
            .get(&request.input.key)
            .ok_or_else(|| s3_error!(NoSuchKey))?;
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(i64::try_from(object.content.len()).unwrap()),
            body: Some(StreamingBlob::from(Body::from(object.content.clone()))),
            e_tag: Some(ETag::Strong(object.etag.clone())),
            metadata: Some(object.metadata.clone()),
            ..Default::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let state = self.state();
        let object = state
            .objects
            .get(&request.input.key)
            .ok_or_else(|| s3_error!(NoSuchKey))?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(i64::try_from(object.content.len()).unwrap()),
            e_tag: Some(ETag::Strong(object.etag.clone())),
            metadata: Some(object.metadata.clone()),
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.record("CreateMultipartUpload", &request);
        let mut state = self.state();
        state.writes += 1;
        let id = format!("upload-{}", state.writes);
        let metadata = request.input.metadata.unwrap_or_default();
        state.uploads.insert(
            id.clone(),
            Upload {
                metadata,
                parts: BTreeMap::new(),
            },
        );
        Ok(S3Response::new(CreateMultipartUploadOutput {
            upload_id: Some(id),
            ..Default::default()
        }))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.record("UploadPart", &request);
        let UploadPartInput {
            key,
            upload_id,
            part_number,
            body,
            ..
        } = request.input;
        let content = read(body).await?;
        let mut state = self.state();
        refuse_one(&mut state.broken_writes, &key)?;
        let upload = state
            .uploads
            .get_mut(&upload_id)
            .ok_or_else(|| s3_error!(NoSuchUpload))?;
        upload.parts.insert(part_number, content);
        let etag = ETag::Strong(format!("part-{part_number}"));
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(etag),
            ..Default::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.record("CompleteMultipartUpload", &request);
        let CompleteMultipartUploadInput {
            key,
            upload_id,
            multipart_upload,
            if_match,
            if_none_match,
            ..
        } = request.input;
        let mut state = self.state();
        let upload = state.uploads.get(&upload_id).ok_or_else(|| s3_error!(NoSuchUpload))?;
        let wanted: Vec<i32> = multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default()
            .iter()
            .filter_map(|part| part.part_number)
            .collect();
        if !wanted.iter().eq(upload.parts.keys()) {
            return Err(s3_error!(InvalidPart));
        }
        let content: Vec<u8> = upload.parts.values().flatten().copied().collect();
        let metadata = upload.metadata.clone();
        let etag = state.store(key, content.into(), metadata, if_match.as_ref(), if_none_match.as_ref())?;
        state.uploads.remove(&upload_id);
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            e_tag: Some(etag),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.record("AbortMultipartUpload", &request);
        self.state().uploads.remove(&request.input.upload_id);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
