//! Runs fuzz targets for as long as is wanted, one after the other on each of the machine's cores.
//!
//! `cargo run --release -p fuzz -- [SECONDS FOR EACH TARGET] [TARGET or all] [THREADS]`. Prints the executions of each
//! target. An input that breaks a promise is written to `target/fuzz`, and the exit status is 1.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a tool of developers")]

use std::{
    fs,
    process::ExitCode,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fuzz::{Run, TARGETS, Target, run};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(60, |text| text.parse().unwrap());
    let wanted = arguments.next().filter(|name| name != "all");
    if let Some(name) = wanted
        .as_deref()
        .filter(|name| !TARGETS.iter().any(|target| target.name == *name))
    {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        println!("there is no target '{name}': the targets are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let time = Duration::from_secs(seconds);
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let threads = arguments.next().map_or_else(
        || thread::available_parallelism().map_or(1, usize::from),
        |text| text.parse().unwrap(),
    );
    // The runs report panics themselves.
    std::panic::set_hook(Box::new(|_| {}));
    println!("seed {seed}, {seconds} s for each target, {threads} threads");
    let mut total = 0;
    let mut code = ExitCode::SUCCESS;
    for target in TARGETS
        .iter()
        .filter(|target| wanted.as_deref().is_none_or(|name| name == target.name))
    {
        let runs = on_all(*target, seed, time, threads);
        let executions: u64 = runs.iter().map(|run| run.executions).sum();
        total += executions;
        println!(
            "{:10} {executions:>12} executions, {} per second",
            target.name,
            executions / seconds.max(1)
        );
        for failure in runs.into_iter().filter_map(|run| run.failure) {
            fs::create_dir_all("target/fuzz").unwrap();
            let path = format!("target/fuzz/{}-{}", target.name, failure.input.len());
            fs::write(&path, &failure.input).unwrap();
            println!("{}: {}\nthe input is in {path}", target.name, failure.message);
            code = ExitCode::FAILURE;
        }
    }
    println!("all        {total:>12} executions");
    code
}

fn on_all(target: Target, seed: u64, time: Duration, threads: usize) -> Vec<Run> {
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads as u64)
            .map(|thread| scope.spawn(move || run(target, seed.wrapping_mul(1_000_003).wrapping_add(thread), time, 0)))
            .collect();
        started.into_iter().map(|run| run.join().unwrap()).collect()
    })
}
