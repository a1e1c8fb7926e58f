//! The exporter against a source over HTTP and a bucket over S3.

mod detection;
mod errors;
mod pages;
mod plan;
mod source;
mod stored;
mod tls;
