//! A bucket as a directory: an object is a file at its key, whole or absent.
//!
//! One hidden directory, `.bucket`, has what S3 keeps apart from the content: metadata and ETag of each object, and
//! uploads that are not complete. `s3s-fs` does the same in fewer lines. But it encodes the key into one file name,
//! which leaves 14 bytes for a cluster's name; it checks conditions and replaces the file in two steps; and it walks
//! the whole bucket for each listing.

use std::{
    collections::HashMap,
    fs::{File, TryLockError},
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use crate::{
    entry::{self, Entry, HIDDEN, Sidecar, Stamp},
    error::{DirectoryError, io_error},
    listing::{Listed, Listing},
    tree::Tree,
};

/// Where content is until it is an object.
const UPLOADS: &str = ".bucket/uploads";

/// The bucket.
#[derive(Debug)]
pub struct Directory {
    tree: Arc<Tree>,
    /// Held while a condition is checked and the object becomes visible, so that the two are one step.
    commit: Mutex<()>,
    /// Held as long as the value lives. A reader has none.
    _lock: Option<File>,
}

/// The condition of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Always holds.
    None,
    /// There is no such object.
    Absent,
    /// The object has this ETag.
    Match(String),
}

impl Directory {
    /// Opens or creates the directory, for this value alone. Uploads that former processes did not finish are removed.
    ///
    /// # Errors
    /// When it cannot be written to, or is in use.
    pub fn open(root: &Path) -> Result<Self, DirectoryError> {
        let tree = Tree::create(root)?;
        let lock_path = format!("{HIDDEN}/lock");
        let lock = tree.open_or_create(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DirectoryError::InUse(root.to_owned())),
            Err(TryLockError::Error(source)) => return Err(io_error(&root.join(&lock_path))(source)),
        }
        tree.remove_all(UPLOADS)?;
        tree.create_folder(UPLOADS)?;
        Ok(Self {
            tree: Arc::new(tree),
            commit: Mutex::new(()),
            _lock: Some(lock),
        })
    }

    /// The path of the directory.
    pub fn root(&self) -> &Path {
        self.tree.path()
    }

    /// The directory's files.
    pub fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// A directory that is only read, also while another process writes to it: each object is whole or absent.
    ///
    /// # Errors
    /// When there is no such directory.
    pub fn for_reading(root: &Path) -> Result<Self, DirectoryError> {
        Ok(Self {
            tree: Arc::new(Tree::existing(root)?),
            commit: Mutex::new(()),
            _lock: None,
        })
    }

    fn locked(&self) -> MutexGuard<'_, ()> {
        self.commit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new path for content that is not an object yet, on the same file system.
    pub fn unfinished(&self) -> String {
        format!("{UPLOADS}/{}", Uuid::new_v4())
    }

    /// The path of an upload that was begun as [`Directory::unfinished`].
    pub(crate) fn upload(&self, id: Uuid) -> String {
        format!("{UPLOADS}/{id}")
    }

    /// Checks that a key can be a file.
    ///
    /// # Errors
    /// When it cannot.
    pub(crate) fn check_key(&self, key: &str) -> Result<(), DirectoryError> {
        entry::check(key)
    }

    /// An object's attributes; `None` if there is no such object.
    ///
    /// # Errors
    /// When the key cannot be a file, or the file system fails.
    pub fn head(&self, key: &str) -> Result<Option<Entry>, DirectoryError> {
        let _locked = self.locked();
        Ok(entry::open(&self.tree, key)?.map(|(entry, _)| entry))
    }

    /// Opens an object: its attributes, and its content as of now. A later write replaces the file and leaves this one.
    ///
    /// # Errors
    /// When the key cannot be a file, or the file system fails.
    pub fn read(&self, key: &str) -> Result<Option<(Entry, File)>, DirectoryError> {
        let _locked = self.locked();
        entry::open(&self.tree, key)
    }

    /// Makes a finished file an object, if the condition holds. `checksum`: the CRC-32 of what was received, as S3
    /// writes it.
    ///
    /// # Errors
    /// When the condition does not hold, or the file system fails. The object is then unchanged.
    pub fn commit(
        &self,
        unfinished: &str,
        key: &str,
        metadata: HashMap<String, String>,
        checksum: Option<String>,
        precondition: &Precondition,
    ) -> Result<Entry, DirectoryError> {
        let _locked = self.locked();
        let current = entry::open(&self.tree, key)?.map(|(entry, _)| entry);
        match (precondition, current) {
            (Precondition::None, _) | (Precondition::Absent, None) => {}
            (Precondition::Match(wanted), Some(entry)) if entry.etag == *wanted => {}
            (Precondition::Match(_), None) => return Err(DirectoryError::Absent(key.to_owned())),
            (Precondition::Absent | Precondition::Match(_), Some(_)) => {
                return Err(DirectoryError::Precondition(key.to_owned()));
            }
        }
        let unfinished_path = self.root().join(unfinished);
        let file = self.tree.open(unfinished)?;
        let file = file.ok_or_else(|| io_error(&unfinished_path)(io::ErrorKind::NotFound.into()))?;
        let stamp = file.metadata().and_then(|metadata| Stamp::of(&metadata));
        let stamp = stamp.map_err(io_error(&unfinished_path))?;
        let sidecar = Sidecar {
            stamp,
            etag: Uuid::new_v4().simple().to_string(),
            metadata,
            checksum,
        };
        let json = serde_json::to_vec(&sidecar).map_err(|error| io_error(&unfinished_path)(error.into()))?;
        let unfinished_sidecar = self.unfinished();
        self.tree.write(&unfinished_sidecar, &json)?;
        self.tree.rename(&unfinished_sidecar, &entry::sidecar_path(key))?;
        self.tree.rename(unfinished, key)?;
        Ok(Entry {
            etag: sidecar.etag,
            bytes: sidecar.stamp.bytes,
            modified: sidecar.stamp.modified,
            metadata: sidecar.metadata,
            checksum: sidecar.checksum,
        })
    }

    /// Removes an object, and the folders that it leaves empty. An absent object is not an error.
    ///
    /// # Errors
    /// When the key cannot be a file, or the file system fails.
    pub fn delete(&self, key: &str) -> Result<(), DirectoryError> {
        let _locked = self.locked();
        // A folder or a link is not an object: it stays.
        if entry::open(&self.tree, key)?.is_some() {
            self.tree.remove_file(key)?;
        }
        let sidecar = entry::sidecar_path(key);
        self.tree.remove_file(&sidecar)?;
        for path in [key, sidecar.as_str()] {
            let mut folder = path;
            while let Some((above, _)) = folder.rsplit_once('/') {
                folder = above;
                if self.tree.remove_folder(folder).is_err() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Objects whose keys begin with `prefix` and come after `after`, in the order of their keys, at most `limit`. With
    /// `folders`, all keys that have the same beginning up to the next `/` are listed as one folder.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn list(&self, prefix: &str, after: &str, folders: bool, limit: usize) -> Result<Vec<Listed>, DirectoryError> {
        let mut listing = Listing {
            tree: &self.tree,
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn put(
        directory: &Directory,
        key: &str,
        content: &str,
        precondition: &Precondition,
    ) -> Result<Entry, DirectoryError> {
        let file = directory.unfinished();
        directory.tree().write(&file, content.as_bytes()).unwrap();
        directory.commit(
            &file,
            key,
            HashMap::from([("run".to_owned(), content.to_owned())]),
            None,
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
        // Content that the sidecar does not belong to, as after a kill between the two renames.
        fs::write(directory.root().join("a/b2"), "two").unwrap();
        fs::rename(directory.root().join("a/b2"), directory.root().join("a/b")).unwrap();
        let found = directory.head("a/b").unwrap().unwrap();
        assert!(found.metadata.is_empty() && found.etag != entry.etag);
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
        directory.tree().write(&directory.unfinished(), b"left").unwrap();
        drop(directory);
        let again = Directory::open(root.path()).unwrap();
        assert_eq!(again.tree().names(UPLOADS).unwrap(), Some(Vec::new()));
    }
}
