//! The steps of a conversion after reading, each by itself: for benchmarks.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use contract::documents::Manifest;
use response::{Allocation, NodeFacts};
use table::TableLayout;
use tokio::sync::{Semaphore, mpsc};

use crate::{
    TransformError,
    batch::AllocationBatches,
    output::{OutputError, ParquetFile},
    schema::schema,
};

/// Rows of a manifest's set, each with the facts about its node, as Arrow arrays: batches of 2,048 rows.
///
/// # Errors
/// When a column of a batch has more than 2 GiB of texts.
pub fn build<'r, 'a: 'r>(
    layout: &TableLayout,
    manifest: &Manifest,
    rows: impl IntoIterator<Item = &'r (Allocation<'a>, NodeFacts<'a>)>,
) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut batches = AllocationBatches::new(layout, manifest);
    let mut built = Vec::new();
    for (row, node) in rows {
        built.extend(batches.add(row, node)?);
    }
    built.extend(batches.take()?);
    Ok(built)
}

/// Batches of a layout as a Parquet file; gives how many bytes it has.
///
/// # Errors
/// When the batches are of another layout.
pub fn encode(layout: &TableLayout, batches: &[RecordBatch]) -> Result<usize, TransformError> {
    let (pieces, mut file) = mpsc::channel(Semaphore::MAX_PERMITS);
    let encoded = ParquetFile::new(schema(layout), pieces).and_then(|mut encoder| {
        batches.iter().try_for_each(|batch| encoder.write(batch))?;
        encoder.finish(Vec::new())
    });
    encoded.map_err(|error: OutputError| TransformError::Stopped(format!("{error:?}")))?;
    let mut bytes = 0;
    while let Ok(piece) = file.try_recv() {
        bytes += piece.len();
    }
    Ok(bytes)
}
