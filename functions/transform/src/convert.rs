//! The conversion: pieces of compressed responses in, pieces of a Parquet file out. It runs on its own thread, and does
//! not depend on S3.

use std::collections::BTreeSet;

use contract::{
    day::Day,
    documents::{Manifest, Part, PartKind},
    record::{DayRecord, RECORD_METADATA, footer},
};
use response::{
    Aggregation, Allocation, AssetParser, Entry, Expectation, NodeIndex, ParsedRows, Refusal, RowError, RowParser, Sum,
    Tally, Verdict,
};
use seams::bugs::{Bug, is_planted};
use serde_json::{Map, Value};
use table::{TOTAL_COST, TableLayout, number_name};
use tokio::sync::mpsc;

use crate::{
    assets::Cover,
    batch::AllocationFile,
    encoder::Output,
    error::{ConvertError, Fault},
    input::{Piece, read_part},
    output::OutputError,
};

/// What the footer of a file says wrote it.
pub(crate) const PRODUCER: &str = concat!("kubecost-lake transform ", env!("CARGO_PKG_VERSION"));

/// Makes what the file's footer says of the day from what the rows add up to; `None` if the file is not to be used.
pub(crate) type RecordOf = Box<dyn FnOnce(&Verdict) -> Option<DayRecord> + Send>;

#[derive(Debug)]
pub(crate) struct Converted {
    pub(crate) verdict: Verdict,
    /// What the file's footer says of the day.
    pub(crate) record: Option<DayRecord>,
    pub(crate) raw_bytes: u64,
    /// Whether a row's key may have come before, see [`Tally::has_unknown_keys`].
    pub(crate) has_unknown_keys: bool,
    /// Which assets the rows contain; `None` if no file was made.
    pub(crate) cover: Option<Cover>,
}

/// Converts a set. `pieces` has the parts in the order of `parts`. Only if this returns without an error, the file is
/// complete and agrees with the manifest.
pub(crate) fn convert(
    manifest: &Manifest,
    parts: &[Part],
    layout: &TableLayout,
    record_of: RecordOf,
    pieces: mpsc::Receiver<Piece>,
    output: Output,
) -> Result<Converted, ConvertError> {
    let table = TableWriter::new(manifest, layout, output)?;
    let mut conversion = Conversion::new(manifest, Tally::new, Some(table));
    let raw_bytes = conversion.read(parts, pieces)?;
    let has_unknown_keys = conversion.tally.has_unknown_keys();
    let (verdict, record, cover) = conversion.finish(record_of)?;
    Ok(Converted {
        verdict,
        record,
        raw_bytes,
        has_unknown_keys,
        cover,
    })
}

/// Reads a set's allocations as [`convert`] does, without making a file of them. It compares all keys, in any order.
pub(crate) fn measure(
    manifest: &Manifest,
    parts: &[Part],
    pieces: mpsc::Receiver<Piece>,
) -> Result<Converted, ConvertError> {
    let mut conversion = Conversion::new(manifest, Tally::of_all_keys, None);
    let raw_bytes = conversion.read(parts, pieces)?;
    Ok(Converted {
        verdict: conversion.verdict()?,
        record: None,
        raw_bytes,
        has_unknown_keys: false,
        cover: None,
    })
}

struct Conversion<'a> {
    manifest: &'a Manifest,
    parser: RowParser,
    assets: AssetParser,
    tally: Tally,
    rows: u64,
    /// The sum of total costs of all rows that the exporter counted.
    counted_cost: Sum,
    rows_outside: u64,
    null_rows: u64,
    table: Option<TableWriter>,
}

enum RowFailure {
    Row(RowError),
    Refused(String),
    Output(OutputError),
}

fn row_fault(part: &Part, failure: RowFailure) -> ConvertError {
    match failure {
        RowFailure::Row(source) => Fault::Row {
            key: part.key.clone(),
            source,
        }
        .into(),
        RowFailure::Refused(message) => Fault::Refused(message).into(),
        RowFailure::Output(error) => error.into(),
    }
}

fn expect_rows(found: u64, expected: u64) -> Result<(), Fault> {
    if found == expected {
        Ok(())
    } else {
        Err(Fault::Rows { found, expected })
    }
}

impl<'a> Conversion<'a> {
    fn new(
        manifest: &'a Manifest,
        tally: impl FnOnce(Day, Option<Aggregation>) -> Tally,
        table: Option<TableWriter>,
    ) -> Self {
        let question = manifest.facts.question.as_ref();
        let aggregation = question.and_then(|question| Aggregation::of(&question.aggregation));
        Self {
            manifest,
            parser: RowParser::new(),
            assets: AssetParser::new(),
            tally: tally(manifest.date, aggregation),
            rows: 0,
            counted_cost: Sum::default(),
            rows_outside: 0,
            null_rows: 0,
            table,
        }
    }

    /// Reads all parts; returns how many bytes they have uncompressed.
    fn read(&mut self, parts: &[Part], mut pieces: mpsc::Receiver<Piece>) -> Result<u64, ConvertError> {
        let mut raw_bytes = 0;
        for part in parts {
            let envelope = match part.kind {
                PartKind::Assets => read_part(&mut pieces, part, &mut |Entry { key, value, .. }: Entry<'_>| {
                    let Some(table) = &mut self.table else { return Ok(()) };
                    let asset = self.assets.parse(key, value);
                    if let Some(asset) = asset.map_err(|source| row_fault(part, RowFailure::Row(source)))? {
                        table.nodes.add(key, &asset);
                        table.cover.add_asset(&asset);
                    }
                    Ok(())
                })?,
                PartKind::Allocation => {
                    let before = self.counted_rows();
                    let mut parser = std::mem::take(&mut self.parser);
                    let mut rows = ParsedRows::new(&mut parser, |set, key, row: Result<Allocation<'_>, RowError>| {
                        let added = row
                            .map_err(RowFailure::Row)
                            .and_then(|row| self.add_row(set, key, &row));
                        added.map_err(|failure| row_fault(part, failure))
                    });
                    let read = read_part(&mut pieces, part, &mut rows);
                    self.parser = parser;
                    let envelope = read?;
                    expect_rows(self.counted_rows() - before, part.rows)?;
                    self.null_rows += envelope.null_rows;
                    envelope
                }
            };
            raw_bytes += envelope.bytes;
        }
        Ok(raw_bytes)
    }

    /// Older exporters also counted the rows of other days, which are left out.
    fn counts_rows_outside(&self) -> bool {
        self.manifest.facts.question.is_none()
    }

    fn counted_rows(&self) -> u64 {
        if self.counts_rows_outside() {
            self.rows + self.rows_outside
        } else {
            self.rows
        }
    }

    fn add_row(&mut self, set: u32, key: &str, row: &Allocation<'_>) -> Result<(), RowFailure> {
        let is_of_day = self.tally.add(set, key, row).map_err(RowFailure::Refused)?;
        if is_of_day || self.counts_rows_outside() {
            self.counted_cost.add(row.number(TOTAL_COST).unwrap_or(0.0));
        }
        if !is_of_day {
            self.rows_outside += 1;
            return Ok(());
        }
        self.rows += 1;
        match &mut self.table {
            Some(table) => table.add(row).map_err(RowFailure::Output),
            None => Ok(()),
        }
    }

    /// What the rows add up to, if they are what the manifest says and the whole response to the question.
    fn verdict(&mut self) -> Result<Verdict, Fault> {
        expect_rows(self.counted_rows(), self.manifest.rows)?;
        let expected = Expectation {
            day: self.manifest.date,
            aggregation: self.tally.aggregation(),
            clusters: if is_planted(Bug::OtherClustersAccepted) {
                Vec::new()
            } else {
                self.manifest.facts.clusters.clone()
            },
        };
        let verdict = self.tally.verdict(&expected).map_err(|refusal| match refusal {
            Refusal::NoCosts { rows } => Fault::NoCosts { rows },
            Refusal::NotContainers(message) | Refusal::Wrong(message) => Fault::Refused(message),
        })?;
        if verdict.rows != self.rows {
            return Err(Fault::Refused(format!(
                "{} of {} rows are in sets of other days",
                self.rows - verdict.rows.min(self.rows),
                self.rows
            )));
        }
        if !self.counted_cost.agrees_with(self.manifest.total_cost) {
            return Err(Fault::TotalCost {
                found: self.counted_cost.value(),
                expected: self.manifest.total_cost,
            });
        }
        Ok(verdict)
    }

    fn finish(mut self, record_of: RecordOf) -> Result<(Verdict, Option<DayRecord>, Option<Cover>), ConvertError> {
        let verdict = self.verdict()?;
        self.warn();
        let record = record_of(&verdict);
        let metadata = self.footer(&verdict, record.as_ref());
        let mut cover = None;
        if let Some(mut table) = self.table.take() {
            table.cover.finish(&verdict, self.clusters());
            cover = Some(std::mem::take(&mut table.cover));
            table.file.finish(verdict.rows, metadata)?;
        }
        Ok((verdict, record, cover))
    }

    /// The ids of the cluster at the source: those that were accepted, else those of the rows.
    fn clusters(&self) -> BTreeSet<String> {
        match &self.manifest.facts.clusters[..] {
            [] => self.tally.clusters().clone(),
            clusters => clusters.iter().cloned().collect(),
        }
    }

    fn nodes_left_out(&self) -> u64 {
        self.table.as_ref().map_or(0, |table| table.nodes.left_out())
    }

    /// The key-value metadata of the Parquet footer.
    fn footer(&self, verdict: &Verdict, record: Option<&DayRecord>) -> Vec<(&'static str, String)> {
        let totals: Map<String, Value> = verdict
            .sums
            .iter()
            .enumerate()
            .map(|(index, sum)| (number_name(index).to_owned(), sum.value().into()))
            .collect();
        let mut metadata = vec![
            ("run", self.manifest.run.to_string()),
            ("cluster", self.manifest.cluster.to_string()),
            ("date", self.manifest.date.to_string()),
            ("rows", verdict.rows.to_string()),
            (footer::TOTAL_COST, verdict.total_cost.to_string()),
            ("totals", Value::Object(totals).to_string()),
            (footer::UNKNOWN_FIELDS, self.parser.unknown_fields().total().to_string()),
            ("null_rows", self.null_rows.to_string()),
            ("nodes_left_out", self.nodes_left_out().to_string()),
            ("rows_outside_window", self.rows_outside.to_string()),
            ("producer", PRODUCER.to_owned()),
        ];
        let currency = self.manifest.facts.currency.as_ref();
        metadata.extend(currency.map(|currency| (footer::CURRENCY, currency.code.clone())));
        metadata.extend(record.map(|record| (RECORD_METADATA, record.to_metadata())));
        metadata
    }

    /// Logs what is unusual, but not a reason to refuse the day.
    fn warn(&self) {
        let unknown = self.parser.unknown_fields();
        if unknown.total() > 0 {
            let names: Vec<&str> = unknown.names().keys().map(String::as_str).collect();
            tracing::warn!(
                count = unknown.total(),
                names = names.join(","),
                "the response has fields that the table has no column for"
            );
        }
        if self.null_rows > 0 {
            tracing::warn!(rows = self.null_rows, "the response has rows that are null");
        }
        let nodes_left_out = self.nodes_left_out();
        if nodes_left_out > 0 {
            tracing::warn!(
                nodes = nodes_left_out,
                "the assets name more nodes, or longer texts, than are held in memory: node columns come from the rows' labels"
            );
        }
        if self.rows_outside > 0 {
            tracing::warn!(rows = self.rows_outside, date = %self.manifest.date, "left out rows that are not of the day");
        }
    }
}

/// The file, and what a row needs to become a row of it.
struct TableWriter {
    nodes: NodeIndex,
    cover: Cover,
    file: AllocationFile,
}

impl TableWriter {
    fn new(manifest: &Manifest, layout: &TableLayout, output: Output) -> Result<Self, OutputError> {
        Ok(Self {
            nodes: NodeIndex::new(),
            cover: Cover::default(),
            file: AllocationFile::new(layout, manifest, output)?,
        })
    }

    fn add(&mut self, row: &Allocation<'_>) -> Result<(), OutputError> {
        let node = self.nodes.facts(row);
        self.cover.add(row);
        self.file.add(row, &node)
    }
}
