//! Simulates seeds for as long as is wanted: `cargo run --release -p simulation -- SEEDS [FIRST] [BUG]`. Prints what
//! was injected and found. It prints the trace of a single seed, and of the first one that breaks a promise; the exit
//! status is 1 then.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a tool of developers"
)]

use std::{collections::BTreeMap, process::ExitCode};

use seams::bugs::Bug;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: u64| arguments.get(index).map_or(default, |text| text.parse().unwrap());
    let (seeds, first) = (number(0, 100), number(1, 0));
    let bug = arguments.get(2).map(|name| {
        let known = Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == *name);
        known.unwrap_or_else(|| panic!("there is no bug {name}, but {:?}", Bug::ALL))
    });
    let mut injected: BTreeMap<String, u64> = BTreeMap::new();
    for seed in first..first + seeds {
        let outcome = simulation::run(seed, bug);
        for (fault, times) in &outcome.injected {
            *injected.entry(format!("{fault:?}")).or_default() += times;
        }
        let is_broken = !outcome.violations.is_empty();
        if is_broken || seeds == 1 {
            for line in &outcome.trace {
                println!("{line}");
            }
        }
        if is_broken {
            println!("seed {seed} of {} seeds: {:#?}", seed - first + 1, outcome.violations);
            return ExitCode::FAILURE;
        }
    }
    println!("{seeds} seeds, no promise broken; faults injected: {injected:#?}");
    ExitCode::SUCCESS
}
