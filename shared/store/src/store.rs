//! The bucket.

use std::collections::HashMap;

use aws_sdk_s3::{
    Client,
    operation::{get_object::GetObjectOutput, put_object::PutObjectOutput},
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, ServerSideEncryption},
};
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use contract::documents::{self, Document};

use crate::{
    condition::{Attempts, Condition},
    error::StoreError,
    session,
};

/// How large a part of a multipart upload is: as small as S3 allows, since two are in memory. It allows 10,000 parts,
/// so an object of 52 GB.
pub const PART_BYTES: usize = 5 * 1024 * 1024;

/// The media type of documents.
const JSON: &str = "application/json";

/// One bucket, and how objects are written to it. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) bucket: String,
    kms_key: Option<String>,
    bucket_owner: Option<String>,
    part_bytes: usize,
}

/// What is known of an object without reading it.
#[derive(Debug, Clone)]
pub struct Head {
    /// Identifies the object's content; what a conditional write compares.
    pub etag: String,
    /// The object's own metadata (`x-amz-meta-…`), keys in lower case.
    pub metadata: HashMap<String, String>,
    /// The object's size.
    pub bytes: u64,
    /// When it was last written, UTC.
    pub modified: Option<DateTime<Utc>>,
}

impl Head {
    /// From what GetObject and HeadObject say alike.
    fn of(
        etag: Option<String>,
        metadata: Option<HashMap<String, String>>,
        content_length: Option<i64>,
        last_modified: Option<aws_sdk_s3::primitives::DateTime>,
    ) -> Self {
        Self {
            etag: etag.unwrap_or_default(),
            metadata: metadata.unwrap_or_default(),
            bytes: content_length.and_then(|bytes| bytes.try_into().ok()).unwrap_or(0),
            modified: last_modified.and_then(utc),
        }
    }
}

/// A document, and the condition of a write that replaces exactly it.
#[derive(Debug)]
pub struct Current<T> {
    /// The document; `None` where there is no such key, an error where what is there is no such document.
    pub document: Result<Option<T>, StoreError>,
    /// Holds as long as nobody else has written the key.
    pub condition: Condition,
}

impl Store {
    /// A bucket that a client reaches.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
            kms_key: None,
            bucket_owner: None,
            part_bytes: PART_BYTES,
        }
    }

    /// Encrypts what is written with a KMS key (its ARN); `None`: by the bucket's default.
    #[must_use]
    pub fn with_kms_key(self, kms_key: Option<String>) -> Self {
        Self { kms_key, ..self }
    }

    /// Has S3 refuse all requests unless the bucket belongs to an account (12 digits).
    #[must_use]
    pub fn with_bucket_owner(self, bucket_owner: Option<String>) -> Self {
        Self { bucket_owner, ..self }
    }

    /// How large parts of multipart uploads are. S3 takes none below 5 MiB but the last.
    #[must_use]
    pub fn with_part_bytes(self, part_bytes: usize) -> Self {
        Self { part_bytes, ..self }
    }

    pub(crate) fn part_bytes(&self) -> usize {
        self.part_bytes
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn kms_key(&self) -> Option<(ServerSideEncryption, String)> {
        self.kms_key.clone().map(|key| (ServerSideEncryption::AwsKms, key))
    }

    pub(crate) fn bucket_owner(&self) -> Option<String> {
        self.bucket_owner.clone()
    }

    /// Writes an object by one request, if a condition holds; returns its ETag, empty if the response was lost.
    pub(crate) async fn put_object(
        &self,
        key: &str,
        content_type: &str,
        metadata: HashMap<String, String>,
        condition: &Condition,
        body: Bytes,
    ) -> Result<String, StoreError> {
        let written = condition.write(|attempts| {
            let body = body.clone();
            self.put_once(key, content_type, metadata.clone(), condition, body, attempts)
        });
        Ok(written.await?.and_then(|output| output.e_tag).unwrap_or_default())
    }

    async fn put_once(
        &self,
        key: &str,
        content_type: &str,
        metadata: HashMap<String, String>,
        condition: &Condition,
        body: Bytes,
        attempts: Attempts,
    ) -> Result<PutObjectOutput, StoreError> {
        let (encryption, kms_key) = self.kms_key().unzip();
        let (if_match, if_none_match) = condition.headers();
        let timeouts = session::patient(body.len());
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .set_metadata(Some(metadata))
            .content_type(content_type)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key)
            .set_expected_bucket_owner(self.bucket_owner())
            .set_if_match(if_match)
            .set_if_none_match(if_none_match)
            .body(ByteStream::from(body))
            .customize()
            .config_override(timeouts)
            .interceptor(attempts)
            .send()
            .await
            .map_err(|error| StoreError::call("PutObject", &self.bucket, key, error))
    }

    /// Reads a document; `None` where there is no such key.
    ///
    /// # Errors
    /// When S3 refuses (see [`StoreError::is_forbidden`]) or fails, or when the object is too large for a document, or
    /// not one.
    pub async fn get_document<T: Document>(&self, key: &str) -> Result<Option<T>, StoreError> {
        let found = self.get_document_with_head(key).await?;
        Ok(found.map(|(document, _)| document))
    }

    /// Reads a document as [`Store::get_document`] does; `None` also where the object is too large for a document, or
    /// not one.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn get_readable_document<T: Document>(&self, key: &str) -> Result<Option<T>, StoreError> {
        match self.get_document(key).await {
            Err(error) if error.is_permanent() => Ok(None),
            other => other,
        }
    }

    /// Reads a document as [`Store::get_document`] does, with what is known of its object.
    ///
    /// # Errors
    /// As [`Store::get_document`].
    pub async fn get_document_with_head<T: Document>(&self, key: &str) -> Result<Option<(T, Head)>, StoreError> {
        let Some(output) = self.get_object(key).await? else {
            return Ok(None);
        };
        let head = Head::of(
            output.e_tag,
            output.metadata,
            output.content_length,
            output.last_modified,
        );
        let bytes = read_all(key, output.body, T::MAX_BYTES).await?;
        match documents::read(&bytes) {
            Ok(document) => Ok(Some((document, head))),
            Err(source) => Err(StoreError::Document {
                key: key.to_owned(),
                source,
            }),
        }
    }

    /// Reads a document in order to replace it.
    ///
    /// # Errors
    /// When S3 refuses or fails. That what is there is no such document is in [`Current::document`].
    pub async fn get_current<T: Document>(&self, key: &str) -> Result<Current<T>, StoreError> {
        let Some(output) = self.get_object(key).await? else {
            return Ok(Current {
                document: Ok(None),
                condition: Condition::IfAbsent,
            });
        };
        let condition = output.e_tag.clone().map_or(Condition::Always, Condition::IfMatch);
        let document = match read_all(key, output.body, T::MAX_BYTES).await {
            Ok(bytes) => documents::read(&bytes).map_err(|source| StoreError::Document {
                key: key.to_owned(),
                source,
            }),
            Err(error) if error.is_permanent() => Err(error),
            Err(error) => return Err(error),
        };
        Ok(Current {
            document: document.map(Some),
            condition,
        })
    }

    /// Writes a document, replacing what is there.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn put_document<T: Document>(&self, key: &str, document: &T) -> Result<(), StoreError> {
        self.put_json_with(key, to_json(key, document)?, &[]).await
    }

    /// Writes a document whose key only this process writes, and only once, see [`Condition::New`].
    ///
    /// # Errors
    /// When there is an object of that key, or S3 refuses or fails.
    pub async fn create_document<T: Document>(&self, key: &str, document: &T) -> Result<(), StoreError> {
        let json = to_json(key, document)?;
        let written = self.put_object(key, JSON, HashMap::new(), &Condition::New, json);
        written.await.map(|_| ())
    }

    /// Writes a document if a condition holds; returns whether it did.
    ///
    /// # Errors
    /// When S3 refuses or fails for another reason than the condition.
    pub async fn put_document_if<T: Document>(
        &self,
        key: &str,
        document: &T,
        condition: &Condition,
    ) -> Result<bool, StoreError> {
        let json = to_json(key, document)?;
        let written = self.put_object(key, JSON, HashMap::new(), condition, json);
        match written.await {
            Ok(_) => Ok(true),
            Err(error) if condition.is_refused_by(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes a small JSON object, replacing what is there.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn put_json(&self, key: &str, json: Vec<u8>) -> Result<(), StoreError> {
        self.put_json_with(key, Bytes::from(json), &[]).await
    }

    /// Writes a small JSON object with metadata of its own, replacing what is there.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn put_json_with(&self, key: &str, json: Bytes, metadata: &[(&str, String)]) -> Result<(), StoreError> {
        let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        self.put_object(key, JSON, metadata.collect(), &Condition::Always, json)
            .await
            .map(|_| ())
    }

    /// Reads a whole object of at most `limit` bytes; `None` where there is no such key.
    ///
    /// # Errors
    /// When S3 refuses or fails, or when the object is larger.
    pub async fn get_bytes(&self, key: &str, limit: u64) -> Result<Option<Bytes>, StoreError> {
        match self.open(key).await? {
            Some(stream) => read_all(key, stream, limit).await.map(Some),
            None => Ok(None),
        }
    }

    /// Opens an object as a stream; `None` where there is no such key.
    ///
    /// # Errors
    /// When S3 refuses or fails. The stream itself can fail too.
    pub async fn open(&self, key: &str) -> Result<Option<ByteStream>, StoreError> {
        Ok(self.get_object(key).await?.map(|output| output.body))
    }

    async fn get_object(&self, key: &str) -> Result<Option<GetObjectOutput>, StoreError> {
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .set_expected_bucket_owner(self.bucket_owner());
        match request.send().await {
            Ok(output) => Ok(Some(output)),
            Err(error) => none_if_absent(StoreError::call("GetObject", &self.bucket, key, error)),
        }
    }

    /// Reads a part of an object, from `start`, `length` bytes; `None` where there is no such key.
    ///
    /// # Errors
    /// When S3 refuses or fails, as for a part that the object does not have.
    pub async fn get_range(&self, key: &str, start: u64, length: u64) -> Result<Option<Bytes>, StoreError> {
        let last = start.saturating_add(length).saturating_sub(1);
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .range(format!("bytes={start}-{last}"))
            .set_expected_bucket_owner(self.bucket_owner());
        let output = match request.send().await {
            Ok(output) => output,
            Err(error) => return none_if_absent(StoreError::call("GetObject", &self.bucket, key, error)),
        };
        let bytes = output.body.collect().await.map_err(|error| StoreError::Read {
            key: key.to_owned(),
            source: Box::new(error),
        })?;
        Ok(Some(bytes.into_bytes()))
    }

    /// What is known of an object; `None` where there is no such key.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        let request = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .set_expected_bucket_owner(self.bucket_owner());
        match request.send().await {
            Ok(output) => Ok(Some(Head::of(
                output.e_tag,
                output.metadata,
                output.content_length,
                output.last_modified,
            ))),
            Err(error) => none_if_absent(StoreError::call("HeadObject", &self.bucket, key, error)),
        }
    }

    /// The CRC-32 of an object's content as S3 keeps it, see [`crate::Crc32`]; `None` where there is no such key, or S3
    /// has no checksum of the whole content.
    ///
    /// # Errors
    /// When S3 refuses or fails. With a KMS key, S3 also wants the permission to decrypt.
    pub async fn checksum(&self, key: &str) -> Result<Option<String>, StoreError> {
        let request = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .set_expected_bucket_owner(self.bucket_owner());
        match request.send().await {
            Ok(output) if output.checksum_type == Some(ChecksumType::Composite) => Ok(None),
            Ok(output) => Ok(output.checksum_crc32),
            Err(error) => none_if_absent(StoreError::call("HeadObject", &self.bucket, key, error)),
        }
    }

    /// Deletes an object; that there is none is no error.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .key(key)
            .set_expected_bucket_owner(self.bucket_owner());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => none_if_absent::<()>(StoreError::call("DeleteObject", &self.bucket, key, error)).map(|_| ()),
        }
    }
}

fn to_json<T: Document>(key: &str, document: &T) -> Result<Bytes, StoreError> {
    match documents::write(document) {
        Ok(json) => Ok(json.into()),
        Err(source) => Err(StoreError::Document {
            key: key.to_owned(),
            source,
        }),
    }
}

/// Reads a stream of at most `limit` bytes to its end.
async fn read_all(key: &str, mut stream: ByteStream, limit: u64) -> Result<Bytes, StoreError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| StoreError::Read {
            key: key.to_owned(),
            source: Box::new(error),
        })?;
        bytes.extend_from_slice(&chunk);
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            return Err(StoreError::TooLarge {
                key: key.to_owned(),
                limit,
            });
        }
    }
    Ok(bytes.freeze())
}

fn none_if_absent<T>(error: StoreError) -> Result<Option<T>, StoreError> {
    if error.is_absent() { Ok(None) } else { Err(error) }
}

pub(crate) fn utc(time: aws_sdk_s3::primitives::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}
