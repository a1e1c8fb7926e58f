//! The source: Kubecost or OpenCost, queried over HTTP.

mod client;
mod error;
pub(crate) mod kind;
pub(crate) mod query;
pub(crate) mod retry;

pub(crate) use client::{Client, ReadTimeout};
pub(crate) use error::SourceError;
pub(crate) use query::{AllocationQuery, Query};
