//! A whole run: inventory, plan, days.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use contract::{
    clock::Clock,
    cluster::ClusterArn,
    coverage::PartialReason,
    currency::Currency,
    day::Day,
    documents::{AssetsState, Inventory, PlanReason, PlannedDay, SourceInfo, SourceKind},
    keys::Prefixes,
    run::RunId,
    units::{count, size},
};
use futures_util::{StreamExt, stream};
use store::{Store, StoreError};
use tokio::{sync::OnceCell, time::Instant};

use crate::{
    certificate::CertificateError,
    collect::{CollectedDay, Collector, DayError},
    inventory::{self, AvailableDays},
    plan,
    progress::Progress,
    settings::{PeriodSettings, SourceSettings},
    source::{Client, CurrencyError, SourceError, brief, currency, kind},
};

/// After so many days on which the source timed out, no more are asked for: it goes on computing what nobody waits for.
const MOST_TIMEOUTS: usize = 2;

/// How long a day may take to end once the run is to end. Kubernetes kills a pod half a minute after SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Which days to collect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Days {
    /// Those that the backfill function plans.
    Planned,
    /// These, whatever the lake has.
    Given(Vec<Day>),
}

/// The exporter of one cluster.
pub struct Exporter {
    pub cluster: ClusterArn,
    pub source: SourceSettings,
    pub period: PeriodSettings,
    pub plan_wait: Duration,
    pub store: Store,
    pub prefixes: Prefixes,
    pub clock: Arc<dyn Clock>,
}

/// Why a run collected nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Currency(#[from] CurrencyError),
    #[error("the inventory could not be written: {0}")]
    Store(#[from] StoreError),
}

/// What a run did.
#[derive(Debug)]
pub struct RunSummary {
    pub run: RunId,
    /// Whether a plan was received.
    pub planned: bool,
    /// The days that the source was seen to have, collected or not. None of OpenCost's: it is not queried for them.
    pub observed: BTreeSet<Day>,
    pub days: Vec<(PlannedDay, Result<CollectedDay, DayError>)>,
    pub elapsed: Duration,
}

impl RunSummary {
    /// Days that are in the bucket, including those without data.
    pub fn collected(&self) -> impl Iterator<Item = (Day, &CollectedDay)> {
        self.days
            .iter()
            .filter_map(|(day, result)| Some((day.date, result.as_ref().ok()?)))
    }

    /// Days that are not in the bucket, and why.
    pub fn failed(&self) -> impl Iterator<Item = (Day, String)> {
        self.days
            .iter()
            .filter_map(|(day, result)| Some((day.date, result.as_ref().err()?.to_string())))
    }

    /// Whether the run ended before all of its days were tried.
    pub fn stopped(&self) -> bool {
        self.days
            .iter()
            .any(|(_, result)| result.as_ref().is_err_and(DayError::is_stopped))
    }

    pub fn is_success(&self) -> bool {
        self.days.iter().all(|(_, result)| result.is_ok())
    }
}

/// Formats as one line.
impl fmt::Display for RunSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |field: fn(&CollectedDay) -> u64| self.collected().map(|(_, day)| field(day)).sum::<u64>();
        let with_data = self.collected().filter(|(_, day)| day.rows > 0).count();
        write!(
            formatter,
            "{} collected, {} failed; {}, {} from the source, {} stored, {:.1} s",
            count(with_data as u64, "day"),
            self.failed().count(),
            count(sum(|day| day.rows), "row"),
            size(sum(|day| day.raw_bytes)),
            size(sum(|day| day.bytes)),
            self.elapsed.as_secs_f64(),
        )?;
        for (day, collected) in self.collected() {
            let CollectedDay {
                rows,
                partial,
                share,
                assets,
                ..
            } = collected;
            if *rows == 0 {
                write!(formatter, "; {day}: no data")?;
            }
            if !partial.is_empty() {
                write!(formatter, "; {day}: partial ({})", PartialReason::list(partial))?;
                if let Some(share) = share {
                    write!(formatter, ", {:.0} % observed", share * 100.0)?;
                }
            }
            if *assets == AssetsState::Unavailable {
                write!(formatter, "; {day}: assets unavailable")?;
            }
        }
        for (day, reason) in self.failed() {
            write!(formatter, "; {day} failed: {}", brief(&reason))?;
        }
        Ok(())
    }
}

impl Exporter {
    /// Collects days. A day that fails does not keep the others from being collected; an error means that no day was
    /// tried. How a run of planned days ended is reported into the bucket.
    pub async fn run(
        &self,
        private_ca: Option<&[u8]>,
        days: &Days,
        progress: &dyn Progress,
    ) -> Result<RunSummary, RunError> {
        let started_at = self.clock.now();
        let run = RunId::new(started_at);
        let ended = self.collect_as(run, private_ca, days, progress).await;
        if *days == Days::Planned {
            self.report(run, started_at, ended.as_ref()).await;
        }
        ended
    }

    async fn collect_as(
        &self,
        run: RunId,
        private_ca: Option<&[u8]>,
        days: &Days,
        progress: &dyn Progress,
    ) -> Result<RunSummary, RunError> {
        let began = Instant::now();
        let client = Client::new(&self.source, private_ca)?;
        let source = SourceInfo {
            kind: kind::of(&client, &self.source).await?,
            version: None,
        };
        let currency = self.currency(&client, source.kind).await?;
        let (planned, days, observed) = match days {
            Days::Given(days) => {
                let given = |date| PlannedDay {
                    date,
                    reason: PlanReason::Missing,
                };
                (false, days.iter().rev().copied().map(given).collect(), BTreeSet::new())
            }
            Days::Planned => self.planned_days(&client, &source, run).await?,
        };
        progress.planned(&days);
        let collector = Collector {
            client: &client,
            settings: &self.source,
            source: &source,
            currency: OnceCell::new_with(currency),
            store: &self.store,
            prefixes: &self.prefixes,
            cluster: &self.cluster,
            run,
            clock: &*self.clock,
            settle: self.period.settle,
            observed: &observed,
            explicit_aggregation: AtomicBool::new(false),
            part_numbers: Mutex::default(),
        };
        let days = self.collect(&collector, days, progress).await;
        Ok(RunSummary {
            run,
            planned,
            observed,
            days,
            elapsed: began.elapsed(),
        })
    }

    /// Collects each day, and at the end once more those that failed by a transient error: a source that restarts is
    /// back by then.
    async fn collect(
        &self,
        collector: &Collector<'_>,
        days: Vec<PlannedDay>,
        progress: &dyn Progress,
    ) -> Vec<(PlannedDay, Result<CollectedDay, DayError>)> {
        let timeouts = AtomicUsize::new(0);
        let collect = async |planned: PlannedDay| {
            let day = planned.date;
            let days = timeouts.load(Ordering::Relaxed);
            let result = if let Some(reason) = self.source.stop.reason() {
                Err(SourceError::Stopped { reason }.into())
            } else if days < MOST_TIMEOUTS {
                tokio::select! {
                    result = collector.day(day) => result,
                    error = self.overdue() => Err(error.into()),
                }
            } else {
                Err(DayError::SourceOverloaded { days })
            };
            if result.as_ref().is_err_and(DayError::is_timeout) {
                timeouts.fetch_add(1, Ordering::Relaxed);
            }
            log(day, planned.reason, &result);
            result
        };
        let mut results: Vec<_> = stream::iter(days)
            .map(async |planned| {
                progress.started(planned.date);
                let result = collect(planned).await;
                progress.finished(planned.date);
                (planned, result)
            })
            .buffer_unordered(self.source.concurrency)
            .collect()
            .await;
        // They finish in any order.
        results.sort_by_key(|(planned, _)| std::cmp::Reverse(planned.date));
        for (planned, result) in &mut results {
            if self.source.stop.reason().is_none() && result.as_ref().is_err_and(DayError::is_transient) {
                tracing::info!(day = %planned.date, "collecting the day once more");
                *result = collect(*planned).await;
            }
        }
        results
    }

    /// Reports the source's days to the backfill function and waits for its plan. Without one: the newest settled day.
    async fn planned_days(
        &self,
        client: &Client,
        source: &SourceInfo,
        run: RunId,
    ) -> Result<(bool, Vec<PlannedDay>, BTreeSet<Day>), RunError> {
        let period = Day::backfill_period(self.clock.now(), self.period.days, self.period.settle);
        let AvailableDays {
            days: available,
            observed,
        } = inventory::available_days(client, &self.source, source.kind, &period).await;
        let id = self.cluster.id();
        let inventory = Inventory {
            run,
            cluster: self.cluster.clone(),
            created_at: self.clock.now(),
            source: source.clone(),
            days: available.clone(),
            observed: Some(observed.iter().copied().collect()),
            producer: Some(env!("CARGO_PKG_VERSION").to_owned()),
        };
        self.store
            .create_document(&self.prefixes.inventory(id, &run), &inventory)
            .await?;
        tracing::info!(%run, days = available.len(), observed = observed.len(), "wrote inventory");
        let key = self.prefixes.plan(id);
        let plan = tokio::select! {
            plan = plan::wait(&self.store, &key, run, self.plan_wait) => plan,
            reason = self.source.stop.stopped() => return Err(SourceError::Stopped { reason }.into()),
        };
        match plan {
            Some(plan) => Ok((true, plan::agreed(plan, &available), observed)),
            None => {
                let day = Day::newest_settled(self.clock.now());
                tracing::warn!("no plan received: collecting only {day}, the day of 72 to 48 hours ago");
                Ok((
                    false,
                    vec![PlannedDay {
                        date: day,
                        reason: PlanReason::Missing,
                    }],
                    observed,
                ))
            }
        }
    }

    /// When the run is to end, a day has this long to let go of what is in flight.
    async fn overdue(&self) -> SourceError {
        let reason = self.source.stop.stopped().await;
        tokio::time::sleep(STOP_GRACE).await;
        SourceError::Stopped { reason }
    }

    /// The currency of all costs; `None` where the source cannot be queried for it now.
    async fn currency(&self, client: &Client, kind: SourceKind) -> Result<Option<Currency>, CurrencyError> {
        match currency::of_source(client, &self.source, kind, true).await {
            Ok(currency) => Ok(Some(currency)),
            Err(error @ CurrencyError::Source(_)) => {
                tracing::warn!(%error, "querying it again before a day is collected");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn log(day: Day, reason: PlanReason, result: &Result<CollectedDay, DayError>) {
    match result {
        Ok(CollectedDay { rows: 0, .. }) => {
            tracing::info!(%day, ?reason, "collected: the source has no data for the day")
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
                %day, ?reason, rows, total_cost, raw_bytes, bytes, partial = partial.join(","), share, ?assets, "collected day"
            );
        }
        Err(error) => tracing::error!(%day, ?reason, %error, "day failed"),
    }
}
