//! The local host: the exporter and all functions in one process, on a directory in place of a bucket. The code of the
//! parts is the same as in the cluster and in Lambda. This crate replaces what AWS does between them: it has the
//! [bucket](local_bucket), delivers [events](dispatch), and has a [catalog](catalog).

pub mod catalog;
pub mod collect;
pub mod command;
pub mod convert;
pub mod demo;
pub mod dispatch;
pub mod host;
pub mod output;
pub mod progress;
pub mod reading;
pub mod replay;
pub mod report_file;
pub mod retire;
pub mod simulator;
pub mod summary;
pub mod verify;
