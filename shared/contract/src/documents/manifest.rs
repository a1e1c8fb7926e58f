//! The manifest: what a set of a day consists of, and what is known of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Document, SourceInfo, hexadecimal};
use crate::{
    cluster::ClusterArn,
    coverage::{Coverage, PartialReason},
    currency::Currency,
    day::{Day, Window},
    quantities::Quantities,
    redacted::Redacted,
    run::RunId,
};

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

impl Document for Manifest {
    const NAME: &'static str = "manifest";
}

/// A manifest of a day with one part.
#[cfg(test)]
pub(crate) fn manifest_of_a_day() -> Manifest {
    let text = r#"{"version":1,"run":"019aaaaa-0000-7000-8000-000000000001","date":"2026-11-20",
        "cluster":"arn:aws:eks:us-east-1:111122223333:cluster/cluster-one","created_at":"2026-11-24T05:00:01Z",
        "window":{"start":"2026-11-20T00:00:00Z","end":"2026-11-21T00:00:00Z"},"source":{"kind":"kubecost"},
        "query":"/model/allocation?window=x","rows":3,"total_cost":12.5,"parts":[{"kind":"allocation","key":"a",
        "bytes":1,"raw_bytes":2,"sha256":"","rows":3}]}"#;
    super::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(filter: &str) -> Question {
        Question {
            aggregation: "container".to_owned(),
            filter: Some(filter.to_owned()),
            idle: true,
        }
    }

    #[test]
    fn a_set_without_rows_and_without_allocations_is_empty() {
        let mut manifest = manifest_of_a_day();
        assert!(manifest.has_allocations() && !manifest.is_empty() && !manifest.is_no_data());
        // Rows that nobody counted.
        manifest.rows = 0;
        assert!(!manifest.is_empty());
        manifest.parts[0].kind = PartKind::Assets;
        assert!(!manifest.has_allocations() && manifest.is_empty() && manifest.is_no_data());
        manifest.rows = 3;
        assert!(!manifest.is_empty());
    }

    #[test]
    fn a_set_without_costs_and_minutes_is_no_data() {
        let minutes = |minutes| Quantities {
            minutes,
            ..Quantities::default()
        };
        for (total_cost, quantities, expected) in [
            (0.0, Some(minutes(0.0)), true),
            (0.0, Some(minutes(1.0)), false),
            (1.0, Some(minutes(0.0)), false),
            (0.0, None, false),
        ] {
            let mut manifest = manifest_of_a_day();
            manifest.total_cost = total_cost;
            manifest.facts.quantities = quantities;
            assert_eq!(manifest.is_no_data(), expected, "{total_cost} {quantities:?}");
        }
    }

    #[test]
    fn a_filter_of_64_bytes_is_named_and_a_longer_one_or_another_script_is_not() {
        let longest = "a".repeat(64);
        assert_eq!(
            question(&longest).fingerprint(),
            format!("container;idle;filter={longest}")
        );
        for filter in ["a".repeat(65), "ä".to_owned()] {
            let short = question(&filter).fingerprint();
            assert!(short.starts_with("container;idle;filter-hash="), "{short}");
        }
    }

    #[test]
    fn words_are_those_of_the_document() {
        for scope in [AssetScope::All, AssetScope::Nodes] {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        let mut manifest = manifest_of_a_day();
        assert_eq!(manifest.currency_code(), "");
        manifest.facts.currency = Some(Currency::known("EUR"));
        assert_eq!(manifest.currency_code(), "EUR");
        let of_query = manifest.question_fingerprint();
        assert!(
            of_query.starts_with("query-hash=") && of_query.len() == 27,
            "{of_query}"
        );
        manifest.facts.question = Some(question(" "));
        assert_eq!(manifest.question_fingerprint(), "container;idle");
    }
}
