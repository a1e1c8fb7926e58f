//! A bucket as a directory: an object is a file at its key, whole or not there at all.
//!
//! Beside the objects lies one hidden directory, [`HIDDEN`], with what S3 keeps apart from the content: metadata and
//! ETag of each object, and uploads that are not complete. `s3s-fs` does the same in fewer lines, but encodes the key
//! into one file's name, which leaves 14 bytes for a cluster's name, looks at conditions and replaces the file in two
//! steps, and walks the whole bucket for each listing.

use std::{
    collections::HashMap,
    fs::{self, File, Metadata, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where everything lies that is not an object. No key begins with a dot.
pub const HIDDEN: &str = ".bucket";

/// The longest name of a file that common file systems take, less the room for the sidecar's ending.
const LONGEST_SEGMENT: usize = 250;

/// The bucket.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    /// Held while conditions are looked at and an object becomes visible, so that the two are one step.
    commit: Mutex<()>,
    /// Held as long as the process runs.
    _lock: File,
}

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Changes with each write.
    pub etag: String,
    /// The size in bytes.
    pub bytes: u64,
    /// When it was written.
    pub modified: SystemTime,
    /// What the writer said about it.
    pub metadata: HashMap<String, String>,
}

/// On what a write depends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// That there is no such object.
    Absent,
    /// That the object has this ETag.
    Match(String),
}

/// A part of a listing, in the order of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// An object.
    Object(String, Entry),
    /// All objects whose keys begin so, where folders were asked for.
    Folder(String),
}

/// Why the directory cannot do what is asked.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The key cannot be a file.
    #[error(
        "the key '{0}' cannot be a file: it has an empty or hidden segment, or one longer than {LONGEST_SEGMENT} bytes"
    )]
    Key(String),
    /// The condition does not hold.
    #[error("the condition on '{0}' does not hold")]
    Precondition(String),
    /// There is no such object.
    #[error("there is no object '{0}'")]
    Absent(String),
    /// Another process has the directory.
    #[error("'{0}' is in use by another process: wait until it ends, or choose another directory")]
    InUse(PathBuf),
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> DirectoryError + '_ {
    move |source| DirectoryError::Io {
        path: path.to_owned(),
        source,
    }
}

/// What the file system says of a file; tells whether a sidecar belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    modified: SystemTime,
    inode: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> io::Result<Self> {
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

/// What S3 keeps beside the content. Written before the content takes its place: one that does not belong to the file
/// there, since the process ended in between, is as good as none.
#[derive(Debug, Serialize, Deserialize)]
struct Sidecar {
    stamp: Stamp,
    etag: String,
    metadata: HashMap<String, String>,
}

impl Directory {
    /// Opens or makes the directory, for this process alone. What former processes left unfinished is removed.
    ///
    /// # Errors
    /// When it cannot be written to, or another process has it.
    pub fn open(root: &Path) -> Result<Self, DirectoryError> {
        let hidden = root.join(HIDDEN);
        fs::create_dir_all(&hidden).map_err(io_error(&hidden))?;
        let lock_path = hidden.join("lock");
        let lock = File::create(&lock_path).map_err(io_error(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DirectoryError::InUse(root.to_owned())),
            Err(TryLockError::Error(source)) => return Err(io_error(&lock_path)(source)),
        }
        let directory = Self {
            root: root.to_owned(),
            commit: Mutex::new(()),
            _lock: lock,
        };
        let uploads = directory.uploads();
        match fs::remove_dir_all(&uploads) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error(&uploads)(error));
            }
            _ => {}
        }
        fs::create_dir_all(&uploads).map_err(io_error(&uploads))?;
        Ok(directory)
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn uploads(&self) -> PathBuf {
        self.root.join(HIDDEN).join("uploads")
    }

    fn locked(&self) -> MutexGuard<'_, ()> {
        self.commit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new name for content that is not an object yet, on the same file system.
    pub fn unfinished(&self) -> PathBuf {
        self.uploads().join(Uuid::new_v4().to_string())
    }

    /// The file of an object.
    ///
    /// # Errors
    /// When the key cannot be a file.
    pub fn path(&self, key: &str) -> Result<PathBuf, DirectoryError> {
        let is_name = |segment: &str| {
            !segment.is_empty()
                && !segment.starts_with('.')
                && segment.len() <= LONGEST_SEGMENT
                && !segment.contains(['\0', '\\'])
        };
        if key.split('/').all(is_name) {
            Ok(self.root.join(key))
        } else {
            Err(DirectoryError::Key(key.to_owned()))
        }
    }

    fn sidecar_path(&self, key: &str) -> PathBuf {
        self.root.join(HIDDEN).join("metadata").join(format!("{key}.json"))
    }

    /// What is known of an object.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn head(&self, key: &str) -> Result<Option<Entry>, DirectoryError> {
        let path = self.path(key)?;
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => self.entry(key, &metadata).map(Some).map_err(io_error(&path)),
            Ok(_) => Ok(None),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(io_error(&path)(error)),
        }
    }

    fn entry(&self, key: &str, metadata: &Metadata) -> io::Result<Entry> {
        let stamp = Stamp::of(metadata)?;
        let sidecar = fs::read(self.sidecar_path(key))
            .ok()
            .and_then(|json| serde_json::from_slice::<Sidecar>(&json).ok())
            .filter(|sidecar| sidecar.stamp == stamp);
        let (etag, metadata) = match sidecar {
            Some(sidecar) => (sidecar.etag, sidecar.metadata),
            // Put there by hand, or by a process that was killed.
            None => {
                let since = stamp
                    .modified
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .unwrap_or_default();
                (
                    format!("{:x}-{:x}-{:x}", since.as_nanos(), stamp.bytes, stamp.inode),
                    HashMap::new(),
                )
            }
        };
        Ok(Entry {
            etag,
            bytes: stamp.bytes,
            modified: stamp.modified,
            metadata,
        })
    }

    /// Makes a finished file an object, if the condition holds.
    ///
    /// # Errors
    /// When the condition does not hold, or the file system refuses; the object is then as it was.
    pub fn commit(
        &self,
        unfinished: &Path,
        key: &str,
        metadata: HashMap<String, String>,
        precondition: &Precondition,
    ) -> Result<Entry, DirectoryError> {
        let path = self.path(key)?;
        let _locked = self.locked();
        let current = self.head(key)?;
        match (precondition, current) {
            (Precondition::None, _) | (Precondition::Absent, None) => {}
            (Precondition::Match(wanted), Some(entry)) if entry.etag == *wanted => {}
            (Precondition::Match(_), None) => return Err(DirectoryError::Absent(key.to_owned())),
            (Precondition::Absent | Precondition::Match(_), Some(_)) => {
                return Err(DirectoryError::Precondition(key.to_owned()));
            }
        }
        let stamp = fs::metadata(unfinished)
            .and_then(|metadata| Stamp::of(&metadata))
            .map_err(io_error(unfinished))?;
        let sidecar = Sidecar {
            stamp,
            etag: Uuid::new_v4().simple().to_string(),
            metadata,
        };
        let sidecar_path = self.sidecar_path(key);
        let json = serde_json::to_vec(&sidecar).map_err(|error| io_error(&sidecar_path)(error.into()))?;
        let unfinished_sidecar = self.unfinished();
        fs::write(&unfinished_sidecar, json).map_err(io_error(&unfinished_sidecar))?;
        rename(&unfinished_sidecar, &sidecar_path)?;
        rename(unfinished, &path)?;
        Ok(Entry {
            etag: sidecar.etag,
            bytes: sidecar.stamp.bytes,
            modified: sidecar.stamp.modified,
            metadata: sidecar.metadata,
        })
    }

    /// Removes an object, and the folders that it leaves empty. One that is not there is no error.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn delete(&self, key: &str) -> Result<(), DirectoryError> {
        let path = self.path(key)?;
        let _locked = self.locked();
        for path in [path, self.sidecar_path(key)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error(&path)(error));
                }
                _ => {}
            }
            for folder in path.ancestors().skip(1).take_while(|folder| *folder != self.root) {
                if fs::remove_dir(folder).is_err() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Objects whose keys begin with `prefix` and come after `after`, in the order of their keys, at most `limit`. With
    /// `folders`, keys that go on after the next `/` are listed once.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn list(&self, prefix: &str, after: &str, folders: bool, limit: usize) -> Result<Vec<Listed>, DirectoryError> {
        let mut listing = Listing {
            directory: self,
            prefix,
            after,
            folders,
            limit,
            found: Vec::new(),
        };
        listing.visit("")?;
        Ok(listing.found)
    }
}

/// Puts a file in another's place, and makes the folder for it.
fn rename(from: &Path, to: &Path) -> Result<(), DirectoryError> {
    // A folder that another thread removes in between, since it is empty, is made again.
    for _ in 0..3 {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(io_error(parent))?;
        }
        match fs::rename(from, to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && from.exists() => {}
            other => return other.map_err(io_error(to)),
        }
    }
    Err(io_error(to)(io::ErrorKind::NotFound.into()))
}

struct Listing<'a> {
    directory: &'a Directory,
    prefix: &'a str,
    after: &'a str,
    folders: bool,
    limit: usize,
    found: Vec<Listed>,
}

impl Listing<'_> {
    /// Goes through a folder, named as the beginning of its keys: empty, or with a slash at the end.
    fn visit(&mut self, folder: &str) -> Result<(), DirectoryError> {
        for key in self.keys(folder)? {
            if self.found.len() >= self.limit {
                break;
            }
            if !key.ends_with('/') {
                // Removed in between: not there.
                if let Some(entry) = self.directory.head(&key)? {
                    self.found.push(Listed::Object(key, entry));
                }
            } else if self.folders && key.len() > self.prefix.len() {
                if key.as_str() > self.after {
                    self.found.push(Listed::Folder(key));
                }
            } else {
                self.visit(&key)?;
            }
        }
        Ok(())
    }

    /// What a folder has for this listing, in the order of keys; folders end with a slash.
    fn keys(&self, folder: &str) -> Result<Vec<String>, DirectoryError> {
        let path = self.directory.root.join(folder);
        let read = || -> io::Result<Vec<String>> {
            let mut keys = Vec::new();
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                // Not UTF-8, or hidden: not an object.
                let Some(name) = entry
                    .file_name()
                    .to_str()
                    .filter(|name| !name.starts_with('.'))
                    .map(str::to_owned)
                else {
                    continue;
                };
                let is_folder = entry.file_type()?.is_dir();
                let key = format!("{folder}{name}{}", if is_folder { "/" } else { "" });
                let is_asked_for = key.starts_with(self.prefix) || is_folder && self.prefix.starts_with(&key);
                let follows = key.as_str() > self.after || is_folder && self.after.starts_with(&key);
                if is_asked_for && follows {
                    keys.push(key);
                }
            }
            keys.sort_unstable();
            Ok(keys)
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other.map_err(io_error(&path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(
        directory: &Directory,
        key: &str,
        content: &str,
        precondition: &Precondition,
    ) -> Result<Entry, DirectoryError> {
        let file = directory.unfinished();
        fs::write(&file, content).unwrap();
        directory.commit(
            &file,
            key,
            HashMap::from([("run".to_owned(), content.to_owned())]),
            precondition,
        )
    }

    fn open() -> (tempfile::TempDir, Directory) {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        (root, directory)
    }

    #[test]
    fn of_many_writers_on_one_condition_one_wins() {
        let (_root, directory) = open();
        let race = |precondition: Precondition| {
            std::thread::scope(|scope| {
                let writers: Vec<_> = (0..16)
                    .map(|number| {
                        let (directory, precondition) = (&directory, precondition.clone());
                        scope.spawn(move || put(directory, "a/b", &format!("{number}"), &precondition).is_ok())
                    })
                    .collect();
                writers
                    .into_iter()
                    .map(|writer| writer.join().unwrap())
                    .filter(|won| *won)
                    .count()
            })
        };
        assert_eq!(race(Precondition::Absent), 1);
        let etag = directory.head("a/b").unwrap().unwrap().etag;
        assert_eq!(race(Precondition::Match(etag)), 1);
    }

    #[test]
    fn metadata_belongs_to_its_content_only() {
        let (_root, directory) = open();
        let entry = put(&directory, "a/b", "one", &Precondition::None).unwrap();
        assert_eq!(directory.head("a/b").unwrap().unwrap(), entry);
        // As if the process had been killed between the two renames, the other way round.
        fs::write(directory.root().join("a/b2"), "two").unwrap();
        fs::rename(directory.root().join("a/b2"), directory.root().join("a/b")).unwrap();
        let found = directory.head("a/b").unwrap().unwrap();
        assert!(found.metadata.is_empty() && found.etag != entry.etag);
    }

    #[test]
    fn listings_have_the_order_of_keys() {
        let (_root, directory) = open();
        let keys = ["a-b/1", "a/1", "a/2/x", "a/2/y", "a/20", "a0/1", "b"];
        for key in keys {
            put(&directory, key, "x", &Precondition::None).unwrap();
        }
        let list = |prefix: &str, after: &str, folders, limit| -> Vec<String> {
            let listed = directory.list(prefix, after, folders, limit).unwrap();
            listed
                .into_iter()
                .map(|listed| match listed {
                    Listed::Object(key, _) | Listed::Folder(key) => key,
                })
                .collect()
        };
        assert_eq!(list("", "", false, 100), keys);
        assert_eq!(list("a/2", "", false, 100), ["a/2/x", "a/2/y", "a/20"]);
        assert_eq!(list("a/", "", true, 100), ["a/1", "a/2/", "a/20"]);
        assert_eq!(list("a/", "a/2/", true, 100), ["a/20"]);
        assert_eq!(list("", "a/2/x", false, 2), ["a/2/y", "a/20"]);
        // Page by page is the same as all at once.
        let mut paged: Vec<String> = Vec::new();
        while let Some(key) = list("", paged.last().map_or("", String::as_str), false, 1).pop() {
            paged.push(key);
        }
        assert_eq!(paged, keys);
    }

    #[test]
    fn empty_folders_are_gone_and_odd_keys_refused() {
        let (_root, directory) = open();
        put(&directory, "a/b/c", "x", &Precondition::None).unwrap();
        directory.delete("a/b/c").unwrap();
        directory.delete("a/b/c").unwrap();
        assert!(!directory.root().join("a").exists());
        for key in ["../x", "/x", "a//b", "a/", ".bucket/lock", "a/./b", ""] {
            assert!(matches!(directory.head(key), Err(DirectoryError::Key(_))), "{key}");
        }
    }

    #[test]
    fn one_process_has_the_directory() {
        let (root, directory) = open();
        assert!(matches!(Directory::open(root.path()), Err(DirectoryError::InUse(_))));
        fs::write(directory.unfinished(), "left").unwrap();
        drop(directory);
        let again = Directory::open(root.path()).unwrap();
        assert_eq!(fs::read_dir(again.uploads()).unwrap().count(), 0);
    }
}
