//! The conversion itself: pieces of compressed answers in, pieces of a Parquet file out. It runs on a thread of its own
//! and knows nothing of S3.

use bytes::Bytes;
use contract::documents::{Manifest, Part, PartKind};
use response::{
    allocation::{Allocation, RowError, RowParser},
    asset::NodeIndex,
};
use serde_json::{Map, Value};
use table::{NUMBERS, TOTAL_COST, TableLayout, number_name};
use tokio::sync::mpsc;

use crate::{
    batch::{BatchBuilder, schema},
    fault::Fault,
    input::{Piece, read_part},
    output::{OutputError, ParquetFile},
    sums::Sums,
};

/// What was converted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Converted {
    pub(crate) rows: u64,
    pub(crate) total_cost: f64,
    pub(crate) raw_bytes: u64,
}

/// Why nothing was converted.
#[derive(Debug)]
pub(crate) enum ConvertError {
    Fault(Fault),
    /// Input or output was given up by the other side, which knows why.
    GivenUp,
}

impl From<Fault> for ConvertError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<OutputError> for ConvertError {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::GivenUp => Self::GivenUp,
            OutputError::Parquet(error) => Self::Fault(Fault::Parquet(error.to_string())),
        }
    }
}

/// Converts a set. `parts` is the order in which `pieces` brings them. The file is complete, and everything it must
/// agree with is compared, only once this returns without an error.
pub(crate) fn convert(
    manifest: &Manifest,
    parts: &[Part],
    layout: &TableLayout,
    mut pieces: mpsc::Receiver<Piece>,
    output: mpsc::Sender<Bytes>,
) -> Result<Converted, ConvertError> {
    let mut conversion = Conversion::new(manifest, layout, output)?;
    let mut raw_bytes = 0;
    for part in parts {
        let envelope = match part.kind {
            PartKind::Assets => read_part(&mut pieces, part, &mut |key, json| {
                conversion
                    .nodes
                    .add(key, json)
                    .map_err(|source| row_fault(part, source))
            })?,
            PartKind::Allocation => {
                let before = conversion.rows;
                let envelope = read_part(&mut pieces, part, &mut |key, json| {
                    conversion.add_row(key, json).map_err(|error| match error {
                        RowFailure::Row(source) => row_fault(part, source),
                        RowFailure::Output(error) => error.into(),
                    })
                })?;
                expect_rows(conversion.rows - before, part.rows)?;
                conversion.null_rows += envelope.null_rows;
                envelope
            }
        };
        raw_bytes += envelope.bytes;
    }
    let (rows, total_cost) = conversion.finish()?;
    Ok(Converted {
        rows,
        total_cost,
        raw_bytes,
    })
}

struct Conversion<'a> {
    manifest: &'a Manifest,
    window: (i64, i64),
    nodes: NodeIndex,
    parser: RowParser,
    batch: BatchBuilder,
    file: ParquetFile,
    read: Sums,
    written: Sums,
    rows: u64,
    written_rows: u64,
    rows_with_cost: u64,
    null_rows: u64,
    rows_outside: u64,
}

enum RowFailure {
    Row(RowError),
    Output(OutputError),
}

impl From<RowError> for RowFailure {
    fn from(error: RowError) -> Self {
        Self::Row(error)
    }
}

impl From<OutputError> for RowFailure {
    fn from(error: OutputError) -> Self {
        Self::Output(error)
    }
}

fn row_fault(part: &Part, source: RowError) -> ConvertError {
    Fault::Row {
        key: part.key.clone(),
        source,
    }
    .into()
}

fn expect_rows(found: u64, expected: u64) -> Result<(), Fault> {
    if found == expected {
        Ok(())
    } else {
        Err(Fault::Rows { found, expected })
    }
}

impl<'a> Conversion<'a> {
    fn new(manifest: &'a Manifest, layout: &TableLayout, output: mpsc::Sender<Bytes>) -> Result<Self, OutputError> {
        let schema = schema(layout);
        let window = manifest.date.window();
        Ok(Self {
            manifest,
            window: (window.start.timestamp_millis(), window.end.timestamp_millis()),
            nodes: NodeIndex::new(),
            parser: RowParser::new(),
            batch: BatchBuilder::new(layout, schema.clone(), &manifest.cluster, window),
            file: ParquetFile::new(schema, output)?,
            read: Sums::default(),
            written: Sums::default(),
            rows: 0,
            written_rows: 0,
            rows_with_cost: 0,
            null_rows: 0,
            rows_outside: 0,
        })
    }

    fn add_row(&mut self, key: &str, json: &str) -> Result<(), RowFailure> {
        let row = self.parser.parse(key, json)?;
        self.rows += 1;
        self.rows_with_cost += u64::from(row.has_cost());
        self.read.add_row(row.numbers());
        self.rows_outside += u64::from(self.lies_outside(&row));
        let node = self.nodes.facts(&row);
        self.batch.push(&row, &node);
        if self.batch.is_full() {
            self.write_batch()?;
        }
        Ok(())
    }

    /// Whether a row's window reaches beyond the day: the source then answered for another step than was asked for.
    fn lies_outside(&self, row: &Allocation<'_>) -> bool {
        row.window_start.is_some_and(|start| start < self.window.0)
            || row.window_end.is_some_and(|end| end > self.window.1)
    }

    fn write_batch(&mut self) -> Result<(), OutputError> {
        let batch = self
            .batch
            .take(&mut self.written)
            .map_err(|error| OutputError::Parquet(error.into()))?;
        if let Some(batch) = batch {
            self.file.write(&batch)?;
            self.written_rows += batch.num_rows() as u64;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(u64, f64), ConvertError> {
        self.write_batch()?;
        expect_rows(self.rows, self.manifest.rows)?;
        if self.rows > 0 && self.rows_with_cost == 0 {
            return Err(Fault::NoCosts { rows: self.rows }.into());
        }
        expect_rows(self.written_rows, self.rows)?;
        self.compare_sums()?;
        self.warn();
        let rows = self.rows;
        let total_cost = self.written.0[TOTAL_COST].value();
        let metadata = self.footer(total_cost);
        self.file.finish(metadata)?;
        Ok((rows, total_cost))
    }

    fn compare_sums(&self) -> Result<(), Fault> {
        for index in 0..NUMBERS {
            let (read, written) = (self.read.0[index], self.written.0[index]);
            if !read.agrees_with(written.value()) {
                return Err(Fault::Totals {
                    column: number_name(index),
                    found: written.value(),
                    place: "over the written rows",
                    expected: read.value(),
                    other_place: "over the rows read",
                });
            }
        }
        let read = self.read.0[TOTAL_COST];
        if !read.agrees_with(self.manifest.total_cost) {
            return Err(Fault::Totals {
                column: number_name(TOTAL_COST),
                found: read.value(),
                place: "over the rows read",
                expected: self.manifest.total_cost,
                other_place: "as the exporter counted it",
            });
        }
        Ok(())
    }

    /// What the Parquet footer says of the file.
    fn footer(&self, total_cost: f64) -> Vec<(&'static str, String)> {
        let totals: Map<String, Value> = (0..NUMBERS)
            .map(|index| (number_name(index).to_owned(), self.written.0[index].value().into()))
            .collect();
        vec![
            ("run", self.manifest.run.to_string()),
            ("cluster", self.manifest.cluster.to_string()),
            ("date", self.manifest.date.to_string()),
            ("rows", self.written_rows.to_string()),
            ("total_cost", total_cost.to_string()),
            ("totals", Value::Object(totals).to_string()),
            ("unknown_fields", self.parser.unknown_fields().total().to_string()),
            ("null_rows", self.null_rows.to_string()),
            ("rows_outside_window", self.rows_outside.to_string()),
            (
                "producer",
                concat!("kubecost-lake transform ", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
        ]
    }

    /// Says in the log what was unusual, and is no reason to refuse the day.
    fn warn(&self) {
        let unknown = self.parser.unknown_fields();
        if unknown.total() > 0 {
            let names: Vec<&str> = unknown.names().keys().map(String::as_str).collect();
            tracing::warn!(
                count = unknown.total(),
                names = names.join(","),
                "the answer has fields that the table has no column for"
            );
        }
        if self.null_rows > 0 {
            tracing::warn!(rows = self.null_rows, "the answer has rows that are null");
        }
        if self.rows_outside > 0 {
            tracing::warn!(rows = self.rows_outside, date = %self.manifest.date, "rows have windows that reach beyond the day");
        }
    }
}
