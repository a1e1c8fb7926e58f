//! The events that are still to be delivered, on disk: S3 delivers at least once, also when the process is killed in
//! between.

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
    /// Names the entry of the journal, as [`Journal::done`] wants it.
    #[serde(skip)]
    pub entry: Uuid,
}

/// The journal: an entry is there from before the object is written until its event has been handled.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    /// Whether anybody wants to know of a key.
    is_wanted: fn(&str) -> bool,
    sender: UnboundedSender<ObjectWritten>,
    /// How many entries this process has yet to see handled.
    open: watch::Sender<usize>,
}

/// An entry whose object is about to be written. Dropped without [`Notice::publish`], the write failed and the entry
/// goes.
#[derive(Debug)]
pub struct Notice<'a> {
    journal: &'a Journal,
    written: Option<ObjectWritten>,
}

impl Journal {
    /// Opens the journal. Entries that a former process left come first.
    ///
    /// # Errors
    /// When the directory cannot be made or read.
    pub fn open(directory: &Path, is_wanted: fn(&str) -> bool) -> io::Result<(Self, UnboundedReceiver<ObjectWritten>)> {
        fs::create_dir_all(directory)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut left: Vec<ObjectWritten> = Vec::new();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let id = path.file_stem().and_then(|stem| Uuid::parse_str(stem.to_str()?).ok());
            // One that cannot be read was cut short while it was begun: its object was not written.
            match (id, serde_json::from_slice::<ObjectWritten>(&fs::read(&path)?)) {
                (Some(entry), Ok(written)) => left.push(ObjectWritten { entry, ..written }),
                _ => fs::remove_file(&path)?,
            }
        }
        left.sort_by_key(|written| written.entry);
        let (open, _) = watch::channel(left.len());
        for written in left {
            // The receiver is still here.
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

    /// Notes that an object is about to be written.
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

    /// Forgets an entry, since its event has been handled.
    pub fn done(&self, entry: Uuid) {
        if let Err(error) = fs::remove_file(self.path(entry)) {
            tracing::warn!(%entry, %error, "the journal's entry stays: its event will be delivered once more");
        }
        self.leave();
    }

    /// Gives up on an entry for this process; the next one delivers it again.
    pub fn leave(&self) {
        self.open.send_modify(|open| *open -= 1);
    }

    /// Waits until all entries are handled or given up, those included that are announced in the meantime.
    pub async fn settled(&self) {
        // The sender is here, so that the channel cannot close.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }
}

impl Notice<'_> {
    /// The object is there: tells whoever delivers events.
    pub fn publish(mut self) {
        if let Some(written) = self.written.take() {
            // Without a receiver the process is ending; the entry stays for the next one.
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
