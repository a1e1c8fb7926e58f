//! One response, streamed from the source into the bucket: it is never in memory as a whole.

use bytes::Bytes;
use contract::{
    documents::{self, Part, PartKind},
    redacted::Redacted,
};
use response::{Envelope, Rows, Scanner};
use settings::secrets::mask;
use sha2::{Digest, Sha256};
use store::{Condition, Store, Upload, UploadError};

use crate::{
    compression::Frames,
    source::{Client, Query, ReadTimeout, SourceError},
};

/// Why a response is not in the bucket.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Upload(#[from] UploadError),
    #[error("compression failed: {0}")]
    Compression(#[from] std::io::Error),
}

/// A complete and valid response that is uploaded but not yet visible in the bucket: the caller decides by its content.
#[derive(Debug)]
pub(crate) struct ReceivedPart {
    pub(crate) envelope: Envelope,
    /// How the response begins.
    pub(crate) beginning: String,
    key: String,
    upload: Upload,
    sha256: String,
    redacted: Redacted,
}

impl ReceivedPart {
    /// Completes the upload, which makes the response visible.
    pub(crate) async fn store(self, kind: PartKind, rows: u64, set: Option<u32>) -> Result<Part, UploadError> {
        let Self {
            envelope,
            key,
            upload,
            sha256,
            redacted,
            ..
        } = self;
        if !redacted.is_empty() {
            let Redacted {
                labels,
                annotations,
                others,
            } = &redacted;
            tracing::info!(
                key,
                ?labels,
                ?annotations,
                others,
                "removed labels and annotations from the response"
            );
        }
        let bytes = upload.finish().await?.bytes;
        Ok(Part {
            kind,
            key,
            bytes,
            raw_bytes: envelope.bytes,
            sha256,
            rows,
            set,
            redacted,
        })
    }

    /// Aborts the upload.
    pub(crate) async fn discard(self) {
        self.upload.abort().await;
    }
}

/// Queries the source and uploads the response, compressed, while `rows` sees each row.
///
/// # Errors
/// When the response is incomplete or invalid, when `rows` refuses a row, or when S3 fails. Nothing is visible in the
/// bucket then.
pub(crate) async fn receive(
    client: &Client,
    query: &Query,
    read_timeout: ReadTimeout,
    store: &Store,
    key: String,
    rows: &mut (dyn Rows<String> + Send),
) -> Result<ReceivedPart, PartError> {
    let mut upload = store
        .upload(&key)
        .content_type("application/zstd")
        .condition(Condition::New)
        .begin();
    match pump(client, query, read_timeout, &mut upload, rows).await {
        Ok(Pumped {
            envelope,
            beginning,
            sha256,
            redacted,
        }) => Ok(ReceivedPart {
            envelope,
            beginning,
            key,
            upload,
            sha256,
            redacted,
        }),
        Err(error) => {
            upload.abort().await;
            Err(error)
        }
    }
}

/// A whole response that was passed on.
struct Pumped {
    envelope: Envelope,
    beginning: String,
    sha256: String,
    redacted: Redacted,
}

async fn pump(
    client: &Client,
    query: &Query,
    read_timeout: ReadTimeout,
    upload: &mut Upload,
    rows: &mut (dyn Rows<String> + Send),
) -> Result<Pumped, PartError> {
    let mut response = client.get(query, read_timeout).await?;
    let mut scanner = Scanner::new();
    let mut redactor = client.redaction().redactor();
    let mut stored = Stored {
        frames: Frames::new()?,
        hash: Sha256::new(),
        upload,
    };
    while let Some(chunk) = response.chunk().await? {
        let fed = match &mut redactor {
            None => scanner.feed_rows(&chunk, rows),
            Some(redactor) => scanner.feed(&chunk, &mut |entry| {
                rows.row(entry.clone())?;
                redactor.row(&entry);
                Ok(())
            }),
        };
        fed.map_err(|error| SourceError::of_feed(response.url(), error))?;
        match &mut redactor {
            None => stored.write(&chunk).await?,
            Some(redactor) => stored.write(redactor.take(&chunk, scanner.settled())).await?,
        }
    }
    let mut envelope = scanner.finish().map_err(|fault| SourceError::Response {
        url: response.url().to_owned(),
        fault,
    })?;
    // They are logged, and kept in the manifest.
    for warning in &mut envelope.warnings {
        *warning = mask(warning);
    }
    let mut redacted = Redacted::default();
    if let Some(mut redactor) = redactor {
        stored.write(redactor.finish()).await?;
        envelope.bytes = envelope.bytes.saturating_sub(redactor.removed_bytes());
        redacted = redactor.into_removed();
    }
    Ok(Pumped {
        envelope,
        beginning: response.excerpt(),
        sha256: stored.finish().await?,
        redacted,
    })
}

/// The bytes on their way into the bucket: compressed, and their hash.
struct Stored<'a> {
    frames: Frames,
    hash: Sha256,
    upload: &'a mut Upload,
}

impl Stored<'_> {
    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), PartError> {
        while !bytes.is_empty() {
            if let Some(frame) = self.frames.take(&mut bytes)? {
                self.hash.update(frame);
                self.upload.write(Bytes::copy_from_slice(frame)).await?;
            }
        }
        Ok(())
    }

    /// Writes the rest; gives the SHA-256 of all.
    async fn finish(mut self) -> Result<String, PartError> {
        let frame = self.frames.finish()?;
        self.hash.update(frame);
        self.upload.write(Bytes::copy_from_slice(frame)).await?;
        Ok(documents::hexadecimal(&self.hash.finalize()))
    }
}
