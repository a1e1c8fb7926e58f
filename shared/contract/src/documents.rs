//! The documents between exporter and functions. Each is a JSON object with `"version": 1`; another version is refused,
//! fields that are not known are ignored.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{cluster::ClusterArn, day::Day, quantities::Quantities, run::RunId};

mod manifest;

#[cfg(test)]
pub(crate) use manifest::manifest_of_a_day;
pub use manifest::{AssetScope, AssetSet, AssetsState, Manifest, Part, PartKind, Question, SetFacts};

/// The version of all documents that this code reads and writes.
const VERSION: u32 = 1;

/// How many bytes a document has at most, unless [`Document::MAX_BYTES`] says otherwise.
pub const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A JSON document of the bucket.
pub trait Document: Serialize + DeserializeOwned + Send + Sync {
    /// What it is, for messages.
    const NAME: &'static str;
    /// How many bytes it has at most; what is larger is not read.
    const MAX_BYTES: u64 = MAX_BYTES;
}

/// The document as it is stored: its fields, with the version beside them.
#[derive(Serialize)]
struct Versioned<'a, T> {
    version: u32,
    #[serde(flatten)]
    document: &'a T,
}

/// Writes a document with its version, as indented JSON that a person can read.
///
/// # Errors
/// When a field cannot be written as JSON, which none of this module's documents has.
pub fn write<T: Document>(document: &T) -> Result<Vec<u8>, DocumentError> {
    serde_json::to_vec_pretty(&Versioned {
        version: VERSION,
        document,
    })
    .map_err(|source| DocumentError::Form { name: T::NAME, source })
}

/// Reads a document.
///
/// # Errors
/// When it is not JSON, of another version, or lacks a field.
pub fn read<T: Document>(bytes: &[u8]) -> Result<T, DocumentError> {
    #[derive(Deserialize)]
    struct VersionOnly {
        version: u32,
    }
    let form = |source| DocumentError::Form { name: T::NAME, source };
    let VersionOnly { version } = serde_json::from_slice(bytes).map_err(form)?;
    if version != VERSION {
        return Err(DocumentError::Version { name: T::NAME, version });
    }
    serde_json::from_slice(bytes).map_err(form)
}

/// A hash as documents have it: hexadecimal digits in lower case.
pub fn hexadecimal(hash: &[u8]) -> String {
    hash.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON, or a field is missing or of another type.
    #[error("the {name} is not a document of version 1: {source}")]
    Form {
        /// What it should have been.
        name: &'static str,
        /// The parser's message, with line and column.
        source: serde_json::Error,
    },
    /// A version that this program does not know.
    #[error(
        "the {name} has version {version}, this program reads version {VERSION}: update the older of the two programs"
    )]
    Version {
        /// What it is.
        name: &'static str,
        /// The version that it has.
        version: u32,
    },
}

/// Which of the two programs computes the costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// Kubecost: `/model/allocation`, `/model/assets`.
    Kubecost,
    /// OpenCost: `/allocation/compute`, `/assets`.
    Opencost,
}

/// The source that a run queries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// Which program it is.
    pub kind: SourceKind,
    /// Its version, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The days that a source still has: `staging/…/<run>/inventory.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The run that waits for a plan.
    pub run: RunId,
    /// The cluster.
    pub cluster: ClusterArn,
    /// When it was written, UTC.
    pub created_at: DateTime<Utc>,
    /// The source.
    pub source: SourceInfo,
    /// The complete days that the source still has, oldest first.
    pub days: Vec<Day>,
    /// Those of `days` that the source was seen to have; the others are assumed, since the source names no days.
    /// `None` in inventories of older exporters, see [`Inventory::observed_days`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Vec<Day>>,
    /// Ids of clusters that the source has costs of, and that the exporter's list of clusters does not name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted: Vec<String>,
    /// The version of the exporter. `None` in inventories of older exporters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
}

impl Inventory {
    /// The days that the source was seen to have. Older exporters did not say: they queried Kubecost for its days, and
    /// assumed those of OpenCost.
    pub fn observed_days(&self) -> &[Day] {
        match (&self.observed, self.source.kind) {
            (Some(observed), _) => observed,
            (None, SourceKind::Kubecost) => &self.days,
            (None, SourceKind::Opencost) => &[],
        }
    }
}

/// What a run of a cluster's exporter is to collect: `plans/…/plan.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The run that it is for.
    pub run: RunId,
    /// When it was written, UTC.
    pub created_at: DateTime<Utc>,
    /// The days to collect, newest first.
    pub days: Vec<PlannedDay>,
}

/// A day to collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedDay {
    /// The day.
    pub date: Day,
    /// Why.
    pub reason: PlanReason,
}

/// Why a day is to be collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlanReason {
    /// The lake does not have it.
    Missing,
    /// The lake has it, but the source may have reconciled its costs since.
    Restate,
    /// It was collected, but could not be converted.
    Retry,
}

/// The word in the document.
impl std::fmt::Display for PlanReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Missing => "missing",
            Self::Restate => "restate",
            Self::Retry => "retry",
        })
    }
}

/// Why a run's day could not be converted: `quarantine/…/<run>/<date>.json`. The set itself stays where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// The run that collected the day.
    pub run: RunId,
    /// The cluster that the key names: its ARN, or `account/region/name` where the region's partition is not known.
    pub cluster: String,
    /// The day.
    pub date: Day,
    /// When it was written, UTC.
    pub created_at: DateTime<Utc>,
    /// The manifest that could not be converted.
    pub manifest: String,
    /// The kind of fault: one word, stable, for counting.
    pub reason: String,
    /// What is wrong, for a person.
    pub message: String,
    /// The version of the program that could not convert it; another version may. `None` in older documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// The conversion and the columns, as the lake's objects have them in their metadata. `None` in older documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
}

/// Why a set did not replace the day in the lake: `quarantine/…/<run>/<date>.thinner.json`. The set stays where it is,
/// and so does the day in the lake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThinnerSet {
    /// The run that collected the set.
    pub run: RunId,
    /// The cluster, as in [`Quarantine`].
    pub cluster: String,
    /// The day.
    pub date: Day,
    /// When it was written, UTC.
    pub created_at: DateTime<Utc>,
    /// The manifest of the set.
    pub manifest: String,
    /// The run whose data the lake keeps; `None` where its object does not say.
    pub lake_run: Option<RunId>,
    /// What the set holds.
    pub quantities: Quantities,
    /// The best that was ever seen of the day.
    pub best: Quantities,
    /// What was lost, for a person.
    pub message: String,
}

impl Document for Inventory {
    const NAME: &'static str = "inventory";
}
impl Document for Plan {
    const NAME: &'static str = "plan";
}
impl Document for ThinnerSet {
    const NAME: &'static str = "document of a thinner set";
}
impl Document for Quarantine {
    const NAME: &'static str = "quarantine document";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        coverage::{Coverage, PartialReason},
        currency::Currency,
        redacted::Redacted,
    };

    fn run() -> RunId {
        "019aaaaa-0000-7000-8000-000000000001".parse().unwrap()
    }

    fn plan() -> Plan {
        Plan {
            run: run(),
            created_at: "2026-11-24T05:00:01Z".parse().unwrap(),
            days: vec![PlannedDay {
                date: "2026-11-20".parse().unwrap(),
                reason: PlanReason::Missing,
            }],
        }
    }

    #[test]
    fn the_reason_of_a_planned_day_is_the_word_of_the_document() {
        for reason in [PlanReason::Missing, PlanReason::Restate, PlanReason::Retry] {
            assert_eq!(serde_json::json!(reason), reason.to_string());
        }
    }

    #[test]
    fn a_plan_is_written_as_documented() {
        let bytes = write(&plan()).unwrap();
        insta::assert_snapshot!(String::from_utf8(bytes.clone()).unwrap(), @r#"
        {
          "version": 1,
          "run": "019aaaaa-0000-7000-8000-000000000001",
          "created_at": "2026-11-24T05:00:01Z",
          "days": [
            {
              "date": "2026-11-20",
              "reason": "missing"
            }
          ]
        }
        "#);
        assert_eq!(read::<Plan>(&bytes).unwrap(), plan());
    }

    #[test]
    fn a_manifest_is_written_as_documented() {
        let cluster: ClusterArn = "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one"
            .parse()
            .unwrap();
        let date: Day = "2026-11-20".parse().unwrap();
        let manifest = Manifest {
            run: run(),
            date,
            window: date.window(),
            created_at: "2026-11-24T05:00:01Z".parse().unwrap(),
            source: SourceInfo {
                kind: SourceKind::Kubecost,
                version: Some("2.8".to_owned()),
            },
            query: "/model/allocation?step=1d".to_owned(),
            rows: 16,
            total_cost: 12.5,
            parts: vec![Part {
                kind: PartKind::Allocation,
                key: crate::keys::Prefixes::default().allocation_part(cluster.id(), &run(), date, 1),
                bytes: 4_096,
                raw_bytes: 36_592,
                sha256: "ab".repeat(32),
                rows: 16,
                set: None,
                redacted: Redacted::default(),
            }],
            facts: SetFacts {
                clusters: Vec::new(),
                question: Some(Question {
                    aggregation: "container".to_owned(),
                    filter: None,
                    idle: true,
                }),
                quantities: Some(Quantities {
                    rows: 15,
                    minutes: 21_600.0,
                    core_hours: 24.0,
                    ram_byte_hours: 1e12,
                }),
                coverage: Some(Coverage {
                    first_start: Some(date.start()),
                    last_end: Some("2026-11-20T18:00:00Z".parse().unwrap()),
                    node_minutes: Some(1_080.0),
                }),
                partial: vec![PartialReason::Observed],
                assets: AssetsState::Stored,
                asset_set: Some(AssetSet {
                    scope: AssetScope::Nodes,
                    rows: 2,
                    total_cost: 3.5,
                }),
                observed: true,
                currency: Some(Currency::known("EUR")),
                computed_totals: 1,
                disagreeing_totals: 0,
                rows_left_out: 0,
                warnings: vec!["assets: 403 Forbidden".to_owned()],
                producer: Some("0.1.0".to_owned()),
            },
            cluster,
        };
        let bytes = write(&manifest).unwrap();
        insta::assert_snapshot!(String::from_utf8(bytes.clone()).unwrap());
        assert_eq!(read::<Manifest>(&bytes).unwrap(), manifest);
    }

    #[test]
    fn unknown_versions_are_refused_and_unknown_fields_ignored() {
        let text = String::from_utf8(write(&plan()).unwrap()).unwrap();
        let newer = text.replace("\"version\": 1", "\"version\": 2");
        let message = read::<Plan>(newer.as_bytes()).unwrap_err().to_string();
        assert!(message.contains("plan has version 2"), "{message}");
        let wider = text.replace("\"version\": 1", "\"version\": 1, \"colour\": \"blue\"");
        assert_eq!(read::<Plan>(wider.as_bytes()).unwrap(), plan());
        assert!(read::<Plan>(b"<html>").is_err());
        assert!(read::<Plan>(b"{\"version\": 1}").is_err());
    }

    #[test]
    fn questions_differ_by_what_they_ask_and_not_by_how_it_is_written() {
        let question = |aggregation: &str, filter: Option<&str>, idle| Question {
            aggregation: aggregation.to_owned(),
            filter: filter.map(str::to_owned),
            idle,
        };
        assert_eq!(question("container", None, true).fingerprint(), "container;idle");
        assert_eq!(question("container", Some("  "), true).fingerprint(), "container;idle");
        assert_eq!(
            question("pod", Some("cluster:\"a\""), false).fingerprint(),
            "pod;no-idle;filter=cluster:\"a\""
        );
        let long = question("pod", Some(&"ä".repeat(99)), true).fingerprint();
        assert!(long.is_ascii() && long.len() < 64, "{long}");
        assert_ne!(long, question("pod", Some(&"ä".repeat(98)), true).fingerprint());
    }

    #[test]
    fn documents_of_older_programs_are_read() {
        let inventory = r#"{"version":1,"run":"019aaaaa-0000-7000-8000-000000000001",
            "cluster":"arn:aws:eks:us-east-1:111122223333:cluster/cluster-one","created_at":"2026-11-24T05:00:01Z",
            "source":{"kind":"KIND"},"days":["2026-11-20"]}"#;
        for (kind, observed) in [("kubecost", 1), ("opencost", 0)] {
            let inventory: Inventory = read(inventory.replace("KIND", kind).as_bytes()).unwrap();
            assert_eq!(inventory.observed_days().len(), observed);
        }
    }
}
