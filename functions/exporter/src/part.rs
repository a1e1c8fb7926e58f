//! One answer, from the source into the bucket, without ever holding it whole.

use std::io::Write;

use bytes::Bytes;
use contract::documents::{self, Part, PartKind};
use response::{Entry, Envelope, Scanner};
use sha2::{Digest, Sha256};
use store::{Store, Upload, UploadError};
use zstd::stream::write::Encoder;

use crate::source::{Client, Query, SourceError, client::Patience};

/// How hard answers are compressed. They repeat themselves so much that more effort gains little, and the cluster pays
/// for it.
const COMPRESSION_LEVEL: i32 = 1;

/// Compressed bytes are handed on in pieces of this size.
const PIECE_BYTES: usize = 256 * 1024;

/// Why an answer is not in the bucket.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The source's fault.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The bucket's.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The compressor's, which has no reason to fail.
    #[error("compression failed: {0}")]
    Compression(#[from] std::io::Error),
}

/// An answer that was whole and good, all but visible in the bucket: whether it is to be is decided by what it says.
#[derive(Debug)]
pub struct Received {
    /// What surrounded the rows.
    pub envelope: Envelope,
    key: String,
    upload: Upload,
    sha256: String,
}

impl Received {
    /// Makes the answer visible.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn store(self, kind: PartKind, rows: u64, set: Option<u32>) -> Result<Part, UploadError> {
        let Self {
            envelope,
            key,
            upload,
            sha256,
        } = self;
        let bytes = upload.finish().await?.bytes;
        Ok(Part {
            kind,
            key,
            bytes,
            raw_bytes: envelope.bytes,
            sha256,
            rows,
            set,
        })
    }

    /// Leaves it out.
    pub async fn discard(self) {
        self.upload.abort().await;
    }
}

/// Asks the source, and sends what comes to the bucket, compressed, while `on_row` sees each row and `on_bytes` how
/// much came.
///
/// # Errors
/// When the answer is not whole and good, when `on_row` refuses it, or when S3 fails. Nothing is visible in the bucket
/// then.
pub async fn receive(
    client: &Client,
    query: &Query,
    patience: Patience,
    store: &Store,
    key: String,
    on_row: &mut (dyn FnMut(&Entry<'_>) -> Result<(), String> + Send),
    on_bytes: &(dyn Fn(usize) + Send + Sync),
) -> Result<Received, PartError> {
    let mut upload = store.upload(&key).content_type("application/zstd").begin();
    match pump(client, query, patience, &mut upload, on_row, on_bytes).await {
        Ok((envelope, sha256)) => Ok(Received {
            envelope,
            key,
            upload,
            sha256,
        }),
        Err(error) => {
            upload.abort().await;
            Err(error)
        }
    }
}

async fn pump(
    client: &Client,
    query: &Query,
    patience: Patience,
    upload: &mut Upload,
    on_row: &mut (dyn FnMut(&Entry<'_>) -> Result<(), String> + Send),
    on_bytes: &(dyn Fn(usize) + Send + Sync),
) -> Result<(Envelope, String), PartError> {
    let mut answer = client.get(query, patience).await?;
    let mut scanner = Scanner::new();
    let mut encoder = Encoder::new(Vec::with_capacity(PIECE_BYTES), COMPRESSION_LEVEL)?;
    encoder.include_checksum(true)?;
    let mut hash = Sha256::new();
    while let Some(chunk) = answer.chunk().await? {
        on_bytes(chunk.len());
        scanner
            .feed(&chunk, &mut |entry: Entry<'_>| on_row(&entry))
            .map_err(|error| SourceError::of_feed(answer.url(), error))?;
        encoder.write_all(&chunk)?;
        if encoder.get_ref().len() >= PIECE_BYTES {
            let piece = std::mem::replace(encoder.get_mut(), Vec::with_capacity(PIECE_BYTES));
            hash.update(&piece);
            upload.write(Bytes::from(piece)).await?;
        }
    }
    let envelope = scanner.finish().map_err(|fault| SourceError::Answer {
        url: answer.url().to_owned(),
        fault,
    })?;
    let rest = encoder.finish()?;
    hash.update(&rest);
    upload.write(Bytes::from(rest)).await?;
    Ok((envelope, documents::hexadecimal(&hash.finalize())))
}
