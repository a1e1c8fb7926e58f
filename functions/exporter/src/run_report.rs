//! Reports how a run ended into the bucket, so that the audit can say why a cluster's exporter failed before it could
//! say anything else.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{
    run::RunId,
    run_report::{ErrorClass, FailedDay, RunFailure, RunOutcome, RunReport},
};

use crate::{
    collect::DayError,
    part::PartError,
    run::{Exporter, RunSummary},
    run_error::RunError,
    source::{CurrencyError, SourceError, brief},
};

/// How long writing the report may take: Kubernetes kills a pod half a minute after SIGTERM, and without valid
/// credentials each call takes longer than that.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

impl Exporter {
    /// Writes how a run ended. A failure is only logged: the run's outcome stays what it is.
    pub(crate) async fn report(&self, run: RunId, started_at: DateTime<Utc>, ended: Result<&RunSummary, &RunError>) {
        let mut report = RunReport {
            run,
            cluster: self.cluster.clone(),
            started_at,
            ended_at: self.clock.now(),
            outcome: RunOutcome::Failed,
            error: None,
            planned: false,
            collected: Vec::new(),
            failed: Vec::new(),
            producer: env!("CARGO_PKG_VERSION").to_owned(),
        };
        match ended {
            Ok(summary) => {
                report.outcome = outcome(summary);
                report.planned = summary.planned;
                report.collected = summary.collected().map(|(day, _)| day).collect();
                let failed = summary.days.iter().filter_map(|(planned, result)| {
                    let error = result.as_ref().err()?;
                    Some(FailedDay {
                        date: planned.date,
                        error: failure(class_of_day(error), error),
                    })
                });
                report.failed = failed.collect();
            }
            Err(error) => {
                let error = failure(class_of_run(error), error);
                if error.class == ErrorClass::Stopped {
                    report.outcome = RunOutcome::Stopped;
                }
                report.error = Some(error);
            }
        }
        let key = self.prefixes.run_report(self.cluster.id(), &run);
        let written = seams::time::timeout(WRITE_TIMEOUT, self.store.create_document(&key, &report)).await;
        let error = match written {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it took longer than {} s", WRITE_TIMEOUT.as_secs()),
        };
        tracing::warn!(
            key,
            error,
            "the run's report could not be written: the audit does not show this run"
        );
    }

    /// Reports a run that failed before it began.
    pub async fn report_early_failure(&self, error: &RunError) {
        let now = self.clock.now();
        self.report(RunId::new(now), now, Err(error)).await;
    }
}

fn failure(class: ErrorClass, error: &dyn std::error::Error) -> RunFailure {
    RunFailure {
        class,
        message: brief(&error.to_string()),
    }
}

fn outcome(summary: &RunSummary) -> RunOutcome {
    if summary.is_success() {
        RunOutcome::Complete
    } else if summary.stopped() {
        RunOutcome::Stopped
    } else if summary.collected().next().is_some() {
        RunOutcome::Incomplete
    } else {
        RunOutcome::Failed
    }
}

fn class_of_run(error: &RunError) -> ErrorClass {
    match error {
        RunError::Certificate(_) => ErrorClass::Credentials,
        RunError::Source(error) | RunError::UnknownDays(error) => class_of_source(error),
        RunError::Currency(error) => class_of_currency(error),
        RunError::NotAtSource { .. } | RunError::NoDays { .. } => ErrorClass::Source,
        RunError::NeedsDays => ErrorClass::Settings,
        RunError::Store(_) => ErrorClass::Bucket,
    }
}

fn class_of_day(error: &DayError) -> ErrorClass {
    match error {
        DayError::NotEnded { .. } => ErrorClass::Refused,
        DayError::SourceOverloaded { .. } => ErrorClass::Timeout,
        DayError::Currency(error) => class_of_currency(error),
        DayError::Part(PartError::Source(error)) => class_of_source(error),
        DayError::Part(PartError::Upload(_)) | DayError::Store(_) => ErrorClass::Bucket,
        DayError::Part(PartError::Compression(_)) => ErrorClass::Other,
    }
}

/// A currency that contradicts a setting is a response that must not be stored.
fn class_of_currency(error: &CurrencyError) -> ErrorClass {
    error.source_error().map_or(ErrorClass::Refused, class_of_source)
}

fn class_of_source(error: &SourceError) -> ErrorClass {
    match error {
        SourceError::Connection { .. } => ErrorClass::Connection,
        SourceError::Timeout { .. } | SourceError::TooSlow { .. } => ErrorClass::Timeout,
        SourceError::Status { .. } => ErrorClass::Status,
        SourceError::Response { .. } => ErrorClass::Response,
        SourceError::Refused(_) => ErrorClass::Refused,
        SourceError::Unknown { .. } => ErrorClass::Source,
        SourceError::Authentication { .. } | SourceError::Setup(_) => ErrorClass::Credentials,
        SourceError::Stopped { .. } => ErrorClass::Stopped,
    }
}
