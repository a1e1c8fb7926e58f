//! What a cluster has staged and what of it is in quarantine, from listings. Keys are trusted, since only the cluster's
//! own role can write below its prefix; documents are not.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::{
    cluster::ClusterId,
    day::Day,
    keys::{Prefixes, QuarantineKey, QuarantineObject, StagingKey, StagingObject},
    run::RunId,
};
use store::{Store, StoreError};

/// A set whose manifest has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StagedSet {
    pub run: RunId,
    /// When its manifest was last written.
    pub written_at: DateTime<Utc>,
}

/// What a cluster has staged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Staged {
    /// The newest run with an inventory, and when that was written.
    pub newest_inventory: Option<(RunId, DateTime<Utc>)>,
    /// The newest run that has reported how it ended.
    pub newest_report: Option<RunId>,
    /// Complete sets by day, oldest run first.
    pub sets: BTreeMap<Day, Vec<StagedSet>>,
}

impl Staged {
    pub(crate) fn sets_of(&self, day: Day) -> &[StagedSet] {
        self.sets.get(&day).map_or(&[], Vec::as_slice)
    }
}

/// What the quarantine has of a set: when its documents were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reported {
    /// It could not be converted.
    pub(crate) fault: Option<DateTime<Utc>>,
    /// It did not replace a fuller set.
    pub(crate) thinner: Option<DateTime<Utc>>,
}

/// A cluster's sets that have a document in quarantine.
pub(crate) type Quarantined = BTreeMap<(Day, RunId), Reported>;

/// Adds a document of the quarantine.
pub(crate) fn add_reported(quarantined: &mut Quarantined, key: &QuarantineKey, modified: DateTime<Utc>) {
    let reported = quarantined.entry((key.day, key.run)).or_default();
    match key.object {
        QuarantineObject::Fault => reported.fault = Some(modified),
        QuarantineObject::Thinner => reported.thinner = Some(modified),
    }
}

/// One cluster's objects in the bucket.
#[derive(Debug, Clone, Copy)]
pub struct ClusterObjects<'a> {
    pub store: &'a Store,
    pub prefixes: &'a Prefixes,
    pub cluster: &'a ClusterId,
}

impl ClusterObjects<'_> {
    pub async fn staged(&self) -> Result<Staged, StoreError> {
        let mut staged = Staged::default();
        let mut listing = self.store.list(self.prefixes.staging_of(self.cluster));
        while let Some(page) = listing.next_page().await? {
            for object in page.objects {
                let Some(StagingKey { run, object: name, .. }) = self.prefixes.parse_staging(&object.key) else {
                    continue;
                };
                let written_at = object.modified;
                match name {
                    StagingObject::Inventory | StagingObject::RunReport if run.is_ahead_of(written_at) => {
                        let cluster = self.cluster;
                        tracing::warn!(%cluster, key = object.key, "ignored: its run's clock was ahead");
                    }
                    StagingObject::RunReport => staged.newest_report = staged.newest_report.max(Some(run)),
                    StagingObject::Inventory => {
                        staged.newest_inventory = staged.newest_inventory.max(Some((run, written_at)));
                    }
                    StagingObject::Manifest(day) => {
                        staged.sets.entry(day).or_default().push(StagedSet { run, written_at });
                    }
                    StagingObject::Part(_) => {}
                }
            }
        }
        for sets in staged.sets.values_mut() {
            sets.sort_by_key(|set| set.run);
        }
        Ok(staged)
    }

    pub(crate) async fn quarantined(&self) -> Result<Quarantined, StoreError> {
        let mut quarantined = Quarantined::new();
        let mut listing = self.store.list(self.prefixes.quarantine_of(self.cluster));
        while let Some(page) = listing.next_page().await? {
            for object in page.objects {
                if let Some(key) = self.prefixes.parse_quarantine(&object.key) {
                    add_reported(&mut quarantined, &key, object.modified);
                }
            }
        }
        Ok(quarantined)
    }
}
