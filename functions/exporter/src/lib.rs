//! The exporter: the CronJob's program. It carries a cluster's raw costs from Kubecost or OpenCost into the staging
//! prefix of the lake's bucket, and does nothing else with them: memory does not grow with the cluster.
//!
//! A [run](Exporter::run) reports the days that the source has to the backfill function, waits for the plan, and
//! collects each planned day: the responses stream through a check and a compressor into the bucket (`part`),
//! and the manifest follows when all of them are there.

pub mod certificate;
pub mod check;
mod collect;
pub mod command;
mod compression;
mod connection;
mod days;
mod inventory;
mod pages;
mod part;
mod plan;
mod progress;
mod run;
mod run_error;
mod run_report;
pub mod settings;
mod shared_source;
mod source;
mod stop;
pub mod totals;

/// How the sessions of the parent role are named in CloudTrail.
pub const SESSION_NAME: &str = "kubecost-lake-exporter";

pub use progress::{NoProgress, Progress};
pub use run::{Days, Exporter, RunSummary};
pub use run_error::RunError;
pub use shared_source::{SharedRunSummary, SharedSource};
pub use source::{InProcess, SourceError, Transport};
pub use stop::{Stop, Stopper};
