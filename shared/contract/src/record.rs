//! What an object of the lake says of its day, in its S3 metadata: enough to decide whether another set is better,
//! and for the audit to report, without reading the object.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{
    coverage::PartialReason,
    currency::Currency,
    documents::{AssetScope, AssetsState},
    keys::RUN_METADATA,
    quantities::Quantities,
    run::RunId,
};

/// The metadata that holds a [`DayRecord`]. S3 allows 2 KB of metadata in all; a record has some 500 bytes,
/// and 200 more for each alternative.
pub const RECORD_METADATA: &str = "day";
/// The metadata that names the conversion and the columns of the object.
pub const TABLE_METADATA: &str = "table";
/// The metadata of a manifest that makes transform replace a fuller set: a person asked for it.
pub const FORCE_METADATA: &str = "force";

/// Keys of the Parquet footer's own metadata that readers of a lake use. The others are for people.
pub mod footer {
    /// The sum of `totalCost`, in the currency of the day.
    pub const TOTAL_COST: &str = "total_cost";
    /// In the table of assets: what those cost that no allocation contains.
    pub const UNCOVERED_COST: &str = "uncovered_cost";
    /// How many values of the response no column has.
    pub const UNKNOWN_FIELDS: &str = "unknown_fields";
    /// The currency; missing where the exporter did not record it.
    pub const CURRENCY: &str = "currency";
}

/// How many alternatives a record names: so many fit into the metadata.
pub const MOST_ALTERNATIVES: usize = 4;

/// A day of the lake, in short. Stored as one line of JSON, in ASCII.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DayRecord {
    /// What was asked of the source, see [`crate::documents::Question::fingerprint`]. Sets are compared only where it
    /// is the same.
    pub question: String,
    /// What the object's set holds.
    pub quantities: Quantities,
    /// The best quantities ever seen of the day, over all sets of the same question.
    pub best: Quantities,
    /// The observed share of the day, 0 to 1; missing where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Why the day is partial; empty where it is whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<PartialReason>,
    /// Whether the assets were there.
    #[serde(default)]
    pub assets: AssetsState,
    /// Which assets the object in the table of assets has that was written with this one. `None` if none was, as for
    /// days from before there was that table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_scope: Option<AssetScope>,
    /// The currency of all costs of the day; missing where the exporter did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Rows whose total cost the source left out, computed from its parts.
    #[serde(default)]
    pub computed_totals: u64,
    /// Older sets that are as whole as the object's and hold more of some quantity, newest first: if a set that is
    /// fuller still makes the object's thinner, the newest of them that is whole is the day. Usually empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// Whether a person chose the set, see [`FORCE_METADATA`]: older sets do not replace it, however full they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
}

/// What the metadata of an object of the lake says. Objects that others wrote, or that were written before there were
/// records, say less.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LakeMetadata {
    /// The run whose data it has.
    pub run: Option<RunId>,
    /// The conversion and the columns.
    pub table: Option<String>,
    /// The day in short.
    pub record: Option<DayRecord>,
}

impl LakeMetadata {
    /// Reads an object's own metadata, keys in lower case. A value that cannot be read counts as missing.
    pub fn of(metadata: &HashMap<String, String>) -> Self {
        Self {
            run: metadata.get(RUN_METADATA).and_then(|run| run.parse().ok()),
            table: metadata.get(TABLE_METADATA).cloned(),
            record: DayRecord::from_metadata(metadata.get(RECORD_METADATA).map(String::as_str)),
        }
    }
}

/// A set that may become the day again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// The run that collected it.
    pub run: RunId,
    /// What it holds.
    pub quantities: Quantities,
}

impl DayRecord {
    /// As the metadata's value.
    pub fn to_metadata(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the metadata's value; `None` for an object that was written before there were records, or by others.
    pub fn from_metadata(value: Option<&str>) -> Option<Self> {
        serde_json::from_str(value?).ok()
    }

    /// Whether a better set may still come: the day is partial, or lacks its assets.
    pub fn is_improvable(&self) -> bool {
        !self.partial.is_empty() || self.assets == AssetsState::Unavailable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_short_ascii_and_comes_back_as_it_was() {
        let quantities = Quantities {
            rows: 123_456,
            minutes: 1e9 / 7.0,
            core_hours: 0.1 + 0.2,
            ram_byte_hours: 1e17 / 3.0,
        };
        let record = DayRecord {
            question: "container;idle;filter=0123456789abcdef".to_owned(),
            quantities,
            best: Quantities::default(),
            share: Some(0.25),
            partial: vec![PartialReason::Windows, PartialReason::Observed],
            assets: AssetsState::Stored,
            asset_scope: Some(AssetScope::Nodes),
            currency: Some(Currency::assumed()),
            computed_totals: 3,
            alternatives: Vec::new(),
            forced: false,
        };
        let text = record.to_metadata();
        assert!(text.is_ascii() && text.len() < 700, "{text}");
        assert_eq!(DayRecord::from_metadata(Some(&text)), Some(record.clone()));
        let alternative = Alternative {
            run: "019aaaaa-0000-7000-8000-000000000001".parse().unwrap(),
            quantities,
        };
        let longest = DayRecord {
            alternatives: vec![alternative; MOST_ALTERNATIVES],
            forced: true,
            ..record
        };
        let text = longest.to_metadata();
        // S3 counts names and values of all metadata; there are two more short ones.
        assert!(text.len() < 1_800, "{}", text.len());
        assert_eq!(DayRecord::from_metadata(Some(&text)), Some(longest));
        assert_eq!(DayRecord::from_metadata(Some("{}")), None);
        assert_eq!(DayRecord::from_metadata(None), None);
    }

    #[test]
    fn a_partial_day_and_one_without_assets_may_be_improved() {
        let record = |partial: &str, assets: &str| {
            let text = format!(
                r#"{{"question":"container;idle","quantities":{0},"best":{0},"partial":[{partial}],"assets":"{assets}"}}"#,
                r#"{"rows":1,"minutes":1440.0,"core_hours":1.0,"ram_byte_hours":1.0}"#
            );
            DayRecord::from_metadata(Some(&text)).unwrap()
        };
        assert!(!record("", "stored").is_improvable());
        assert!(record(r#""windows""#, "stored").is_improvable());
        assert!(record("", "unavailable").is_improvable());
        let run = "019aaaaa-0000-7000-8000-000000000001";
        let metadata = [
            (RUN_METADATA, run.to_owned()),
            (TABLE_METADATA, "table".to_owned()),
            (RECORD_METADATA, record("", "stored").to_metadata()),
        ];
        let metadata = metadata.map(|(name, value)| (name.to_owned(), value));
        let found = LakeMetadata::of(&metadata.into());
        assert_eq!(found.run.map(|run| run.to_string()).as_deref(), Some(run));
        assert_eq!(found.table.as_deref(), Some("table"));
        assert_eq!(found.record, Some(record("", "stored")));
        assert_eq!(LakeMetadata::of(&HashMap::new()), LakeMetadata::default());
    }
}
