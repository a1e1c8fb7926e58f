//! The conversion: pieces of compressed responses in, pieces of a Parquet file out. It runs on its own thread, and does
//! not depend on S3.

use bytes::Bytes;
use contract::documents::{Manifest, Part, PartKind};
use response::{NodeIndex, RowError, RowParser, Sum};
use serde_json::{Map, Value};
use table::{NUMBERS, TOTAL_COST, TableLayout, number_name};
use tokio::sync::mpsc;

use crate::{
    batch::{BatchBuilder, schema},
    error::{ConvertError, Fault},
    input::{Piece, read_part},
    output::{OutputError, ParquetFile},
};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Converted {
    pub(crate) rows: u64,
    pub(crate) total_cost: f64,
    pub(crate) raw_bytes: u64,
}

/// Converts a set. `pieces` has the parts in the order of `parts`. Only if this returns without an error, the file is
/// complete and agrees with the manifest.
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
    sums: [Sum; NUMBERS],
    rows: u64,
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
        let window = manifest.date.window().milliseconds();
        Ok(Self {
            manifest,
            window,
            nodes: NodeIndex::new(),
            parser: RowParser::new(),
            batch: BatchBuilder::new(layout, schema.clone(), &manifest.cluster, window),
            file: ParquetFile::new(schema, output)?,
            sums: [Sum::default(); NUMBERS],
            rows: 0,
            rows_with_cost: 0,
            null_rows: 0,
            rows_outside: 0,
        })
    }

    fn add_row(&mut self, key: &str, json: &str) -> Result<(), RowFailure> {
        let row = self.parser.parse(key, json)?;
        if !row.is_within(self.window) {
            self.rows_outside += 1;
            // The exporter left these rows out. Older ones counted them.
            if self.manifest.facts.question.is_some() {
                return Ok(());
            }
        }
        self.rows += 1;
        self.rows_with_cost += u64::from(row.has_cost());
        for (sum, number) in self.sums.iter_mut().zip(row.numbers()) {
            sum.add(*number);
        }
        let node = self.nodes.facts(&row);
        self.batch.push(&row, &node);
        if self.batch.is_full() {
            self.write_batch()?;
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<(), OutputError> {
        match self.batch.take().map_err(|error| OutputError::Parquet(error.into()))? {
            Some(batch) => self.file.write(&batch),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<(u64, f64), ConvertError> {
        self.write_batch()?;
        expect_rows(self.rows, self.manifest.rows)?;
        if self.rows > 0 && self.rows_with_cost == 0 {
            return Err(Fault::NoCosts { rows: self.rows }.into());
        }
        let sum = self.sums[TOTAL_COST];
        let total_cost = sum.value();
        if !sum.agrees_with(self.manifest.total_cost) {
            return Err(Fault::TotalCost {
                found: total_cost,
                expected: self.manifest.total_cost,
            }
            .into());
        }
        self.warn();
        let rows = self.rows;
        let metadata = self.footer(total_cost);
        let written = self.file.finish(metadata)?;
        if u64::try_from(written).ok() != Some(rows) {
            return Err(Fault::Parquet(format!("{written} rows were written, but {rows} were read")).into());
        }
        Ok((rows, total_cost))
    }

    /// The key-value metadata of the Parquet footer.
    fn footer(&self, total_cost: f64) -> Vec<(&'static str, String)> {
        let totals: Map<String, Value> = (0..NUMBERS)
            .map(|index| (number_name(index).to_owned(), self.sums[index].value().into()))
            .collect();
        vec![
            ("run", self.manifest.run.to_string()),
            ("cluster", self.manifest.cluster.to_string()),
            ("date", self.manifest.date.to_string()),
            ("rows", self.rows.to_string()),
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
        if self.rows_outside > 0 {
            tracing::warn!(rows = self.rows_outside, date = %self.manifest.date, "rows have windows that reach beyond the day");
        }
    }
}
