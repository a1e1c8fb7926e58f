//! Simulates seeds for as long as is wanted, prints what was injected and found, and the trace of a single seed and of
//! each seed that breaks a promise; the exit status is 1 then.
//!
//! - `cargo run --release -p simulation -- SEEDS [FIRST]` without a bug,
//! - `cargo run --release -p simulation -- SEEDS FIRST BUG` with that bug until it is found, or with each of them in
//!   turn for `all`; the exit status is 1 if one is not found.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a tool of developers"
)]

use std::{collections::BTreeMap, ops::Range, process::ExitCode, time::Instant};

use seams::bugs::Bug;
use simulation::Fault;

/// So many seeds break a promise at most before the run ends.
const MOST_BROKEN: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: u64| arguments.get(index).map_or(default, |text| text.parse().unwrap());
    let (count, first) = (number(0, 100), number(1, 0));
    let seeds = first..first + count;
    let is_well = match arguments.get(2).map(String::as_str) {
        None => are_kept(seeds),
        Some("all") => Bug::ALL.iter().filter(|bug| !is_found(**bug, seeds.clone())).count() == 0,
        Some(name) => {
            let known = Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == name);
            let bug = known.unwrap_or_else(|| panic!("there is no bug {name}, but {:?}, and all", Bug::ALL));
            is_found(bug, seeds)
        }
    };
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether seeds keep all promises.
fn are_kept(seeds: Range<u64>) -> bool {
    let began = Instant::now();
    let mut injected: BTreeMap<Fault, u64> = BTreeMap::new();
    let (mut hash, mut broken, mut done) = (0_u64, Vec::new(), 0_u64);
    for seed in seeds.clone() {
        let outcome = simulation::run(seed, None);
        done += 1;
        hash = hash.rotate_left(1) ^ outcome.hash;
        for (fault, times) in &outcome.injected {
            *injected.entry(*fault).or_default() += times;
        }
        let is_broken = !outcome.violations.is_empty();
        if is_broken || seeds.end - seeds.start == 1 {
            println!("{}", outcome.trace.join("\n"));
        }
        if is_broken {
            println!("seed {seed}: {:#?}", outcome.violations);
            broken.push(seed);
        }
        if broken.len() == MOST_BROKEN {
            break;
        }
        if done.is_multiple_of(50) {
            println!(
                "{done} seeds in {:.0} s, broken: {broken:?}",
                began.elapsed().as_secs_f64()
            );
        }
    }
    println!("faults by kind:");
    for (fault, times) in &injected {
        println!("  {:18} {times:9}", format!("{fault:?}"));
    }
    println!(
        "{done} seeds from {} in {:.0} s, {} faults, trace hash {hash:016x}, {} seeds broke a promise: {broken:?}",
        seeds.start,
        began.elapsed().as_secs_f64(),
        injected.values().sum::<u64>(),
        broken.len(),
    );
    broken.is_empty()
}

/// Whether one of the seeds finds a bug.
fn is_found(bug: Bug, mut seeds: Range<u64>) -> bool {
    let (began, first) = (Instant::now(), seeds.start);
    let found = seeds.find_map(|seed| {
        let violations = simulation::run(seed, Some(bug)).violations;
        violations.into_iter().next().map(|violation| (seed, violation))
    });
    let seconds = began.elapsed().as_secs_f64();
    match &found {
        Some((seed, violation)) => println!(
            "{bug:?}: found by seed {seed}, number {}, in {seconds:.0} s: {violation}",
            seed - first + 1
        ),
        None => println!("{bug:?}: not found in {seconds:.0} s"),
    }
    found.is_some()
}
