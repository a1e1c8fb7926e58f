//! One day of one cluster, from the source's raw responses to one Parquet object of the lake.
//!
//! An S3 event reports that a manifest arrived. [`Transform`] reads the manifest, streams the set's parts through
//! decompression, parsing and encoding into a multipart upload, and makes the object visible only if the lake's
//! object is still the one that was compared with it. Its memory does not grow with the day's size.
//!
//! Nothing is dropped silently: the rows written are the rows read and the rows of the manifest, and the total cost is
//! the manifest's. Input that can never be converted is quarantined with its reason; everything else that fails is an
//! error, which Lambda retries.

mod assets;
mod batch;
mod batches;
mod checked_manifest;
mod convert;
mod decision;
mod encoder;
mod error;
mod fingerprint;
mod function;
mod handler;
mod input;
mod nested;
mod outcome;
mod output;
mod schema;
mod settings;
pub mod steps;
mod stream;
mod texts;
mod write;

pub use self::settings::Settings;
pub use assets::schema as assets_schema;
pub use error::TransformError;
pub use fingerprint::{assets_fingerprint, fingerprint};
pub use function::Transform;
pub use outcome::TransformOutcome;
pub use schema::schema;
pub use stream::Converting;
