//! The rows of an object against what its footer says of them.

use std::collections::BTreeMap;

use arrow_array::{Array, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use contract::day::Day;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use super::{DayTotals, VerifiedTable};
use crate::{
    columns::Batches,
    file::Footer,
    lake::{Lake, LakeError},
};

/// How far a sum may differ from the footer's, relative to the sum of the magnitudes: the footer's is compensated for
/// rounding errors, this one is not.
const TOLERANCE: f64 = 1e-9;

/// What the rows should be.
pub(super) struct Expected<'a> {
    pub(super) day: Day,
    /// The cluster's ARN.
    pub(super) cluster: &'a str,
    pub(super) totals: &'a DayTotals,
}

/// A sum, and that of the magnitudes.
#[derive(Default, Clone, Copy)]
struct Sum {
    value: f64,
    magnitude: f64,
}

/// Reads the rows, and says what is wrong with them.
///
/// # Errors
/// When the object cannot be read.
pub(super) async fn fault(
    lake: &Lake,
    table: &VerifiedTable,
    key: &str,
    footer: &Footer,
    metadata: &ArrowReaderMetadata,
    expected: &Expected<'_>,
) -> Result<Option<String>, LakeError> {
    let numbers: Vec<&str> = expected.totals.sums.keys().map(String::as_str).collect();
    let wanted = numbers.iter().copied().chain(table.window).chain([table.cluster]);
    let mut batches = Batches::new(lake, key, footer, metadata, &wanted.collect::<Vec<_>>());
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    let mut rows = 0;
    while let Some(batch) = batches.next().await? {
        rows += batch.num_rows() as u64;
        if let Some(fault) = misplaced(&batch, table, expected) {
            return Ok(Some(fault));
        }
        for name in &numbers {
            add(sums.entry(name).or_default(), &batch, name);
        }
    }
    if rows != expected.totals.rows {
        let said = expected.totals.rows;
        return Ok(Some(format!("the footer says {said} rows, and {rows} can be read")));
    }
    Ok(expected.totals.sums.iter().find_map(|(name, said)| {
        let Sum { value, magnitude } = sums.get(name.as_str()).copied().unwrap_or_default();
        let difference = (value - said).abs();
        let agrees = difference <= TOLERANCE * magnitude || difference == 0.0;
        (!agrees).then(|| format!("the rows add up to {value} of '{name}', and the footer says {said}"))
    }))
}

fn column<'a, T: 'static>(batch: &'a RecordBatch, name: &str) -> Option<&'a T> {
    batch.column_by_name(name)?.as_any().downcast_ref()
}

/// The first row that is of another day or cluster.
fn misplaced(batch: &RecordBatch, table: &VerifiedTable, expected: &Expected<'_>) -> Option<String> {
    let (start, end) = (
        expected.day.start().timestamp_millis(),
        expected.day.end().timestamp_millis(),
    );
    for name in table.window {
        let times = column::<TimestampMillisecondArray>(batch, name)?;
        if let Some(time) = times.iter().flatten().find(|time| !(start..=end).contains(time)) {
            let time = chrono::DateTime::from_timestamp_millis(time).unwrap_or_default();
            let time = time.format("%Y-%m-%d %H:%M:%S");
            return Some(format!("a row's '{name}' is {time}, which is not in {}", expected.day));
        }
    }
    let clusters = column::<StringArray>(batch, table.cluster)?;
    let other = clusters.iter().flatten().find(|cluster| *cluster != expected.cluster)?;
    Some(format!(
        "a row is of the cluster {other}, and the object of {}",
        expected.cluster
    ))
}

fn add(sum: &mut Sum, batch: &RecordBatch, name: &str) {
    let Some(numbers) = column::<Float64Array>(batch, name) else {
        return;
    };
    for number in numbers.iter().flatten() {
        sum.value += number;
        sum.magnitude += number.abs();
    }
}
