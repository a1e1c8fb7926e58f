//! The outcome of each set of a day, from what was listed and read. Judged by runs, not by times: an event may come
//! late, and an object may be written again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::{
    day::Day,
    record::DayRecord,
    run::RunId,
    state::{ClusterState, LakeObject, SetContent},
};

use crate::{
    known::{self, MOST_SETS},
    policy::{Attempt, Availability, DayHistory, LakeDay, Programs, SetOutcome},
    staged::{Quarantined, Reported, Staged, StagedSet},
};

/// How far costs and quantities of equal sets may differ: far more than rounding.
const ROUNDING: f64 = 1e-9;

/// The histories of a cluster's days.
pub(crate) type Histories = BTreeMap<Day, DayHistory>;

/// All that is known of a cluster.
pub(crate) struct Known<'a> {
    pub(crate) state: &'a ClusterState,
    pub(crate) staged: &'a Staged,
    pub(crate) quarantined: &'a Quarantined,
    pub(crate) now: DateTime<Utc>,
}

impl Known<'_> {
    pub(crate) fn day_history(&self, day: Day, availability: Availability) -> DayHistory {
        let lake = self.state.lake.get(&day).map(|object| self.in_lake(object));
        let lake = lake.as_ref();
        let sets: Vec<StagedSet> = self.staged.sets_of(day).iter().rev().take(MOST_SETS).copied().collect();
        let attempts = sets.iter().enumerate().map(|(index, set)| {
            let content = known::content(self.state, day, set.run);
            let before = sets
                .get(index + 1)
                .and_then(|set| known::content(self.state, day, set.run));
            let reported = self.quarantined.get(&(day, set.run)).copied().unwrap_or_default();
            attempt(*set, content, before, lake, reported)
        });
        DayHistory {
            attempts: attempts.collect(),
            in_lake: lake.map(|lake| LakeDay {
                written_at: lake.object.version.modified,
                improvable: lake.object.record.as_ref().is_some_and(DayRecord::is_improvable),
            }),
            availability,
            known_gap: self.state.gaps.contains(&day),
        }
    }

    fn in_lake<'a>(&self, object: &'a LakeObject) -> InLake<'a> {
        let is_ahead = |run: RunId| run.is_ahead_of(object.version.modified.max(self.now));
        InLake {
            object,
            is_ahead: object.run.is_some_and(is_ahead),
        }
    }

    /// The programs of today, by the newest inventory and the newest object in the lake.
    pub(crate) fn programs(&self, exporter: Option<String>) -> Programs {
        let newest = self.state.lake.values().max_by_key(|object| object.version.modified);
        Programs {
            exporter,
            transform: env!("CARGO_PKG_VERSION").to_owned(),
            table: newest.and_then(|object| Some((object.table.clone()?, object.version.modified))),
        }
    }

    /// The days in quarantine that nothing has mended: neither the same nor a later run's set is in the lake, and no
    /// later set is on its way or in quarantine itself.
    pub(crate) fn quarantined(&self, histories: &Histories) -> Vec<(Day, RunId)> {
        let faults = self.quarantined.iter().filter(|(_, reported)| reported.fault.is_some());
        faults
            .map(|(name, _)| *name)
            .filter(|(day, run)| !self.is_mended(*day, *run, histories.get(day)))
            .collect()
    }

    fn is_mended(&self, day: Day, run: RunId, history: Option<&DayHistory>) -> bool {
        let lake = self.state.lake.get(&day);
        let attempts = history.map_or(&[][..], |history| &history.attempts);
        let Some(set) = attempts.iter().find(|attempt| attempt.run == run) else {
            // Its manifest has expired.
            return lake.is_some();
        };
        let is_newer = |lake: &LakeObject| match lake.run {
            Some(lake_run) => lake_run == run || self.in_lake(lake).is_newer_than(run),
            None => lake.version.modified > set.written_at,
        };
        let is_replaced = |later: &Attempt| !matches!(later.outcome, SetOutcome::Empty | SetOutcome::Thinner);
        lake.is_some_and(is_newer) || attempts.iter().any(|later| later.run > run && is_replaced(later))
    }
}

/// An object in the lake.
struct InLake<'a> {
    object: &'a LakeObject,
    /// Whether its run's clock was ahead: it then counts as older than any other.
    is_ahead: bool,
}

impl InLake<'_> {
    fn is_newer_than(&self, run: RunId) -> bool {
        !self.is_ahead && self.object.run.is_some_and(|lake| lake > run)
    }
}

fn attempt(
    StagedSet { run, written_at }: StagedSet,
    content: Option<&SetContent>,
    before: Option<&SetContent>,
    lake: Option<&InLake<'_>>,
    reported: Reported,
) -> Attempt {
    let outcome = outcome(run, written_at, content, lake, reported);
    let fault = content.and_then(|content| content.fault.as_ref());
    let exporter = content.and_then(|content| content.producer.clone());
    Attempt {
        run,
        written_at,
        outcome,
        observed: content.is_some_and(|content| content.observed),
        same: content
            .zip(before)
            .is_some_and(|(content, before)| is_same(content, before)),
        producer: match outcome {
            SetOutcome::Quarantined => fault.and_then(|fault| fault.producer.clone()),
            _ => exporter,
        },
        table: fault.and_then(|fault| fault.table.clone()),
    }
}

fn outcome(
    run: RunId,
    written_at: DateTime<Utc>,
    content: Option<&SetContent>,
    lake: Option<&InLake<'_>>,
    reported: Reported,
) -> SetOutcome {
    let lake_run = lake.and_then(|lake| lake.object.run);
    if lake_run == Some(run) {
        return SetOutcome::InLake;
    }
    if content.is_some_and(|content| content.empty) {
        return SetOutcome::Empty;
    }
    let is_superseded = lake.is_some_and(|lake| match lake_run {
        Some(_) => lake.is_newer_than(run) && !content.is_some_and(|content| is_fuller(content, lake.object)),
        // Not written by transform. It was put there after the set arrived.
        None => lake.object.version.modified >= written_at,
    });
    if is_superseded {
        SetOutcome::Superseded
    } else if reported.fault.is_some() {
        SetOutcome::Quarantined
    } else if reported.thinner.is_some() && lake_run.is_some() && !lake.is_some_and(|lake| lake.is_newer_than(run)) {
        SetOutcome::Thinner
    } else {
        SetOutcome::Pending
    }
}

/// Whether an older set has more of anything than the best that the lake's day was ever seen to have. A person's choice
/// is kept.
fn is_fuller(content: &SetContent, lake: &LakeObject) -> bool {
    let (Some(record), Some(quantities)) = (&lake.record, &content.quantities) else {
        return false;
    };
    !record.forced && content.question.as_ref() == Some(&record.question) && quantities.exceeds(&record.best)
}

fn is_same(content: &SetContent, before: &SetContent) -> bool {
    let close = |one: f64, other: f64| (one - other).abs() <= ROUNDING * one.abs().max(other.abs());
    match (&content.quantities, &before.quantities) {
        (Some(one), Some(other)) => {
            one.rows == other.rows
                && close(one.minutes, other.minutes)
                && close(one.core_hours, other.core_hours)
                && close(one.ram_byte_hours, other.ram_byte_hours)
                && close(content.total_cost, before.total_cost)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
