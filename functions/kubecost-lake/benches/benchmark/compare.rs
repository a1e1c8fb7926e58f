//! Compares two files cell by cell.

use std::{fs::File, path::Path};

use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::AnyError;

/// Rows that are compared at a time.
const ROWS: usize = 1000;

/// Compares all cells of two files; gives how many there are.
///
/// # Errors
/// When they differ: names the first column and row that do.
pub(crate) fn cells(one: &Path, other: &Path) -> Result<u64, AnyError> {
    let open = |path: &Path| -> Result<ParquetRecordBatchReader, AnyError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
        Ok(builder.with_batch_size(ROWS).build()?)
    };
    let (mut one, mut other) = (open(one)?, open(other)?);
    let mut rows = 0;
    let mut cells = 0;
    loop {
        let (one, other) = match (one.next().transpose()?, other.next().transpose()?) {
            (Some(one), Some(other)) => (one, other),
            (None, None) => return Ok(cells),
            _ => return Err(format!("one file has {rows} rows, and the other has more").into()),
        };
        if one.num_rows() != other.num_rows() || one.num_columns() != other.num_columns() {
            return Err(format!("after {rows} rows the files have different numbers of rows or columns").into());
        }
        for (index, field) in one.schema().fields().iter().enumerate() {
            let (of_one, of_other) = (one.column(index), other.column(index));
            let different = (0..one.num_rows()).find(|row| of_one.slice(*row, 1) != of_other.slice(*row, 1));
            if let Some(row) = different {
                return Err(format!(
                    "column {} differs in row {}: {:?} and {:?}",
                    field.name(),
                    rows + row,
                    of_one.slice(row, 1),
                    of_other.slice(row, 1)
                )
                .into());
            }
        }
        rows += one.num_rows();
        cells += (one.num_rows() * one.num_columns()) as u64;
    }
}
