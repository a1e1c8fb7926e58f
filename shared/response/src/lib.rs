//! The responses of Kubecost and OpenCost: splitting them into rows while they stream by ([`Scanner`]), and reading a
//! row: an allocation ([`RowParser`]) or an asset ([`AssetParser`]). Labels and annotations can be removed from what
//! streams by ([`Redaction`]).
#![deny(missing_docs)]

mod aggregation;
mod asset;
mod asset_tally;
mod envelope;
mod fields;
mod json;
mod label_keys;
mod node_minutes;
mod nodes;
mod pairs;
mod redaction;
mod row;
mod rows;
mod scanner;
mod sums;
mod tally;
mod value;
mod windows;

pub use aggregation::Aggregation;
pub use asset::{Asset, AssetParser};
pub use asset_tally::{AssetTally, AssetVerdict};
pub use envelope::{DataShape, Envelope, Excerpt, ResponseFault};
pub use fields::UnknownFields;
pub use label_keys::LabelKey;
pub use node_minutes::NodeMinutes;
pub use nodes::{NodeFacts, NodeIndex, asset_capacity_type, capacity_type};
pub use pairs::Pairs;
pub use redaction::{KeyPatternError, KeyRules, Redaction, Redactor};
pub use row::{Allocation, Gpu, LoadBalancer, RowError, RowFault, RowKind, RowParser, TotalCost, Volume};
pub use rows::{Entry, FeedError, ParsedRows, Rows};
pub use scanner::Scanner;
pub use sums::Sum;
pub use tally::{Expectation, Refusal, Tally, Verdict};
