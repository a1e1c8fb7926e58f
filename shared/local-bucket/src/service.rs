//! The S3 operations that the exporter, the functions and common readers use, over a [`Directory`].

use std::{
    fs::File,
    io::{self, Read as _},
    sync::Arc,
};

use futures_util::TryStreamExt;
use s3s::{
    S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result,
    checksum::ChecksumHasher,
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumType, CommonPrefix,
        CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CreateMultipartUploadInput,
        CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition, GetObjectInput,
        GetObjectOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
        PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp, UploadPartInput, UploadPartOutput,
    },
    s3_error,
};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use crate::{
    BUCKET_NAME,
    directory::{Directory, Precondition},
    error::DirectoryError,
    journal::Journal,
    listing::Listed,
    tree::Tree,
};

/// The metadata of an upload, in its directory.
const UPLOAD_METADATA: &str = "metadata.json";
/// How many bytes of a file are read at a time.
const READ_BYTES: usize = 64 * 1024;
/// The largest page of a listing, as in S3.
const PAGE_KEYS: i32 = 1000;

#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) directory: Arc<Directory>,
    pub(crate) journal: Arc<Journal>,
}

impl From<DirectoryError> for S3Error {
    fn from(error: DirectoryError) -> Self {
        let code = match &error {
            DirectoryError::Key(_) => S3ErrorCode::InvalidArgument,
            // Not transient: the client does not retry.
            DirectoryError::Link(_) => S3ErrorCode::InvalidRequest,
            DirectoryError::Precondition(_) => S3ErrorCode::PreconditionFailed,
            DirectoryError::Absent(_) => S3ErrorCode::NoSuchKey,
            DirectoryError::InUse(_) | DirectoryError::Io { .. } => S3ErrorCode::InternalError,
        };
        Self::with_message(code, error.to_string())
    }
}

fn internal(error: impl std::fmt::Display) -> S3Error {
    S3Error::with_message(S3ErrorCode::InternalError, error.to_string())
}

fn check_bucket(name: &str) -> S3Result<()> {
    if name == BUCKET_NAME {
        Ok(())
    } else {
        Err(s3_error!(NoSuchBucket))
    }
}

fn precondition(if_match: Option<&ETagCondition>, if_none_match: Option<&ETagCondition>) -> S3Result<Precondition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Precondition::None),
        (None, Some(condition)) if condition.is_any() => Ok(Precondition::Absent),
        (Some(condition), None) => match condition.as_etag() {
            Some(etag) => Ok(Precondition::Match(etag.value().to_owned())),
            None => Err(s3_error!(NotImplemented)),
        },
        _ => Err(s3_error!(NotImplemented)),
    }
}

fn hasher() -> ChecksumHasher {
    ChecksumHasher {
        crc32: Some(Default::default()),
        ..Default::default()
    }
}

/// Writes a body into a file, and compares its CRC32 where the client sent one. Gives the CRC32.
async fn receive(
    body: StreamingBlob,
    file: File,
    crc32: Option<String>,
    trailers: Option<&s3s::TrailingHeaders>,
) -> S3Result<Option<String>> {
    let mut file = tokio::fs::File::from_std(file);
    let mut hasher = hasher();
    let mut body = body;
    while let Some(chunk) = body.try_next().await.map_err(|_| s3_error!(IncompleteBody))? {
        hasher.update(&chunk);
        file.write_all(&chunk).await.map_err(internal)?;
    }
    file.flush().await.map_err(internal)?;
    let trailer = || {
        let headers = trailers?.take()?;
        Some(headers.get("x-amz-checksum-crc32")?.to_str().ok()?.to_owned())
    };
    let sent = crc32.or_else(trailer);
    let received = hasher.finalize().checksum_crc32;
    if sent.is_some() && sent != received {
        return Err(s3_error!(BadDigest));
    }
    Ok(received)
}

impl Service {
    /// Makes a finished file an object, and publishes the event.
    fn commit(
        &self,
        file: &str,
        key: &str,
        metadata: Option<s3s::dto::Metadata>,
        checksum: Option<String>,
        precondition: &Precondition,
        event_name: &str,
    ) -> S3Result<ETag> {
        let notice = self.journal.announce(key, event_name)?;
        let committed = self.directory.commit(
            file,
            key,
            metadata.unwrap_or_default().into_iter().collect(),
            checksum,
            precondition,
        );
        if committed.is_err() {
            // What cannot be removed now is removed at the next start.
            let _ = self.directory.tree().remove_file(file);
        }
        let entry = committed?;
        notice.publish();
        Ok(ETag::Strong(entry.etag))
    }

    /// The directory of an upload. It is removed when the upload is completed or aborted.
    fn upload(&self, upload_id: &str) -> S3Result<String> {
        // An upload ID that is not a UUID must not become a path.
        let id = uuid::Uuid::parse_str(upload_id).map_err(|_| s3_error!(NoSuchUpload))?;
        let upload = self.directory.upload(id);
        match self.directory.tree().open(&metadata_of(&upload))? {
            Some(_) => Ok(upload),
            None => Err(s3_error!(NoSuchUpload)),
        }
    }

    /// Writes a body into a new file, which is not an object yet. Gives its path and CRC32.
    async fn receive(
        &self,
        body: Option<StreamingBlob>,
        crc32: Option<String>,
        trailers: Option<&s3s::TrailingHeaders>,
    ) -> S3Result<(String, Option<String>)> {
        let body = body.ok_or_else(|| s3_error!(IncompleteBody))?;
        let path = self.directory.unfinished();
        let file = self.directory.tree().create_file(&path)?;
        match receive(body, file, crc32, trailers).await {
            Ok(checksum) => Ok((path, checksum)),
            Err(error) => {
                // What cannot be removed now is removed at the next start.
                let _ = self.directory.tree().remove_file(&path);
                Err(error)
            }
        }
    }
}

/// S3's fields are signed.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[async_trait::async_trait]
impl S3 for Service {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let PutObjectInput {
            bucket,
            key,
            body,
            metadata,
            if_match,
            if_none_match,
            checksum_crc32,
            ..
        } = request.input;
        check_bucket(&bucket)?;
        self.directory.check_key(&key)?;
        let precondition = precondition(if_match.as_ref(), if_none_match.as_ref())?;
        let file = self.receive(body, checksum_crc32, request.trailing_headers.as_ref());
        let (file, checksum) = file.await?;
        let etag = self.commit(&file, &key, metadata, checksum, &precondition, "ObjectCreated:Put")?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(etag),
            ..Default::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let GetObjectInput { bucket, key, range, .. } = request.input;
        check_bucket(&bucket)?;
        let (entry, file) = self.directory.read(&key)?.ok_or_else(|| s3_error!(NoSuchKey))?;
        let (mut file, whole) = (tokio::fs::File::from_std(file), entry.bytes);
        let (length, content_range) = match range {
            None => (whole, None),
            Some(range) => {
                let range = range.check(whole)?;
                file.seek(io::SeekFrom::Start(range.start)).await.map_err(internal)?;
                (
                    range.end - range.start,
                    Some(format!("bytes {}-{}/{whole}", range.start, range.end - 1)),
                )
            }
        };
        let body = ReaderStream::with_capacity(file.take(length), READ_BYTES);
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(signed(length)),
            content_range,
            body: Some(StreamingBlob::wrap(body)),
            e_tag: Some(ETag::Strong(entry.etag)),
            last_modified: Some(Timestamp::from(entry.modified)),
            metadata: Some(entry.metadata.into_iter().collect()),
            ..Default::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        check_bucket(&request.input.bucket)?;
        let entry = self
            .directory
            .head(&request.input.key)?
            .ok_or_else(|| s3_error!(NoSuchKey))?;
        let wants_checksum = request
            .input
            .checksum_mode
            .is_some_and(|mode| mode.as_str() == "ENABLED");
        let checksum = entry.checksum.filter(|_| wants_checksum);
        Ok(S3Response::new(HeadObjectOutput {
            checksum_type: checksum
                .is_some()
                .then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            checksum_crc32: checksum,
            content_length: Some(signed(entry.bytes)),
            e_tag: Some(ETag::Strong(entry.etag)),
            last_modified: Some(Timestamp::from(entry.modified)),
            metadata: Some(entry.metadata.into_iter().collect()),
            ..Default::default()
        }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        check_bucket(&request.input.bucket)?;
        self.directory.delete(&request.input.key)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let ListObjectsV2Input {
            bucket,
            prefix,
            delimiter,
            start_after,
            continuation_token,
            max_keys,
            ..
        } = request.input;
        check_bucket(&bucket)?;
        let folders = match delimiter.as_deref() {
            None | Some("") => false,
            Some("/") => true,
            Some(_) => return Err(s3_error!(NotImplemented)),
        };
        let prefix = prefix.unwrap_or_default();
        let after = continuation_token
            .clone()
            .or_else(|| start_after.clone())
            .unwrap_or_default();
        let limit = max_keys.unwrap_or(PAGE_KEYS).clamp(0, PAGE_KEYS);
        let page = usize::try_from(limit).unwrap_or(0);
        let directory = Arc::clone(&self.directory);
        let wanted = prefix.clone();
        // One more than the page shows whether there is another page.
        let mut listed = tokio::task::spawn_blocking(move || directory.list(&wanted, &after, folders, page + 1))
            .await
            .map_err(internal)??;
        let is_truncated = listed.len() > page;
        listed.truncate(page);
        let next_continuation_token = match listed.last() {
            Some(Listed::Object(key, _) | Listed::Folder(key)) if is_truncated => Some(key.clone()),
            _ => None,
        };
        let key_count = i32::try_from(listed.len()).ok();
        let (mut contents, mut common_prefixes) = (Vec::new(), Vec::new());
        for listed in listed {
            match listed {
                Listed::Folder(prefix) => common_prefixes.push(CommonPrefix { prefix: Some(prefix) }),
                Listed::Object(key, entry) => contents.push(Object {
                    key: Some(key),
                    size: Some(signed(entry.bytes)),
                    e_tag: Some(ETag::Strong(entry.etag)),
                    last_modified: Some(Timestamp::from(entry.modified)),
                    ..Default::default()
                }),
            }
        }
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(bucket),
            prefix: Some(prefix),
            delimiter,
            start_after,
            continuation_token,
            next_continuation_token,
            is_truncated: Some(is_truncated),
            key_count,
            max_keys: Some(limit),
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let CreateMultipartUploadInput {
            bucket, key, metadata, ..
        } = request.input;
        check_bucket(&bucket)?;
        self.directory.check_key(&key)?;
        let upload = self.directory.unfinished();
        let json = serde_json::to_vec(&metadata.unwrap_or_default()).map_err(internal)?;
        self.directory.tree().write(&metadata_of(&upload), &json)?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: upload.rsplit('/').next().map(str::to_owned),
            ..Default::default()
        }))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let UploadPartInput {
            upload_id,
            part_number,
            body,
            checksum_crc32,
            ..
        } = request.input;
        self.upload(&upload_id)?;
        let file = self.receive(body, checksum_crc32.clone(), request.trailing_headers.as_ref());
        let (file, _) = file.await?;
        // Again: it may have been completed or aborted meanwhile.
        let part = part_of(&self.upload(&upload_id)?, part_number);
        self.directory.tree().rename(&file, &part)?;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(format!("{upload_id}-{part_number}"))),
            checksum_crc32,
            ..Default::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let CompleteMultipartUploadInput {
            bucket,
            key,
            upload_id,
            multipart_upload,
            if_match,
            if_none_match,
            checksum_crc32,
            ..
        } = request.input;
        check_bucket(&bucket)?;
        let precondition = precondition(if_match.as_ref(), if_none_match.as_ref())?;
        let upload = self.upload(&upload_id)?;
        let json = self.directory.tree().read(&metadata_of(&upload))?.unwrap_or_default();
        let metadata = serde_json::from_slice(&json).map_err(internal)?;
        let parts: Vec<i32> = multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default()
            .iter()
            .filter_map(|part| part.part_number)
            .collect();
        if parts.is_empty() {
            return Err(s3_error!(MalformedXML));
        }
        if !parts.is_sorted() {
            return Err(s3_error!(InvalidPartOrder));
        }
        let file = self.directory.unfinished();
        let (from, to, directory) = (upload.clone(), file.clone(), Arc::clone(&self.directory));
        let checksum = tokio::task::spawn_blocking(move || join_parts(directory.tree(), &from, &parts, &to))
            .await
            .map_err(internal)??;
        if checksum_crc32.is_some() && checksum_crc32 != checksum {
            let _ = self.directory.tree().remove_file(&file);
            return Err(s3_error!(BadDigest));
        }
        let etag = self.commit(
            &file,
            &key,
            Some(metadata),
            checksum,
            &precondition,
            "ObjectCreated:CompleteMultipartUpload",
        )?;
        if let Err(error) = self.directory.tree().remove_all(&upload) {
            tracing::debug!(%error, "the parts of a completed upload stay until the next start");
        }
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            e_tag: Some(etag),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let upload = self.upload(&request.input.upload_id)?;
        self.directory.tree().remove_all(&upload)?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}

fn metadata_of(upload: &str) -> String {
    format!("{upload}/{UPLOAD_METADATA}")
}

fn part_of(upload: &str, number: i32) -> String {
    format!("{upload}/{number}")
}

/// Joins parts into one file. Gives its CRC32.
fn join_parts(tree: &Tree, upload: &str, parts: &[i32], to: &str) -> S3Result<Option<String>> {
    for number in parts {
        if tree.open(&part_of(upload, *number))?.is_none() {
            return Err(s3_error!(InvalidPart));
        }
    }
    let Some((first, others)) = parts.split_first() else {
        return Err(s3_error!(InvalidPart));
    };
    // The first part becomes the file: most objects have one part only.
    tree.rename(&part_of(upload, *first), to)?;
    let mut file = tree.append(to)?;
    for number in others {
        let part = tree.open(&part_of(upload, *number))?;
        let mut part = part.ok_or_else(|| s3_error!(InvalidPart))?;
        io::copy(&mut part, &mut file).map_err(internal)?;
    }
    let joined = tree.open(to)?;
    let mut file = joined.ok_or_else(|| s3_error!(InvalidPart))?;
    let mut hasher = hasher();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match file.read(&mut buffer).map_err(internal)? {
            0 => return Ok(hasher.finalize().checksum_crc32),
            read => hasher.update(&buffer[..read]),
        }
    }
}
