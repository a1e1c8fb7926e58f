//! Fuzz targets of what reads input from outside. A target is a function of bytes that panics where a promise is
//! broken; where `serde_json` reads the same input, it is the judge.
//!
//! The loop ([`run`]) mutates seeds that come from recordings, without knowledge of the code's branches. It needs no
//! other compiler and is the same for each random seed. `cargo run --release -p fuzz` runs it for as long as is wanted.
#![deny(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is what a target reports"
)]

mod contract_targets;
mod footer;
mod json;
mod mutate;
mod response_target;
mod row_target;
mod runner;

pub use runner::{Failure, Run, run};

/// Something to fuzz.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Takes any input, and panics where a promise is broken.
    pub check: fn(&[u8]),
    /// Valid inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: [Target; 6] = [
    Target {
        name: "response",
        check: response_target::check,
        seeds: response_target::seeds,
    },
    Target {
        name: "row",
        check: row_target::check,
        seeds: row_target::seeds,
    },
    Target {
        name: "keys",
        check: contract_targets::check_key,
        seeds: contract_targets::keys,
    },
    Target {
        name: "events",
        check: contract_targets::check_event,
        seeds: contract_targets::events,
    },
    Target {
        name: "documents",
        check: contract_targets::check_document,
        seeds: contract_targets::documents,
    },
    Target {
        name: "footer",
        check: footer::check,
        seeds: footer::seeds,
    },
];
