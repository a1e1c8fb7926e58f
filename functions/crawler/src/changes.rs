//! What a comparison of lake and catalog changes in the catalog.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use contract::keys::LakePartition;

/// How much later a second comparison must find the same, so that a partition without objects is removed.
const CONFIRMED_AFTER: TimeDelta = TimeDelta::hours(1);

/// Which partitions without objects are removed from the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Those that an earlier comparison found without objects, too.
    Confirmed,
    /// All of them, since a person says so.
    AtOnce,
}

/// The partitions of one table that change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// The catalog lacks them.
    pub(crate) missing: Vec<LakePartition>,
    /// They have no objects, and had some at the last comparison: to mark.
    pub(crate) emptied: Vec<LakePartition>,
    /// They have objects again: to be marked no longer.
    pub(crate) filled: Vec<LakePartition>,
    /// To remove.
    pub(crate) gone: Vec<LakePartition>,
}

impl Changes {
    pub(crate) fn between(
        in_lake: &BTreeSet<LakePartition>,
        in_catalog: &BTreeMap<LakePartition, Option<DateTime<Utc>>>,
        now: DateTime<Utc>,
        removal: Removal,
    ) -> Self {
        let missing = in_lake.iter().filter(|partition| !in_catalog.contains_key(partition));
        let mut changes = Self {
            missing: missing.cloned().collect(),
            ..Self::default()
        };
        for (partition, empty_since) in in_catalog {
            let list = match (in_lake.contains(partition), removal, empty_since) {
                (true, _, None) => continue,
                (true, _, Some(_)) => &mut changes.filled,
                (false, Removal::AtOnce, _) => &mut changes.gone,
                (false, Removal::Confirmed, None) => &mut changes.emptied,
                (false, Removal::Confirmed, Some(since)) if now - *since >= CONFIRMED_AFTER => &mut changes.gone,
                (false, Removal::Confirmed, Some(_)) => continue,
            };
            list.push(partition.clone());
        }
        changes
    }
}
