//! Whether a day is to be collected: a pure decision on what is known of it.

use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    day::Day,
    documents::{PlanReason, PlannedDay},
    run::RunId,
};
use seams::bugs::{Bug, is_planted};

/// When a day is collected, and collected again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A day that ended less than this ago is collected again, since the source may still reconcile its costs. Zero:
    /// never.
    pub restate_age: TimeDelta,
    /// The shortest time between two restatements of a day.
    pub restate_interval: TimeDelta,
    /// A set younger than this is in flight: it is neither missing nor stuck.
    pub in_flight: TimeDelta,
    /// After so many restatements in a row that changed nothing, they are spread out; so often a set is redelivered
    /// in a row.
    pub retry_limit: u32,
}

/// A run takes some hours to reach a day, so that it may be due a little later than a whole number of days.
const SLACK: TimeDelta = TimeDelta::hours(4);
/// The longest step: 2^3 days.
const LONGEST_STEP: u32 = 3;

/// How long to wait after the last of so many attempts: about 1, 2, 4, 8 days, then 8 again and again.
fn step(attempts: usize) -> TimeDelta {
    let doublings = u32::try_from(attempts.saturating_sub(1)).map_or(LONGEST_STEP, |count| count.min(LONGEST_STEP));
    TimeDelta::days(1 << doublings) - SLACK
}

/// The outcome of a set, as far as a plan or an audit can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetOutcome {
    /// The source had no data.
    Empty,
    /// It could not be converted.
    Quarantined,
    /// It lost too much to replace what the lake has.
    Thinner,
    /// The lake has it.
    InLake,
    /// The lake has a newer set, and this one is not fuller.
    Superseded,
    /// None of these: it will be converted, or its event was lost.
    Pending,
}

/// One run's set of a day.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attempt {
    pub(crate) run: RunId,
    /// When its manifest was written.
    pub(crate) written_at: DateTime<Utc>,
    pub(crate) outcome: SetOutcome,
    /// Whether the source was seen to have the day.
    pub(crate) observed: bool,
    /// Whether it has the same costs and quantities as the set before.
    pub(crate) same: bool,
    /// The version of the program whose verdict the outcome is: transform's of a quarantined set, else the exporter's.
    pub(crate) producer: Option<String>,
    /// The table that a quarantined set could not be converted into.
    pub(crate) table: Option<String>,
}

/// Whether the source has a day, as the newest inventory says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Availability {
    /// The source was seen to have it.
    Observed,
    /// The source names no days.
    #[default]
    Assumed,
    /// The source does not have it.
    OutOfReach,
}

/// What the lake has of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LakeDay {
    pub(crate) written_at: DateTime<Utc>,
    /// Whether a better set may come: it is partial, or lacks the node assets.
    pub(crate) improvable: bool,
}

/// What is known of one cluster's day.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct DayHistory {
    /// `None` where the lake lacks the day.
    pub(crate) in_lake: Option<LakeDay>,
    /// Its sets, newest run first.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) availability: Availability,
    /// Whether an earlier audit saw that the source had it and the lake lacked it.
    pub(crate) known_gap: bool,
}

/// The programs of today. Attempts by others do not count: a day that one version could not handle, another may.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Programs {
    /// The version of the exporter that wrote the inventory.
    pub(crate) exporter: Option<String>,
    /// The version of transform.
    pub(crate) transform: String,
    /// The table of the newest object in the lake, and when that was written.
    pub(crate) table: Option<(String, DateTime<Utc>)>,
}

impl Programs {
    fn are_those_of(&self, attempt: &Attempt) -> bool {
        if attempt.outcome == SetOutcome::Quarantined {
            let same_table = self
                .table
                .as_ref()
                .is_none_or(|(table, since)| *since <= attempt.written_at || attempt.table.as_ref() == Some(table));
            same_table && attempt.producer.as_ref() == Some(&self.transform)
        } else {
            self.exporter.is_none() || self.exporter == attempt.producer
        }
    }
}

/// The status of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DayStatus {
    /// The lake has it.
    Present,
    /// The lake lacks it, but a set arrived less than [`Policy::in_flight`] ago.
    InFlight,
    /// The lake lacks it, and the source has it or had it.
    Missing,
    /// The source was seen to have it, no longer has it, and the lake lacks it.
    Lost,
    /// No set ever arrived, and nobody knows whether the source has data.
    Uncollected,
    /// The source has no data, as far as anybody knows.
    NoData,
}

impl DayHistory {
    /// The set of the newest run.
    pub(crate) fn newest(&self) -> Option<&Attempt> {
        self.attempts.first()
    }

    /// The thinner sets that no later set in the lake has mended.
    pub(crate) fn thinner(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts
            .iter()
            .filter(|attempt| attempt.outcome == SetOutcome::Thinner)
    }

    /// The sets that should have been converted by now.
    pub(crate) fn overdue(&self, now: DateTime<Utc>, policy: &Policy) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| {
            attempt.outcome == SetOutcome::Pending && now - attempt.written_at >= policy.in_flight
        })
    }

    fn is_in_flight(&self, now: DateTime<Utc>, policy: &Policy) -> bool {
        self.attempts
            .iter()
            .any(|attempt| now - attempt.written_at < policy.in_flight)
    }

    pub(crate) fn status(&self, now: DateTime<Utc>, policy: &Policy) -> DayStatus {
        let was_observed = self.known_gap || self.attempts.iter().any(|attempt| attempt.observed);
        let has_data = self.attempts.iter().any(|attempt| attempt.outcome != SetOutcome::Empty);
        if self.in_lake.is_some() {
            return DayStatus::Present;
        }
        if self.is_in_flight(now, policy) {
            return DayStatus::InFlight;
        }
        match self.availability {
            Availability::Observed => DayStatus::Missing,
            Availability::Assumed if was_observed || has_data => DayStatus::Missing,
            Availability::Assumed if self.attempts.is_empty() => DayStatus::Uncollected,
            Availability::OutOfReach if was_observed => DayStatus::Lost,
            Availability::Assumed | Availability::OutOfReach => DayStatus::NoData,
        }
    }

    /// The attempts that say something about the next one: they were made with today's programs, and while the source
    /// was seen to have the day, if it is seen to have it now.
    fn counted<'a>(&'a self, programs: &'a Programs) -> impl Iterator<Item = &'a Attempt> {
        self.attempts.iter().filter(move |attempt| {
            attempt.outcome != SetOutcome::Pending
                && (attempt.observed || self.availability != Availability::Observed)
                && programs.are_those_of(attempt)
        })
    }

    /// From when on the day may be collected again, after the attempts that count; `None`: at once.
    fn next_step(&self, programs: &Programs) -> Option<DateTime<Utc>> {
        let last = self.counted(programs).map(|attempt| attempt.written_at).max()?;
        if is_planted(Bug::FailedDayGivenUp) {
            return Some(DateTime::<Utc>::MAX_UTC);
        }
        Some(last + step(self.counted(programs).count()))
    }

    /// From when on a day in the lake may be restated because costs may have been reconciled.
    fn next_restatement(&self, in_lake: LakeDay, policy: &Policy) -> DateTime<Utc> {
        let changed_nothing = |attempt: &&Attempt| match attempt.outcome {
            SetOutcome::Empty | SetOutcome::Quarantined | SetOutcome::Thinner => true,
            SetOutcome::InLake | SetOutcome::Superseded | SetOutcome::Pending => attempt.same,
        };
        let in_vain = self.attempts.iter().take_while(changed_nothing).count();
        let beyond = in_vain.saturating_sub(
            usize::try_from(policy.retry_limit)
                .unwrap_or(usize::MAX)
                .saturating_sub(1),
        );
        let interval = match beyond {
            0 => policy.restate_interval,
            beyond => policy.restate_interval.max(step(beyond)),
        };
        let attempts = self.attempts.iter().map(|attempt| attempt.written_at);
        attempts.chain([in_lake.written_at]).max().unwrap_or(in_lake.written_at) + interval
    }

    /// Whether a later set may be better than what the lake has, as far as the lake and the sets say.
    pub(crate) fn is_improvable(&self) -> bool {
        self.in_lake.is_some_and(|day| day.improvable) || self.thinner().next().is_some()
    }

    /// Whether and why the day is to be collected.
    pub(crate) fn reason(
        &self,
        day: Day,
        now: DateTime<Utc>,
        policy: &Policy,
        programs: &Programs,
    ) -> Option<PlanReason> {
        if self.availability == Availability::OutOfReach || self.is_in_flight(now, policy) {
            return None;
        }
        let is_due = |from: Option<DateTime<Utc>>| from.is_none_or(|from| from <= now);
        let Some(in_lake) = self.in_lake else {
            let reason = match self.newest().map(|newest| newest.outcome) {
                Some(SetOutcome::Quarantined) => PlanReason::Retry,
                _ => PlanReason::Missing,
            };
            return is_due(self.next_step(programs)).then_some(reason);
        };
        let young = now - day.end() < policy.restate_age;
        let restate = young && is_due(Some(self.next_restatement(in_lake, policy)));
        let improve = self.is_improvable() && is_due(self.next_step(programs));
        (restate || improve).then_some(PlanReason::Restate)
    }

    /// When a day that is missing or improvable may be planned next, if that is later than now.
    pub(crate) fn next_attempt(&self, now: DateTime<Utc>, programs: &Programs) -> Option<DateTime<Utc>> {
        self.next_step(programs).filter(|next| *next > now)
    }
}

/// The plan for the days that a source has: newest first, since the newest day matters most to readers.
pub(crate) fn plan<'a>(
    days: impl IntoIterator<Item = (Day, &'a DayHistory)>,
    now: DateTime<Utc>,
    policy: &Policy,
    programs: &Programs,
) -> Vec<PlannedDay> {
    let planned = |(date, history): (Day, &DayHistory)| {
        let reason = history.reason(date, now, policy, programs)?;
        Some(PlannedDay { date, reason })
    };
    let mut planned: Vec<PlannedDay> = days.into_iter().filter_map(planned).collect();
    planned.sort_by_key(|day| std::cmp::Reverse(day.date));
    planned
}

#[cfg(test)]
mod tests;
