//! The local host: the exporter and all functions in one process, on a directory in place of a bucket. The code of the
//! parts is the same as in the cluster and in Lambda; only what lies between them is this crate's: the
//! [bucket](local_bucket), [events](dispatch), a [catalog](catalog).

pub mod benchmark;
pub mod catalog;
pub mod collect;
pub mod command;
pub mod demo;
pub mod dispatch;
pub mod host;
pub mod output;
pub mod progress;
pub mod replay;
pub mod report;
pub mod simulator;
