//! What the programs promise one another: where objects lie in the bucket ([`keys`]), what the documents
//! between exporter and functions say ([`documents`]), how an S3 event reads ([`events`]), and the terms that all of
//! them use: a cluster ([`cluster`]), a run ([`run`]), a day in UTC ([`day`]) and the clock ([`clock`]).
//!
//! Nothing here talks to AWS.
#![deny(missing_docs)]

pub mod audit;
pub mod clock;
pub mod cluster;
pub mod day;
pub mod documents;
pub mod events;
pub mod keys;
pub mod run;
