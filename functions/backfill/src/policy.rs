//! Whether a day is to be collected: a pure decision on what is known of it.

use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    day::Day,
    documents::{PlanReason, PlannedDay},
    run::RunId,
};

/// When a day is collected, collected again, or given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A day that ended less than this ago is collected again, since the source may still reconcile its costs. Zero:
    /// never.
    pub restate_age: TimeDelta,
    /// The shortest time between two restatements of a day.
    pub restate_interval: TimeDelta,
    /// A set younger than this is in flight: it is neither missing nor stuck.
    pub in_flight: TimeDelta,
    /// After this many sets without data, or that could not be converted, a day is no longer planned.
    pub retry_limit: u32,
}

/// The result of a set, as far as a plan or an audit can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetOutcome {
    /// The source had no data.
    Empty,
    /// It could not be converted.
    Quarantined,
    /// Nothing is known to be wrong: it was converted, or will be, or its event was lost.
    Unknown,
}

/// One run's set of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) run: RunId,
    /// When its manifest was written.
    pub(crate) written_at: DateTime<Utc>,
    pub(crate) outcome: SetOutcome,
}

/// What is known of one cluster's day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DayHistory {
    /// When its object in the lake was written; `None` if there is none.
    pub(crate) in_lake: Option<DateTime<Utc>>,
    /// Its sets, in any order.
    pub(crate) attempts: Vec<Attempt>,
}

/// The status of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DayStatus {
    /// The lake has it.
    Present,
    /// The lake lacks it, but a set arrived less than [`Policy::in_flight`] ago.
    InFlight,
    /// The source reported that it has no data.
    Empty,
    /// The lake lacks it.
    Missing,
    /// The lake lacks it, and its sets failed too often to plan it again.
    GivenUp,
}

impl DayStatus {
    /// Whether the table lacks data that the source has or had.
    pub(crate) const fn is_gap(self) -> bool {
        matches!(self, Self::Missing | Self::GivenUp)
    }
}

impl DayHistory {
    /// The set of the newest run.
    pub(crate) fn newest(&self) -> Option<&Attempt> {
        self.attempts.iter().max_by_key(|attempt| attempt.run)
    }

    fn is_in_flight(&self, now: DateTime<Utc>, policy: &Policy) -> bool {
        self.attempts
            .iter()
            .any(|attempt| now - attempt.written_at < policy.in_flight)
    }

    fn has_retries_left(&self, policy: &Policy) -> bool {
        let failed = |attempt: &&Attempt| attempt.outcome != SetOutcome::Unknown;
        let failures = self.attempts.iter().filter(failed).count();
        u32::try_from(failures).is_ok_and(|failures| failures < policy.retry_limit)
    }

    pub(crate) fn status(&self, now: DateTime<Utc>, policy: &Policy) -> DayStatus {
        if self.in_lake.is_some() {
            DayStatus::Present
        } else if self.is_in_flight(now, policy) {
            DayStatus::InFlight
        } else if self.newest().is_some_and(|newest| newest.outcome == SetOutcome::Empty) {
            DayStatus::Empty
        } else if self.has_retries_left(policy) {
            DayStatus::Missing
        } else {
            DayStatus::GivenUp
        }
    }

    /// Whether and why the day is to be collected.
    pub(crate) fn reason(&self, day: Day, now: DateTime<Utc>, policy: &Policy) -> Option<PlanReason> {
        match self.status(now, policy) {
            DayStatus::Present => {
                let young = now - day.end() < policy.restate_age;
                let due = self
                    .in_lake
                    .is_some_and(|written| now - written >= policy.restate_interval);
                (young && due && !self.is_in_flight(now, policy)).then_some(PlanReason::Restate)
            }
            DayStatus::Missing => match self.newest().map(|newest| newest.outcome) {
                Some(SetOutcome::Quarantined) => Some(PlanReason::Retry),
                _ => Some(PlanReason::Missing),
            },
            DayStatus::Empty => self.has_retries_left(policy).then_some(PlanReason::Missing),
            DayStatus::InFlight | DayStatus::GivenUp => None,
        }
    }
}

/// The plan for the days that a source has: newest first, since the newest day matters most to readers.
pub(crate) fn plan<'a>(
    days: impl IntoIterator<Item = (Day, &'a DayHistory)>,
    now: DateTime<Utc>,
    policy: &Policy,
) -> Vec<PlannedDay> {
    let planned = |(date, history): (Day, &DayHistory)| {
        let reason = history.reason(date, now, policy)?;
        Some(PlannedDay { date, reason })
    };
    let mut planned: Vec<PlannedDay> = days.into_iter().filter_map(planned).collect();
    planned.sort_by_key(|day| std::cmp::Reverse(day.date));
    planned
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy {
        restate_age: TimeDelta::days(3),
        restate_interval: TimeDelta::hours(20),
        in_flight: TimeDelta::hours(1),
        retry_limit: 3,
    };

    fn now() -> DateTime<Utc> {
        "2026-11-24T05:00:00Z".parse().unwrap()
    }

    fn attempt(age: TimeDelta, outcome: SetOutcome) -> Attempt {
        Attempt {
            run: RunId::new(now() - age),
            written_at: now() - age,
            outcome,
        }
    }

    fn day(age: u32) -> Day {
        Day::of(now()).minus(age)
    }

    /// The days of the last month by age: whether the source has it, how many hours ago the lake's object was written,
    /// whether a set is in flight.
    fn lake() -> impl Strategy<Value = BTreeMap<u32, (bool, Option<i64>, bool)>> {
        prop::collection::btree_map(
            1_u32..30,
            (any::<bool>(), prop::option::of(0_i64..700), any::<bool>()),
            0..30,
        )
    }

    proptest! {
        #[test]
        fn the_plan_is_exactly_the_gap_and_applying_it_leaves_nothing(lake in lake()) {
            let mut states: BTreeMap<Day, DayHistory> = lake
                .iter()
                .map(|(age, (_, present, in_flight))| {
                    let in_lake = present.map(|hours| now() - TimeDelta::hours(hours));
                    let attempts = in_flight.then(|| attempt(TimeDelta::minutes(5), SetOutcome::Unknown));
                    (day(*age), DayHistory { in_lake, attempts: attempts.into_iter().collect() })
                })
                .collect();
            let available: BTreeSet<Day> =
                lake.iter().filter(|(_, (available, ..))| *available).map(|(age, _)| day(*age)).collect();
            let make = |states: &BTreeMap<Day, DayHistory>| {
                plan(available.iter().map(|day| (*day, &states[day])), now(), &POLICY)
            };

            let planned = make(&states);
            let missing: BTreeSet<Day> =
                planned.iter().filter(|day| day.reason == PlanReason::Missing).map(|day| day.date).collect();
            let expected: BTreeSet<Day> = lake
                .iter()
                .filter(|(_, (available, present, in_flight))| *available && present.is_none() && !in_flight)
                .map(|(age, _)| day(*age))
                .collect();
            prop_assert_eq!(missing, expected);
            prop_assert!(planned.is_sorted_by(|left, right| left.date > right.date));
            for restated in planned.iter().filter(|day| day.reason == PlanReason::Restate) {
                prop_assert!(now() - restated.date.end() < POLICY.restate_age);
            }

            for planned in &planned {
                states.get_mut(&planned.date).unwrap().in_lake = Some(now());
            }
            prop_assert_eq!(make(&states), []);
        }

        #[test]
        fn a_day_without_data_is_planned_a_bounded_number_of_times(quarantined in any::<bool>(), limit in 1_u32..10) {
            let policy = Policy { retry_limit: limit, ..POLICY };
            let outcome = if quarantined { SetOutcome::Quarantined } else { SetOutcome::Empty };
            let mut state = DayHistory::default();
            let mut planned = 0;
            let mut time = now();
            while state.reason(day(20), time, &policy).is_some() {
                planned += 1;
                prop_assert!(planned <= limit);
                state.attempts.push(Attempt { run: RunId::new(time), written_at: time, outcome });
                time += TimeDelta::days(1);
            }
            prop_assert_eq!(planned, limit);
            prop_assert_eq!(state.status(time, &policy).is_gap(), quarantined);
        }
    }

    #[test]
    fn the_reason_says_what_happened_before() {
        let old = TimeDelta::days(2);
        let state = |outcome| DayHistory {
            in_lake: None,
            attempts: vec![attempt(old, outcome)],
        };
        let reason = |state: &DayHistory| state.reason(day(9), now(), &POLICY);
        assert_eq!(reason(&DayHistory::default()), Some(PlanReason::Missing));
        assert_eq!(reason(&state(SetOutcome::Quarantined)), Some(PlanReason::Retry));
        assert_eq!(reason(&state(SetOutcome::Empty)), Some(PlanReason::Missing));
        assert_eq!(state(SetOutcome::Empty).status(now(), &POLICY), DayStatus::Empty);
        // Converted, then deleted from the lake: it is collected again, however often it was collected before.
        let converted = DayHistory {
            in_lake: None,
            attempts: vec![attempt(old, SetOutcome::Unknown); 9],
        };
        assert_eq!(reason(&converted), Some(PlanReason::Missing));
    }

    #[test]
    fn young_days_are_restated_once_a_day() {
        let written = |hours| DayHistory {
            in_lake: Some(now() - TimeDelta::hours(hours)),
            attempts: vec![],
        };
        assert_eq!(written(24).reason(day(1), now(), &POLICY), Some(PlanReason::Restate));
        assert_eq!(written(19).reason(day(1), now(), &POLICY), None);
        assert_eq!(written(24).reason(day(5), now(), &POLICY), None);
        let in_flight = DayHistory {
            attempts: vec![attempt(TimeDelta::minutes(1), SetOutcome::Unknown)],
            ..written(24)
        };
        assert_eq!(in_flight.reason(day(1), now(), &POLICY), None);
    }
}
