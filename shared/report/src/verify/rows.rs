//! The rows of an object against what its footer says of them.

use std::collections::BTreeMap;

use arrow_array::{Array, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use contract::day::Day;
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder},
};

use super::{DayTotals, VerifiedTable};
use crate::{
    file::{Footer, Parts, parquet_error},
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
    let schema = metadata.schema();
    let numbers: Vec<&str> = expected.totals.sums.keys().map(String::as_str).collect();
    let wanted = numbers.iter().copied().chain(table.window).chain([table.cluster]);
    let roots: Vec<usize> = wanted.filter_map(|name| schema.index_of(name).ok()).collect();
    let columns = footer.parquet.file_metadata().schema_descr();
    let leaves: Vec<usize> = (0..columns.num_columns())
        .filter(|leaf| roots.contains(&columns.get_column_root_idx(*leaf)))
        .collect();
    let mask = ProjectionMask::roots(columns, roots);
    let failed = |error: &dyn std::fmt::Display| parquet_error(key, error);
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    let mut rows = 0;
    for group in 0..footer.parquet.num_row_groups() {
        let parts = Parts::read(lake, key, footer, group, &leaves).await?;
        let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(parts, metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(mask.clone())
            .build()
            .map_err(|error| failed(&error))?;
        for batch in batches {
            let batch = batch.map_err(|error| failed(&error))?;
            rows += batch.num_rows() as u64;
            if let Some(fault) = misplaced(&batch, table, expected) {
                return Ok(Some(fault));
            }
            for name in &numbers {
                add(sums.entry(name).or_default(), &batch, name);
            }
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
