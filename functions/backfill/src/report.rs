//! What the audit found: a report in the bucket, and metrics.

use chrono::{DateTime, Utc};
use contract::{
    clock::Clock,
    cluster::{ClusterArn, ClusterId},
    day::Day,
    run::RunId,
};
use lambda::metrics::{self, MetricSink, Unit};
use serde::{Deserialize, Serialize};

use crate::policy::Standing;

/// The report of one audit: `reports/audit.json`. Clusters without findings are counted, not listed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuditReport {
    /// The version of this document: 1.
    pub version: u32,
    /// When the audit began, UTC.
    pub created_at: DateTime<Utc>,
    /// How many days back it looked.
    pub period_days: u32,
    /// How many clusters it looked at.
    pub clusters: u64,
    /// Days that a source can answer for and the lake lacks, over all clusters, without those on their way.
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
    /// Documents that are not believed.
    pub refused_documents: u64,
    /// Clusters that could not be looked at: S3 failed. The next audit looks again.
    pub failed_clusters: u64,
    /// What was found, by cluster.
    pub findings: Vec<Finding>,
}

/// What was found in one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The cluster.
    pub cluster: ClusterArn,
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
    /// Why its newest inventory is not believed.
    pub refused: Option<String>,
    /// Why it could not be looked at.
    pub failed: Option<String>,
}

/// A missing day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The day.
    pub date: Day,
    /// Whether it has failed too often to be asked for again.
    pub given_up: bool,
}

impl Gap {
    /// A day that stands so, if that is a gap.
    pub fn of(date: Day, standing: Standing) -> Option<Self> {
        standing.is_gap().then_some(Self {
            date,
            given_up: standing == Standing::GivenUp,
        })
    }
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
    /// Whether this audit had it delivered again; not after a number of times.
    pub redelivered: bool,
}

impl Finding {
    /// Nothing found yet.
    pub fn none(cluster: ClusterId) -> Self {
        Self {
            cluster: ClusterArn::of(cluster),
            newest_inventory: None,
            silent: false,
            gaps: Vec::new(),
            stuck: Vec::new(),
            quarantined: Vec::new(),
            refused: None,
            failed: None,
        }
    }

    /// Whether there is anything to tell.
    pub fn is_none(&self) -> bool {
        !self.silent
            && self.gaps.is_empty()
            && self.stuck.is_empty()
            && self.quarantined.is_empty()
            && self.refused.is_none()
            && self.failed.is_none()
    }
}

impl AuditReport {
    /// A report of nothing so far.
    pub fn begin(now: DateTime<Utc>, period_days: u32) -> Self {
        Self {
            version: 1,
            created_at: now,
            period_days,
            ..Self::default()
        }
    }

    /// Adds what was found in a cluster.
    pub fn add(&mut self, finding: Finding) {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.clusters += 1;
        self.gap_days += count(finding.gaps.len());
        for gap in &finding.gaps {
            let age = (Day::of(self.created_at).date() - gap.date.date()).num_days();
            self.oldest_gap_days = self.oldest_gap_days.max(u64::try_from(age).unwrap_or(0));
        }
        self.silent_clusters += u64::from(finding.silent);
        self.stuck_sets += count(finding.stuck.len());
        self.redelivered_sets += count(finding.stuck.iter().filter(|set| set.redelivered).count());
        self.quarantined_sets += count(finding.quarantined.len());
        self.refused_documents += u64::from(finding.refused.is_some());
        self.failed_clusters += u64::from(finding.failed.is_some());
        if !finding.is_none() {
            self.findings.push(finding);
        }
    }

    /// Gives the report's numbers to CloudWatch.
    pub fn emit(&self, bucket: &str, sink: &dyn MetricSink, clock: &dyn Clock) {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let number = |count: u64| count as f64;
        let metrics = [
            ("GapDays", number(self.gap_days), Unit::Count),
            ("OldestGapDays", number(self.oldest_gap_days), Unit::Count),
            ("SilentClusters", number(self.silent_clusters), Unit::Count),
            ("StuckSets", number(self.stuck_sets), Unit::Count),
            ("QuarantinedSets", number(self.quarantined_sets), Unit::Count),
            ("RefusedDocuments", number(self.refused_documents), Unit::Count),
            ("FailedClusters", number(self.failed_clusters), Unit::Count),
            ("Clusters", number(self.clusters), Unit::Count),
        ];
        sink.take(&metrics::line("backfill", bucket, &metrics, &[], clock));
    }
}
