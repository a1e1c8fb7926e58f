//! The events that are still to be delivered, on disk. As S3 does, the local bucket delivers each event at least once,
//! even if the process is killed in between.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{
    mpsc::{self, UnboundedReceiver, UnboundedSender},
    watch,
};
use uuid::Uuid;

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
    directory: PathBuf,
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

impl Journal {
    /// Opens the journal. Entries that a former process left are delivered first.
    ///
    /// # Errors
    /// When the directory cannot be created or read.
    pub fn open(directory: &Path, is_wanted: fn(&str) -> bool) -> io::Result<(Self, UnboundedReceiver<ObjectWritten>)> {
        fs::create_dir_all(directory)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut left: Vec<ObjectWritten> = Vec::new();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let id = path.file_stem().and_then(|stem| Uuid::parse_str(stem.to_str()?).ok());
            // An entry that cannot be parsed was cut short before its object was written.
            match (id, serde_json::from_slice::<ObjectWritten>(&fs::read(&path)?)) {
                (Some(entry), Ok(written)) => left.push(ObjectWritten { entry, ..written }),
                _ => fs::remove_file(&path)?,
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
                directory: directory.to_owned(),
                is_wanted,
                sender,
                open,
            },
            receiver,
        ))
    }

    fn path(&self, entry: Uuid) -> PathBuf {
        self.directory.join(format!("{entry}.json"))
    }

    /// Records that an object is about to be written.
    ///
    /// # Errors
    /// When the entry cannot be written.
    pub fn announce(&self, key: &str, event_name: &str) -> io::Result<Notice<'_>> {
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
            fs::write(self.path(entry), serde_json::to_vec(&written)?)?;
            self.open.send_modify(|open| *open += 1);
            notice.written = Some(written);
        }
        Ok(notice)
    }

    /// Removes an entry after its event has been handled.
    pub fn done(&self, entry: Uuid) {
        if let Err(error) = fs::remove_file(self.path(entry)) {
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
    pub fn publish(mut self) {
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
        let open = || Journal::open(root.path(), |key| key.ends_with(".json")).unwrap();
        let (journal, mut events) = open();
        for key in ["a.json", "b.json", "c.json", "d.zst"] {
            journal.announce(key, "ObjectCreated:Put").unwrap().publish();
        }
        // A write that failed.
        drop(journal.announce("e.json", "ObjectCreated:Put").unwrap());
        assert_eq!(events.try_recv().unwrap().key, "a.json");
        journal.done(events.try_recv().unwrap().entry);
        fs::write(root.path().join(format!("{}.json", Uuid::now_v7())), "{\"ke").unwrap();
        let (_journal, mut events) = open();
        let left: Vec<String> = std::iter::from_fn(|| events.try_recv().ok())
            .map(|written| written.key)
            .collect();
        assert_eq!(left, ["a.json", "c.json"]);
    }
}
