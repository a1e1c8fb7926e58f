//! Why a request to the bucket failed.

use std::fmt;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use contract::documents::DocumentError;

use crate::message::causes;

/// Why a request to the bucket failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// S3 refused or failed, or could not be reached.
    #[error("{operation} of s3://{bucket}/{key} failed{}: {message}", Advice(*.status))]
    Call {
        /// The operation of the API.
        operation: &'static str,
        /// The bucket.
        bucket: String,
        /// The key, or the prefix of a listing.
        key: String,
        /// The HTTP status, if there was a response.
        status: Option<u16>,
        /// The error code that S3 gave, such as `NoSuchKey`.
        code: Option<String>,
        /// The SDK's account of it.
        message: String,
    },
    /// The body of an object broke off.
    #[error("reading {key} broke off: {}", causes(.source.as_ref()))]
    Read {
        /// The key.
        key: String,
        /// What broke.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An object larger than it may be.
    #[error("{key} is larger than {limit} bytes, so it is not what its key says")]
    TooLarge {
        /// The key.
        key: String,
        /// How much is read at most.
        limit: u64,
    },
    /// An object that is not the document that its key says.
    #[error("{key}: {source}")]
    Document {
        /// The key.
        key: String,
        /// Why not.
        source: DocumentError,
    },
    /// A conditional write was refused each time.
    #[error("{key} was written by others during each of {attempts} attempts: try again")]
    Contended {
        /// The key.
        key: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// S3's response lacks a required field.
    #[error("{key}: {reason}")]
    Incomplete {
        /// The key.
        key: String,
        /// What it lacks.
        reason: &'static str,
    },
}

/// What to do about a status, where something can be done.
struct Advice(Option<u16>);

impl fmt::Display for Advice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(403) => {
                formatter.write_str(" (403: check the role's policy, the bucket policy and the KMS key's policy)")
            }
            Some(status) => write!(formatter, " ({status})"),
            None => Ok(()),
        }
    }
}

impl StoreError {
    pub(crate) fn call<E>(
        operation: &'static str,
        bucket: &str,
        key: &str,
        error: SdkError<E, aws_sdk_s3::config::http::HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.code().map(str::to_owned);
        let message = crate::message(&error);
        Self::Call {
            operation,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            status,
            code,
            message,
        }
    }

    /// The HTTP status of S3's response, if there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Call { status, .. } => *status,
            _ => None,
        }
    }

    /// Whether S3 responded that a multipart upload is not there (any more).
    pub(crate) fn is_upload_gone(&self) -> bool {
        matches!(self, Self::Call { code, .. } if code.as_deref() == Some("NoSuchUpload"))
    }

    /// Whether S3 responded with 403. Without `s3:ListBucket` it also does so for a key that does not exist.
    pub fn is_forbidden(&self) -> bool {
        self.status() == Some(403)
    }

    /// Whether S3 responded that there is no such key. A bucket that does not exist is another matter.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Call { status: Some(404), code, .. } if code.as_deref() != Some("NoSuchBucket"))
    }

    /// Whether a conditional write was refused by its condition, or by another write at the same moment.
    pub(crate) fn is_condition_failure(&self) -> bool {
        matches!(self.status(), Some(409 | 412))
    }

    /// Whether trying again cannot help: the object is there, and is not what it should be.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::Document { .. })
    }
}
