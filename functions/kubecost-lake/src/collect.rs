//! `collect`: the work of the CronJob and of the functions for one cluster, on one machine.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use contract::{
    clock::Clock,
    cluster::{ClusterArn, ClusterId},
    coverage::PartialReason,
    day::Day,
    keys::{QuarantineKey, QuarantineObject},
    record::{DayRecord, LakeMetadata},
};
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
    reading,
    summary::LakeSummary,
};

/// The exit statuses of the commands that put days into a lake, for their help.
pub(crate) const EXIT_STATUSES: &str = "Exit status:\n  0  the lake has each day whole\n  1  a day failed, is missing or partial, or the lake cannot be used\n  \
                                        2  the command line or a setting is wrong";

#[derive(Debug)]
pub struct Collection {
    pub cluster: ClusterArn,
    pub source: SourceSettings,
    pub period: PeriodSettings,
    pub days: Days,
    pub lake: PathBuf,
    pub warnings: Vec<String>,
}

/// Why nothing was collected.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    Run(#[from] exporter::RunError),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error(transparent)]
    Lake(#[from] report::lake::LakeError),
}

#[derive(Debug)]
pub struct CollectOutcome {
    /// What the exporter did.
    pub run: RunSummary,
    /// Events that failed on every attempt.
    pub failures: Vec<Failure>,
    /// Days that the lake lacks, or does not have whole, and sets of this run that it did not take: one line for each.
    pub incomplete: Vec<String>,
    /// The lake afterwards.
    pub lake: LakeSummary,
}

impl CollectOutcome {
    /// Whether the lake has all requested days, whole. Without dates these are the days that the source was seen to
    /// have.
    pub fn is_success(&self) -> bool {
        self.run.is_success() && self.failures.is_empty() && self.incomplete.is_empty()
    }
}

impl Collection {
    /// Reads what to collect, and checks the functions' settings, so that all faults are reported together.
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

    /// Fails when nothing could be collected. Single days that failed are in the outcome.
    pub async fn run(self, look_up: LookUp<'_>, clock: Arc<dyn Clock>) -> Result<CollectOutcome, CollectError> {
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
            "give both --from and --to, or neither to collect the days of the plan",
        );
    }
    match reading::range(reader) {
        (Some(from), Some(to)) => Days::Given(Day::range(from, to).collect()),
        _ => Days::Planned,
    }
}

impl Host {
    /// Collects a cluster's days, waits until they are in the lake, and then runs the scheduled functions.
    pub async fn collect(
        &self,
        cluster: ClusterArn,
        source: SourceSettings,
        period: PeriodSettings,
        private_ca: Option<&[u8]>,
        days: &Days,
    ) -> Result<CollectOutcome, CollectError> {
        let bar = DayBar::new(cluster.id().name());
        // Events that a former process left are handled first, so that the plan takes their days into account.
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
        let expected = match days {
            Days::Given(days) => days.iter().copied().collect(),
            Days::Planned => run.observed.clone(),
        };
        let incomplete = self.incomplete(cluster.id(), &run, &expected).await?;
        let lake = LakeSummary::read(self.directory.clone()).await?;
        Ok(CollectOutcome {
            run,
            failures,
            incomplete,
            lake,
        })
    }

    /// What is wrong with the days that were expected, beside those that were not collected.
    async fn incomplete(
        &self,
        cluster: &ClusterId,
        run: &RunSummary,
        expected: &BTreeSet<Day>,
    ) -> Result<Vec<String>, store::StoreError> {
        let mut lines = Vec::new();
        let mut explained: BTreeSet<Day> = run.failed().map(|(day, _)| day).collect();
        let prefix = self.prefixes.quarantine_run(cluster, &run.run);
        for document in self.store.list(prefix).objects().await? {
            let key = document.key;
            let Some(QuarantineKey { day, object, .. }) = self.prefixes.parse_quarantine(&key) else {
                continue;
            };
            lines.push(match object {
                QuarantineObject::Fault => format!("{day} cannot be converted: see {key} for the reason"),
                QuarantineObject::Thinner => {
                    format!("{day} has less than before, so that the lake keeps what it has: see {key}")
                }
            });
            explained.insert(day);
        }
        for day in expected.difference(&explained) {
            let Some(head) = self.store.head(&self.prefixes.lake_object(cluster, *day)).await? else {
                lines.push(format!("{day} is not in the lake: the source has no data for it"));
                continue;
            };
            let record = LakeMetadata::of(&head.metadata).record;
            if let Some(DayRecord { partial, share, .. }) = record.filter(|record| !record.partial.is_empty()) {
                let share = share.map(|share| format!(", {:.0} % observed", share * 100.0));
                lines.push(format!(
                    "{day} is partial ({}{}): collect it again when the source has the rest",
                    PartialReason::list(&partial),
                    share.unwrap_or_default()
                ));
            }
        }
        Ok(lines)
    }
}
