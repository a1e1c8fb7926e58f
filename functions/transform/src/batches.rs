//! Rows are gathered column by column, some thousands at a time.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, SchemaRef};

/// Rows of a batch: enough for the columns to be written in runs, few enough to stay in the processor's cache.
pub(crate) const ROWS: usize = 2048;

/// A batch is closed earlier when its texts reach this many bytes, so that long labels cannot fill the memory.
const TEXT_BYTES: usize = 4 * 1024 * 1024;

/// The values of a column that are not written yet.
pub(crate) trait Column {
    /// The values of so many rows, which are all that were added. The column is empty then.
    fn take(&mut self, rows: usize) -> Result<ArrayRef, ArrowError>;
}

/// The same text in all rows: built once, for the longest batch.
pub(crate) fn constant(text: &str) -> StringArray {
    StringArray::from_iter_values(std::iter::repeat_n(text, ROWS))
}

/// Gathers rows into batches.
pub(crate) struct Batches<C> {
    schema: SchemaRef,
    columns: Vec<C>,
    rows: usize,
    text_bytes: usize,
}

impl<C: Column> Batches<C> {
    /// Batches of these columns, in the schema's order.
    pub(crate) fn new(schema: SchemaRef, columns: Vec<C>) -> Self {
        Self {
            schema,
            columns,
            rows: 0,
            text_bytes: 0,
        }
    }

    /// Adds a row, and gives the batch that it completes. `append` adds its value to each column, and gives how many
    /// bytes its texts have.
    pub(crate) fn add(&mut self, append: impl FnOnce(&mut [C]) -> usize) -> Result<Option<RecordBatch>, ArrowError> {
        self.text_bytes += append(&mut self.columns);
        self.rows += 1;
        if self.rows >= ROWS || self.text_bytes >= TEXT_BYTES {
            self.take()
        } else {
            Ok(None)
        }
    }

    /// The rows that are in no batch yet.
    pub(crate) fn take(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        self.text_bytes = 0;
        if rows == 0 {
            return Ok(None);
        }
        let arrays: Result<Vec<_>, _> = self.columns.iter_mut().map(|column| column.take(rows)).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), arrays?).map(Some)
    }
}
