use contract::coverage::PartialReason;

use super::*;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn partial(date: &str, share: f64, confirmed: bool) -> PartialDay {
    PartialDay {
        day: ImprovableDay {
            date: day(date),
            collected_again: true,
            next_attempt: None,
        },
        share: Some(share),
        reasons: vec![PartialReason::Observed],
        confirmed,
    }
}

#[test]
fn a_partial_day_is_confirmed_by_a_second_set_of_its_share() {
    let set = |share| contract::state::SetContent {
        share: Some(share),
        partial: vec![PartialReason::Observed],
        ..contract::state::SetContent::unknown(DateTime::UNIX_EPOCH)
    };
    let state = |shares: &[f64]| {
        let sets = shares
            .iter()
            .map(|share| (RunId::new(DateTime::UNIX_EPOCH), set(*share)));
        ClusterState {
            sets: [(day("2026-11-20"), sets.collect())].into(),
            ..ClusterState::default()
        }
    };
    let is_confirmed = |shares: &[f64]| has_same_share_twice(&state(shares), day("2026-11-20"), Some(0.5));
    assert!(is_confirmed(&[0.5, 0.51]));
    assert!(!is_confirmed(&[0.5]) && !is_confirmed(&[0.5, 0.6]));
}

#[test]
fn days_of_a_cluster_that_sleeps_every_night_confirm_each_other() {
    let mut days = [
        partial("2026-11-18", 0.58, true),
        partial("2026-11-19", 0.61, true),
        partial("2026-11-20", 0.6, false),
        partial("2026-11-21", 0.2, false),
    ];
    confirm_by_others(&mut days);
    assert_eq!(days.map(|day| day.confirmed), [true, true, true, false]);
    let mut days = [partial("2026-11-19", 0.6, true), partial("2026-11-20", 0.6, false)];
    confirm_by_others(&mut days);
    assert_eq!(days.map(|day| day.confirmed), [true, false]);
}
