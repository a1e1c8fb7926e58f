//! The report of the scheduled audit: a document for people, alarms and tools.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    coverage::PartialReason,
    day::Day,
    documents::Document,
    run::RunId,
    run_report::{RunFailure, RunOutcome},
};

/// The report of one audit: `reports/audit.json`. Clusters with findings are in [`AuditReport::findings`], all that are
/// not retired in [`AuditReport::audited`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditReport {
    /// When the audit began, UTC.
    pub created_at: DateTime<Utc>,
    /// How many days back it looked.
    pub period_days: u32,
    /// How many clusters it audited.
    pub clusters: u64,
    /// Clusters that are retired and were not audited.
    pub retired_clusters: u64,
    /// Days that a source still has and the lake lacks, over all clusters, without those on their way.
    pub gap_days: u64,
    /// How many days ago the oldest of them was; 0 where there is none.
    pub oldest_gap_days: u64,
    /// Days that a source may have, and of which no set ever arrived.
    pub uncollected_days: u64,
    /// Days that sources had, that the lake lacks, and that the sources no longer have: those that no earlier report
    /// has.
    pub lost_days: u64,
    /// Partial days of the lake that may still get better.
    pub partial_days: u64,
    /// Sets that did not replace a fuller day, while the source still has the day.
    pub thinner_sets: u64,
    /// Days of the lake without assets, while the source still has them.
    pub assets_unavailable_days: u64,
    /// Days of the lake whose object in the table of assets is missing.
    pub assets_missing_days: u64,
    /// Rows of the lake's days whose total cost was computed from its parts.
    pub computed_totals: u64,
    /// Clusters without a recent inventory.
    pub silent_clusters: u64,
    /// Those of them that no earlier report has.
    pub newly_silent_clusters: u64,
    /// Clusters whose last run collected nothing, though it was to.
    pub failing_clusters: u64,
    /// Those of them that no earlier report has.
    pub newly_failing_clusters: u64,
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
    /// The retired clusters, as in [`Finding::cluster`].
    pub retired: Vec<String>,
    /// Ids of clusters that sources have costs of, and that no exporter's list of clusters names: nothing of them is in
    /// the lake.
    pub unlisted_clusters: BTreeSet<String>,
    /// What was found, by cluster.
    pub findings: Vec<Finding>,
    /// All clusters that were audited.
    pub audited: Vec<AuditedCluster>,
}

/// A cluster in short.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditedCluster {
    /// The cluster, as in [`Finding`].
    pub cluster: String,
    /// How many days of the audit's period the lake has.
    pub days: u64,
    /// The oldest of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_day: Option<Day>,
    /// The newest of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Day>,
    /// Its exporter's newest run; `None` where nothing of a run is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<LastRun>,
}

/// The newest run of a cluster's exporter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// The run.
    pub run: RunId,
    /// When it ended, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// How it ended. `None`: it has not said so, since it has not ended yet, was killed, or its exporter is older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<RunOutcome>,
    /// Why it failed, or why its newest failed day did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunFailure>,
    /// Days that it staged.
    pub collected_days: u64,
    /// Days that it did not.
    pub failed_days: u64,
    /// The version of the exporter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
}

impl LastRun {
    /// A run that has not said how it ended.
    pub fn unknown(run: RunId) -> Self {
        Self {
            run,
            ended_at: None,
            outcome: None,
            error: None,
            collected_days: 0,
            failed_days: 0,
            producer: None,
        }
    }

    /// Whether it collected nothing, though it was to.
    pub fn has_failed(&self) -> bool {
        self.collected_days == 0 && self.outcome.is_some_and(|outcome| outcome != RunOutcome::Complete)
    }
}

/// What was found in one cluster.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Finding {
    /// The cluster: its ARN, or `account/region/name` where the region's partition is not known.
    pub cluster: String,
    /// Whether it was marked as gone, and not audited. See [`AuditReport::retired`].
    #[serde(skip)]
    pub retired: bool,
    /// Other clusters of its source, see [`AuditReport::unlisted_clusters`].
    #[serde(skip)]
    pub unlisted: Vec<String>,
    /// When its newest inventory was written, UTC.
    pub newest_inventory: Option<DateTime<Utc>>,
    /// Whether that is too long ago.
    pub silent: bool,
    /// Whether no earlier report has that.
    pub newly_silent: bool,
    /// Its last run, if that collected nothing, though it was to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<LastRun>,
    /// Whether no earlier report has that.
    pub newly_failing: bool,
    /// The cluster in short, for [`AuditReport::audited`].
    #[serde(skip)]
    pub audited: AuditedCluster,
    /// Days that are missing.
    pub gaps: Vec<Gap>,
    /// Days that the source may have, and of which no set ever arrived.
    pub uncollected: Vec<Day>,
    /// Days that can no longer be collected.
    pub lost: Vec<LostDay>,
    /// Partial days of the lake.
    pub partial: Vec<PartialDay>,
    /// Sets that did not replace a fuller day.
    pub thinner: Vec<ThinnerDay>,
    /// Days of the lake without assets.
    pub assets_unavailable: Vec<ImprovableDay>,
    /// Days of the lake whose set had assets, and whose object in the table of assets is missing. Days from before
    /// there was that table are none of them.
    pub assets_missing: Vec<StuckSet>,
    /// Days of the lake with rows whose total cost was computed from its parts.
    pub computed_totals: Vec<ComputedTotals>,
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
    /// Until when no plan has it after attempts that failed, UTC; `None`: the next plan may have it.
    #[serde(default)]
    pub next_attempt: Option<DateTime<Utc>>,
}

/// A day that the source had, that the lake lacks, and that the source no longer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostDay {
    /// The day.
    pub date: Day,
    /// When an audit first found that, UTC.
    pub found_at: DateTime<Utc>,
    /// Whether no earlier report has it.
    pub new: bool,
}

/// A day of the lake that a later set may improve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImprovableDay {
    /// The day.
    pub date: Day,
    /// Whether it will be collected again: the source still has it.
    pub collected_again: bool,
    /// Until when no plan has it, UTC; `None`: the next plan may have it.
    #[serde(default)]
    pub next_attempt: Option<DateTime<Utc>>,
}

/// A partial day of the lake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartialDay {
    /// The day, and whether it will be collected again.
    #[serde(flatten)]
    pub day: ImprovableDay,
    /// The observed share of the day, 0 to 1; `None` where the source does not say.
    #[serde(default)]
    pub share: Option<f64>,
    /// Why it is partial.
    pub reasons: Vec<PartialReason>,
    /// Whether the source observes no more of the day: a second set has the same share, or other days of the cluster
    /// have it too. Such days do not count in [`AuditReport::partial_days`].
    pub confirmed: bool,
}

/// A set that did not replace a fuller day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThinnerDay {
    /// The day, and whether it will be collected again.
    #[serde(flatten)]
    pub day: ImprovableDay,
    /// The run whose set it is.
    pub run: RunId,
    /// What was lost.
    pub message: String,
}

/// A day of the lake with computed totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComputedTotals {
    /// The day.
    pub date: Day,
    /// How many rows.
    pub rows: u64,
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
    // It grows with the number of clusters: by about 600 bytes, and by 1,500 where the last run failed.
    const MAX_BYTES: u64 = 64 * 1024 * 1024;
}

/// When an audit began: all that the next audit needs of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditTime {
    /// UTC.
    pub created_at: DateTime<Utc>,
}

impl Document for AuditTime {
    const NAME: &'static str = AuditReport::NAME;
    const MAX_BYTES: u64 = AuditReport::MAX_BYTES;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{documents, run_report::ErrorClass};

    /// A report of clusters with the longest names whose last runs failed with the longest messages, or went well.
    fn report(clusters: usize, failed: bool) -> AuditReport {
        let run = LastRun {
            ended_at: Some(DateTime::UNIX_EPOCH),
            outcome: Some(if failed {
                RunOutcome::Failed
            } else {
                RunOutcome::Complete
            }),
            error: failed.then(|| RunFailure {
                class: ErrorClass::Connection,
                message: "x".repeat(300),
            }),
            producer: Some("0.1.0".to_owned()),
            ..LastRun::unknown(RunId::new(DateTime::UNIX_EPOCH))
        };
        let day = Day::of(DateTime::UNIX_EPOCH);
        let audited: Vec<AuditedCluster> = (0..clusters)
            .map(|number| AuditedCluster {
                cluster: format!("arn:aws:eks:ap-southeast-1:111122223333:cluster/{number:0>100}"),
                days: 30,
                first_day: Some(day),
                last_day: Some(day),
                last_run: Some(run.clone()),
            })
            .collect();
        let findings = audited.iter().filter(|_| failed).map(|audited| Finding {
            cluster: audited.cluster.clone(),
            failing: Some(run.clone()),
            ..Finding::default()
        });
        AuditReport {
            findings: findings.collect(),
            audited,
            ..AuditReport::default()
        }
    }

    #[test]
    fn a_report_of_a_large_fleet_can_be_read_again() {
        for (failed, most) in [(false, 700), (true, 2_600)] {
            let report = report(7_000, failed);
            let bytes = documents::write(&report).unwrap();
            let of_cluster = bytes.len() / 7_000;
            assert!(of_cluster < most, "{of_cluster} bytes for each cluster");
            assert!((bytes.len() as u64) < AuditReport::MAX_BYTES / 3);
            let time: AuditTime = documents::read(&bytes).unwrap();
            assert_eq!(time.created_at, report.created_at);
        }
    }

    #[test]
    fn a_run_has_failed_if_it_collected_nothing_and_says_so() {
        let run: RunId = "019aaaaa-0000-7000-8000-000000000001".parse().unwrap();
        let unknown = LastRun::unknown(run);
        assert_eq!(unknown.run, run);
        for (outcome, collected_days, expected) in [
            (None, 0, false),
            (Some(RunOutcome::Complete), 0, false),
            (Some(RunOutcome::Failed), 0, true),
            (Some(RunOutcome::Stopped), 0, true),
            (Some(RunOutcome::Incomplete), 1, false),
        ] {
            let ended = LastRun {
                outcome,
                collected_days,
                ..unknown.clone()
            };
            assert_eq!(ended.has_failed(), expected, "{outcome:?} {collected_days}");
        }
    }
}
