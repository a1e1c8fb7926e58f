//! A short run: some seeds keep all promises, the same seed has the same trace, and planted bugs are found. More by
//! command, see `src/main.rs`.

use seams::bugs::Bug;
use simulation::{Outcome, run};

fn assert_kept(outcome: &Outcome) {
    assert!(
        outcome.violations.is_empty(),
        "{}\nseed {}: {:#?}",
        outcome.trace.join("\n"),
        outcome.seed,
        outcome.violations
    );
}

#[test]
fn the_same_seed_has_the_same_trace_and_another_has_another() {
    let (first, second, other) = (run(1, None), run(1, None), run(2, None));
    let differs = first.trace.iter().zip(&second.trace).find(|(one, other)| one != other);
    assert_eq!(differs, None);
    assert_eq!(first.hash, second.hash);
    assert_ne!(first.hash, other.hash);
    assert_kept(&first);
    assert_kept(&other);
}

#[test]
fn no_promise_is_broken() {
    for seed in 3..6 {
        assert_kept(&run(seed, None));
    }
}

#[test]
fn planted_bugs_are_found() {
    for (bug, seed) in [
        (Bug::AlternativesForgotten, 3),
        (Bug::DayWithoutCondition, 3),
        (Bug::OnlyNewestRedelivered, 1),
    ] {
        let outcome = run(seed, Some(bug));
        assert!(!outcome.violations.is_empty(), "{bug:?} is not found by seed {seed}");
    }
}
