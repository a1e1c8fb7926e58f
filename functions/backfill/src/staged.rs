//! What a cluster has staged and what of it is in quarantine, gathered from listings. Keys are believed, since only the
//! cluster's own role can write below its prefix; documents are not.

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

use crate::policy::{Attempt, DayState, Outcome};

/// A set whose manifest has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StagedSet {
    /// The run that collected it.
    pub run: RunId,
    /// When its manifest was last written, UTC.
    pub written_at: DateTime<Utc>,
}

/// What a cluster has staged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Staged {
    /// The newest run with an inventory, and when that was written, UTC.
    pub newest_inventory: Option<(RunId, DateTime<Utc>)>,
    /// Complete sets by day, oldest run first.
    pub sets: BTreeMap<Day, Vec<StagedSet>>,
}

impl Staged {
    /// The complete sets of a day, oldest run first.
    pub fn sets_of(&self, day: Day) -> &[StagedSet] {
        self.sets.get(&day).map_or(&[], Vec::as_slice)
    }
}

/// A cluster's days in quarantine: which runs' sets could not be converted.
pub type Quarantined = BTreeSet<(Day, RunId)>;

/// One cluster's objects in the bucket.
#[derive(Debug, Clone, Copy)]
pub struct ClusterObjects<'a> {
    /// The bucket.
    pub store: &'a Store,
    /// Its prefixes.
    pub prefixes: &'a Prefixes,
    /// The cluster.
    pub cluster: &'a ClusterId,
}

impl ClusterObjects<'_> {
    /// Lists what the cluster has staged.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn staged(&self) -> Result<Staged, StoreError> {
        let mut staged = Staged::default();
        let mut listing = self.store.list(self.prefixes.staging_of(self.cluster));
        while let Some(page) = listing.next_page().await? {
            for object in page.objects {
                match self.prefixes.parse_staging(&object.key) {
                    Some(StagingKey {
                        run,
                        object: StagingObject::Inventory,
                        ..
                    }) => {
                        let inventory = Some((run, object.modified));
                        staged.newest_inventory = staged.newest_inventory.max(inventory);
                    }
                    Some(StagingKey {
                        run,
                        object: StagingObject::Manifest(day),
                        ..
                    }) => {
                        let set = StagedSet {
                            run,
                            written_at: object.modified,
                        };
                        staged.sets.entry(day).or_default().push(set);
                    }
                    Some(StagingKey {
                        object: StagingObject::Part(_),
                        ..
                    })
                    | None => {}
                }
            }
        }
        for sets in staged.sets.values_mut() {
            sets.sort_by_key(|set| set.run);
        }
        Ok(staged)
    }

    /// Lists the days of the cluster that are in quarantine.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn quarantined(&self) -> Result<Quarantined, StoreError> {
        let objects = self
            .store
            .list(self.prefixes.quarantine_of(self.cluster))
            .objects()
            .await?;
        Ok(objects
            .iter()
            .filter_map(|object| self.prefixes.parse_quarantine(&object.key))
            .filter(|key| key.object == QuarantineObject::Fault)
            .map(|key| (key.day, key.run))
            .collect())
    }

    /// What is known of a day. Reads as few manifests as will do: none where the lake has the day, else those of the
    /// `reads` newest sets, to learn which of them the source had no data for.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn day_state(
        &self,
        day: Day,
        in_lake: Option<DateTime<Utc>>,
        staged: &Staged,
        quarantined: &Quarantined,
        reads: u32,
    ) -> Result<DayState, StoreError> {
        let mut reads = if in_lake.is_some() { 0 } else { reads };
        let mut attempts = Vec::new();
        for StagedSet { run, written_at } in staged.sets_of(day).iter().rev().copied() {
            let outcome = if quarantined.contains(&(day, run)) {
                Outcome::Quarantined
            } else if reads == 0 {
                Outcome::Open
            } else {
                reads -= 1;
                if self.is_empty(day, run).await? {
                    Outcome::Empty
                } else {
                    Outcome::Open
                }
            };
            attempts.push(Attempt {
                run,
                written_at,
                outcome,
            });
        }
        Ok(DayState { in_lake, attempts })
    }

    /// The run whose data a day of the lake has; `None` where the lake has no such day, or its object does not say.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn lake_run(&self, day: Day) -> Result<Option<RunId>, StoreError> {
        let key = self.prefixes.lake_object(self.cluster, day);
        let head = self.store.head(&key).await?;
        Ok(head.and_then(|head| head.metadata.get(RUN_METADATA)?.parse().ok()))
    }

    /// Whether a manifest says that the source had no data. One that cannot be read says nothing: transform will say
    /// what is wrong with it.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn is_empty(&self, day: Day, run: RunId) -> Result<bool, StoreError> {
        let key = self.prefixes.manifest(self.cluster, &run, day);
        match self.store.get_document::<Manifest>(&key).await {
            Ok(manifest) => Ok(manifest.is_some_and(|manifest| manifest.is_empty())),
            Err(error) if error.is_permanent() => Ok(false),
            Err(error) => Err(error),
        }
    }
}
