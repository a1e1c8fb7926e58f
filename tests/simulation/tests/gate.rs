//! A short run: some seeds keep all promises, the same seed has the same trace, and planted bugs are found. More by
//! command, see `src/main.rs`.

use simulation::run;

#[test]
fn the_same_seed_has_the_same_trace() {
    for seed in 0..2 {
        let (first, second) = (run(seed, None), run(seed, None));
        let differs = first.trace.iter().zip(&second.trace).find(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.hash, second.hash, "seed {seed}");
    }
}

#[test]
fn no_promise_is_broken() {
    for seed in 0..4 {
        let outcome = run(seed, None);
        assert!(
            outcome.violations.is_empty(),
            "{}\nseed {seed}: {:#?}",
            outcome.trace.join("\n"),
            outcome.violations
        );
    }
}
