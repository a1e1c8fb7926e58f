//! The answers of Kubecost and OpenCost: splitting them into rows while they stream by ([`scanner`]), and reading a
//! row: an allocation ([`allocation`]) or an asset ([`asset`]).
#![deny(missing_docs)]

pub mod allocation;
pub mod asset;
pub mod envelope;
pub mod scanner;
mod value;

pub use envelope::{AnswerFault, DataShape, Envelope};
pub use scanner::{Entry, FeedError, Scanner};
pub use value::Pairs;
