//! The conversion of assets: pieces of compressed responses in, pieces of a Parquet file out. It runs on its own
//! thread.

use contract::{
    documents::{AssetScope, AssetSet, Manifest, Part},
    record::footer,
};
use response::{Asset, AssetParser, AssetTally, AssetVerdict, Entry, RowError, Sum};
use serde_json::{Map, Value};
use table::{ASSET_NUMBERS, ASSET_TOTAL_COST};
use tokio::sync::mpsc;

use super::{batch::AssetFile, cover::Cover};
use crate::{
    convert::PRODUCER,
    encoder::Output,
    error::{ConvertError, Fault},
    input::{Piece, read_part},
    output::OutputError,
};

/// A set's assets as they were written. Costs are in the source's currency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Converted {
    /// Rows of the file.
    pub(super) rows: u64,
    /// What they cost.
    pub(super) total_cost: f64,
    /// What those of them cost that the allocations do not contain.
    pub(super) uncovered_cost: f64,
}

/// Converts a set's assets. Only if this returns without an error, the file is complete and agrees with the manifest.
pub(super) fn convert(
    manifest: &Manifest,
    parts: &[Part],
    cover: &Cover,
    mut pieces: mpsc::Receiver<Piece>,
    output: Output,
) -> Result<Converted, ConvertError> {
    let mut conversion = Conversion::new(manifest, cover, output)?;
    for part in parts {
        read_part(&mut pieces, part, &mut |Entry { set, key, value, .. }: Entry<'_>| {
            conversion.add(set, key, value).map_err(|failure| match failure {
                Failure::Row(source) => Fault::Row {
                    key: part.key.clone(),
                    source,
                }
                .into(),
                Failure::Output(error) => error.into(),
            })
        })?;
    }
    conversion.finish(manifest)
}

struct Conversion<'a> {
    parser: AssetParser,
    tally: AssetTally,
    cover: &'a Cover,
    file: AssetFile,
    scope: AssetScope,
    rows: u64,
    sums: [Sum; ASSET_NUMBERS.len()],
    uncovered_cost: Sum,
    /// Assets of other clusters of the same source, which are left out.
    of_other_clusters: u64,
    /// Assets of which nothing says whether they are of the cluster, and what they cost.
    undecided: u64,
    undecided_cost: Sum,
}

enum Failure {
    Row(RowError),
    Output(OutputError),
}

impl<'a> Conversion<'a> {
    fn new(manifest: &Manifest, cover: &'a Cover, output: Output) -> Result<Self, OutputError> {
        // Older exporters asked for nodes alone.
        let scope = manifest.facts.asset_set.map_or(AssetScope::Nodes, |set| set.scope);
        Ok(Self {
            parser: AssetParser::new(),
            tally: AssetTally::new(manifest.date),
            cover,
            file: AssetFile::new(manifest, scope, output)?,
            scope,
            rows: 0,
            sums: [Sum::default(); ASSET_NUMBERS.len()],
            uncovered_cost: Sum::default(),
            of_other_clusters: 0,
            undecided: 0,
            undecided_cost: Sum::default(),
        })
    }

    fn add(&mut self, set: u32, key: &str, json: &str) -> Result<(), Failure> {
        let Some(asset) = self.parser.parse(key, json).map_err(Failure::Row)? else {
            return Ok(());
        };
        if !self.tally.add(set, key, &asset) {
            return Ok(());
        }
        if !self.cover.is_of_cluster(&asset) {
            self.of_other_clusters += 1;
            return Ok(());
        }
        let covered = self.cover.covers(&asset);
        self.sum(&asset, covered);
        self.file.add(key, &asset, covered).map_err(Failure::Output)
    }

    fn sum(&mut self, asset: &Asset<'_>, covered: Option<bool>) {
        self.rows += 1;
        for (index, sum) in self.sums.iter_mut().enumerate() {
            sum.add(asset.number(index).unwrap_or(0.0));
        }
        let cost = asset.total_cost().unwrap_or(0.0);
        match covered {
            Some(true) => {}
            Some(false) => self.uncovered_cost.add(cost),
            None => {
                self.undecided += 1;
                self.undecided_cost.add(cost);
            }
        }
    }

    fn finish(self, manifest: &Manifest) -> Result<Converted, ConvertError> {
        let verdict = self.tally.verdict().map_err(Fault::Refused)?;
        if let Some(set) = &manifest.facts.asset_set {
            check(set, &verdict)?;
        }
        self.warn();
        let converted = Converted {
            rows: self.rows,
            total_cost: self.sums[ASSET_TOTAL_COST].value(),
            uncovered_cost: self.uncovered_cost.value(),
        };
        let metadata = self.footer(manifest, &converted, verdict.rows_left_out);
        self.file.finish(converted.rows, metadata)?;
        Ok(converted)
    }

    /// The key-value metadata of the Parquet footer.
    fn footer(&self, manifest: &Manifest, converted: &Converted, left_out: u64) -> Vec<(&'static str, String)> {
        let sums = self.sums.iter().zip(ASSET_NUMBERS);
        let totals: Map<String, Value> = sums.map(|(sum, name)| (name.to_owned(), sum.value().into())).collect();
        let currency = manifest.facts.currency.as_ref();
        let currency = currency.map(|currency| (footer::CURRENCY, currency.code.clone()));
        let metadata = vec![
            ("run", manifest.run.to_string()),
            ("cluster", manifest.cluster.to_string()),
            ("date", manifest.date.to_string()),
            ("rows", converted.rows.to_string()),
            (footer::TOTAL_COST, converted.total_cost.to_string()),
            (footer::UNCOVERED_COST, converted.uncovered_cost.to_string()),
            ("undecided_cost", self.undecided_cost.value().to_string()),
            ("totals", Value::Object(totals).to_string()),
            ("scope", self.scope.as_str().to_owned()),
            (footer::UNKNOWN_FIELDS, self.parser.unknown_fields().total().to_string()),
            ("rows_outside_window", left_out.to_string()),
            ("rows_of_other_clusters", self.of_other_clusters.to_string()),
            ("producer", PRODUCER.to_owned()),
        ];
        metadata.into_iter().chain(currency).collect()
    }

    /// Logs what is unusual, but not a reason to refuse the day.
    fn warn(&self) {
        let unknown = self.parser.unknown_fields();
        if unknown.total() > 0 {
            let names: Vec<&str> = unknown.names().keys().map(String::as_str).collect();
            tracing::warn!(
                count = unknown.total(),
                names = names.join(","),
                "the assets have fields that the table has no column for"
            );
        }
        if self.of_other_clusters > 0 {
            tracing::warn!(
                assets = self.of_other_clusters,
                "left out assets of other clusters of the source"
            );
        }
        if self.undecided > 0 {
            tracing::warn!(
                assets = self.undecided,
                cost = self.undecided_cost.value(),
                "the assets have types that are not of a cluster or not known: they are stored, and count in no bill"
            );
        }
    }
}

/// Compares the assets of the day with those that the exporter counted.
fn check(set: &AssetSet, verdict: &AssetVerdict) -> Result<(), Fault> {
    let cost = verdict.sums[ASSET_TOTAL_COST];
    if verdict.rows != set.rows {
        return Err(Fault::Assets {
            what: "assets",
            found: verdict.rows.to_string(),
            expected: set.rows.to_string(),
        });
    }
    if !cost.agrees_with(set.total_cost) {
        return Err(Fault::Assets {
            what: "the sum of their totalCost",
            found: cost.value().to_string(),
            expected: set.total_cost.to_string(),
        });
    }
    Ok(())
}
