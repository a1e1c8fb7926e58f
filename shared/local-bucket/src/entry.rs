//! An object as a file: where it is, and what S3 keeps beside its content.

use std::{
    collections::HashMap,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

/// The directory for everything that is not an object. No key begins with a dot.
pub(crate) const HIDDEN: &str = ".bucket";

/// The longest file name that common file systems accept, less the sidecar's extension.
const LONGEST_SEGMENT: usize = 250;

/// An object's attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Changes with each write.
    pub etag: String,
    /// The size in bytes.
    pub bytes: u64,
    /// When it was written.
    pub modified: SystemTime,
    /// The writer's own metadata.
    pub metadata: HashMap<String, String>,
    /// The CRC-32 of the content as it was received, as S3 writes it; `None` if it was not written through the bucket.
    pub checksum: Option<String>,
}

/// Why the directory cannot do what is requested.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The key cannot be a file.
    #[error(
        "the key '{0}' cannot be a file: a segment is empty, begins with a dot, or is longer than {LONGEST_SEGMENT} bytes"
    )]
    Key(String),
    /// The condition does not hold.
    #[error("the condition on '{0}' does not hold")]
    Precondition(String),
    /// There is no such object.
    #[error("there is no object '{0}'")]
    Absent(String),
    /// Another process uses the directory.
    #[error("'{0}' is in use by another process: wait until it ends, or choose another directory")]
    InUse(PathBuf),
    /// The file system failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

pub(crate) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> DirectoryError + '_ {
    move |source| DirectoryError::Io {
        path: path.to_owned(),
        source,
    }
}

/// The file system's attributes of a file, by which a sidecar is matched to its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) bytes: u64,
    pub(crate) modified: SystemTime,
    inode: u64,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> io::Result<Self> {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Ok(Self {
            bytes: metadata.len(),
            modified: metadata.modified()?,
            inode,
        })
    }
}

/// What S3 keeps beside the content. It is written before the content is moved into place. If the process ends in
/// between, the sidecar does not match the file and is ignored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sidecar {
    pub(crate) stamp: Stamp,
    pub(crate) etag: String,
    pub(crate) metadata: HashMap<String, String>,
    #[serde(default)]
    pub(crate) checksum: Option<String>,
}

/// The file of a key below `root`.
pub(crate) fn path(root: &Path, key: &str) -> Result<PathBuf, DirectoryError> {
    let is_name = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment.len() <= LONGEST_SEGMENT
            && !segment.contains(['\0', '\\'])
    };
    if key.split('/').all(is_name) {
        Ok(root.join(key))
    } else {
        Err(DirectoryError::Key(key.to_owned()))
    }
}

pub(crate) fn sidecar_path(root: &Path, key: &str) -> PathBuf {
    root.join(HIDDEN).join("metadata").join(format!("{key}.json"))
}

/// Reads an object's attributes; `None` if there is no such object.
pub(crate) fn read(root: &Path, key: &str) -> Result<Option<Entry>, DirectoryError> {
    let path = path(root, key)?;
    let stamp = match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Stamp::of(&metadata).map_err(io_error(&path))?,
        Ok(_) => return Ok(None),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(io_error(&path)(error)),
    };
    let sidecar = fs::read(sidecar_path(root, key))
        .ok()
        .and_then(|json| serde_json::from_slice::<Sidecar>(&json).ok())
        .filter(|sidecar| sidecar.stamp == stamp);
    let (etag, metadata, checksum) = match sidecar {
        Some(sidecar) => (sidecar.etag, sidecar.metadata, sidecar.checksum),
        // Put there by hand, or by a process that was killed.
        None => {
            let since = stamp
                .modified
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            let etag = format!("{:x}-{:x}-{:x}", since.as_nanos(), stamp.bytes, stamp.inode);
            (etag, HashMap::new(), None)
        }
    };
    Ok(Some(Entry {
        etag,
        bytes: stamp.bytes,
        modified: stamp.modified,
        metadata,
        checksum,
    }))
}
