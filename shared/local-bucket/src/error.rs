//! Why the directory cannot do what is requested.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The longest file name that common file systems accept, less the sidecar's extension.
pub(crate) const LONGEST_SEGMENT: usize = 250;

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
    /// There is a link where a file or folder of the bucket was expected.
    #[error(
        "'{0}' is a link, which the local lake does not follow: replace it by what it leads to, or choose another directory"
    )]
    Link(PathBuf),
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
