//! How a run of an exporter ended: `staging/…/<run>/run.json`. It is the last object of a run. A run that fails before
//! its inventory writes it too, as long as it can reach the bucket.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{cluster::ClusterArn, day::Day, documents::Document, run::RunId};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// The run.
    pub run: RunId,
    /// The cluster.
    pub cluster: ClusterArn,
    /// When it began, UTC.
    pub started_at: DateTime<Utc>,
    /// When it ended, UTC.
    pub ended_at: DateTime<Utc>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Why nothing was collected, with the outcome [`RunOutcome::Failed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunFailure>,
    /// Whether it received a plan.
    pub planned: bool,
    /// The days that were staged, also those without data, newest first.
    pub collected: Vec<Day>,
    /// The days that were not, newest first.
    pub failed: Vec<FailedDay>,
    /// The version of the exporter.
    pub producer: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunOutcome {
    /// All of its days were staged.
    Complete,
    /// Some days failed.
    Incomplete,
    /// It ended early, before all days were tried.
    Stopped,
    /// It tried no day, or all of them failed.
    Failed,
    /// Newer exporters may know more outcomes.
    #[serde(other)]
    Other,
}

/// The word in the document.
impl std::fmt::Display for RunOutcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Other => "other",
        })
    }
}

/// Why a run or a day failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFailure {
    /// The kind of error.
    pub class: ErrorClass,
    /// For a person: without secrets, and short.
    pub message: String,
}

/// A day that was not staged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedDay {
    /// The day.
    pub date: Day,
    /// Why.
    #[serde(flatten)]
    pub error: RunFailure,
}

/// The kind of error, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorClass {
    /// No connection to the source, or it broke: name, port, proxy, TLS.
    Connection,
    /// The source did not respond in time, or was skipped after others that did not.
    Timeout,
    /// The source responded with an HTTP status other than 200.
    Status,
    /// The source's response was incomplete or invalid, or reported a failure.
    Response,
    /// The response was complete, and must not be stored.
    Refused,
    /// Neither Kubecost nor OpenCost was found, or the source has no days, or none of the cluster.
    Source,
    /// A setting does not go with the source.
    Settings,
    /// The secret to authenticate with, or the private CA's certificate, cannot be used.
    Credentials,
    /// S3 refused or failed.
    Bucket,
    /// The run ended early.
    Stopped,
    /// Any other.
    #[serde(other)]
    Other,
}

/// The word in the document.
impl std::fmt::Display for ErrorClass {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Status => "status",
            Self::Response => "response",
            Self::Refused => "refused",
            Self::Source => "source",
            Self::Settings => "settings",
            Self::Credentials => "credentials",
            Self::Bucket => "bucket",
            Self::Stopped => "stopped",
            Self::Other => "other",
        })
    }
}

impl Document for RunReport {
    const NAME: &'static str = "run report";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents;

    #[test]
    fn it_is_written_as_documented_and_newer_words_are_read() {
        let failure = |class| RunFailure {
            class,
            message: "http://kubecost:9090/ returned 503".to_owned(),
        };
        let report = RunReport {
            run: "019aaaaa-0000-7000-8000-000000000001".parse().unwrap(),
            cluster: "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one"
                .parse()
                .unwrap(),
            started_at: "2026-11-24T05:00:00Z".parse().unwrap(),
            ended_at: "2026-11-24T05:00:09Z".parse().unwrap(),
            outcome: RunOutcome::Incomplete,
            error: None,
            planned: true,
            collected: vec!["2026-11-23".parse().unwrap()],
            failed: vec![FailedDay {
                date: "2026-11-22".parse().unwrap(),
                error: failure(ErrorClass::Status),
            }],
            producer: "0.1.0".to_owned(),
        };
        let text = String::from_utf8(documents::write(&report).unwrap()).unwrap();
        insta::assert_snapshot!(text);
        assert_eq!(documents::read::<RunReport>(text.as_bytes()).unwrap(), report);
        let newer = text
            .replace("incomplete", "exhausted")
            .replace("\"status\"", "\"quota\"");
        let newer: RunReport = documents::read(newer.as_bytes()).unwrap();
        assert_eq!(
            (newer.outcome, newer.failed[0].error.class),
            (RunOutcome::Other, ErrorClass::Other)
        );
        for class in [ErrorClass::Connection, ErrorClass::Credentials, ErrorClass::Other] {
            assert_eq!(serde_json::to_value(class).unwrap(), class.to_string());
        }
    }

    #[test]
    fn words_are_those_of_the_document() {
        use RunOutcome::{Complete, Failed, Incomplete, Other, Stopped};
        for outcome in [Complete, Incomplete, Stopped, Failed, Other] {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.to_string());
        }
        for class in [
            ErrorClass::Status,
            ErrorClass::Credentials,
            ErrorClass::Bucket,
            ErrorClass::Other,
        ] {
            assert_eq!(serde_json::to_value(class).unwrap(), class.to_string());
        }
    }
}
