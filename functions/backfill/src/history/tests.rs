use chrono::TimeDelta;
use contract::{quantities::Quantities, record::DayRecord, state::ObjectVersion};
use proptest::prelude::*;

use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-24T05:00:00Z".parse().unwrap()
}

fn run(hours: i64) -> RunId {
    RunId::new(now() - TimeDelta::hours(hours))
}

fn quantities(minutes: f64) -> Quantities {
    Quantities {
        rows: 20,
        minutes,
        core_hours: 1.0,
        ram_byte_hours: 1.0,
    }
}

fn content(minutes: f64) -> SetContent {
    SetContent {
        question: Some("container;idle".to_owned()),
        quantities: Some(quantities(minutes)),
        ..SetContent::unknown(now())
    }
}

fn lake(run: Option<RunId>, best: f64, forced: bool) -> LakeObject {
    LakeObject {
        version: ObjectVersion {
            modified: now() - TimeDelta::hours(3),
            bytes: 1,
            etag: None,
        },
        run,
        table: None,
        record: Some(DayRecord {
            question: "container;idle".to_owned(),
            quantities: quantities(best),
            best: quantities(best),
            share: None,
            partial: Vec::new(),
            asset_scope: None,
            assets: contract::documents::AssetsState::Stored,
            currency: None,
            computed_totals: 0,
            alternatives: Vec::new(),
            forced,
        }),
    }
}

/// The outcome of the only set of a day.
fn outcome_of(hours: i64, content: SetContent, lake: Option<LakeObject>, reported: Reported) -> SetOutcome {
    let day: Day = "2026-11-20".parse().unwrap();
    let run = run(hours);
    let state = ClusterState {
        lake: lake.map(|lake| (day, lake)).into_iter().collect(),
        sets: [(day, [(run, content)].into())].into(),
        ..ClusterState::default()
    };
    let staged = Staged {
        newest_inventory: None,
        newest_report: None,
        sets: [(
            day,
            vec![StagedSet {
                run,
                written_at: now() - TimeDelta::hours(hours),
            }],
        )]
        .into(),
    };
    let known = Known {
        state: &state,
        staged: &staged,
        quarantined: &[((day, run), reported)].into(),
        now: now(),
    };
    known.day_history(day, Availability::Observed).attempts[0].outcome
}

const NOTHING: Reported = Reported {
    fault: None,
    thinner: None,
};

#[test]
fn a_set_is_judged_by_its_run_and_by_what_it_holds() {
    let reported = |fault, thinner| Reported {
        fault: (fault == 1).then(now),
        thinner: (thinner == 1).then(now),
    };
    let empty = SetContent {
        empty: true,
        ..content(0.0)
    };
    let other_question = SetContent {
        question: Some("pod;idle".to_owned()),
        ..content(200.0)
    };
    let (newer, older) = (lake(Some(run(1)), 100.0, false), lake(Some(run(9)), 100.0, false));
    for (found, expected) in [
        (outcome_of(5, content(100.0), None, NOTHING), SetOutcome::Pending),
        (outcome_of(5, empty.clone(), None, NOTHING), SetOutcome::Empty),
        (
            outcome_of(5, content(100.0), None, reported(1, 0)),
            SetOutcome::Quarantined,
        ),
        // The lake's object was written after the set arrived, by another run: the set is still not in the lake.
        (
            outcome_of(5, content(100.0), Some(older.clone()), NOTHING),
            SetOutcome::Pending,
        ),
        (
            outcome_of(5, content(10.0), Some(older.clone()), reported(0, 1)),
            SetOutcome::Thinner,
        ),
        (outcome_of(5, empty, Some(older), NOTHING), SetOutcome::Empty),
        (
            outcome_of(5, content(100.0), Some(newer.clone()), NOTHING),
            SetOutcome::Superseded,
        ),
        // A good set that was never converted, and a later, worse one that was.
        (
            outcome_of(5, content(200.0), Some(newer.clone()), NOTHING),
            SetOutcome::Pending,
        ),
        (
            outcome_of(5, other_question, Some(newer.clone()), NOTHING),
            SetOutcome::Superseded,
        ),
        (
            outcome_of(5, content(10.0), Some(newer), reported(0, 1)),
            SetOutcome::Superseded,
        ),
        // A person chose the lake's set.
        (
            outcome_of(5, content(200.0), Some(lake(Some(run(1)), 100.0, true)), NOTHING),
            SetOutcome::Superseded,
        ),
        // Not written by transform.
        (
            outcome_of(5, content(100.0), Some(lake(None, 0.0, false)), NOTHING),
            SetOutcome::Superseded,
        ),
        (
            outcome_of(2, content(100.0), Some(lake(None, 0.0, false)), NOTHING),
            SetOutcome::Pending,
        ),
        // The clock of the lake's run was ahead.
        (
            outcome_of(5, content(100.0), Some(lake(Some(run(-48)), 100.0, false)), NOTHING),
            SetOutcome::Pending,
        ),
    ] {
        assert_eq!(found, expected);
    }
}

proptest! {
    #[test]
    fn no_set_that_is_fuller_than_the_lakes_day_ever_was_is_passed_over(
        hours in 2_i64..100, lake_hours in 2_i64..100, minutes in 0.0..200.0, best in 0.0..200.0,
    ) {
        prop_assume!(hours != lake_hours);
        let outcome = outcome_of(hours, content(minutes), Some(lake(Some(run(lake_hours)), best, false)), NOTHING);
        let is_fuller = quantities(minutes).exceeds(&quantities(best));
        prop_assert_eq!(outcome == SetOutcome::Pending, hours < lake_hours || is_fuller);
    }
}

#[test]
fn a_quarantined_set_is_mended_by_the_lake_or_by_a_later_set_that_has_data() {
    let day: Day = "2026-11-20".parse().unwrap();
    let is_mended = |lake_run: Option<i64>, staged: &[i64], empty: &[i64]| {
        let sets = staged.iter().map(|hours| StagedSet {
            run: RUNS[usize::try_from(*hours).unwrap()],
            written_at: now() - TimeDelta::hours(*hours),
        });
        let contents = empty.iter().map(|hours| {
            let content = SetContent {
                empty: true,
                ..content(0.0)
            };
            (RUNS[usize::try_from(*hours).unwrap()], content)
        });
        let lake_run = lake_run.map(|hours| (day, lake(Some(RUNS[usize::try_from(hours).unwrap()]), 100.0, false)));
        let state = ClusterState {
            lake: lake_run.into_iter().collect(),
            sets: [(day, contents.collect())].into(),
            ..ClusterState::default()
        };
        let staged = Staged {
            newest_inventory: None,
            newest_report: None,
            sets: [(day, sets.collect())].into(),
        };
        let reported = Reported {
            fault: Some(now()),
            thinner: None,
        };
        let known = Known {
            state: &state,
            staged: &staged,
            quarantined: &[((day, RUNS[8]), reported)].into(),
            now: now(),
        };
        let histories = [(day, known.day_history(day, Availability::Observed))].into();
        known.quarantined(&histories).is_empty()
    };
    assert!(!is_mended(None, &[9, 8], &[]));
    assert!(is_mended(None, &[8, 7], &[]));
    // A later set without data leaves the quarantined one as the only one with data.
    assert!(!is_mended(None, &[8, 7], &[7]));
    assert!(is_mended(Some(7), &[8], &[]));
    assert!(is_mended(Some(8), &[8], &[]));
    assert!(!is_mended(Some(9), &[9, 8], &[]));
    // The staged set has expired: the lake has the day, or nothing is known to have mended it.
    assert!(is_mended(Some(9), &[], &[]));
    assert!(!is_mended(None, &[9], &[]));
}

/// Runs of so many hours ago.
static RUNS: std::sync::LazyLock<Vec<RunId>> = std::sync::LazyLock::new(|| (0..10).map(run).collect());
