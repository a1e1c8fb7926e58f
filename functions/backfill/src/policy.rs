//! Whether a day is to be collected: a pure decision on what is known of it.

use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    day::Day,
    documents::{PlanReason, PlannedDay},
    run::RunId,
};

/// When a day is collected, again, or no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A day that ended less than this ago is collected again, since the source may still reconcile its costs. Zero:
    /// never.
    pub restate_age: TimeDelta,
    /// A day is restated at most this often.
    pub restate_interval: TimeDelta,
    /// A set younger than this is on its way: it is neither missing nor stuck.
    pub in_flight: TimeDelta,
    /// After this many answers without data, or sets that could not be converted, a day is not asked for any more.
    pub retry_limit: u32,
}

/// What became of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The source had no data: a manifest without parts.
    Empty,
    /// It could not be converted.
    Quarantined,
    /// Nothing is known to be wrong with it: it was converted, or will be, or its event was lost.
    Open,
}

/// One run's set of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The run.
    pub run: RunId,
    /// When its manifest was written, UTC.
    pub written_at: DateTime<Utc>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What is known of one cluster's day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayState {
    /// When its object in the lake was written, UTC; `None` where there is none.
    pub in_lake: Option<DateTime<Utc>>,
    /// Its sets, in any order.
    pub attempts: Vec<Attempt>,
}

/// How a day stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The lake has it.
    Present,
    /// A set is younger than the age at which it would be missed.
    OnItsWay,
    /// The source answered that it has no data.
    Empty,
    /// The lake lacks it.
    Missing,
    /// The lake lacks it, and it has failed too often to be asked for again.
    GivenUp,
}

impl Standing {
    /// Whether somebody who queries the table misses something.
    pub const fn is_gap(self) -> bool {
        matches!(self, Self::Missing | Self::GivenUp)
    }
}

impl DayState {
    fn newest(&self) -> Option<&Attempt> {
        self.attempts.iter().max_by_key(|attempt| attempt.run)
    }

    fn failures(&self) -> usize {
        self.attempts
            .iter()
            .filter(|attempt| attempt.outcome != Outcome::Open)
            .count()
    }

    fn is_on_its_way(&self, now: DateTime<Utc>, policy: &Policy) -> bool {
        self.attempts
            .iter()
            .any(|attempt| now - attempt.written_at < policy.in_flight)
    }

    fn may_be_asked_for(&self, policy: &Policy) -> bool {
        u32::try_from(self.failures()).is_ok_and(|failures| failures < policy.retry_limit)
    }

    /// How the day stands.
    pub fn standing(&self, now: DateTime<Utc>, policy: &Policy) -> Standing {
        if self.in_lake.is_some() {
            return Standing::Present;
        }
        if self.is_on_its_way(now, policy) {
            return Standing::OnItsWay;
        }
        match self.newest() {
            Some(Attempt {
                outcome: Outcome::Empty,
                ..
            }) => Standing::Empty,
            _ if !self.may_be_asked_for(policy) => Standing::GivenUp,
            _ => Standing::Missing,
        }
    }

    /// Whether and why the day is to be collected.
    pub fn reason(&self, day: Day, now: DateTime<Utc>, policy: &Policy) -> Option<PlanReason> {
        match self.standing(now, policy) {
            Standing::Present => {
                let young = now - day.end() < policy.restate_age;
                let due = self
                    .in_lake
                    .is_some_and(|written| now - written >= policy.restate_interval);
                (young && due && !self.is_on_its_way(now, policy)).then_some(PlanReason::Restate)
            }
            Standing::Missing => match self.newest() {
                Some(Attempt {
                    outcome: Outcome::Quarantined,
                    ..
                }) => Some(PlanReason::Retry),
                _ => Some(PlanReason::Missing),
            },
            Standing::Empty => self.may_be_asked_for(policy).then_some(PlanReason::Missing),
            Standing::OnItsWay | Standing::GivenUp => None,
        }
    }
}

/// The plan for the days that a source can answer for: newest first, since a person wants the newest day.
pub fn plan<'a>(
    days: impl IntoIterator<Item = (Day, &'a DayState)>,
    now: DateTime<Utc>,
    policy: &Policy,
) -> Vec<PlannedDay> {
    let mut planned: Vec<PlannedDay> = days
        .into_iter()
        .filter_map(|(date, state)| {
            state
                .reason(date, now, policy)
                .map(|reason| PlannedDay { date, reason })
        })
        .collect();
    planned.sort_by_key(|day| std::cmp::Reverse(day.date));
    planned.dedup_by_key(|day| day.date);
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

    fn attempt(age: TimeDelta, outcome: Outcome) -> Attempt {
        Attempt {
            run: RunId::new(now() - age),
            written_at: now() - age,
            outcome,
        }
    }

    fn day(age: u32) -> Day {
        Day::of(now()).minus(age)
    }

    /// Days 1 to 30 days ago, each of them available, present (written how many hours ago), on its way, or not.
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
            let mut states: BTreeMap<Day, DayState> = lake
                .iter()
                .map(|(age, (_, present, on_its_way))| {
                    let in_lake = present.map(|hours| now() - TimeDelta::hours(hours));
                    let attempts = on_its_way.then(|| attempt(TimeDelta::minutes(5), Outcome::Open));
                    (day(*age), DayState { in_lake, attempts: attempts.into_iter().collect() })
                })
                .collect();
            let available: BTreeSet<Day> =
                lake.iter().filter(|(_, (available, ..))| *available).map(|(age, _)| day(*age)).collect();
            let make = |states: &BTreeMap<Day, DayState>| {
                plan(available.iter().map(|day| (*day, &states[day])), now(), &POLICY)
            };

            let planned = make(&states);
            let missing: BTreeSet<Day> =
                planned.iter().filter(|day| day.reason == PlanReason::Missing).map(|day| day.date).collect();
            let expected: BTreeSet<Day> = lake
                .iter()
                .filter(|(_, (available, present, on_its_way))| *available && present.is_none() && !on_its_way)
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
        fn a_day_without_data_is_asked_for_a_bounded_number_of_times(quarantined in any::<bool>(), limit in 1_u32..10) {
            let policy = Policy { retry_limit: limit, ..POLICY };
            let outcome = if quarantined { Outcome::Quarantined } else { Outcome::Empty };
            let mut state = DayState::default();
            let mut asked = 0;
            let mut time = now();
            while state.reason(day(20), time, &policy).is_some() {
                asked += 1;
                prop_assert!(asked <= limit);
                state.attempts.push(Attempt { run: RunId::new(time), written_at: time, outcome });
                time += TimeDelta::days(1);
            }
            prop_assert_eq!(asked, limit);
            prop_assert_eq!(state.standing(time, &policy).is_gap(), quarantined);
        }
    }

    #[test]
    fn the_reason_says_what_happened_before() {
        let old = TimeDelta::days(2);
        let state = |outcome| DayState {
            in_lake: None,
            attempts: vec![attempt(old, outcome)],
        };
        let reason = |state: &DayState| state.reason(day(9), now(), &POLICY);
        assert_eq!(reason(&DayState::default()), Some(PlanReason::Missing));
        assert_eq!(reason(&state(Outcome::Quarantined)), Some(PlanReason::Retry));
        assert_eq!(reason(&state(Outcome::Empty)), Some(PlanReason::Missing));
        assert_eq!(state(Outcome::Empty).standing(now(), &POLICY), Standing::Empty);
        // Converted once, then deleted from the lake: it comes back however often it was collected.
        let converted = DayState {
            in_lake: None,
            attempts: vec![attempt(old, Outcome::Open); 9],
        };
        assert_eq!(reason(&converted), Some(PlanReason::Missing));
    }

    #[test]
    fn young_days_are_restated_once_a_day() {
        let written = |hours| DayState {
            in_lake: Some(now() - TimeDelta::hours(hours)),
            attempts: vec![],
        };
        assert_eq!(written(24).reason(day(1), now(), &POLICY), Some(PlanReason::Restate));
        assert_eq!(written(19).reason(day(1), now(), &POLICY), None);
        assert_eq!(written(24).reason(day(5), now(), &POLICY), None);
        let on_its_way = DayState {
            attempts: vec![attempt(TimeDelta::minutes(1), Outcome::Open)],
            ..written(24)
        };
        assert_eq!(on_its_way.reason(day(1), now(), &POLICY), None);
    }
}
