//! A file of a table: rows are gathered column by column, and written some thousands at a time.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, SchemaRef};

use crate::{
    encoder::{Encoder, Output},
    error::{ConvertError, Fault},
    output::OutputError,
};

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

pub(crate) struct TableFile<C> {
    schema: SchemaRef,
    columns: Vec<C>,
    rows: usize,
    text_bytes: usize,
    file: Encoder,
}

impl<C: Column> TableFile<C> {
    /// A file of these columns, in the schema's order.
    pub(crate) fn new(schema: SchemaRef, columns: Vec<C>, output: Output) -> Result<Self, OutputError> {
        Ok(Self {
            file: Encoder::new(Arc::clone(&schema), output)?,
            schema,
            columns,
            rows: 0,
            text_bytes: 0,
        })
    }

    /// Adds a row. `append` adds its value to each column, and gives how many bytes its texts have.
    pub(crate) fn add(&mut self, append: impl FnOnce(&mut [C]) -> usize) -> Result<(), OutputError> {
        self.text_bytes += append(&mut self.columns);
        self.rows += 1;
        if self.rows >= ROWS || self.text_bytes >= TEXT_BYTES {
            self.write_batch()?;
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<(), OutputError> {
        let rows = std::mem::take(&mut self.rows);
        self.text_bytes = 0;
        if rows == 0 {
            return Ok(());
        }
        let arrays: Result<Vec<_>, _> = self.columns.iter_mut().map(|column| column.take(rows)).collect();
        let batch = arrays.and_then(|arrays| RecordBatch::try_new(Arc::clone(&self.schema), arrays));
        self.file
            .write(batch.map_err(|error| OutputError::Parquet(error.into()))?)
    }

    /// Ends the file, which has so many rows of what `rows_are` names, with key-value metadata in its footer.
    pub(crate) fn finish(
        mut self,
        rows: u64,
        rows_are: &str,
        metadata: Vec<(&'static str, String)>,
    ) -> Result<(), ConvertError> {
        self.write_batch()?;
        let written = self.file.finish(metadata)?;
        if u64::try_from(written).ok() != Some(rows) {
            let message = format!("{written} {rows_are} were written, but {rows} were read");
            return Err(Fault::Parquet(message).into());
        }
        Ok(())
    }
}
