//! The exporter against a source over HTTP and a bucket over S3.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../support/certificates.rs"]
mod certificates;
mod connections;
mod currency;
mod detection;
mod errors;
mod many;
mod pages;
mod period;
mod plan;
mod redacted;
mod reports;
mod source;
mod stop;
mod stored;
mod tls;
