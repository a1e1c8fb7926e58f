//! Files below a directory, reached without following links: what a link leads to is not the bucket's.
//!
//! Each folder on the way is opened in the one before it, so that a link which another program puts there meanwhile is
//! not followed either. Only the directory itself may be a link. What is created is private: costs are nobody else's.

use std::{
    fs::{DirBuilder, File},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::DirBuilderExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, mkdirat, openat, renameat, statat, unlinkat},
    io::Errno,
};

use crate::error::{DirectoryError, io_error};

const PRIVATE_FOLDER: Mode = Mode::RWXU;
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);
/// A name that is no directory, or a link, is an error.
const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::RDONLY);
/// A named pipe does not block the process.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// The directory, held open. Paths are relative to it, with `/` between names.
#[derive(Debug)]
pub struct Tree {
    path: PathBuf,
    root: OwnedFd,
}

/// What a name in a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A link, a pipe or a device. None of them is the bucket's.
    Other,
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            _ => Self::Other,
        }
    }
}

/// The folders of a path, and the name in the last one.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl Tree {
    /// Opens a directory, and creates it if it does not exist.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn create(path: &Path) -> Result<Self, DirectoryError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(PRIVATE_FOLDER.as_raw_mode());
        builder.create(path).map_err(io_error(path))?;
        Self::existing(path)
    }

    /// Opens a directory.
    ///
    /// # Errors
    /// When there is none, or the file system fails.
    pub(crate) fn existing(path: &Path) -> Result<Self, DirectoryError> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let root = openat(CWD, path, flags, Mode::empty()).map_err(|error| io_error(path)(error.into()))?;
        let path = path.to_owned();
        Ok(Self { path, root })
    }

    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn error(&self, path: &str, error: Errno) -> DirectoryError {
        io_error(&self.path.join(path))(error.into())
    }

    /// The error of opening a name without following it: a link is reported as such.
    fn open_error(&self, folder: BorrowedFd<'_>, name: &str, path: &str, error: Errno) -> DirectoryError {
        let is_link = || {
            statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
        };
        if matches!(error, Errno::LOOP | Errno::NOTDIR | Errno::MLINK) && is_link() {
            return DirectoryError::Link(self.path.join(path));
        }
        self.error(path, error)
    }

    /// Opens a folder; `None` where there is none.
    fn folder(&self, path: &str, create: bool) -> Result<Option<OwnedFd>, DirectoryError> {
        let mut folder = self.root.try_clone().map_err(io_error(&self.path))?;
        let mut end = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            end += name.len() + usize::from(end > 0);
            let so_far = path.get(..end).unwrap_or(path);
            if create {
                match mkdirat(&folder, name, PRIVATE_FOLDER) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(self.error(so_far, error)),
                }
            }
            folder = match openat(&folder, name, FOLDER, Mode::empty()) {
                Ok(folder) => folder,
                Err(Errno::NOENT) => return Ok(None),
                Err(error) => match self.open_error(folder.as_fd(), name, so_far, error) {
                    DirectoryError::Io { .. } if error == Errno::NOTDIR && !create => return Ok(None),
                    error => return Err(error),
                },
            };
        }
        Ok(Some(folder))
    }

    /// The folder that a file is created in, which is created too.
    fn created_folder(&self, path: &str) -> Result<OwnedFd, DirectoryError> {
        // Another thread may remove the folder in between, since it is empty: it is created again.
        for _ in 0..3 {
            if let Some(folder) = self.folder(path, true)? {
                return Ok(folder);
            }
        }
        Err(self.error(path, Errno::NOENT))
    }

    /// Opens a file to read it; `None` where there is no file.
    ///
    /// # Errors
    /// When there is a link, or the file system fails.
    pub fn open(&self, path: &str) -> Result<Option<File>, DirectoryError> {
        let (folder, name) = split(path);
        let Some(folder) = self.folder(folder, false)? else {
            return Ok(None);
        };
        match openat(&folder, name, FILE | OFlags::RDONLY, Mode::empty()) {
            Ok(file) => {
                let file = File::from(file);
                let is_file = file.metadata().map_err(io_error(&self.path.join(path)))?.is_file();
                Ok(is_file.then_some(file))
            }
            // A socket cannot be opened.
            Err(Errno::NOENT | Errno::NXIO) => Ok(None),
            Err(error) => Err(self.open_error(folder.as_fd(), name, path, error)),
        }
    }

    /// Reads a file whole; `None` where there is no file.
    ///
    /// # Errors
    /// When there is a link, or the file system fails.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, DirectoryError> {
        let Some(mut file) = self.open(path)? else {
            return Ok(None);
        };
        let mut content = Vec::new();
        io::Read::read_to_end(&mut file, &mut content).map_err(io_error(&self.path.join(path)))?;
        Ok(Some(content))
    }

    /// Creates a file and its folders, to write it.
    ///
    /// # Errors
    /// When there is something of that name, or the file system fails.
    pub(crate) fn create_file(&self, path: &str) -> Result<File, DirectoryError> {
        self.open_to_write(path, OFlags::CREATE | OFlags::EXCL)
    }

    /// Opens a file to write it, and creates it and its folders if it does not exist. Its content stays.
    ///
    /// # Errors
    /// When there is a link, or the file system fails.
    pub(crate) fn open_or_create(&self, path: &str) -> Result<File, DirectoryError> {
        self.open_to_write(path, OFlags::CREATE)
    }

    /// Opens a file that exists, to write at its end.
    ///
    /// # Errors
    /// When there is no file, or a link, or the file system fails.
    pub fn append(&self, path: &str) -> Result<File, DirectoryError> {
        self.open_to_write(path, OFlags::APPEND)
    }

    fn open_to_write(&self, path: &str, flags: OFlags) -> Result<File, DirectoryError> {
        let (folder, name) = split(path);
        let folder = self.created_folder(folder)?;
        match openat(&folder, name, FILE | OFlags::WRONLY | flags, PRIVATE_FILE) {
            Ok(file) => Ok(file.into()),
            Err(error) => Err(self.open_error(folder.as_fd(), name, path, error)),
        }
    }

    /// Creates a file with this content.
    ///
    /// # Errors
    /// When there is something of that name, or the file system fails.
    pub fn write(&self, path: &str, content: &[u8]) -> Result<(), DirectoryError> {
        let mut file = self.create_file(path)?;
        io::Write::write_all(&mut file, content).map_err(io_error(&self.path.join(path)))
    }

    /// Creates a folder, and those above it.
    ///
    /// # Errors
    /// When the file system fails, or there is a link.
    pub(crate) fn create_folder(&self, path: &str) -> Result<(), DirectoryError> {
        self.created_folder(path).map(|_| ())
    }

    /// Moves a file to a path, replacing what is there, and creates the folder for it.
    ///
    /// # Errors
    /// When there is no such file, a folder is a link, or the file system fails.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), DirectoryError> {
        let (from_folder, from_name) = split(from);
        let from_folder = self
            .folder(from_folder, false)?
            .ok_or_else(|| self.error(from, Errno::NOENT))?;
        let (to_folder, to_name) = split(to);
        // Another thread may remove the folder in between, since it is empty: it is created again.
        for _ in 0..3 {
            let folder = self.created_folder(to_folder)?;
            match renameat(&from_folder, from_name, &folder, to_name) {
                Err(Errno::NOENT) if statat(&from_folder, from_name, AtFlags::SYMLINK_NOFOLLOW).is_ok() => {}
                other => return other.map_err(|error| self.error(to, error)),
            }
        }
        Err(self.error(to, Errno::NOENT))
    }

    /// Removes a file. An absent one is not an error.
    ///
    /// # Errors
    /// When a folder is a link, or the file system fails.
    pub fn remove_file(&self, path: &str) -> Result<(), DirectoryError> {
        self.remove(path, AtFlags::empty())
    }

    /// Removes a folder that is empty. An absent one is not an error.
    ///
    /// # Errors
    /// When it is not empty, a folder is a link, or the file system fails.
    pub(crate) fn remove_folder(&self, path: &str) -> Result<(), DirectoryError> {
        self.remove(path, AtFlags::REMOVEDIR)
    }

    fn remove(&self, path: &str, flags: AtFlags) -> Result<(), DirectoryError> {
        let (folder, name) = split(path);
        let Some(folder) = self.folder(folder, false)? else {
            return Ok(());
        };
        match unlinkat(&folder, name, flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.error(path, error)),
        }
    }

    /// Removes a folder and all that is in it. Links in it are removed, and not followed. Returns whether there was a
    /// folder.
    ///
    /// # Errors
    /// When the folder is a link, or the file system fails.
    pub(crate) fn remove_all(&self, path: &str) -> Result<bool, DirectoryError> {
        let Some(names) = self.names(path)? else {
            return Ok(false);
        };
        for (name, kind) in names {
            let path = format!("{path}/{name}");
            match kind {
                Kind::Folder => drop(self.remove_all(&path)?),
                Kind::File | Kind::Other => self.remove_file(&path)?,
            }
        }
        self.remove_folder(path)?;
        Ok(true)
    }

    /// The names in a folder, in no order; `None` where there is no folder. A name that is not UTF-8 is left out.
    ///
    /// # Errors
    /// When the folder is a link, or the file system fails.
    pub fn names(&self, path: &str) -> Result<Option<Vec<(String, Kind)>>, DirectoryError> {
        let Some(folder) = self.folder(path, false)? else {
            return Ok(None);
        };
        let entries = Dir::read_from(&folder).map_err(|error| self.error(path, error))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| self.error(path, error))?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems do not say.
                FileType::Unknown => match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(_) => continue,
                },
                kind => kind,
            };
            names.push((name.to_owned(), kind.into()));
        }
        Ok(Some(names))
    }
}
