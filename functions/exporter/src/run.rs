//! A whole run of one cluster: inventory, plan, days.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, atomic::AtomicUsize},
    time::Duration,
};

use contract::{
    clock::Clock,
    cluster::ClusterArn,
    coverage::PartialReason,
    day::Day,
    documents::{AssetsState, Inventory, PlanReason, PlannedDay, SourceInfo},
    keys::Prefixes,
    run::RunId,
    units::{count, size},
};
use seams::time;
use store::Store;

use crate::{
    collect::{CollectedDay, Collector, DayError},
    connection::Connection,
    days,
    inventory::{self, AvailableDays, Period},
    plan,
    progress::Progress,
    run_error::RunError,
    settings::{PeriodSettings, SourceSettings},
    source::{SourceError, brief},
};

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
        let began = time::now();
        let connection = Connection::new(&self.source, private_ca).await?;
        let planned = match days {
            Days::Given(days) => Planned::given(days),
            Days::Planned => {
                let (client, period) = (&connection.client, Period::new(&self.period, self.clock.now()));
                let available =
                    inventory::available_days(client, &self.source, connection.source.kind, &period).await?;
                self.planned_days(&connection.source, run, available).await?
            }
        };
        progress.planned(&planned.days);
        let collector = self.collector(&connection, run, &planned.observed);
        let tasks = planned.days.iter().map(|day| (0, *day)).collect();
        let collected = days::collect(&[collector], tasks, &self.source, progress).await;
        let days = collected.into_iter().map(|(_, planned, result)| (planned, result));
        Ok(planned.summary(run, days.collect(), time::now() - began))
    }

    pub(crate) fn collector<'a>(
        &'a self,
        connection: &'a Connection,
        run: RunId,
        observed: &'a BTreeSet<Day>,
    ) -> Collector<'a> {
        Collector {
            client: &connection.client,
            settings: &self.source,
            source: &connection.source,
            currency: &connection.currency,
            store: &self.store,
            prefixes: &self.prefixes,
            cluster: &self.cluster,
            run,
            clock: &*self.clock,
            settle: self.period.settle,
            observed,
            explicit_aggregation: &connection.explicit_aggregation,
            timeouts: AtomicUsize::new(0),
            part_numbers: Mutex::default(),
        }
    }

    /// Reports the source's days to the backfill function and waits for its plan. Without one: the newest settled day.
    pub(crate) async fn planned_days(
        &self,
        source: &SourceInfo,
        run: RunId,
        AvailableDays {
            days: available,
            observed,
            unlisted,
        }: AvailableDays,
    ) -> Result<Planned, RunError> {
        let id = self.cluster.id();
        let inventory = Inventory {
            run,
            cluster: self.cluster.clone(),
            created_at: self.clock.now(),
            source: source.clone(),
            days: available.clone(),
            observed: Some(observed.iter().copied().collect()),
            unlisted,
            producer: Some(env!("CARGO_PKG_VERSION").to_owned()),
        };
        self.store
            .create_document(&self.prefixes.inventory(id, &run), &inventory)
            .await?;
        tracing::info!(cluster = %id, %run, days = available.len(), observed = observed.len(), "wrote inventory");
        let key = self.prefixes.plan(id);
        let plan = tokio::select! {
            plan = plan::wait(&self.store, &key, run, self.plan_wait) => plan,
            reason = self.source.stop.stopped() => return Err(SourceError::Stopped { reason }.into()),
        };
        Ok(match plan {
            Some(plan) => Planned {
                is_planned: true,
                days: plan::agreed(plan, &available),
                observed,
            },
            None => {
                let date = Day::newest_settled(self.clock.now());
                tracing::warn!(cluster = %id, "no plan received: collecting only {date}, the day of 72 to 48 hours ago");
                Planned {
                    is_planned: false,
                    days: vec![PlannedDay {
                        date,
                        reason: PlanReason::Missing,
                    }],
                    observed,
                }
            }
        })
    }
}

/// The days that a run collects.
#[derive(Debug)]
pub(crate) struct Planned {
    /// Whether a plan was received.
    pub(crate) is_planned: bool,
    /// In the order in which they are collected.
    pub(crate) days: Vec<PlannedDay>,
    /// The days that the source was seen to have.
    pub(crate) observed: BTreeSet<Day>,
}

impl Planned {
    /// These days, whatever the lake has.
    pub(crate) fn given(days: &[Day]) -> Self {
        let given = |date| PlannedDay {
            date,
            reason: PlanReason::Missing,
        };
        Self {
            is_planned: false,
            days: days.iter().rev().copied().map(given).collect(),
            observed: BTreeSet::new(),
        }
    }

    pub(crate) fn summary(
        self,
        run: RunId,
        days: Vec<(PlannedDay, Result<CollectedDay, DayError>)>,
        elapsed: Duration,
    ) -> RunSummary {
        RunSummary {
            run,
            planned: self.is_planned,
            observed: self.observed,
            days,
            elapsed,
        }
    }
}
