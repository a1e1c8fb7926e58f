//! A source that has many clusters: a primary Kubecost, or an OpenCost hub. One run collects all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use chrono::{DateTime, Utc};
use contract::{
    cluster::ClusterArn,
    day::Day,
    documents::SourceKind,
    run::RunId,
    units::{count, names},
};
use futures_util::{StreamExt, stream};
use seams::time;

use crate::{
    NoProgress,
    connection::Connection,
    days,
    inventory::{self, AvailableDays, Period},
    run::{Days, Exporter, Planned, RunSummary},
    run_error::RunError,
    settings::{SourceCluster, SourceClusters},
    source::brief,
};

/// How many clusters write their inventories and wait for their plans at the same time: that costs the source nothing.
const WAITING: usize = 64;

/// The exporters of all clusters of a source.
pub struct SharedSource {
    first: Exporter,
    others: Vec<Exporter>,
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
    pub fn new(clusters: SourceClusters, exporter: impl Fn(ClusterArn) -> Exporter) -> Self {
        let of_cluster = |cluster: SourceCluster| {
            let filter = cluster.filter();
            let mut exporter = exporter(cluster.arn);
            exporter.source.filter = Some(filter);
            exporter.source.clusters = cluster.ids;
            exporter
        };
        let SourceClusters { first, others } = clusters;
        Self {
            first: of_cluster(first),
            others: others.into_iter().map(of_cluster).collect(),
        }
    }

    fn exporters(&self) -> impl Iterator<Item = &Exporter> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Collects the planned days of all clusters, in turn. A cluster that fails does not keep the others from being
    /// collected; an error means that none was tried.
    pub async fn run(&self, private_ca: Option<&[u8]>, days: &Days) -> Result<SharedRunSummary, RunError> {
        let began = time::now();
        let started_at = self.first.clock.now();
        let run = RunId::new(started_at);
        let prepared = self.prepare(run, private_ca, days).await;
        let Prepared {
            connection,
            planned,
            unlisted,
        } = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                if *days == Days::Planned {
                    self.report(run, started_at, self.exporters().map(|_| Err(&error)))
                        .await;
                }
                return Err(error);
            }
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
            .exporters()
            .zip(&parts)
            .map(|(exporter, (_, observed))| exporter.collector(&connection, run, observed))
            .collect();
        let turns: Vec<&[_]> = parts.iter().map(|(days, _)| *days).collect();
        let tasks = days::in_turn(&turns);
        let mut collected: BTreeMap<usize, Vec<_>> = BTreeMap::new();
        for (cluster, planned, result) in days::collect(&collectors, tasks, &self.first.source, &NoProgress).await {
            collected.entry(cluster).or_default().push((planned, result));
        }
        drop(collectors);
        let clusters = planned.into_iter().zip(self.exporters()).enumerate();
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
            self.report(run, started_at, summary.summaries()).await;
        }
        Ok(summary)
    }

    /// Reports a run that failed before it began, for each cluster.
    pub async fn report_early_failure(&self, error: &RunError) {
        let now = self.first.clock.now();
        self.report(RunId::new(now), now, self.exporters().map(|_| Err(error)))
            .await;
    }

    /// Reports how the run ended, for each cluster in the order of the list.
    async fn report<'a>(
        &self,
        run: RunId,
        started_at: DateTime<Utc>,
        ended: impl Iterator<Item = Result<&'a RunSummary, &'a RunError>>,
    ) {
        stream::iter(self.exporters().zip(ended))
            .map(|(exporter, ended)| exporter.report(run, started_at, ended))
            .buffer_unordered(WAITING)
            .collect::<()>()
            .await;
    }

    async fn prepare(&self, run: RunId, private_ca: Option<&[u8]>, days: &Days) -> Result<Prepared, RunError> {
        let connection = Connection::new(&self.first.source, private_ca).await?;
        let (planned, unlisted) = match days {
            Days::Given(days) => {
                let given = self.exporters().map(|_| Ok(Planned::given(days)));
                (given.collect(), Vec::new())
            }
            Days::Planned => self.planned(&connection, run).await?,
        };
        Ok(Prepared {
            connection,
            planned,
            unlisted,
        })
    }

    /// The plan of each cluster, and the ids that are not on the list.
    async fn planned(
        &self,
        connection: &Connection,
        run: RunId,
    ) -> Result<(Vec<Result<Planned, RunError>>, Vec<String>), RunError> {
        let first = &self.first;
        let period = Period::new(&first.period, first.clock.now());
        let kind = connection.source.kind;
        period.check(kind)?;
        let found = match inventory::clusters(&connection.client, &first.source, kind, &period).await {
            Ok(found) => Some(found),
            Err(error) if period.all => return Err(RunError::UnknownDays(error)),
            Err(error) => {
                tracing::warn!(%error, "cannot query which clusters the source has: using the whole period for each");
                None
            }
        };
        let listed: BTreeSet<&String> = self
            .exporters()
            .flat_map(|exporter| &exporter.source.clusters)
            .collect();
        let ids = found.iter().flat_map(BTreeMap::keys);
        let unlisted: Vec<String> = ids.filter(|id| !listed.contains(id)).cloned().collect();
        if !unlisted.is_empty() {
            tracing::warn!(
                ids = names(&unlisted),
                "the source has costs of clusters that are not on the list (SOURCE_CLUSTERS, SOURCE_CLUSTERS_FILE): they are not stored"
            );
        }
        let plans = stream::iter(self.exporters())
            .map(async |exporter| {
                let mut available = available(exporter, kind, found.as_ref(), &period.days)?;
                available.unlisted.clone_from(&unlisted);
                exporter.planned_days(&connection.source, run, available).await
            })
            .buffered(WAITING)
            .collect::<Vec<_>>()
            .await;
        for (exporter, plan) in self.exporters().zip(&plans) {
            if let Err(error) = plan {
                tracing::error!(cluster = %exporter.cluster.id(), %error, "nothing of the cluster is collected");
            }
        }
        Ok((plans, unlisted))
    }
}

/// What a run knows before its first day.
struct Prepared {
    connection: Connection,
    /// The plan of each cluster, in the order of the list.
    planned: Vec<Result<Planned, RunError>>,
    /// Ids that are not on the list.
    unlisted: Vec<String>,
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
                _ => names(found.keys()),
            },
        }),
        SourceKind::Kubecost => Ok(AvailableDays::observed(days)),
        SourceKind::Opencost => {
            if days.is_empty() {
                tracing::warn!(
                    cluster = %exporter.cluster.id(),
                    ids = names(ids),
                    "the source has no costs of the cluster on the newest day: check its id in SOURCE_CLUSTERS"
                );
            }
            Ok(AvailableDays::assumed(period))
        }
    }
}
