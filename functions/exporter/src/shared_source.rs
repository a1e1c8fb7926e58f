//! A source that has many clusters: a primary Kubecost, or an OpenCost hub. One run collects all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use chrono::{DateTime, Utc};
use contract::{cluster::ClusterArn, day::Day, documents::SourceKind, run::RunId, units::count};
use futures_util::{StreamExt, stream};
use seams::time;

use crate::{
    NoProgress,
    connection::Connection,
    days,
    inventory::{self, AvailableDays},
    run::{Days, Exporter, Planned, RunSummary},
    run_error::RunError,
    settings::SourceCluster,
    source::brief,
};

/// How many clusters write their inventories and wait for their plans at the same time: that costs the source nothing.
const WAITING: usize = 64;

/// How many ids a message names.
const MOST_NAMES: usize = 10;

/// The exporters of all clusters of a source.
pub struct SharedSource {
    exporters: Vec<Exporter>,
}

/// What a run of all clusters did.
#[derive(Debug)]
pub struct SharedRunSummary {
    pub run: RunId,
    /// In the order of the list.
    pub clusters: Vec<(ClusterArn, Result<RunSummary, RunError>)>,
    /// Ids that the source has costs of, and that the list does not name: they are not stored.
    pub unlisted: Vec<String>,
    pub elapsed: Duration,
}

impl SharedRunSummary {
    /// Whether all days of all clusters are in the bucket.
    pub fn is_success(&self) -> bool {
        self.summaries()
            .all(|summary| summary.is_ok_and(RunSummary::is_success))
    }

    /// Whether the run ended before all days were tried.
    pub fn stopped(&self) -> bool {
        self.summaries().any(|summary| match summary {
            Ok(summary) => summary.stopped(),
            Err(error) => error.is_stopped(),
        })
    }

    fn summaries(&self) -> impl Iterator<Item = Result<&RunSummary, &RunError>> {
        self.clusters.iter().map(|(_, summary)| summary.as_ref())
    }
}

/// Formats as one line: sums, and what is wrong.
impl fmt::Display for SharedRunSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self
            .summaries()
            .filter(|summary| summary.is_ok_and(RunSummary::is_success))
            .count();
        let sum = |number: fn(&RunSummary) -> usize| self.summaries().flatten().map(number).sum::<usize>() as u64;
        write!(
            formatter,
            "{whole} of {} whole; {} collected, {} failed, {:.1} s",
            count(self.clusters.len() as u64, "cluster"),
            count(sum(|summary| summary.collected().count()), "day"),
            sum(|summary| summary.failed().count()),
            self.elapsed.as_secs_f64(),
        )?;
        for (cluster, summary) in &self.clusters {
            match summary {
                Ok(summary) if summary.is_success() => {}
                Ok(summary) => write!(formatter, "; {}: {summary}", cluster.id())?,
                Err(error) => write!(formatter, "; {} failed: {}", cluster.id(), brief(&error.to_string()))?,
            }
        }
        if !self.unlisted.is_empty() {
            write!(
                formatter,
                "; not on the list of clusters, and not stored: {}",
                names(&self.unlisted)
            )?;
        }
        Ok(())
    }
}

impl SharedSource {
    /// Each cluster's exporter is the given one, but with the cluster's own filter: rows of others are refused.
    pub fn new(clusters: Vec<SourceCluster>, exporter: impl Fn(ClusterArn) -> Exporter) -> Self {
        let exporters = clusters.into_iter().map(|cluster| {
            let filter = cluster.filter();
            let mut exporter = exporter(cluster.arn);
            exporter.source.filter = Some(filter);
            exporter.source.clusters = cluster.ids;
            exporter
        });
        Self {
            exporters: exporters.collect(),
        }
    }

    /// Collects the planned days of all clusters, in turn. A cluster that fails does not keep the others from being
    /// collected; an error means that none was tried.
    pub async fn run(&self, private_ca: Option<&[u8]>, days: &Days) -> Result<SharedRunSummary, RunError> {
        let began = time::now();
        let Some(first) = self.exporters.first() else {
            return Ok(SharedRunSummary {
                run: RunId::new(DateTime::UNIX_EPOCH),
                clusters: Vec::new(),
                unlisted: Vec::new(),
                elapsed: time::now() - began,
            });
        };
        let started_at = first.clock.now();
        let run = RunId::new(started_at);
        let connection = match Connection::new(&first.source, private_ca).await {
            Ok(connection) => connection,
            Err(error) => {
                if *days == Days::Planned {
                    self.report(run, started_at, |_| Err(&error)).await;
                }
                return Err(error);
            }
        };
        let (planned, unlisted) = match days {
            Days::Given(days) => {
                let given = self.exporters.iter().map(|_| Ok(Planned::given(days)));
                (given.collect(), Vec::new())
            }
            Days::Planned => self.planned(first, &connection, run).await,
        };
        let none = BTreeSet::new();
        let parts: Vec<(&[_], &BTreeSet<Day>)> = planned
            .iter()
            .map(|planned: &Result<Planned, RunError>| match planned {
                Ok(planned) => (&*planned.days, &planned.observed),
                Err(_) => (&[][..], &none),
            })
            .collect();
        let collectors: Vec<_> = self
            .exporters
            .iter()
            .zip(&parts)
            .map(|(exporter, (_, observed))| exporter.collector(&connection, run, observed))
            .collect();
        let turns: Vec<&[_]> = parts.iter().map(|(days, _)| *days).collect();
        let tasks = days::in_turn(&turns);
        let mut collected: BTreeMap<usize, Vec<_>> = BTreeMap::new();
        for (cluster, planned, result) in days::collect(&collectors, tasks, &first.source, &NoProgress).await {
            collected.entry(cluster).or_default().push((planned, result));
        }
        drop(collectors);
        let clusters = planned.into_iter().zip(&self.exporters).enumerate();
        let clusters = clusters.map(|(index, (planned, exporter))| {
            let days = collected.remove(&index).unwrap_or_default();
            let summary = planned.map(|planned| planned.summary(run, days, time::now() - began));
            (exporter.cluster.clone(), summary)
        });
        let summary = SharedRunSummary {
            run,
            clusters: clusters.collect(),
            unlisted,
            elapsed: time::now() - began,
        };
        if *days == Days::Planned {
            let ended = |index: usize| summary.clusters[index].1.as_ref();
            self.report(run, started_at, ended).await;
        }
        Ok(summary)
    }

    /// Reports a run that failed before it began, for each cluster.
    pub async fn report_early_failure(&self, error: &RunError) {
        if let Some(first) = self.exporters.first() {
            let now = first.clock.now();
            self.report(RunId::new(now), now, |_| Err(error)).await;
        }
    }

    /// Reports how the run ended, for each cluster by its index.
    async fn report<'a>(
        &self,
        run: RunId,
        started_at: DateTime<Utc>,
        ended: impl Fn(usize) -> Result<&'a RunSummary, &'a RunError>,
    ) {
        let reports = self.exporters.iter().enumerate();
        stream::iter(reports)
            .map(|(index, exporter)| exporter.report(run, started_at, ended(index)))
            .buffer_unordered(WAITING)
            .collect::<()>()
            .await;
    }

    /// The plan of each cluster, and the ids that are not on the list.
    async fn planned(
        &self,
        first: &Exporter,
        connection: &Connection,
        run: RunId,
    ) -> (Vec<Result<Planned, RunError>>, Vec<String>) {
        let period = first.backfill_period();
        let kind = connection.source.kind;
        let found = match inventory::clusters(&connection.client, &first.source, kind, &period).await {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::warn!(%error, "cannot query which clusters the source has: using the whole period for each");
                None
            }
        };
        let listed: BTreeSet<&String> = self
            .exporters
            .iter()
            .flat_map(|exporter| &exporter.source.clusters)
            .collect();
        let ids = found.iter().flat_map(BTreeMap::keys);
        let unlisted: Vec<String> = ids.filter(|id| !listed.contains(id)).cloned().collect();
        if !unlisted.is_empty() {
            tracing::warn!(
                ids = unlisted.join(","),
                "the source has costs of clusters that are not on the list (SOURCE_CLUSTERS, SOURCE_CLUSTERS_FILE): they are not stored"
            );
        }
        let plans = stream::iter(&self.exporters)
            .map(async |exporter| {
                let mut available = available(exporter, kind, found.as_ref(), &period)?;
                available.unlisted.clone_from(&unlisted);
                exporter.planned_days(&connection.source, run, available).await
            })
            .buffered(WAITING)
            .collect::<Vec<_>>()
            .await;
        for (exporter, plan) in self.exporters.iter().zip(&plans) {
            if let Err(error) = plan {
                tracing::error!(cluster = %exporter.cluster.id(), %error, "nothing of the cluster is collected");
            }
        }
        (plans, unlisted)
    }
}

/// The days that the source has of a cluster.
fn available(
    exporter: &Exporter,
    kind: SourceKind,
    found: Option<&BTreeMap<String, BTreeSet<Day>>>,
    period: &[Day],
) -> Result<AvailableDays, RunError> {
    let ids = &exporter.source.clusters;
    let Some(found) = found else {
        return Ok(AvailableDays::assumed(period));
    };
    let days: BTreeSet<Day> = ids.iter().filter_map(|id| found.get(id)).flatten().copied().collect();
    match kind {
        SourceKind::Kubecost if days.is_empty() => Err(RunError::NotAtSource {
            ids: names(ids),
            found: match found.len() {
                0 => "no cluster".to_owned(),
                _ => names(&found.keys().cloned().collect::<Vec<_>>()),
            },
        }),
        SourceKind::Kubecost => Ok(AvailableDays::observed(days)),
        SourceKind::Opencost => {
            if days.is_empty() {
                tracing::warn!(
                    cluster = %exporter.cluster.id(),
                    ids = ids.join(","),
                    "the source has no costs of the cluster on the newest day: check its id in SOURCE_CLUSTERS"
                );
            }
            Ok(AvailableDays::assumed(period))
        }
    }
}

fn names(ids: &[String]) -> String {
    let shown: Vec<&str> = ids.iter().take(MOST_NAMES).map(String::as_str).collect();
    match ids.len().saturating_sub(MOST_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
