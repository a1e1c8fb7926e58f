//! The settings of all programs: a row for each ([`rows`]), and a reader that takes defaults and ranges from it.
//!
//! A [`Reader`] looks up values by the setting's name, which is also the name of its environment variable. It notes
//! faults instead of stopping at the first; [`Reader::finish`] reports them all. A fault never repeats the value of a
//! setting that may hold a secret: those are files, and their content is not read here.
#![deny(missing_docs)]

mod bucket;
#[cfg(feature = "command-line")]
pub mod command_line;
#[cfg(feature = "logs")]
pub mod logs;
mod reader;
mod row;
pub mod rows;
pub mod secrets;

pub use bucket::invites_sniping;
pub use reader::{Fault, Faults, Reader};
pub use row::{Origin, Setting, Values};
