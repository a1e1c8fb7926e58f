//! The loop.

use std::{
    panic::{self, AssertUnwindSafe},
    time::{Duration, Instant},
};

use fastrand::Rng;

use crate::{Target, mutate::mutated};

/// What a loop did.
#[derive(Debug)]
pub struct Run {
    /// How many inputs were checked.
    pub executions: u64,
    /// The first input that broke a promise.
    pub failure: Option<Failure>,
}

/// An input that broke a promise.
#[derive(Debug)]
pub struct Failure {
    /// The input.
    pub input: Vec<u8>,
    /// What the target said.
    pub message: String,
}

/// Checks a target's seeds, and then mutations of them, until the time is over or a promise is broken. At least
/// `least` inputs are checked, however long that takes.
pub fn run(target: Target, random_seed: u64, time: Duration, least: u64) -> Run {
    let began = Instant::now();
    let seeds = (target.seeds)();
    let mut random = Rng::with_seed(random_seed);
    let mut executions = 0;
    let mut check = |input: &[u8]| {
        executions += 1;
        panic::catch_unwind(AssertUnwindSafe(|| (target.check)(input))).map_err(|panic| Failure {
            input: input.to_vec(),
            message: message(&*panic),
        })
    };
    let mut failure = seeds.iter().find_map(|seed| check(seed).err());
    let mut checked = 0;
    while failure.is_none() && (checked < least || began.elapsed() < time) {
        // The clock is read only now and then.
        for _ in 0..64 {
            if failure.is_none() {
                failure = check(&mutated(&seeds, &mut random)).err();
            }
        }
        checked += 64;
    }
    Run { executions, failure }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it panicked".to_owned())
}
