//! What a cluster has staged and what of it is in quarantine, from listings. Keys are trusted, since only the cluster's
//! own role can write below its prefix; documents are not.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use contract::{
    cluster::ClusterId,
    day::Day,
    documents::Manifest,
    keys::{Prefixes, QuarantineObject, RUN_METADATA, StagingKey, StagingObject},
    run::RunId,
};
use store::{Store, StoreError};

use crate::policy::{Attempt, DayHistory, SetOutcome};

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
    /// Complete sets by day, oldest run first.
    pub sets: BTreeMap<Day, Vec<StagedSet>>,
}

impl Staged {
    pub(crate) fn sets_of(&self, day: Day) -> &[StagedSet] {
        self.sets.get(&day).map_or(&[], Vec::as_slice)
    }
}

/// A cluster's days in quarantine: which runs' sets could not be converted.
pub(crate) type Quarantined = BTreeSet<(Day, RunId)>;

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
        let listing = self.store.list(self.prefixes.quarantine_of(self.cluster));
        Ok(listing
            .objects()
            .await?
            .iter()
            .filter_map(|object| self.prefixes.parse_quarantine(&object.key))
            .filter(|key| key.object == QuarantineObject::Fault)
            .map(|key| (key.day, key.run))
            .collect())
    }

    /// What is known of a day. Reads as few manifests as possible: none if the lake has the day, else those of the
    /// `reads` newest sets, to find out which of them are empty.
    pub(crate) async fn day_history(
        &self,
        day: Day,
        in_lake: Option<DateTime<Utc>>,
        staged: &Staged,
        quarantined: &Quarantined,
        reads: u32,
    ) -> Result<DayHistory, StoreError> {
        let mut reads = if in_lake.is_some() { 0 } else { reads };
        let mut attempts = Vec::new();
        for StagedSet { run, written_at } in staged.sets_of(day).iter().rev().copied() {
            let outcome = if quarantined.contains(&(day, run)) {
                SetOutcome::Quarantined
            } else if reads == 0 {
                SetOutcome::Unknown
            } else {
                reads -= 1;
                if self.is_empty(day, run).await? {
                    SetOutcome::Empty
                } else {
                    SetOutcome::Unknown
                }
            };
            attempts.push(Attempt {
                run,
                written_at,
                outcome,
            });
        }
        Ok(DayHistory { in_lake, attempts })
    }

    /// The run whose data a day of the lake has; `None` if the lake has no such day, or its object does not name a run.
    pub async fn lake_run(&self, day: Day) -> Result<Option<RunId>, StoreError> {
        let key = self.prefixes.lake_object(self.cluster, day);
        let head = self.store.head(&key).await?;
        Ok(head.and_then(|head| head.metadata.get(RUN_METADATA)?.parse().ok()))
    }

    /// Whether a set's manifest reports that the source had no data. `false` if it cannot be read: transform
    /// quarantines such a set and says why.
    pub(crate) async fn is_empty(&self, day: Day, run: RunId) -> Result<bool, StoreError> {
        let key = self.prefixes.manifest(self.cluster, &run, day);
        match self.store.get_document::<Manifest>(&key).await {
            Ok(manifest) => Ok(manifest.is_some_and(|manifest| manifest.is_empty())),
            Err(error) if error.is_permanent() => Ok(false),
            Err(error) => Err(error),
        }
    }
}
