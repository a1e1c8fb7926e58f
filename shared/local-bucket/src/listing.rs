//! Listings of a directory in the order of keys. Only the folders that can hold matching keys are read.

use crate::{
    entry::{self, Entry},
    error::DirectoryError,
    tree::{Kind, Tree},
};

/// A part of a listing, in the order of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// An object.
    Object(String, Entry),
    /// All objects whose keys begin with this, where folders were requested.
    Folder(String),
}

pub(crate) struct Listing<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) prefix: &'a str,
    pub(crate) after: &'a str,
    pub(crate) folders: bool,
    pub(crate) limit: usize,
    pub(crate) found: Vec<Listed>,
}

impl Listing<'_> {
    /// Lists a folder, given as the beginning of its keys: empty, or with a slash at the end.
    pub(crate) fn visit(&mut self, folder: &str) -> Result<(), DirectoryError> {
        for key in self.keys(folder)? {
            if self.found.len() >= self.limit {
                break;
            }
            if !key.ends_with('/') {
                // It may have been removed since.
                if let Some((entry, _)) = entry::open(self.tree, &key)? {
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

    /// The matching keys of a folder in their order; those of folders end with a slash.
    fn keys(&self, folder: &str) -> Result<Vec<String>, DirectoryError> {
        let mut keys = Vec::new();
        for (name, kind) in self.tree.names(folder.trim_end_matches('/'))?.unwrap_or_default() {
            // A name that is hidden is not an object's.
            if name.starts_with('.') {
                continue;
            }
            let is_folder = kind == Kind::Folder;
            let key = format!("{folder}{name}{}", if is_folder { "/" } else { "" });
            let matches = key.starts_with(self.prefix) || is_folder && self.prefix.starts_with(&key);
            let follows = key.as_str() > self.after || is_folder && self.after.starts_with(&key);
            if kind == Kind::Other && (matches || self.prefix.starts_with(&key)) {
                tracing::warn!(
                    key,
                    "left out what is neither a file nor a folder: links are not followed"
                );
            } else if matches && follows {
                keys.push(key);
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::directory::{Directory, Precondition};

    #[test]
    fn listings_have_the_order_of_keys() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let keys = ["a-b/1", "a/1", "a/2/x", "a/2/y", "a/20", "a0/1", "b"];
        for key in keys {
            let file = directory.unfinished();
            directory.tree().write(&file, b"x").unwrap();
            directory
                .commit(&file, key, HashMap::new(), None, &Precondition::None)
                .unwrap();
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
}
