//! What the tests of several parts need: an S3 server in memory and sets as an exporter stages them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helps tests only, where a panic is a failed test"
)]

pub mod bucket;
pub mod staging;

/// A recorded or written answer of a source, by its path below `tests/answers`.
pub fn answer(path: &str) -> String {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("answers")
        .join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
