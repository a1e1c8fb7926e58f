//! The sets that were staged: what each of them holds, whether transform was given it, and which of them is the day.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use contract::{
    cluster::ClusterId,
    day::Day,
    documents::{self, Manifest, PartKind},
    quantities::{Quantities, Tolerance},
    run::RunId,
};

use crate::{bucket::Written, world::World};

/// By how much a set may be poorer, as with the default of `THINNER_TOLERANCE_PERCENT`.
pub(crate) fn tolerance() -> Tolerance {
    Tolerance::percent(10)
}

/// A set that is staged.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    pub(crate) run: RunId,
    /// `None` where the source had no data.
    pub(crate) quantities: Option<Quantities>,
    pub(crate) has_assets: bool,
    /// When its manifest was written last.
    pub(crate) written_at: DateTime<Utc>,
    /// Whether the clock of its run was ahead when its manifest was written first.
    is_ahead: bool,
    /// Invocations of transform with it that have not ended.
    running: u32,
    /// Whether an invocation with it has begun.
    is_begun: bool,
    /// Whether the last invocation that ended has handled it.
    pub(crate) is_handled: bool,
}

impl Set {
    /// Whether it may be the day and need not be: its clock was ahead.
    pub(crate) fn is_open(&self) -> bool {
        self.is_ahead
    }

    /// Whether it is known what came of it, or that nothing did.
    fn is_clear(&self) -> bool {
        !self.is_ahead && self.running == 0 && (!self.is_begun || self.is_handled)
    }
}

/// The sets of a day.
#[derive(Debug, Clone, Default)]
pub(crate) struct DaySets {
    sets: BTreeMap<RunId, Set>,
    /// Whether somebody deleted the day in the lake, and with it what it recorded of its sets.
    is_deleted: bool,
}

impl DaySets {
    /// Those with data, oldest first. A run of the future is never a day.
    pub(crate) fn with_data(&self) -> Vec<&Set> {
        let counts = |set: &&Set| set.quantities.is_some() && !set.run.is_ahead_of(World::now());
        self.sets.values().filter(counts).collect()
    }

    pub(crate) fn get(&self, run: RunId) -> Option<&Set> {
        self.sets.get(&run)
    }

    /// Whether nothing is on its way, and it is known what was handled.
    pub(crate) fn is_settled(&self) -> bool {
        !self.is_deleted && self.sets.values().all(Set::is_clear)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.sets.values().any(|set| set.running > 0)
    }
}

/// All sets of all days.
#[derive(Debug, Default)]
pub(crate) struct Sets(Mutex<BTreeMap<(ClusterId, Day), DaySets>>);

impl Sets {
    fn all(&self) -> MutexGuard<'_, BTreeMap<(ClusterId, Day), DaySets>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn of(&self, cluster: &ClusterId, day: Day) -> DaySets {
        self.all().get(&(cluster.clone(), day)).cloned().unwrap_or_default()
    }

    pub(crate) fn of_cluster(&self, cluster: &ClusterId) -> Vec<(Day, DaySets)> {
        let all = self.all();
        let own = all.iter().filter(|((of, _), _)| of == cluster);
        own.map(|((_, day), sets)| (*day, sets.clone())).collect()
    }

    /// A manifest was written, by an exporter or once more by the audit.
    pub(crate) fn staged(&self, cluster: ClusterId, day: Day, run: RunId, written: &Written) {
        let Ok(manifest) = documents::read::<Manifest>(&written.now.body) else {
            return;
        };
        let has_data = !manifest.parts.is_empty();
        let mut all = self.all();
        let sets = &mut all.entry((cluster, day)).or_default().sets;
        let set = sets.entry(run).or_insert_with(|| Set {
            run,
            quantities: has_data.then(|| manifest.facts.quantities.unwrap_or_default()),
            has_assets: manifest.parts.iter().any(|part| part.kind == PartKind::Assets),
            written_at: written.now.modified,
            is_ahead: run.is_ahead_of(written.now.modified),
            running: 0,
            is_begun: false,
            is_handled: false,
        });
        set.written_at = written.now.modified;
    }

    fn change(&self, cluster: &ClusterId, day: Day, run: RunId, change: impl FnOnce(&mut Set)) {
        let mut all = self.all();
        let sets = all.get_mut(&(cluster.clone(), day));
        if let Some(set) = sets.and_then(|sets| sets.sets.get_mut(&run)) {
            change(set);
        }
    }

    /// Transform is given a set.
    pub(crate) fn begins(&self, cluster: &ClusterId, day: Day, run: RunId) {
        self.change(cluster, day, run, |set| {
            set.running += 1;
            set.is_begun = true;
        });
    }

    /// Transform and its retries have ended.
    pub(crate) fn ends(&self, cluster: &ClusterId, day: Day, run: RunId, is_handled: bool) {
        self.change(cluster, day, run, |set| {
            set.running -= 1;
            set.is_handled = is_handled;
        });
    }

    /// Somebody deleted the day in the lake.
    pub(crate) fn deleted(&self, cluster: ClusterId, day: Day) {
        self.all().entry((cluster, day)).or_default().is_deleted = true;
    }
}

/// The best that any of the sets holds of each quantity.
pub(crate) fn best(sets: &[&Set]) -> Quantities {
    let quantities = sets.iter().filter_map(|set| set.quantities);
    quantities.fold(Quantities::default(), Quantities::max)
}

/// The newest set that lost nothing against the best of all; `None` where each lacks something.
pub(crate) fn newest_whole(sets: &[&Set]) -> Option<RunId> {
    let best = best(sets);
    let is_whole = |set: &&&Set| {
        let quantities = set.quantities.unwrap_or_default();
        quantities.loss(&best, tolerance()).is_none()
    };
    sets.iter().filter(is_whole).map(|set| set.run).max()
}
