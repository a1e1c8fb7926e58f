//! What the audit knows of a cluster: `reports/<account>/<region>/<cluster>/state.json`. Listings name objects but not
//! what is in them; the state keeps that, so that an audit reads only what is new or has changed. It can be deleted at
//! any time: the next audit reads everything again, and reports lost days once more.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    audit::LastRun,
    coverage::PartialReason,
    day::Day,
    documents::{AssetsState, Document, Manifest, SourceKind},
    quantities::Quantities,
    record::DayRecord,
    run::RunId,
};

/// What is known of one cluster's days.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ClusterState {
    /// The objects in the lake, by day.
    pub lake: BTreeMap<Day, LakeObject>,
    /// The staged sets that had to be read, by day and run.
    pub sets: BTreeMap<Day, BTreeMap<RunId, SetContent>>,
    /// Days that the source was seen to have and that the lake lacked.
    pub gaps: BTreeSet<Day>,
    /// Days that the source had, that the lake lacks, and that the source no longer has, with the time at which an
    /// audit first found that, UTC.
    pub lost: BTreeMap<Day, DateTime<Utc>>,
    /// When an audit first found the cluster silent, UTC; `None` where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<DateTime<Utc>>,
    /// When an audit first found that the last run had failed, UTC; `None` where it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<DateTime<Utc>>,
    /// The newest run whose report was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<LastRun>,
}

/// Identifies the object that was read: another version has to be read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectVersion {
    /// When it was written, UTC.
    pub modified: DateTime<Utc>,
    /// Its size.
    pub bytes: u64,
    /// Its ETag, where the listing has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

/// What the metadata of an object in the lake says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LakeObject {
    /// Which object it is.
    #[serde(flatten)]
    pub version: ObjectVersion,
    /// The run whose data it has; `None` where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The conversion and the columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The day in short; `None` for objects that were written before there were records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<DayRecord>,
}

/// What a staged set holds, from its manifest, and whether it was converted, from the quarantine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetContent {
    /// When the manifest was written, UTC.
    pub modified: DateTime<Utc>,
    /// Whether there is nothing to convert, see [`Manifest::is_no_data`].
    #[serde(default)]
    pub empty: bool,
    /// Whether the source was seen to have the day before the set was collected.
    #[serde(default)]
    pub observed: bool,
    /// What was asked, see [`crate::documents::Question::fingerprint`]; `None` where the manifest does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// What the set holds; `None` where the manifest does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantities: Option<Quantities>,
    /// The sum of the total costs, in the source's currency.
    #[serde(default)]
    pub total_cost: f64,
    /// The observed share of the day, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Why the set is partial.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<PartialReason>,
    /// Whether the node assets are in it.
    #[serde(default)]
    pub assets: AssetsState,
    /// The version of the exporter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// Why it could not be converted, where it is in quarantine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<SetFault>,
    /// What it lost, where it did not replace a fuller set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinner: Option<String>,
}

/// What could not convert a set. Another version or another table may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetFault {
    /// When the quarantine document was written, UTC.
    pub modified: DateTime<Utc>,
    /// The version of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// The conversion and the columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
}

impl SetContent {
    /// A set whose manifest cannot be read. It counts as an attempt at a day that the source had.
    pub fn unknown(modified: DateTime<Utc>) -> Self {
        Self {
            modified,
            empty: false,
            observed: true,
            question: None,
            quantities: None,
            total_cost: 0.0,
            share: None,
            partial: Vec::new(),
            assets: AssetsState::Stored,
            producer: None,
            fault: None,
            thinner: None,
        }
    }

    /// What a manifest says that was written at a time.
    pub fn of(manifest: &Manifest, modified: DateTime<Utc>) -> Self {
        let facts = &manifest.facts;
        Self {
            empty: manifest.is_no_data(),
            // Older exporters did not say: they queried Kubecost for its days, and assumed those of OpenCost.
            observed: match facts.producer {
                Some(_) => facts.observed,
                None => manifest.source.kind == SourceKind::Kubecost,
            },
            question: Some(manifest.question_fingerprint()),
            quantities: facts.quantities,
            total_cost: manifest.total_cost,
            share: facts.coverage.and_then(|coverage| coverage.share(manifest.date)),
            partial: facts.partial.clone(),
            assets: facts.assets,
            producer: facts.producer.clone(),
            ..Self::unknown(modified)
        }
    }
}

impl Document for ClusterState {
    const NAME: &'static str = "cluster's state";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        coverage::{Coverage, PartialReason},
        documents::{SourceInfo, manifest_of_a_day},
    };

    #[test]
    fn a_set_is_known_by_its_manifest() {
        let modified: DateTime<Utc> = "2026-11-24T05:00:00Z".parse().unwrap();
        let mut manifest = manifest_of_a_day();
        let quantities = Quantities {
            rows: 3,
            minutes: 1440.0,
            ..Quantities::default()
        };
        manifest.facts.quantities = Some(quantities);
        manifest.facts.coverage = Some(Coverage {
            node_minutes: Some(720.0),
            ..Coverage::default()
        });
        manifest.facts.partial = vec![PartialReason::Observed];
        manifest.facts.assets = AssetsState::Unavailable;
        manifest.facts.producer = Some("0.1.0".to_owned());
        let found = SetContent::of(&manifest, modified);
        let expected = SetContent {
            observed: false,
            question: Some(manifest.question_fingerprint()),
            quantities: Some(quantities),
            total_cost: 12.5,
            share: Some(0.5),
            partial: vec![PartialReason::Observed],
            assets: AssetsState::Unavailable,
            producer: Some("0.1.0".to_owned()),
            ..SetContent::unknown(modified)
        };
        assert_eq!(found, expected);
        assert!(!found.empty && expected.modified == modified);
        manifest.facts.observed = true;
        assert!(SetContent::of(&manifest, modified).observed);
    }

    #[test]
    fn older_exporters_saw_the_days_of_kubecost_and_a_set_without_data_is_empty() {
        let modified: DateTime<Utc> = "2026-11-24T05:00:00Z".parse().unwrap();
        let mut manifest = manifest_of_a_day();
        for (kind, observed) in [(SourceKind::Kubecost, true), (SourceKind::Opencost, false)] {
            manifest.source = SourceInfo { kind, version: None };
            assert_eq!(SetContent::of(&manifest, modified).observed, observed, "{kind:?}");
        }
        manifest.total_cost = 0.0;
        manifest.facts.quantities = Some(Quantities::default());
        assert!(SetContent::of(&manifest, modified).empty);
        let unknown = SetContent::unknown(modified);
        assert!(unknown.observed && !unknown.empty && unknown.modified == modified);
    }
}
