//! A lake to read: a bucket, or a directory that stands for one. Nothing is ever written, and no lock is taken.

use std::{
    collections::HashMap,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contract::documents::{self, Document};
use local_bucket::directory::Directory;
use store::{Store, StoreError};

/// The lake.
#[derive(Debug)]
pub enum Lake {
    /// A directory that stands for the bucket.
    Directory(Box<Directory>),
    /// A bucket.
    Bucket(Store),
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The key.
    pub key: String,
    /// The size.
    pub bytes: u64,
    /// When it was last written, UTC.
    pub modified: DateTime<Utc>,
}

/// What an object says of itself beside its content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// Identifies the content.
    pub etag: String,
    /// The writer's own metadata, keys in lower case.
    pub metadata: HashMap<String, String>,
    /// The size.
    pub bytes: u64,
}

/// Why a lake cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The directory does not exist.
    #[error("there is no directory '{0}': name the lake's directory, or a bucket as s3://bucket")]
    NoDirectory(PathBuf),
    /// The bucket failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] local_bucket::DirectoryError),
    /// A file failed.
    #[error("{key}: {source}")]
    File {
        /// The key.
        key: String,
        /// The error.
        source: io::Error,
    },
    /// A document is not what its key says.
    #[error("{key}: {source}")]
    Document {
        /// The key.
        key: String,
        /// The error.
        source: documents::DocumentError,
    },
    /// An object was deleted while it was read.
    #[error("{0} was deleted while the lake was read: try again")]
    Deleted(String),
    /// A Parquet file cannot be read.
    #[error("{key} is not a readable Parquet file: {reason}. `kubecost-lake verify` examines all objects")]
    Parquet {
        /// The key.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

/// More than any listing of a directory has.
const ALL: usize = usize::MAX;

impl Lake {
    /// The lake in a directory.
    ///
    /// # Errors
    /// When there is no such directory.
    pub fn directory(root: &Path) -> Result<Self, LakeError> {
        if !root.is_dir() {
            return Err(LakeError::NoDirectory(root.to_owned()));
        }
        Ok(Self::Directory(Box::new(Directory::for_reading(root)?)))
    }

    /// Formats as a user names it: the directory, or `s3://bucket`.
    pub fn place(&self) -> String {
        match self {
            Self::Directory(directory) => directory.root().display().to_string(),
            Self::Bucket(store) => format!("s3://{}", store.bucket()),
        }
    }

    /// All objects below a prefix, in the order of their keys.
    ///
    /// # Errors
    /// When the bucket or the directory fails.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Object>, LakeError> {
        match self {
            Self::Directory(directory) => {
                let listed = directory.list(prefix, "", false, ALL)?;
                let object = |listed| match listed {
                    local_bucket::Listed::Object(key, entry) => Some(Object {
                        key,
                        bytes: entry.bytes,
                        modified: entry.modified.into(),
                    }),
                    local_bucket::Listed::Folder(_) => None,
                };
                Ok(listed.into_iter().filter_map(object).collect())
            }
            Self::Bucket(store) => {
                let objects = store.list(prefix).objects().await?;
                let object = |listed: store::Listed| Object {
                    key: listed.key,
                    bytes: listed.bytes,
                    modified: listed.modified,
                };
                Ok(objects.into_iter().map(object).collect())
            }
        }
    }

    /// What is known of an object; `None` where there is no such key.
    ///
    /// # Errors
    /// When the bucket or the directory fails.
    pub async fn head(&self, key: &str) -> Result<Option<Head>, LakeError> {
        match self {
            Self::Directory(directory) => Ok(directory.head(key)?.map(|entry| Head {
                etag: entry.etag,
                metadata: entry.metadata,
                bytes: entry.bytes,
            })),
            Self::Bucket(store) => Ok(store.head(key).await?.map(|head| Head {
                etag: head.etag,
                metadata: head.metadata,
                bytes: head.bytes,
            })),
        }
    }

    /// The CRC-32 of an object's content from when it was written, see [`store::Crc32`]; `None` where there is no such
    /// key, or none is known.
    ///
    /// # Errors
    /// When the bucket or the directory fails.
    pub async fn checksum(&self, key: &str) -> Result<Option<String>, LakeError> {
        match self {
            Self::Directory(directory) => Ok(directory.head(key)?.and_then(|entry| entry.checksum)),
            Self::Bucket(store) => Ok(store.checksum(key).await?),
        }
    }

    /// Reads a document; `None` where there is no such key.
    ///
    /// # Errors
    /// When the bucket or the directory fails, or the object is not such a document.
    pub async fn document<T: Document>(&self, key: &str) -> Result<Option<T>, LakeError> {
        match self {
            Self::Directory(_) => {
                let Some(head) = self.head(key).await? else {
                    return Ok(None);
                };
                let bytes = self.range(key, 0, head.bytes.min(T::MAX_BYTES)).await?;
                let document = documents::read(&bytes).map_err(|source| LakeError::Document {
                    key: key.to_owned(),
                    source,
                })?;
                Ok(Some(document))
            }
            Self::Bucket(store) => Ok(store.get_document(key).await?),
        }
    }

    /// Reads `length` bytes of an object from `start`.
    ///
    /// # Errors
    /// When there is no such object or part, or the bucket or the directory fails.
    pub async fn range(&self, key: &str, start: u64, length: u64) -> Result<Bytes, LakeError> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        match self {
            Self::Directory(directory) => {
                let (_, file) = directory.read(key)?.ok_or_else(|| LakeError::Deleted(key.to_owned()))?;
                let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
                file.read_exact_at(&mut bytes, start)
                    .map_err(|source| LakeError::File {
                        key: key.to_owned(),
                        source,
                    })?;
                Ok(bytes.into())
            }
            Self::Bucket(store) => store
                .get_range(key, start, length)
                .await?
                .ok_or_else(|| LakeError::Deleted(key.to_owned())),
        }
    }
}
