//! The exporter: the CronJob's program. It carries a cluster's raw costs from Kubecost or OpenCost into the staging
//! prefix of the lake's bucket, and does nothing else with them: memory does not grow with the cluster.
//!
//! A [run](run) tells the backfill function which days the source has, waits for the plan, and [collects](collect) each
//! planned day: the answers stream through a [check](tally) and a compressor into the bucket ([`part`]), and the
//! manifest follows when all of them are there.

pub mod collect;
pub mod command;
pub mod inventory;
pub mod part;
pub mod plan;
pub mod progress;
pub mod run;
pub mod settings;
pub mod source;
pub mod tally;

pub use run::{Days, Exporter, RunError, RunSummary};
