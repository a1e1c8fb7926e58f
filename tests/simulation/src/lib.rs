//! A seeded simulation of the whole product: exporters of several clusters, the bucket and its events, the functions
//! and the schedule, for ten days in which everything fails, and two in which nothing does.
//!
//! The programs are the real ones, and so is the client of S3 with its retries and timeouts. Around them everything is
//! replaced: the bucket is in memory behind s3s, requests are calls, one thread runs all, and time stands still until
//! nothing can run any more; then it moves to the next instant that something waits for. All choices follow from the
//! seed, so that a seed has one trace.
#![deny(missing_docs)]
#![allow(clippy::panic, clippy::expect_used, reason = "a tool of developers")]

mod audits;
mod bucket;
mod catalog;
mod functions;
mod hub;
mod jobs;
mod judge;
mod lake;
mod listings;
mod network;
mod parts;
mod responses;
mod scenario;
mod serve;
mod sets;
mod source;
mod world;

use seams::{
    bugs::{self, Bug},
    time::{self, Simulated},
};
use tokio::{runtime::Builder, task::LocalSet};

pub use world::{Fault, Outcome};

use world::World;

/// Simulates a seed, with a planted bug or without.
///
/// # Panics
/// When nothing can ever run any more before the simulation ends.
pub fn run(seed: u64, bug: Option<Bug>) -> Outcome {
    // The programs' own randomness: waits between retries, and the ids of runs.
    fastrand::seed(seed);
    bugs::plant(bug);
    let time = time::simulate();
    let runtime = Builder::new_current_thread()
        .on_thread_park(|| assert!(Simulated::advance(), "everything waits for something else"))
        .build()
        .expect("a runtime of one thread");
    let world = World::new(seed);
    let programs = LocalSet::new();
    programs.block_on(&runtime, scenario::run(&world));
    drop((programs, runtime));
    drop(time);
    bugs::plant(None);
    world.into_outcome(seed)
}
