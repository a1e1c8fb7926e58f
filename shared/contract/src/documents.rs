//! The documents between exporter and functions. Each is a JSON object with `"version": 1`; another version is refused,
//! fields that are not known are ignored.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{
    cluster::ClusterArn,
    coverage::{Coverage, PartialReason},
    currency::Currency,
    day::{Day, Window},
    quantities::Quantities,
    redacted::Redacted,
    run::RunId,
};

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
    /// What is known of the set besides.
    #[serde(flatten, default)]
    pub facts: SetFacts,
}

/// What an exporter says of a set, besides what identifies it. Everything is optional: older exporters say less.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SetFacts {
    /// What was asked, as fields. `None` in manifests of older exporters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
    /// The cluster's ids at the source that were accepted; empty where any one was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
    /// What the set holds, in quantities that reconciliation does not change. `None` in manifests of older exporters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantities: Option<Quantities>,
    /// Which part of the day the source observed. `None` in manifests of older exporters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// Why the day is partial; empty where it is whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<PartialReason>,
    /// Whether the assets are among the parts.
    #[serde(default)]
    pub assets: AssetsState,
    /// The assets that are among the parts. `None` where there are none, and in manifests of older exporters, which
    /// asked for nodes alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_set: Option<AssetSet>,
    /// Whether the source was seen to have the day before it was collected, see [`Inventory::observed`].
    #[serde(default)]
    pub observed: bool,
    /// The currency of all costs of the set. `None` in manifests of older exporters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Rows whose total cost the source left out, and the exporter computed from its parts.
    #[serde(default)]
    pub computed_totals: u64,
    /// Rows whose total cost disagrees with its parts; the source's total is kept.
    #[serde(default)]
    pub disagreeing_totals: u64,
    /// Rows that belong to another day and were left out.
    #[serde(default)]
    pub rows_left_out: u64,
    /// What the source warned of, and what was unusual in its response.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The version of the exporter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
}

/// What an exporter queries a source for. Sets of different questions are not compared with one another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What a row is, as `AGGREGATION` spells it.
    pub aggregation: String,
    /// The filter that the source applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Whether idle costs are part of the response.
    pub idle: bool,
}

impl Question {
    /// The question in short, in ASCII: `container;idle`, `pod;no-idle;filter=cluster:"a"`. A filter that is longer
    /// than 64 bytes or not ASCII is abbreviated to a hash.
    pub fn fingerprint(&self) -> String {
        const LONGEST_FILTER: usize = 64;
        let idle = if self.idle { "idle" } else { "no-idle" };
        let filter = match self.filter.as_deref().map(str::trim) {
            None | Some("") => String::new(),
            Some(filter) if filter.len() <= LONGEST_FILTER && filter.is_ascii() => format!(";filter={filter}"),
            Some(filter) => {
                let hash = hexadecimal(&Sha256::digest(filter)[..8]);
                format!(";filter-hash={hash}")
            }
        };
        format!("{};{idle}{filter}", self.aggregation)
    }
}

/// The assets of a set, as the exporter counted them while they streamed by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AssetSet {
    /// Which assets they are.
    pub scope: AssetScope,
    /// Assets of the day.
    pub rows: u64,
    /// The sum of their `totalCost`, in the source's currency.
    pub total_cost: f64,
}

/// Which assets a set has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssetScope {
    /// All that the source has: nodes, disks, load balancers, the cluster's fee.
    All,
    /// Nodes alone: the source did not give the others, and the manifest's warnings say why.
    Nodes,
}

impl AssetScope {
    /// The word in documents and in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Nodes => "nodes",
        }
    }
}

/// Whether a set has assets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssetsState {
    /// They are among the parts.
    #[default]
    Stored,
    /// The source did not give them: node columns come from labels, and the day is collected again while it can be.
    Unavailable,
}

/// One stored response, or one page of it: the source's bytes as they came but for what was removed, compressed with
/// zstd.
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
    /// What the exporter removed from the response.
    #[serde(default, skip_serializing_if = "Redacted::is_empty")]
    pub redacted: Redacted,
}

/// Which response a part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartKind {
    /// Costs of containers (or of what the aggregation names).
    Allocation,
    /// Assets: nodes, disks, load balancers, and what else costs.
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

impl Manifest {
    /// Whether the source had no data for the day: no rows, and no part with allocations.
    pub fn is_empty(&self) -> bool {
        self.rows == 0 && !self.has_allocations()
    }

    /// What was asked of the source, in short: sets of the same day are compared only where it is the same. Manifests
    /// of older exporters name no question; for them it is a hash of the query.
    pub fn question_fingerprint(&self) -> String {
        match &self.facts.question {
            Some(question) => question.fingerprint(),
            None => format!("query-hash={}", hexadecimal(&Sha256::digest(&self.query)[..8])),
        }
    }

    /// Whether the set holds nothing: the source had no data, or its rows have neither costs nor workload minutes, so
    /// that they are not converted.
    pub fn is_no_data(&self) -> bool {
        self.is_empty() || (self.total_cost == 0.0 && self.facts.quantities.is_some_and(|found| found.is_nothing()))
    }

    /// The code of the currency of all costs; empty where the exporter did not record it.
    pub fn currency_code(&self) -> &str {
        let currency = self.facts.currency.as_ref();
        currency.map_or("", |currency| currency.code.as_str())
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
impl Document for ThinnerSet {
    const NAME: &'static str = "document of a thinner set";
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
