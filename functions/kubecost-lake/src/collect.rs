//! `collect`: what the CronJob and the functions do for one cluster, on one machine.

use std::{path::PathBuf, sync::Arc};

use contract::{clock::Clock, cluster::ClusterArn, day::Day};
use exporter::{
    Days, RunSummary,
    certificate::{self, CertificateError},
    settings::{PeriodSettings, SourceSettings, read_cluster},
};
use settings::{Faults, Reader, rows};
use store::session;

use crate::{
    dispatch::Failure,
    host::{Host, HostError, LookUp, check_settings},
    progress::DayBar,
    report::{LakeReport, ReportError},
};

/// What is to be collected, and where to.
#[derive(Debug)]
pub struct Collection {
    /// Whose costs.
    pub cluster: ClusterArn,
    /// Where from.
    pub source: SourceSettings,
    /// Which days there are.
    pub period: PeriodSettings,
    /// Which of them.
    pub days: Days,
    /// Where to.
    pub lake: PathBuf,
    /// What the user should know although nothing is wrong.
    pub warnings: Vec<String>,
}

/// Why nothing was collected.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The product cannot run here.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The private CA.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The source or the bucket.
    #[error(transparent)]
    Run(#[from] exporter::RunError),
    /// The lake cannot be read back.
    #[error(transparent)]
    Report(#[from] ReportError),
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What the exporter did.
    pub run: RunSummary,
    /// Events that failed for good.
    pub failures: Vec<Failure>,
    /// Days that cannot be converted: the objects below the quarantine prefix that this run made.
    pub quarantined: Vec<String>,
    /// What the lake has now.
    pub lake: LakeReport,
}

impl Outcome {
    /// Whether all that was asked for is in the lake.
    pub fn is_success(&self) -> bool {
        self.run.is_success() && self.failures.is_empty() && self.quarantined.is_empty()
    }
}

impl Collection {
    /// Reads what to collect, and checks the functions' settings, so that all faults are reported together.
    ///
    /// # Errors
    /// All faults.
    pub fn read(look_up: LookUp<'_>) -> Result<Self, Faults> {
        let mut reader = Reader::new(look_up);
        let mut warnings = Vec::new();
        let cluster = read_cluster(&mut reader);
        let source = SourceSettings::read(&mut reader, &mut warnings);
        let period = PeriodSettings::read(&mut reader);
        let lake = reader.required(&rows::LAKE_DIRECTORY, "the directory to put the lake in (--lake)");
        let days = read_days(&mut reader);
        if let Err(faults) = check_settings(look_up) {
            reader.extend(faults);
        }
        reader.finish()?;
        // Without one of them the reader has faults.
        let missing = || Faults(Vec::new());
        Ok(Self {
            cluster: cluster.ok_or_else(missing)?,
            source: source.ok_or_else(missing)?,
            period,
            days,
            lake: lake.ok_or_else(missing)?.into(),
            warnings,
        })
    }

    /// Collects.
    ///
    /// # Errors
    /// When nothing could be collected. Single days that failed are in the outcome.
    pub async fn run(self, look_up: LookUp<'_>, clock: Arc<dyn Clock>) -> Result<Outcome, CollectError> {
        let host = Host::start(&self.lake, look_up, clock).await?;
        let private_ca = certificate::load(&self.source.ca_certificate, session::from_environment).await?;
        host.collect(
            self.cluster,
            self.source,
            self.period,
            private_ca.as_deref(),
            &self.days,
        )
        .await
    }
}

fn read_days(reader: &mut Reader<'_>) -> Days {
    let is_set = [&rows::FROM, &rows::TO].map(|setting| reader.optional(setting).is_some());
    let missing = match is_set {
        [true, false] => Some(&rows::TO),
        [false, true] => Some(&rows::FROM),
        _ => None,
    };
    if let Some(missing) = missing {
        reader.fault(
            missing,
            "give both --from and --to, or neither: then the days of the plan are collected",
        );
    }
    match (reader.parsed::<Day>(&rows::FROM), reader.parsed::<Day>(&rows::TO)) {
        (Some(from), Some(to)) if from <= to => Days::Given(Day::range(from, to).collect()),
        (Some(from), Some(to)) => {
            reader.fault(&rows::FROM, format_args!("{from} is later than TO, {to}"));
            Days::Planned
        }
        _ => Days::Planned,
    }
}

impl Host {
    /// Collects a cluster's days, waits until they are in the lake, and does what the schedule does.
    ///
    /// # Errors
    /// As [`Collection::run`].
    pub async fn collect(
        &self,
        cluster: ClusterArn,
        source: SourceSettings,
        period: PeriodSettings,
        private_ca: Option<&[u8]>,
        days: &Days,
    ) -> Result<Outcome, CollectError> {
        let bar = DayBar::new(cluster.id().name());
        // Deliveries that a former process left come first: the plan is to know of them.
        let mut failures = self.dispatcher.settle().await;
        let run = self
            .exporter(cluster.clone(), source, period)
            .run(private_ca, days, &bar)
            .await?;
        failures.extend(self.dispatcher.settle().await);
        if let Err(error) = self.dispatcher.schedule().await {
            failures.push(Failure {
                key: "schedule".to_owned(),
                reason: error.to_string(),
            });
        }
        failures.extend(self.dispatcher.settle().await);
        drop(bar);
        let quarantine = self.prefixes.quarantine_run(cluster.id(), &run.run);
        let quarantined = self.store.list(quarantine).objects().await.map_err(ReportError::from)?;
        let lake = LakeReport::read(&self.store, &self.directory).await?;
        Ok(Outcome {
            run,
            failures,
            quarantined: quarantined.into_iter().map(|object| object.key).collect(),
            lake,
        })
    }
}
