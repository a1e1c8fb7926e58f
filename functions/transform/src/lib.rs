//! One day of one cluster, from the source's raw answers to one Parquet object of the lake.
//!
//! An S3 event tells that a manifest arrived. [`Transform`] reads the manifest, streams the set's parts through
//! decompression, parsing and encoding into a multipart upload, and makes the object visible only if no newer run has
//! done so in the meantime. What it holds in memory does not grow with the day's size.
//!
//! Nothing is dropped in silence: the rows written are the rows read and the rows of the manifest; the sums of all
//! numeric columns as written are those as read, and the total cost is the manifest's. Input that can never be
//! converted is quarantined with its reason; everything else that fails is an error, for Lambda to try again.

mod batch;
mod convert;
mod fault;
mod fingerprint;
mod handler;
mod input;
mod output;
mod set;
mod settings;
mod sums;

pub use self::settings::Settings;
pub use fault::{Fault, TransformError};
pub use handler::{Outcome, Transform};
pub use sums::TOLERANCE;
