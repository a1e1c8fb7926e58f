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

fn programs() -> Programs {
    Programs {
        exporter: Some("2".to_owned()),
        transform: "2".to_owned(),
        table: None,
    }
}

fn attempt(written_at: DateTime<Utc>, outcome: SetOutcome) -> Attempt {
    Attempt {
        run: RunId::new(written_at),
        written_at,
        outcome,
        observed: true,
        same: false,
        producer: Some("2".to_owned()),
        table: None,
    }
}

fn day(age: u32) -> Day {
    Day::of(now()).minus(age)
}

fn in_lake(hours: i64) -> Option<LakeDay> {
    Some(LakeDay {
        written_at: now() - TimeDelta::hours(hours),
        improvable: false,
    })
}

fn failures() -> impl Strategy<Value = SetOutcome> {
    prop_oneof![Just(SetOutcome::Empty), Just(SetOutcome::Quarantined)]
}

/// Plans a day once a day, and lets each planned attempt end in the same way; the days on which it was planned.
fn planned_days(mut history: DayHistory, outcome: SetOutcome, days: i64) -> Vec<i64> {
    let mut planned = Vec::new();
    for age in 0..days {
        let time = now() + TimeDelta::days(age);
        if history.reason(day(20), time, &POLICY, &programs()).is_some() {
            planned.push(age);
            let observed = history.availability == Availability::Observed;
            let attempt = Attempt {
                observed,
                ..attempt(time, outcome)
            };
            history.attempts.insert(0, attempt);
        }
    }
    planned
}

/// The days of the last month by age: whether the source has it, how many hours ago the lake's object was written,
/// whether a set is in flight.
fn lake() -> impl Strategy<Value = BTreeMap<u32, (bool, Option<i64>, bool)>> {
    let state = (any::<bool>(), proptest::option::of(0_i64..200), any::<bool>());
    proptest::collection::btree_map(1_u32..30, state, 0..30)
}

proptest! {
    #[test]
    fn a_plan_has_each_missing_day_once_and_applying_it_leaves_nothing_to_do(lake in lake()) {
        let mut histories: BTreeMap<Day, DayHistory> = lake
            .iter()
            .map(|(age, (available, present, in_flight))| {
                let history = DayHistory {
                    in_lake: present.and_then(in_lake),
                    attempts: in_flight.then(|| attempt(now(), SetOutcome::Pending)).into_iter().collect(),
                    availability: if *available { Availability::Observed } else { Availability::OutOfReach },
                    known_gap: false,
                };
                (day(*age), history)
            })
            .collect();
        let make = |histories: &BTreeMap<Day, DayHistory>| {
            plan(histories.iter().map(|(day, history)| (*day, history)), now(), &POLICY, &programs())
        };
        let planned = make(&histories);
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
            histories.get_mut(&planned.date).unwrap().in_lake = in_lake(0);
        }
        prop_assert_eq!(make(&histories), []);
    }

    #[test]
    fn a_day_that_fails_is_never_given_up_and_attempts_spread_out(outcome in failures(), observed in any::<bool>()) {
        let availability = if observed { Availability::Observed } else { Availability::Assumed };
        let history = DayHistory { availability, ..DayHistory::default() };
        prop_assert_eq!(planned_days(history, outcome, 40), [0, 1, 3, 7, 15, 23, 31, 39]);
    }

    #[test]
    fn attempts_begin_again_at_once_when_the_day_is_seen_or_a_program_or_the_table_has_changed(
        outcomes in proptest::collection::vec(failures(), 1..8),
        change in 0..3,
    ) {
        let made = now() - TimeDelta::hours(2);
        let outcome = |outcome| match change { 0 => SetOutcome::Quarantined, _ => outcome };
        let attempts = outcomes.iter().map(|found| Attempt {
            observed: false,
            table: Some("old".to_owned()),
            ..attempt(made, outcome(*found))
        });
        let history = DayHistory { attempts: attempts.collect(), ..DayHistory::default() };
        let reason = |history: &DayHistory, programs: &Programs| history.reason(day(9), now(), &POLICY, programs);
        prop_assert_eq!(reason(&history, &programs()), None);
        let is_planned = match change {
            0 => {
                let table = |age| Some(("new".to_owned(), made + TimeDelta::hours(age)));
                prop_assert_eq!(reason(&history, &Programs { table: table(-1), ..programs() }), None);
                reason(&history, &Programs { table: table(1), ..programs() }).is_some()
            }
            1 => {
                let seen = DayHistory { availability: Availability::Observed, ..history };
                // Attempts while it was seen count again.
                let again = planned_days(seen.clone(), SetOutcome::Empty, 4);
                prop_assert_eq!(again, [0, 1, 3]);
                reason(&seen, &programs()).is_some()
            }
            _ => {
                let newer = Programs { exporter: Some("3".to_owned()), transform: "3".to_owned(), table: None };
                reason(&history, &newer).is_some()
            }
        };
        prop_assert!(is_planned);
    }

    #[test]
    fn a_partial_day_is_collected_again_at_the_same_steps_until_a_whole_set_is_in_the_lake(age in 0_i64..40) {
        let first = attempt(now() - TimeDelta::days(1), SetOutcome::InLake);
        let partial = LakeDay { improvable: true, ..in_lake(24).unwrap() };
        let history = DayHistory { in_lake: Some(partial), attempts: vec![first], ..DayHistory::default() };
        prop_assert_eq!(planned_days(history.clone(), SetOutcome::Superseded, 31), [0, 2, 6, 14, 22, 30]);
        let whole = DayHistory { in_lake: in_lake(24), ..history.clone() };
        prop_assert_eq!(whole.reason(day(20), now() + TimeDelta::days(age), &POLICY, &programs()), None);
        let gone = DayHistory { availability: Availability::OutOfReach, ..history };
        prop_assert_eq!(gone.reason(day(20), now() + TimeDelta::days(age), &POLICY, &programs()), None);
    }

    #[test]
    fn a_restatement_that_changes_nothing_is_bounded(same in any::<bool>(), outcome in failures()) {
        let policy = Policy { restate_age: TimeDelta::days(60), ..POLICY };
        let mut history = DayHistory {
            in_lake: in_lake(24),
            attempts: vec![attempt(now() - TimeDelta::days(1), SetOutcome::InLake)],
            availability: Availability::Observed,
            known_gap: false,
        };
        let mut planned = Vec::new();
        for age in 0..30 {
            let time = now() + TimeDelta::days(age);
            if history.reason(day(1), time, &policy, &programs()).is_some() {
                planned.push(age);
                let outcome = if same { SetOutcome::InLake } else { outcome };
                history.attempts.insert(0, Attempt { same, ..attempt(time, outcome) });
            }
        }
        prop_assert_eq!(planned, [0, 1, 2, 3, 5, 9, 17, 25]);
    }
}

#[test]
fn the_reason_says_what_happened_before() {
    let old = now() - TimeDelta::days(2);
    let history = |outcome| DayHistory {
        attempts: vec![attempt(old, outcome)],
        ..DayHistory::default()
    };
    let reason = |history: &DayHistory| history.reason(day(9), now(), &POLICY, &programs());
    assert_eq!(reason(&DayHistory::default()), Some(PlanReason::Missing));
    assert_eq!(reason(&history(SetOutcome::Quarantined)), Some(PlanReason::Retry));
    assert_eq!(reason(&history(SetOutcome::Empty)), Some(PlanReason::Missing));
    // Converted, then deleted from the lake: it is collected again, however often it was collected before.
    let converted = DayHistory {
        attempts: vec![attempt(old, SetOutcome::Pending); 9],
        ..DayHistory::default()
    };
    assert_eq!(reason(&converted), Some(PlanReason::Missing));
}

#[test]
fn only_what_a_source_was_seen_to_have_is_a_gap_or_lost() {
    use Availability::{Assumed, Observed, OutOfReach};
    let status = |availability, known_gap, attempts: &[(SetOutcome, bool)]| {
        let attempts = attempts.iter().map(|(outcome, observed)| Attempt {
            observed: *observed,
            ..attempt(now() - TimeDelta::days(2), *outcome)
        });
        let history = DayHistory {
            in_lake: None,
            attempts: attempts.collect(),
            availability,
            known_gap,
        };
        history.status(now(), &POLICY)
    };
    let empty = [(SetOutcome::Empty, false)];
    let seen_empty = [(SetOutcome::Empty, true)];
    let quarantined = [(SetOutcome::Quarantined, false)];
    for (found, expected) in [
        (status(Observed, false, &[]), DayStatus::Missing),
        (status(Observed, false, &empty), DayStatus::Missing),
        (status(Assumed, false, &empty), DayStatus::NoData),
        (status(Assumed, false, &[]), DayStatus::Uncollected),
        (status(Assumed, true, &[]), DayStatus::Missing),
        (status(Assumed, false, &seen_empty), DayStatus::Missing),
        (status(Assumed, false, &quarantined), DayStatus::Missing),
        (status(OutOfReach, false, &[]), DayStatus::NoData),
        (status(OutOfReach, false, &empty), DayStatus::NoData),
        (status(OutOfReach, false, &seen_empty), DayStatus::Lost),
        (status(OutOfReach, true, &[]), DayStatus::Lost),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn young_days_are_restated_once_a_day() {
    let written = |hours| DayHistory {
        in_lake: in_lake(hours),
        ..DayHistory::default()
    };
    let reason = |age, history: &DayHistory| history.reason(day(age), now(), &POLICY, &programs());
    assert_eq!(reason(1, &written(24)), Some(PlanReason::Restate));
    assert_eq!(reason(1, &written(19)), None);
    assert_eq!(reason(5, &written(24)), None);
    let in_flight = DayHistory {
        attempts: vec![attempt(now() - TimeDelta::minutes(1), SetOutcome::Pending)],
        ..written(24)
    };
    assert_eq!(reason(1, &in_flight), None);
}

#[test]
fn every_pending_set_is_overdue_in_time_and_no_other() {
    let hours = |hours| now() - TimeDelta::hours(hours);
    let attempts = [
        attempt(hours(0), SetOutcome::Pending),
        attempt(hours(1), SetOutcome::Pending),
        attempt(hours(5), SetOutcome::Empty),
        attempt(hours(6), SetOutcome::Quarantined),
        attempt(hours(7), SetOutcome::Thinner),
        attempt(hours(8), SetOutcome::Superseded),
        attempt(hours(9), SetOutcome::Pending),
    ];
    let history = DayHistory {
        attempts: attempts.to_vec(),
        ..DayHistory::default()
    };
    let overdue: Vec<Attempt> = history.overdue(now(), &POLICY).cloned().collect();
    assert_eq!(overdue, [attempts[1].clone(), attempts[6].clone()]);
}

#[test]
fn a_day_that_a_thinner_set_could_not_replace_is_collected_again() {
    let history = |hours| DayHistory {
        in_lake: in_lake(72),
        attempts: vec![attempt(now() - TimeDelta::hours(hours), SetOutcome::Thinner)],
        ..DayHistory::default()
    };
    assert_eq!(history(48).thinner().count(), 1);
    let reason = |history: &DayHistory| history.reason(day(20), now(), &POLICY, &programs());
    assert_eq!(reason(&history(48)), Some(PlanReason::Restate));
    assert_eq!(reason(&history(5)), None);
    let converted = DayHistory {
        attempts: vec![attempt(now() - TimeDelta::hours(48), SetOutcome::InLake)],
        ..history(48)
    };
    assert_eq!(reason(&converted), None);
}

#[test]
fn each_limit_belongs_to_what_comes_after_it() {
    let history = |age: TimeDelta, outcome| DayHistory {
        attempts: vec![attempt(now() - age, outcome)],
        ..DayHistory::default()
    };
    let second = TimeDelta::seconds(1);
    let status = |age| history(age, SetOutcome::Pending).status(now(), &POLICY);
    assert_eq!(status(POLICY.in_flight - second), DayStatus::InFlight);
    assert_eq!(status(POLICY.in_flight), DayStatus::Missing);

    let step = TimeDelta::days(1) - SLACK;
    let next = |age| history(age, SetOutcome::Empty).next_attempt(now(), &programs());
    assert_eq!(next(step - second), Some(now() + second));
    assert_eq!(next(step), None, "at once");
    assert_eq!(DayHistory::default().next_attempt(now(), &programs()), None);

    // A day of three days ago has ended that long ago at midnight.
    let lake = DayHistory {
        in_lake: in_lake(100),
        ..DayHistory::default()
    };
    let midnight = Day::of(now()).start();
    let reason = |now| lake.reason(day(3), now, &POLICY, &programs());
    assert_eq!(
        reason(midnight + TimeDelta::days(1) - second),
        Some(PlanReason::Restate)
    );
    assert_eq!(reason(midnight + TimeDelta::days(1)), None);
}
