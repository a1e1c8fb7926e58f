//! The bucket, in memory, behind the S3 protocol as s3s implements it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use s3s::{
    S3, S3Request, S3Response, S3Result,
    checksum::ChecksumHasher,
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, CommonPrefix, CompleteMultipartUploadInput,
        CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag, ETagCondition,
        GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output,
        Object, PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp, UploadPartInput, UploadPartOutput,
    },
    s3_error,
};
use tokio::sync::mpsc::UnboundedSender;

use crate::world::World;

/// The largest page of a listing: small, so that listings have several pages.
const PAGE_KEYS: usize = 100;

#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) body: Bytes,
    pub(crate) metadata: HashMap<String, String>,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) etag: String,
}

#[derive(Debug, Default)]
struct Objects {
    objects: BTreeMap<String, Stored>,
    uploads: BTreeMap<String, Pending>,
    numbers: u64,
}

/// A multipart upload that has begun.
#[derive(Debug)]
struct Pending {
    metadata: HashMap<String, String>,
    parts: BTreeMap<i32, Bytes>,
}

/// An object was written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) key: String,
    pub(crate) before: Option<Stored>,
    pub(crate) now: Stored,
}

/// The bucket. Cloning is cheap.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    objects: Arc<Mutex<Objects>>,
    written: UnboundedSender<Written>,
}

impl Bucket {
    /// A bucket that is empty. Each write is sent to the channel when it is visible.
    pub(crate) fn new(written: UnboundedSender<Written>) -> Self {
        Self {
            objects: Arc::default(),
            written,
        }
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All objects below a prefix.
    pub(crate) fn below(&self, prefix: &str) -> Vec<(String, Stored)> {
        let objects = self.objects();
        let from_prefix = objects.objects.range(prefix.to_owned()..);
        from_prefix
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, stored)| (key.clone(), stored.clone()))
            .collect()
    }

    pub(crate) fn get(&self, key: &str) -> Option<Stored> {
        self.objects().objects.get(key).cloned()
    }

    pub(crate) fn remove(&self, key: &str) {
        self.objects().objects.remove(key);
    }

    fn commit(
        &self,
        key: String,
        body: Bytes,
        metadata: HashMap<String, String>,
        if_match: Option<&ETagCondition>,
        if_none_match: Option<&ETagCondition>,
    ) -> S3Result<ETag> {
        let mut objects = self.objects();
        let before = objects.objects.get(&key).cloned();
        match (if_match, &before) {
            (Some(_), None) => return Err(s3_error!(NoSuchKey)),
            (Some(condition), Some(stored)) if condition.as_etag().map(ETag::value) != Some(&*stored.etag) => {
                return Err(s3_error!(PreconditionFailed));
            }
            _ => {}
        }
        if if_none_match.is_some() && before.is_some() {
            return Err(s3_error!(PreconditionFailed));
        }
        objects.numbers += 1;
        let now = Stored {
            body,
            metadata,
            modified: World::now(),
            etag: format!("{:032x}", objects.numbers),
        };
        let etag = ETag::Strong(now.etag.clone());
        objects.objects.insert(key.clone(), now.clone());
        // Nobody listens any more when the simulation ends.
        let _ = self.written.send(Written { key, before, now });
        Ok(etag)
    }
}

async fn received(body: Option<StreamingBlob>, crc32: Option<&str>) -> S3Result<Bytes> {
    let mut body = body.ok_or_else(|| s3_error!(IncompleteBody))?;
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.try_next().await.map_err(|_| s3_error!(IncompleteBody))? {
        bytes.extend_from_slice(&chunk);
    }
    check(&bytes, crc32)?;
    Ok(bytes.freeze())
}

fn check(bytes: &[u8], sent: Option<&str>) -> S3Result<()> {
    let mut hasher = ChecksumHasher {
        crc32: Some(Default::default()),
        ..Default::default()
    };
    hasher.update(bytes);
    if sent.is_some() && sent != hasher.finalize().checksum_crc32.as_deref() {
        return Err(s3_error!(BadDigest));
    }
    Ok(())
}

fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp::from(SystemTime::from(time))
}

fn signed(bytes: usize) -> Option<i64> {
    i64::try_from(bytes).ok()
}

#[async_trait::async_trait]
impl S3 for Bucket {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let body = received(input.body, input.checksum_crc32.as_deref()).await?;
        let metadata = input.metadata.unwrap_or_default().into_iter().collect();
        let (if_match, if_none_match) = (input.if_match.as_ref(), input.if_none_match.as_ref());
        let etag = self.commit(input.key, body, metadata, if_match, if_none_match)?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(etag),
            ..Default::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let stored = self.get(&request.input.key).ok_or_else(|| s3_error!(NoSuchKey))?;
        Ok(S3Response::new(GetObjectOutput {
            content_length: signed(stored.body.len()),
            e_tag: Some(ETag::Strong(stored.etag)),
            last_modified: Some(timestamp(stored.modified)),
            metadata: Some(stored.metadata.into_iter().collect()),
            body: Some(StreamingBlob::from(s3s::Body::from(stored.body))),
            ..Default::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let stored = self.get(&request.input.key).ok_or_else(|| s3_error!(NoSuchKey))?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: signed(stored.body.len()),
            e_tag: Some(ETag::Strong(stored.etag)),
            last_modified: Some(timestamp(stored.modified)),
            metadata: Some(stored.metadata.into_iter().collect()),
            ..Default::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let after = input
            .continuation_token
            .clone()
            .or(input.start_after.clone())
            .unwrap_or_default();
        let (mut contents, mut folders): (Vec<Object>, Vec<String>) = (Vec::new(), Vec::new());
        let mut next = None;
        for (key, stored) in self.below(&prefix) {
            let rest = &key[prefix.len()..];
            let folder = input.delimiter.as_ref().and_then(|_| rest.split_once('/'));
            let folder = folder.map(|(folder, _)| format!("{prefix}{folder}/"));
            let listed = folder.as_ref().unwrap_or(&key);
            if *listed <= after || folders.last() == Some(listed) {
                continue;
            }
            if contents.len() + folders.len() == PAGE_KEYS {
                let last_object = contents.last().and_then(|object| object.key.clone());
                next = last_object.max(folders.last().cloned());
                break;
            }
            match folder {
                Some(folder) => folders.push(folder),
                None => contents.push(Object {
                    key: Some(key),
                    size: signed(stored.body.len()),
                    e_tag: Some(ETag::Strong(stored.etag)),
                    last_modified: Some(timestamp(stored.modified)),
                    ..Default::default()
                }),
            }
        }
        let common_prefixes = folders.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) });
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            is_truncated: Some(next.is_some()),
            key_count: i32::try_from(contents.len() + common_prefixes.len()).ok(),
            next_continuation_token: next,
            contents: Some(contents),
            common_prefixes: Some(common_prefixes.collect()),
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        let mut objects = self.objects();
        objects.numbers += 1;
        let id = format!("upload-{}", objects.numbers);
        let pending = Pending {
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
            parts: BTreeMap::new(),
        };
        objects.uploads.insert(id.clone(), pending);
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..Default::default()
        }))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let body = received(input.body, input.checksum_crc32.as_deref()).await?;
        let mut objects = self.objects();
        let pending = objects
            .uploads
            .get_mut(&input.upload_id)
            .ok_or_else(|| s3_error!(NoSuchUpload))?;
        pending.parts.insert(input.part_number, body);
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(format!("{}-{}", input.upload_id, input.part_number))),
            checksum_crc32: input.checksum_crc32,
            ..Default::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let named = input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default();
        let (body, metadata) = {
            let objects = self.objects();
            let pending = objects
                .uploads
                .get(&input.upload_id)
                .ok_or_else(|| s3_error!(NoSuchUpload))?;
            let mut body = BytesMut::new();
            for number in named.iter().filter_map(|part| part.part_number) {
                body.extend_from_slice(pending.parts.get(&number).ok_or_else(|| s3_error!(InvalidPart))?);
            }
            (body.freeze(), pending.metadata.clone())
        };
        check(&body, input.checksum_crc32.as_deref())?;
        let (if_match, if_none_match) = (input.if_match.as_ref(), input.if_none_match.as_ref());
        let etag = self.commit(input.key.clone(), body, metadata, if_match, if_none_match)?;
        self.objects().uploads.remove(&input.upload_id);
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(etag),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.objects().uploads.remove(&request.input.upload_id);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
