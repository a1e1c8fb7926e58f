//! The source: Kubecost or OpenCost, queried over HTTP.

mod api;
mod body;
mod cause;
mod client;
pub(crate) mod currency;
mod decode;
mod error;
pub(crate) mod kind;
pub(crate) mod query;
pub(crate) mod retry;
mod tls;
mod transport;
pub(crate) mod version;

pub(crate) use api::{of_other_api, other_api};
pub(crate) use body::{ReadTimeout, ResponseBody};
pub(crate) use client::Client;
pub(crate) use currency::CurrencyError;
pub use error::SourceError;
pub(crate) use error::brief;
pub(crate) use query::{AllocationQuery, Query};
pub use transport::{InProcess, Transport};
