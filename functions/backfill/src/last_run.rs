//! How the newest run of a cluster's exporter ended.

use contract::{
    audit::LastRun,
    run_report::{RunFailure, RunReport},
    units::shortened,
};
use store::StoreError;

use crate::staged::{ClusterObjects, Staged};

/// How many characters of a message and of a version the audit repeats: the cluster's own role wrote them.
const LONGEST_MESSAGE: usize = 300;
const LONGEST_VERSION: usize = 40;

/// The newest run that staged anything; `None` where there is none. A run without a report of its own, or with one that
/// cannot be read or contradicts its key, has no outcome. A report that the last audit read is not read again: a run
/// writes it once.
pub(crate) async fn read(
    objects: ClusterObjects<'_>,
    staged: &Staged,
    known: Option<&LastRun>,
) -> Result<Option<LastRun>, StoreError> {
    let ClusterObjects {
        store,
        prefixes,
        cluster,
    } = objects;
    let inventory = staged.newest_inventory.map(|(run, _)| run);
    let Some(run) = inventory.max(staged.newest_report) else {
        return Ok(None);
    };
    if let Some(known) = known.filter(|known| known.run == run) {
        return Ok(Some(known.clone()));
    }
    let unknown = LastRun::unknown(run);
    if staged.newest_report != Some(run) {
        return Ok(Some(unknown));
    }
    let report: Option<RunReport> = store.get_readable_document(&prefixes.run_report(cluster, &run)).await?;
    match report.filter(|report| report.run == run && report.cluster.id() == cluster) {
        Some(report) => Ok(Some(of(report))),
        None => {
            tracing::warn!(%cluster, %run, "the run's report is gone, cannot be read, or contradicts its key");
            Ok(Some(unknown))
        }
    }
}

fn of(report: RunReport) -> LastRun {
    // A run whose days all failed gives the reason of the newest.
    let error = report
        .error
        .or_else(|| report.failed.first().map(|failed| failed.error.clone()));
    let count = |days: usize| u64::try_from(days).unwrap_or(u64::MAX);
    LastRun {
        run: report.run,
        ended_at: Some(report.ended_at),
        outcome: Some(report.outcome),
        error: error.map(|RunFailure { class, message }| RunFailure {
            class,
            message: shortened(&message, LONGEST_MESSAGE),
        }),
        collected_days: count(report.collected.len()),
        failed_days: count(report.failed.len()),
        producer: Some(shortened(&report.producer, LONGEST_VERSION)),
    }
}
