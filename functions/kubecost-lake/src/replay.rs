//! `replay`: converts staged days again, after a change of the labels or a corrected fault, without requests to the
//! source.
//!
//! The manifests are written again unchanged, so that the bucket sends their events: for each day that of the set whose
//! data the lake has, and those of all newer sets, which may have no data or be in quarantine.

use backfill::{audit, staged::ClusterObjects};
use contract::{cluster::ClusterId, day::Day, keys::Prefixes, run::RunId};
use store::{Store, StoreError};

#[derive(Debug, Clone)]
pub struct Replay {
    pub cluster: ClusterId,
    /// The first day; `None`: no lower bound.
    pub from: Option<Day>,
    /// The last day, included; `None`: no upper bound.
    pub to: Option<Day>,
}

impl Replay {
    /// The sets to deliver again, oldest day and run first.
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
            let in_lake = objects.lake_run(day).await?;
            let runs = sets.iter().map(|set| set.run);
            found.extend(
                runs.filter(|run| in_lake.is_none_or(|in_lake| *run >= in_lake))
                    .map(|run| (day, run)),
            );
        }
        Ok(found)
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
            // The count of deliveries starts from 0, so that the set is not taken for a stuck one.
            delivered += usize::from(audit::redeliver(store, &key, 0).await?);
        }
        Ok(delivered)
    }
}
