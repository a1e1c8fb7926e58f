//! `replay`: converts staged days again, after a change of the labels or a corrected fault, without requests to the
//! source.
//!
//! Manifests are written again, so that the bucket sends their events: for each day that of the set whose data the lake
//! has, those of all newer sets, which may have no data or be in quarantine, and those of older sets that may be
//! fuller. Transform decides which of them is the day. A person who knows better can force the newest set with data.

use backfill::{
    redelivery::redeliver,
    staged::{ClusterObjects, StagedSet},
};
use contract::{
    cluster::ClusterId,
    day::Day,
    documents::{self, Manifest},
    keys::Prefixes,
    record::{DayRecord, FORCE_METADATA, LakeMetadata},
    run::RunId,
};
use store::{Store, StoreError};

#[derive(Debug, Clone)]
pub struct Replay {
    pub cluster: ClusterId,
    /// The first day; `None`: no lower bound.
    pub from: Option<Day>,
    /// The last day, included; `None`: no upper bound.
    pub to: Option<Day>,
    /// Only the newest set with data of each day, which replaces whatever the lake has.
    pub force: bool,
}

/// What the lake has of a day.
struct InLake {
    run: RunId,
    record: Option<DayRecord>,
}

impl Replay {
    /// The sets to deliver again, oldest day first; of each day the lake's own set first, then the others from the
    /// oldest run to the newest.
    pub async fn sets(&self, store: &Store, prefixes: &Prefixes) -> Result<Vec<(Day, RunId)>, StoreError> {
        let objects = ClusterObjects {
            store,
            prefixes,
            cluster: &self.cluster,
        };
        let mut found = Vec::new();
        for (day, sets) in objects.staged().await?.sets {
            if self.from.is_some_and(|from| day < from) || self.to.is_some_and(|to| day > to) {
                continue;
            }
            let runs = if self.force {
                self.newest_with_data(&objects, day, &sets).await?.into_iter().collect()
            } else {
                self.all_that_matter(&objects, day, &sets).await?
            };
            found.extend(runs.into_iter().map(|run| (day, run)));
        }
        Ok(found)
    }

    async fn newest_with_data(
        &self,
        objects: &ClusterObjects<'_>,
        day: Day,
        sets: &[StagedSet],
    ) -> Result<Option<RunId>, StoreError> {
        for StagedSet { run, .. } in sets.iter().rev() {
            let manifest = self.manifest(objects, day, *run).await?;
            if manifest.is_some_and(|manifest| manifest.rows > 0) {
                return Ok(Some(*run));
            }
        }
        Ok(None)
    }

    async fn all_that_matter(
        &self,
        objects: &ClusterObjects<'_>,
        day: Day,
        sets: &[StagedSet],
    ) -> Result<Vec<RunId>, StoreError> {
        let in_lake = self.in_lake(objects, day).await?;
        let mut runs = Vec::new();
        for StagedSet { run, .. } in sets {
            let matters = match &in_lake {
                Some(lake) if *run < lake.run => match &lake.record {
                    Some(record) if !record.forced => {
                        let manifest = self.manifest(objects, day, *run).await?;
                        manifest.is_some_and(|manifest| may_be_fuller(&manifest, record))
                    }
                    // Transform compares older sets with nothing else.
                    _ => false,
                },
                _ => true,
            };
            if matters {
                runs.push(*run);
            }
        }
        runs.sort_by_key(|run| (in_lake.as_ref().is_none_or(|lake| lake.run != *run), *run));
        Ok(runs)
    }

    /// `None` if there is no manifest, or none that can be read.
    async fn manifest(
        &self,
        objects: &ClusterObjects<'_>,
        day: Day,
        run: RunId,
    ) -> Result<Option<Manifest>, StoreError> {
        let key = objects.prefixes.manifest(&self.cluster, &run, day);
        objects.store.get_readable_document(&key).await
    }

    /// `None` if the lake has no such day, or its object names no run.
    async fn in_lake(&self, objects: &ClusterObjects<'_>, day: Day) -> Result<Option<InLake>, StoreError> {
        let head = objects
            .store
            .head(&objects.prefixes.lake_object(&self.cluster, day))
            .await?;
        Ok(head.and_then(|head| {
            let LakeMetadata { run, record, .. } = LakeMetadata::of(&head.metadata);
            Some(InLake { run: run?, record })
        }))
    }

    /// Delivers sets again; returns how many still existed.
    pub async fn deliver(
        &self,
        store: &Store,
        prefixes: &Prefixes,
        sets: &[(Day, RunId)],
    ) -> Result<usize, StoreError> {
        let mut delivered = 0;
        for (day, run) in sets {
            let key = prefixes.manifest(&self.cluster, run, *day);
            let exists = if self.force {
                force(store, &key).await?
            } else {
                // The count of deliveries starts from 0, so that the set is not taken for a stuck one.
                redeliver(store, &key, 0).await?
            };
            delivered += usize::from(exists);
        }
        Ok(delivered)
    }
}

/// Whether transform may find that a set holds more than the lake's. Older exporters did not say what a set holds.
fn may_be_fuller(manifest: &Manifest, record: &DayRecord) -> bool {
    let claimed = manifest.facts.quantities;
    manifest.rows > 0
        && manifest.question_fingerprint() == record.question
        && claimed.is_none_or(|claimed| claimed.exceeds(&record.quantities))
}

/// Writes a manifest again with the metadata that makes its set the day. `false` if the manifest no longer exists.
async fn force(store: &Store, key: &str) -> Result<bool, StoreError> {
    let Some(bytes) = store.get_bytes(key, documents::MAX_BYTES).await? else {
        return Ok(false);
    };
    let metadata = [(FORCE_METADATA, "true".to_owned())];
    store.put_json_with(key, bytes, &metadata).await.map(|()| true)
}
