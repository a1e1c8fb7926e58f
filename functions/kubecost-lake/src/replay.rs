//! `replay`: staged days are converted again, for a changed list of labels or a mended fault, without asking the
//! source.
//!
//! The manifests of each day's sets are written once more as they are, so that the bucket itself sends the events: of
//! the set whose data the lake has and of all newer ones, since those may be without data or in quarantine.

use backfill::{audit, staged::ClusterObjects};
use contract::{cluster::ClusterId, day::Day, keys::Prefixes, run::RunId};
use store::{Store, StoreError};

/// Which staged days.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Whose.
    pub cluster: ClusterId,
    /// From this day on.
    pub from: Option<Day>,
    /// Up to this day, included.
    pub to: Option<Day>,
}

impl Replay {
    /// The sets to deliver again, oldest day and run first.
    ///
    /// # Errors
    /// When S3 refuses or fails.
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

    /// Delivers sets again; gives how many were still there.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn deliver(
        &self,
        store: &Store,
        prefixes: &Prefixes,
        sets: &[(Day, RunId)],
    ) -> Result<usize, StoreError> {
        let mut delivered = 0;
        for (day, run) in sets {
            let key = prefixes.manifest(&self.cluster, run, *day);
            // Counted from 0 again: whoever asks for it wants it tried.
            delivered += usize::from(audit::redeliver(store, &key, 0).await?);
        }
        Ok(delivered)
    }
}
