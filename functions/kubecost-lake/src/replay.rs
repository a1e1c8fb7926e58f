//! `replay`: staged days are converted again, for a changed list of labels or a mended fault, without asking the source.
//!
//! The manifest of each day's newest set is written once more as it is, so that the bucket itself sends the event.

use aws_access::{Store, StoreError};
use backfill::{audit, staged::ClusterObjects};
use contract::{cluster::ClusterId, day::Day, keys::Prefixes, run::RunId};

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
    /// The newest set of each day, oldest day first.
    ///
    /// # Errors
    /// When S3 refuses or fails.
    pub async fn sets(
        &self,
        store: &Store,
        prefixes: &Prefixes,
    ) -> Result<Vec<(Day, RunId)>, StoreError> {
        let staged = ClusterObjects {
            store,
            prefixes,
            cluster: &self.cluster,
        }
        .staged()
        .await?;
        Ok(staged
            .sets
            .iter()
            .filter(|(day, _)| {
                self.from.is_none_or(|from| **day >= from) && self.to.is_none_or(|to| **day <= to)
            })
            .filter_map(|(day, sets)| Some((*day, sets.last()?.run)))
            .collect())
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
