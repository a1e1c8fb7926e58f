//! Each target for some seconds, in the gate.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use fuzz::{TARGETS, run};

/// How long each target runs: the seeds of the gate's runs differ from day to day, and each failure names its own.
const TIME: Duration = Duration::from_secs(8);

fn fuzz(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seed = fastrand::u64(..);
    let done = run(*target, seed, TIME, 500);
    if let Some(failure) = done.failure {
        panic!(
            "{name}, seed {seed}, after {} executions: {}\n{}",
            done.executions,
            failure.message,
            String::from_utf8_lossy(&failure.input)
        );
    }
    assert!(done.executions > 500, "{}", done.executions);
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
