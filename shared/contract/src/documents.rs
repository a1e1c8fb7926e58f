//! The documents between exporter and functions. Each is a JSON object with `"version": 1`; another version is refused,
//! fields that are not known are ignored.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    cluster::ClusterArn,
    day::{Day, Window},
    run::RunId,
};

/// The version of all documents that this code reads and writes.
const VERSION: u32 = 1;

/// No document is larger than this many bytes; what is larger is not read.
pub const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A JSON document of the bucket.
pub trait Document: Serialize + DeserializeOwned + Send + Sync {
    /// What it is, for messages.
    const NAME: &'static str;
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

/// A day's set is complete: `staging/…/<run>/<date>/manifest.json`. See
/// [`Manifest::is_empty`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run that collected the day.
    pub run: RunId,
    /// The cluster.
    pub cluster: ClusterArn,
    /// The day.
    pub date: Day,
    /// The window that was queried: the day's.
    pub window: Window,
    /// When it was written, UTC.
    pub created_at: DateTime<Utc>,
    /// The source.
    pub source: SourceInfo,
    /// The query of the allocation response: path and parameters, without host and without secrets.
    pub query: String,
    /// Allocation rows of the day that the exporter counted while they streamed by.
    pub rows: u64,
    /// The sum of their `totalCost`, in the source's currency.
    pub total_cost: f64,
    /// The stored responses.
    pub parts: Vec<Part>,
}

/// One stored response, or one page of it: the source's bytes as they came, compressed with zstd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which response it is.
    pub kind: PartKind,
    /// Its key: below the manifest's own prefix.
    pub key: String,
    /// Compressed bytes: the object's size.
    pub bytes: u64,
    /// Bytes before compression.
    pub raw_bytes: u64,
    /// SHA-256 of the compressed bytes: 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// Rows of the day in it: allocations, or assets.
    pub rows: u64,
    /// Where the response holds sets of several days: the index of this day's set, counted from 0. Missing: all sets
    /// belong to the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<u32>,
}

/// Which response a part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartKind {
    /// Costs of containers (or of what the aggregation names).
    Allocation,
    /// Nodes.
    Assets,
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
}

impl Manifest {
    /// Whether the source had no data for the day: no rows, and no part with allocations.
    pub fn is_empty(&self) -> bool {
        self.rows == 0 && !self.has_allocations()
    }

    /// Whether there is a part with allocations.
    pub fn has_allocations(&self) -> bool {
        self.parts.iter().any(|part| part.kind == PartKind::Allocation)
    }
}

impl Document for Inventory {
    const NAME: &'static str = "inventory";
}
impl Document for Plan {
    const NAME: &'static str = "plan";
}
impl Document for Manifest {
    const NAME: &'static str = "manifest";
}
impl Document for Quarantine {
    const NAME: &'static str = "quarantine document";
}

#[cfg(test)]
mod tests {
    use super::*;

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
            }],
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
}
