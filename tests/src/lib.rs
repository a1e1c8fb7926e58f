//! Support for the tests of several crates: a bucket that records its requests, and sets as an exporter stages them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helps tests only, where a panic is a failed test"
)]

pub mod bucket;
#[cfg(test)]
mod imports;
pub mod staging;
