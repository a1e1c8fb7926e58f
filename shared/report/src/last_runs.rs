//! How the last run of each cluster's exporter ended, as the newest audit reports it.

use chrono::{DateTime, Utc};
use contract::{
    audit::{AuditReport, LastRun},
    cluster::ClusterArn,
    keys::Prefixes,
};

use crate::{
    lake::{Lake, LakeError},
    results::columns,
    table::{Cell, Table},
    units::moment,
};

/// What the newest audit says of clusters' exporters.
#[derive(Debug, Clone, PartialEq)]
pub struct LastRuns {
    /// When the audit began, UTC.
    pub audited_at: DateTime<Utc>,
    /// One row for each cluster, retired ones last.
    pub table: Table,
}

impl LastRuns {
    /// Reads the newest audit's report; `None` where there is none, or where it may not be read.
    ///
    /// # Errors
    /// When the bucket or the directory fails, or the report is damaged.
    pub async fn read(lake: &Lake) -> Result<Option<Self>, LakeError> {
        match lake.document(&Prefixes::default().audit_report()).await {
            Ok(report) => Ok(report.map(|report: AuditReport| Self::of(&report))),
            Err(LakeError::Store(error)) if error.is_forbidden() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn of(report: &AuditReport) -> Self {
        let names = [
            "cluster_id",
            "run",
            "ended",
            "outcome",
            "collected_days",
            "failed_days",
            "error",
            "message",
            "version",
        ];
        let audited = report
            .audited
            .iter()
            .map(|audited| row(&audited.cluster, audited.last_run.as_ref(), "not reported"));
        let retired = report.retired.iter().map(|cluster| row(cluster, None, "retired"));
        let rows = audited.chain(retired).collect();
        Self {
            audited_at: report.created_at,
            table: Table::new("last_runs", columns(&names), rows),
        }
    }
}

/// A cluster's row; where nothing is known of a run, a word stands for its outcome.
fn row(cluster: &str, run: Option<&LastRun>, without: &str) -> Vec<Cell> {
    let text = |of: &dyn Fn(&LastRun) -> Option<String>| Cell::Text(run.and_then(of).unwrap_or_default());
    let days = |of: fn(&LastRun) -> u64| run.map_or(Cell::Null, |run| Cell::Number(of(run) as f64));
    let outcome = run.map_or_else(
        || without.to_owned(),
        |run| {
            run.outcome
                .map_or_else(|| "unknown".to_owned(), |outcome| outcome.to_string())
        },
    );
    vec![
        Cell::Text(cluster_id(cluster)),
        text(&|run| Some(moment(run.run.began()))),
        text(&|run| run.ended_at.map(moment)),
        Cell::Text(outcome),
        days(|run| run.collected_days),
        days(|run| run.failed_days),
        text(&|run| Some(run.error.as_ref()?.class.to_string())),
        text(&|run| Some(run.error.as_ref()?.message.clone())),
        text(&|run| run.producer.clone()),
    ]
}

/// The cluster as other tables name it, of its ARN.
fn cluster_id(cluster: &str) -> String {
    let arn = cluster.parse::<ClusterArn>();
    arn.map_or_else(|_| cluster.to_owned(), |arn| arn.id().to_string())
}
