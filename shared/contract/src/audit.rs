//! The report of the scheduled audit: a document for people, alarms and tools.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{day::Day, documents::Document, run::RunId};

/// The report of one audit: `reports/audit.json`. Clusters without findings are counted, not listed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuditReport {
    /// When the audit began, UTC.
    pub created_at: DateTime<Utc>,
    /// How many days back it looked.
    pub period_days: u32,
    /// How many clusters it audited.
    pub clusters: u64,
    /// Days that a source still has and the lake lacks, over all clusters, without those on their way.
    pub gap_days: u64,
    /// How many days ago the oldest of them was; 0 where there is none.
    pub oldest_gap_days: u64,
    /// Clusters without a recent inventory.
    pub silent_clusters: u64,
    /// Complete sets that never became Parquet, though they should have.
    pub stuck_sets: u64,
    /// How many of those this audit had delivered again.
    pub redelivered_sets: u64,
    /// Days in quarantine that no later run has mended.
    pub quarantined_sets: u64,
    /// Documents that were rejected.
    pub refused_documents: u64,
    /// Clusters that could not be audited because S3 failed. The next audit tries again.
    pub failed_clusters: u64,
    /// What was found, by cluster.
    pub findings: Vec<Finding>,
}

/// What was found in one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The cluster: its ARN, or `account/region/name` where the region's partition is not known.
    pub cluster: String,
    /// When its newest inventory was written, UTC.
    pub newest_inventory: Option<DateTime<Utc>>,
    /// Whether that is too long ago.
    pub silent: bool,
    /// Days that are missing.
    pub gaps: Vec<Gap>,
    /// Sets that are stuck.
    pub stuck: Vec<StuckSet>,
    /// Days in quarantine, with the run whose set it was.
    pub quarantined: Vec<SetName>,
    /// Why its newest inventory was rejected.
    pub refused: Option<String>,
    /// Why it could not be audited.
    pub failed: Option<String>,
}

/// A missing day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The day.
    pub date: Day,
    /// Whether it has failed too often to be planned again.
    pub given_up: bool,
}

/// A run's set of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetName {
    /// The day.
    pub date: Day,
    /// The run.
    pub run: RunId,
}

/// A set that never became Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckSet {
    /// Which.
    #[serde(flatten)]
    pub set: SetName,
    /// Whether this audit had it delivered again. `false` once the limit of deliveries is reached.
    pub redelivered: bool,
}

impl Document for AuditReport {
    const NAME: &'static str = "audit report";
}
