//! What the tests of several parts need: an S3 server in memory and sets as an exporter stages them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helps tests only, where a panic is a failed test"
)]

pub mod bucket;
pub mod staging;
