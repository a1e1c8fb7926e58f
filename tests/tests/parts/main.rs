//! The parts, each over a real S3 server and real HTTP.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod exporter;
mod transform;
mod upload;
