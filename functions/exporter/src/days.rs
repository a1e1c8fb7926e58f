//! Collecting the days of a run, of one cluster or of many, with one bound on the load of the source.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use contract::{
    cluster::ClusterId,
    day::Day,
    documents::{PlanReason, PlannedDay},
};
use futures_util::{StreamExt, stream};

use crate::{
    collect::{CollectedDay, Collector, DayError},
    progress::Progress,
    settings::SourceSettings,
    source::SourceError,
    stop::Stop,
};

/// After so many days of a cluster on which the source timed out, no more of it are asked for: the source goes on
/// computing what nobody waits for.
const MOST_TIMEOUTS: usize = 2;

/// After so many of all clusters together, none are asked for any more. One cluster alone does not reach it.
const MOST_TIMEOUTS_IN_ALL: usize = 3 * MOST_TIMEOUTS;

/// How long a day may take to end once the run is to end. Kubernetes kills a pod half a minute after SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// A day, of the collector with that index.
pub(crate) type Task = (usize, PlannedDay);

/// What came of a task.
pub(crate) type Ended = (usize, PlannedDay, Result<CollectedDay, DayError>);

/// Collects each day, as many at a time as the settings say over all clusters, and at the end once more those that
/// failed by a transient error: a source that restarts is back by then. Newest day first.
pub(crate) async fn collect(
    collectors: &[Collector<'_>],
    tasks: Vec<Task>,
    source: &SourceSettings,
    progress: &dyn Progress,
) -> Vec<Ended> {
    let timeouts = AtomicUsize::new(0);
    let collect = async |(cluster, planned): Task| {
        let collector = collectors.get(cluster)?;
        let day = planned.date;
        let (own, all) = (
            collector.timeouts.load(Ordering::Relaxed),
            timeouts.load(Ordering::Relaxed),
        );
        let result = if let Some(reason) = source.stop.reason() {
            Err(SourceError::Stopped { reason }.into())
        } else if own >= MOST_TIMEOUTS || all >= MOST_TIMEOUTS_IN_ALL {
            Err(DayError::SourceOverloaded { days: own.max(all) })
        } else {
            tokio::select! {
                result = collector.day(day) => result,
                error = overdue(&source.stop) => Err(error.into()),
            }
        };
        if result.as_ref().is_err_and(DayError::is_timeout) {
            collector.timeouts.fetch_add(1, Ordering::Relaxed);
            timeouts.fetch_add(1, Ordering::Relaxed);
        }
        log(collector.cluster.id(), day, planned.reason, &result);
        Some((cluster, planned, result))
    };
    let mut ended: Vec<Ended> = stream::iter(tasks)
        .map(async |task| {
            let day = task.1.date;
            progress.started(day);
            let ended = collect(task).await;
            progress.finished(day);
            ended
        })
        .buffer_unordered(source.concurrency)
        .filter_map(std::future::ready)
        .collect()
        .await;
    // They finish in any order.
    ended.sort_by_key(|(cluster, planned, _)| (std::cmp::Reverse(planned.date), *cluster));
    for one in &mut ended {
        if source.stop.reason().is_none() && one.2.as_ref().is_err_and(DayError::is_transient) {
            tracing::info!(day = %one.1.date, "collecting the day once more");
            if let Some(again) = collect((one.0, one.1)).await {
                *one = again;
            }
        }
    }
    ended
}

/// The days of each cluster in turn, the first day of each before the second of any: a cluster with many days keeps no
/// other waiting.
pub(crate) fn in_turn(days: &[&[PlannedDay]]) -> Vec<Task> {
    let longest = days.iter().map(|days| days.len()).max().unwrap_or(0);
    (0..longest)
        .flat_map(|index| {
            let of_index = move |(cluster, days): (usize, &&[PlannedDay])| Some((cluster, *days.get(index)?));
            days.iter().enumerate().filter_map(of_index)
        })
        .collect()
}

/// When the run is to end, a day has this long to let go of what is in flight.
async fn overdue(stop: &Stop) -> SourceError {
    let reason = stop.stopped().await;
    seams::time::sleep(STOP_GRACE).await;
    SourceError::Stopped { reason }
}

fn log(cluster: &ClusterId, day: Day, reason: PlanReason, result: &Result<CollectedDay, DayError>) {
    match result {
        Ok(CollectedDay { rows: 0, .. }) => {
            tracing::info!(%cluster, %day, ?reason, "collected: the source has no data for the day")
        }
        Ok(CollectedDay {
            rows,
            total_cost,
            raw_bytes,
            bytes,
            partial,
            share,
            assets,
            ..
        }) => {
            let partial: Vec<String> = partial.iter().map(ToString::to_string).collect();
            tracing::info!(
                %cluster, %day, ?reason, rows, total_cost, raw_bytes, bytes, partial = partial.join(","), share, ?assets, "collected day"
            );
        }
        Err(error) => tracing::error!(%cluster, %day, ?reason, %error, "day failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_take_turns() {
        let days = |numbers: &[u32]| -> Vec<PlannedDay> {
            let newest: Day = "2026-11-20".parse().unwrap();
            let planned = |age: &u32| PlannedDay {
                date: newest.minus(*age),
                reason: PlanReason::Missing,
            };
            numbers.iter().map(planned).collect()
        };
        let (long, none, short) = (days(&[0, 1, 2]), days(&[]), days(&[5]));
        let tasks: Vec<(usize, String)> = in_turn(&[&long, &none, &short])
            .into_iter()
            .map(|(cluster, planned)| (cluster, planned.date.to_string()))
            .collect();
        let expected = [
            (0, "2026-11-20"),
            (2, "2026-11-15"),
            (0, "2026-11-19"),
            (0, "2026-11-18"),
        ];
        assert_eq!(tasks, expected.map(|(cluster, day)| (cluster, day.to_owned())));
    }
}
