//! The source: Kubecost or OpenCost, asked over HTTP.

pub mod certificate;
pub mod client;
pub mod error;
pub mod kind;
pub mod query;
pub mod retry;

pub use client::{Answer, Client};
pub use error::SourceError;
pub use query::{AllocationQuery, Query};
