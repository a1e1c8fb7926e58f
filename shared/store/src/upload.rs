//! Writing an object as a stream, with bounded memory.

use std::collections::HashMap;

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart},
};
use bytes::{Bytes, BytesMut};
use tokio::task::JoinHandle;

use crate::{
    checksum::Crc32,
    condition::Condition,
    error::StoreError,
    session,
    store::{PART_BYTES, Store},
};

/// What is fixed before the first byte of an upload.
#[derive(Debug)]
pub struct UploadBuilder {
    store: Store,
    key: String,
    metadata: HashMap<String, String>,
    content_type: &'static str,
    condition: Condition,
}

impl Store {
    /// Begins to write an object as a stream.
    pub fn upload(&self, key: impl Into<String>) -> UploadBuilder {
        UploadBuilder {
            store: self.clone(),
            key: key.into(),
            metadata: HashMap::new(),
            content_type: "application/octet-stream",
            condition: Condition::Always,
        }
    }
}

impl UploadBuilder {
    /// Adds to the object's metadata (`x-amz-meta-<name>`).
    #[must_use]
    pub fn metadata(mut self, name: &str, value: impl Into<String>) -> Self {
        self.metadata.insert(name.to_owned(), value.into());
        self
    }

    /// Sets the object's media type.
    #[must_use]
    pub fn content_type(self, content_type: &'static str) -> Self {
        Self { content_type, ..self }
    }

    /// Sets what the write depends on. S3 looks at it when the object becomes visible, at the end.
    #[must_use]
    pub fn condition(self, condition: Condition) -> Self {
        Self { condition, ..self }
    }

    /// Begins. Nothing is sent before there is a part's worth of bytes.
    pub fn begin(self) -> Upload {
        Upload {
            target: self,
            buffer: BytesMut::new(),
            bytes: 0,
            checksum: Crc32::default(),
            multipart: None,
        }
    }
}

/// An object being written. It is visible only after [`Upload::finish`], whole. While one part is under way the next is
/// filled, so that memory holds two parts at most. What fits into one part is sent as one `PutObject`.
///
/// An upload that is dropped leaves parts behind that nobody sees: abort it, or have the bucket's lifecycle do so.
#[derive(Debug)]
pub struct Upload {
    target: UploadBuilder,
    buffer: BytesMut,
    bytes: u64,
    checksum: Crc32,
    multipart: Option<Multipart>,
}

/// A multipart upload that has begun.
#[derive(Debug)]
struct Multipart {
    id: String,
    completed: Vec<CompletedPart>,
    under_way: Option<JoinHandle<Result<CompletedPart, StoreError>>>,
    begun: i32,
}

/// A written object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Its size.
    pub bytes: u64,
    /// Identifies its content; empty if the response that names it was lost, see [`Condition::New`].
    pub etag: String,
}

/// Why an object was not written.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// Another object stands under the key than the condition allows: look again, and decide again.
    #[error("{key} was written by someone else in the meantime")]
    ConditionFailed {
        /// The key.
        key: String,
    },
    /// S3 refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Upload {
    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Changes the object's metadata. `false` if S3 has them already, since a part's worth of bytes was sent.
    #[must_use]
    pub fn set_metadata(&mut self, name: &str, value: impl Into<String>) -> bool {
        if self.multipart.is_some() {
            return false;
        }
        self.target.metadata.insert(name.to_owned(), value.into());
        true
    }

    /// Takes bytes; waits while the part before is under way and the next is full.
    ///
    /// # Errors
    /// When S3 refuses or fails. The upload is then to be aborted.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), UploadError> {
        self.bytes += u64::try_from(bytes.len()).unwrap_or(0);
        self.checksum.update(&bytes);
        let part_bytes = self.target.store.part_bytes();
        if self.buffer.is_empty() && self.multipart.is_none() && bytes.len() <= part_bytes {
            // The usual small object: keep growing the buffer instead of reserving a part's worth.
            self.buffer.extend_from_slice(&bytes);
            return Ok(());
        }
        let mut rest = bytes;
        while self.buffer.len() + rest.len() > part_bytes {
            let head = rest.split_to(part_bytes - self.buffer.len());
            self.buffer.extend_from_slice(&head);
            self.send_part().await?;
        }
        self.buffer.extend_from_slice(&rest);
        Ok(())
    }

    /// Sends what is left and makes the object visible.
    ///
    /// # Errors
    /// When the condition does not hold, or when S3 refuses or fails; nothing is visible then, and parts are aborted.
    pub async fn finish(mut self) -> Result<Uploaded, UploadError> {
        if self.multipart.is_none() {
            return self.put().await;
        }
        let result = self.complete().await;
        if result.is_err() {
            self.abort_multipart().await;
        }
        result
    }

    /// Gives up. Parts that were sent are deleted; a failure is ignored, since the bucket's lifecycle rules delete them
    /// as well.
    pub async fn abort(mut self) {
        self.abort_multipart().await;
    }

    fn error(&self, error: StoreError) -> UploadError {
        let UploadBuilder { key, condition, .. } = &self.target;
        if condition.is_refused_by(&error) {
            UploadError::ConditionFailed { key: key.clone() }
        } else {
            error.into()
        }
    }

    async fn put(mut self) -> Result<Uploaded, UploadError> {
        let body = self.buffer.split().freeze();
        let UploadBuilder {
            store,
            key,
            metadata,
            content_type,
            condition,
        } = &self.target;
        let written = store
            .put_object(key, content_type, metadata.clone(), condition, body)
            .await;
        match written {
            Ok(etag) => Ok(Uploaded {
                bytes: self.bytes,
                etag,
            }),
            Err(error) => Err(self.error(error)),
        }
    }

    async fn begin_multipart(&self) -> Result<Multipart, UploadError> {
        let UploadBuilder {
            store,
            key,
            metadata,
            content_type,
            ..
        } = &self.target;
        let (encryption, kms_key) = store.kms_key().unzip();
        let output = store
            .client()
            .create_multipart_upload()
            .bucket(store.bucket())
            .key(key)
            .set_metadata(Some(metadata.clone()))
            .content_type(*content_type)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .checksum_type(ChecksumType::FullObject)
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key)
            .set_expected_bucket_owner(store.bucket_owner())
            .send()
            .await
            .map_err(|error| self.error(StoreError::call("CreateMultipartUpload", store.bucket(), key, error)))?;
        let id = output.upload_id.ok_or_else(|| StoreError::Incomplete {
            key: key.clone(),
            reason: "S3 began a multipart upload without naming it",
        })?;
        Ok(Multipart {
            id,
            completed: Vec::new(),
            under_way: None,
            begun: 0,
        })
    }

    async fn send_part(&mut self) -> Result<(), UploadError> {
        let mut multipart = match self.multipart.take() {
            Some(multipart) => multipart,
            None => self.begin_multipart().await?,
        };
        let waited = multipart.wait().await;
        let multipart = self.multipart.insert(multipart);
        waited?;
        multipart.begun += 1;
        let (store, key, id) = (self.target.store.clone(), self.target.key.clone(), multipart.id.clone());
        let body = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(store.part_bytes())).freeze();
        multipart.under_way = Some(tokio::spawn(upload_part(store, key, id, multipart.begun, body)));
        Ok(())
    }

    async fn complete(&mut self) -> Result<Uploaded, UploadError> {
        if !self.buffer.is_empty() {
            self.send_part().await?;
        }
        let Some(multipart) = &mut self.multipart else {
            return Err(StoreError::Incomplete {
                key: self.target.key.clone(),
                reason: "the multipart upload was not begun",
            }
            .into());
        };
        multipart.wait().await?;
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(multipart.completed.clone()))
            .build();
        let UploadBuilder {
            store, key, condition, ..
        } = &self.target;
        let (if_match, if_none_match) = condition.headers();
        let request = store
            .client()
            .complete_multipart_upload()
            .bucket(store.bucket())
            .key(key)
            .upload_id(&multipart.id)
            .multipart_upload(parts)
            .checksum_type(ChecksumType::FullObject)
            .checksum_crc32(self.checksum.clone().finish())
            .set_expected_bucket_owner(store.bucket_owner())
            .set_if_match(if_match)
            .set_if_none_match(if_none_match);
        let completed = condition.write(|attempts| {
            // S3 may take minutes to put many parts together.
            let patient = session::patient(PART_BYTES);
            let request = request.clone().customize().config_override(patient);
            async move {
                let sent = request.interceptor(attempts).send().await;
                sent.map_err(|error| StoreError::call("CompleteMultipartUpload", store.bucket(), key, error))
            }
        });
        let output = completed.await.map_err(|error| self.error(error))?;
        self.multipart = None;
        Ok(Uploaded {
            bytes: self.bytes,
            etag: output.and_then(|output| output.e_tag).unwrap_or_default(),
        })
    }

    async fn abort_multipart(&mut self) {
        let Some(multipart) = self.multipart.take() else {
            return;
        };
        if let Some(task) = multipart.under_way {
            task.abort();
        }
        let store = &self.target.store;
        let aborted = store
            .client()
            .abort_multipart_upload()
            .bucket(store.bucket())
            .key(&self.target.key)
            .upload_id(multipart.id)
            .set_expected_bucket_owner(store.bucket_owner())
            .send()
            .await;
        if aborted.is_err() {
            tracing::debug!(
                key = self.target.key,
                "could not abort a multipart upload; the bucket's lifecycle will"
            );
        }
    }
}

impl Multipart {
    /// Waits for the part that is under way.
    async fn wait(&mut self) -> Result<(), UploadError> {
        let Some(task) = self.under_way.take() else {
            return Ok(());
        };
        match task.await {
            Ok(part) => {
                self.completed.push(part?);
                Ok(())
            }
            Err(join_error) => Err(StoreError::Read {
                key: format!("part {} of upload {}", self.begun, self.id),
                source: Box::new(join_error),
            }
            .into()),
        }
    }
}

async fn upload_part(
    store: Store,
    key: String,
    upload_id: String,
    number: i32,
    body: Bytes,
) -> Result<CompletedPart, StoreError> {
    let timeouts = session::patient(body.len());
    let output = store
        .client()
        .upload_part()
        .bucket(store.bucket())
        .key(&key)
        .upload_id(upload_id)
        .part_number(number)
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .set_expected_bucket_owner(store.bucket_owner())
        .body(ByteStream::from(body))
        .customize()
        .config_override(timeouts)
        .send()
        .await
        .map_err(|error| StoreError::call("UploadPart", store.bucket(), &key, error))?;
    Ok(CompletedPart::builder()
        .part_number(number)
        .set_e_tag(output.e_tag)
        .set_checksum_crc32(output.checksum_crc32)
        .build())
}
