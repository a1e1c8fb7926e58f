//! Reading a program's settings once, at its start, with all faults reported together.
//!
//! A [`Reader`] takes values by the setting's name, which is also the name of its environment variable. It notes faults
//! instead of stopping at the first; [`Reader::finish`] reports them all. A fault never repeats the value of a setting
//! that may hold a secret: those are files, and their content is not read here.
#![deny(missing_docs)]

mod bucket;
mod reader;

pub use bucket::{BucketNameError, check_bucket_name, invites_sniping};
pub use reader::{Fault, Faults, Reader};
