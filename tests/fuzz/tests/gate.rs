//! Some inputs for each target, in the gate: the same ones in each run, so that it never fails by chance. The command
//! runs for as long as it is asked to, with other inputs each time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use fuzz::{TARGETS, run};

const SEED: u64 = 13;
const INPUTS: u64 = 3_000;

fn fuzz(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let done = run(*target, SEED, Duration::ZERO, INPUTS);
    if let Some(failure) = done.failure {
        panic!(
            "{name}, seed {SEED}, after {} executions: {}\n{}",
            done.executions,
            failure.message,
            String::from_utf8_lossy(&failure.input)
        );
    }
    assert!(done.executions > INPUTS, "{}", done.executions);
}

#[test]
fn responses() {
    fuzz("response");
}

#[test]
fn rows() {
    fuzz("row");
}

#[test]
fn keys() {
    fuzz("keys");
}

#[test]
fn events() {
    fuzz("events");
}

#[test]
fn documents() {
    fuzz("documents");
}

#[test]
fn footers() {
    fuzz("footer");
}

/// The loop finds what is wrong, and stops there.
#[test]
fn a_target_that_is_wrong_is_found() {
    let wrong = fuzz::Target {
        name: "wrong",
        check: |input| assert!(!input.windows(4).any(|four| four == b"null"), "it has null"),
        seeds: || vec![b"{\"a\":1}".to_vec()],
    };
    let done = run(wrong, 7, Duration::from_secs(60), 0);
    let failure = done.failure.unwrap();
    assert_eq!(failure.message, "it has null");
    assert!(
        run(wrong, 7, Duration::from_secs(60), 0).executions == done.executions,
        "the seed decides"
    );
}
