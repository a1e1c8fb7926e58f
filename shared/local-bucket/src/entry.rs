//! An object as a file: where it is, and what S3 keeps beside its content.

use std::{
    collections::HashMap,
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use crate::{
    error::{DirectoryError, LONGEST_SEGMENT, io_error},
    tree::Tree,
};

/// The directory for everything that is not an object. No key begins with a dot.
pub(crate) const HIDDEN: &str = ".bucket";

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

/// The file system's attributes of a file, by which a sidecar is matched to its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) bytes: u64,
    pub(crate) modified: SystemTime,
    inode: u64,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> io::Result<Self> {
        Ok(Self {
            bytes: metadata.len(),
            modified: metadata.modified()?,
            inode: metadata.ino(),
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

/// Checks that a key can be a file.
pub(crate) fn check(key: &str) -> Result<(), DirectoryError> {
    let is_name = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment.len() <= LONGEST_SEGMENT
            && !segment.contains(['\0', '\\'])
    };
    if key.split('/').all(is_name) {
        Ok(())
    } else {
        Err(DirectoryError::Key(key.to_owned()))
    }
}

pub(crate) fn sidecar_path(key: &str) -> String {
    format!("{HIDDEN}/metadata/{key}.json")
}

/// Opens an object and reads its attributes; `None` if there is no such object.
pub(crate) fn open(tree: &Tree, key: &str) -> Result<Option<(Entry, File)>, DirectoryError> {
    check(key)?;
    let Some(file) = tree.open(key)? else {
        return Ok(None);
    };
    let stamp = file.metadata().and_then(|metadata| Stamp::of(&metadata));
    let stamp = stamp.map_err(io_error(&tree.path().join(key)))?;
    let sidecar = tree
        .read(&sidecar_path(key))?
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
    let entry = Entry {
        etag,
        bytes: stamp.bytes,
        modified: stamp.modified,
        metadata,
        checksum,
    };
    Ok(Some((entry, file)))
}
