//! The events that are still to be delivered, on disk. As S3 does, the local bucket delivers each event at least once,
//! even if the process is killed in between.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{
    mpsc::{self, UnboundedReceiver, UnboundedSender},
    watch,
};
use uuid::Uuid;

use crate::{
    entry::HIDDEN,
    error::{DirectoryError, io_error},
    tree::Tree,
};

/// An object was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectWritten {
    /// The object's key, not encoded.
    pub key: String,
    /// S3's name of the event: `ObjectCreated:Put` or `ObjectCreated:CompleteMultipartUpload`.
    pub event_name: String,
    /// The entry of the journal, for [`Journal::done`].
    #[serde(skip)]
    pub entry: Uuid,
}

/// The journal. An entry exists from before the object is written until its event has been handled.
#[derive(Debug)]
pub struct Journal {
    tree: Arc<Tree>,
    is_wanted: fn(&str) -> bool,
    sender: UnboundedSender<ObjectWritten>,
    /// The number of entries that this process has not handled yet.
    open: watch::Sender<usize>,
}

/// An entry whose object is about to be written. If it is dropped without [`Notice::publish`], the write failed and the
/// entry is removed.
#[derive(Debug)]
pub struct Notice<'a> {
    journal: &'a Journal,
    written: Option<ObjectWritten>,
}

fn folder() -> String {
    format!("{HIDDEN}/events")
}

fn path(entry: Uuid) -> String {
    format!("{}/{entry}.json", folder())
}

impl Journal {
    /// Opens the journal. Entries that a former process left are delivered first.
    ///
    /// # Errors
    /// When the directory cannot be created or read.
    pub fn open(
        tree: Arc<Tree>,
        is_wanted: fn(&str) -> bool,
    ) -> Result<(Self, UnboundedReceiver<ObjectWritten>), DirectoryError> {
        let folder = folder();
        tree.create_folder(&folder)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut left: Vec<ObjectWritten> = Vec::new();
        for (name, _) in tree.names(&folder)?.unwrap_or_default() {
            let path = format!("{folder}/{name}");
            let id = name.strip_suffix(".json").and_then(|id| Uuid::parse_str(id).ok());
            let content = tree.read(&path)?.unwrap_or_default();
            // An entry that cannot be parsed was cut short before its object was written.
            match (id, serde_json::from_slice::<ObjectWritten>(&content)) {
                (Some(entry), Ok(written)) => left.push(ObjectWritten { entry, ..written }),
                _ => tree.remove_file(&path)?,
            }
        }
        left.sort_by_key(|written| written.entry);
        let (open, _) = watch::channel(left.len());
        for written in left {
            // Cannot fail: the receiver still exists.
            let _ = sender.send(written);
        }
        Ok((
            Self {
                tree,
                is_wanted,
                sender,
                open,
            },
            receiver,
        ))
    }

    /// Records that an object is about to be written.
    ///
    /// # Errors
    /// When the entry cannot be written.
    pub(crate) fn announce(&self, key: &str, event_name: &str) -> Result<Notice<'_>, DirectoryError> {
        let mut notice = Notice {
            journal: self,
            written: None,
        };
        if (self.is_wanted)(key) {
            let entry = Uuid::now_v7();
            let written = ObjectWritten {
                key: key.to_owned(),
                event_name: event_name.to_owned(),
                entry,
            };
            let path = path(entry);
            let json = serde_json::to_vec(&written);
            let json = json.map_err(|error| io_error(&self.tree.path().join(&path))(error.into()))?;
            self.tree.write(&path, &json)?;
            self.open.send_modify(|open| *open += 1);
            notice.written = Some(written);
        }
        Ok(notice)
    }

    /// Removes an entry after its event has been handled.
    pub fn done(&self, entry: Uuid) {
        if let Err(error) = self.tree.remove_file(&path(entry)) {
            tracing::warn!(%entry, %error, "cannot remove the journal entry: its event will be delivered again");
        }
        self.leave();
    }

    /// Gives up on an entry in this process; the next process delivers it again.
    pub fn leave(&self) {
        self.open.send_modify(|open| *open -= 1);
    }

    /// Waits until all entries are handled or given up, including those announced meanwhile.
    pub async fn settled(&self) {
        // The channel cannot close: the journal has the sender.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }
}

impl Notice<'_> {
    /// Sends the event, since the object is written.
    pub(crate) fn publish(mut self) {
        if let Some(written) = self.written.take() {
            // Without a receiver the process is ending; the next process delivers the entry.
            let _ = self.journal.sender.send(written);
        }
    }
}

impl Drop for Notice<'_> {
    fn drop(&mut self) {
        if let Some(written) = &self.written {
            self.journal.done(written.entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_handled_is_delivered_to_the_next_process() {
        let root = tempfile::tempdir().unwrap();
        let open = || {
            Journal::open(Arc::new(Tree::existing(root.path()).unwrap()), |key| {
                key.ends_with(".json")
            })
            .unwrap()
        };
        let (journal, mut events) = open();
        for key in ["a.json", "b.json", "c.json", "d.zst"] {
            journal.announce(key, "ObjectCreated:Put").unwrap().publish();
        }
        // A write that failed.
        drop(journal.announce("e.json", "ObjectCreated:Put").unwrap());
        assert_eq!(events.try_recv().unwrap().key, "a.json");
        journal.done(events.try_recv().unwrap().entry);
        std::fs::write(root.path().join(path(Uuid::now_v7())), "{\"ke").unwrap();
        let (_journal, mut events) = open();
        let left: Vec<String> = std::iter::from_fn(|| events.try_recv().ok())
            .map(|written| written.key)
            .collect();
        assert_eq!(left, ["a.json", "c.json"]);
    }
}
