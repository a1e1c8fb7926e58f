//! The Parquet file, from the converting thread into the upload.

use std::io::{self, Write};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, SchemaRef};
use bytes::Bytes;
use parquet::{
    arrow::ArrowWriter,
    basic::Compression,
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::ColumnPath,
};
use tokio::sync::mpsc;

/// Rows of a row group: enough for engines to skip and to read in parallel, few enough to hold in memory while being
/// encoded.
const ROWS_PER_GROUP: usize = 20_000;

/// A row group is closed earlier when its memory reaches this many bytes: rows can have very long labels. Those with 23
/// labels and annotations reach it after 18,432 rows; the tables of all dictionaries are some MiB of it.
const GROUP_MEMORY: usize = 32 * 1024 * 1024;

/// Columns whose values differ in nearly every row: a dictionary costs time and memory, and makes the file larger.
const VARYING: [&str; 19] = [
    "name",
    "cpuCores",
    "cpuCoreUsageAverage",
    "cpuCoreHours",
    "cpuCost",
    "cpuEfficiency",
    "networkTransferBytes",
    "networkReceiveBytes",
    "networkCost",
    "ramBytes",
    "ramByteUsageAverage",
    "ramByteHours",
    "ramCost",
    "ramEfficiency",
    "sharedCost",
    "totalCost",
    "totalEfficiency",
    "cpuCoreUsageMax",
    "ramByteUsageMax",
];

/// Texts whose least and greatest value let an engine skip row groups: rows are in the order of cluster and node, or
/// few texts are in a file. Finding them takes time for each text.
const SELECTIVE_TEXTS: [&str; 8] = [
    "properties.cluster",
    "properties.clusterid",
    "properties.eksClusterName",
    "properties.node",
    "properties.namespace",
    "rowKind",
    "currency",
    "type",
];

/// Whether a column's least and greatest value are in the footer. No engine skips rows by those within a map or list.
fn has_statistics(field: &Field) -> bool {
    match field.data_type() {
        DataType::Utf8 => SELECTIVE_TEXTS.contains(&field.name().as_str()),
        other => !other.is_nested(),
    }
}

/// How much of the file is sent at a time.
const PIECE: usize = 1024 * 1024;

struct Sink {
    pieces: mpsc::Sender<Bytes>,
    buffer: Vec<u8>,
    closed: bool,
}

impl Sink {
    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        self.pieces.blocking_send(piece.into()).map_err(|_| {
            self.closed = true;
            io::ErrorKind::BrokenPipe.into()
        })
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(PIECE - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..length]);
        if self.buffer.len() == PIECE {
            self.send()?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) struct ParquetFile {
    writer: ArrowWriter<Sink>,
}

#[derive(Debug)]
pub(crate) enum OutputError {
    /// The other side closed the channel.
    Closed,
    Parquet(ParquetError),
}

impl ParquetFile {
    pub(crate) fn new(schema: SchemaRef, pieces: mpsc::Sender<Bytes>) -> Result<Self, OutputError> {
        let properties = VARYING
            .iter()
            .fold(WriterProperties::builder(), |properties, column| {
                // One segment: a column's name is not a path, even if it has dots.
                let column = ColumnPath::new(vec![(*column).to_owned()]);
                properties.set_column_dictionary_enabled(column, false)
            })
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
            .set_statistics_enabled(EnabledStatistics::None);
        let properties = schema
            .fields()
            .iter()
            .filter(|field| has_statistics(field))
            .fold(properties, |properties, field| {
                let column = ColumnPath::new(vec![field.name().clone()]);
                properties.set_column_statistics_enabled(column, EnabledStatistics::Chunk)
            })
            .build();
        let sink = Sink {
            pieces,
            buffer: Vec::with_capacity(PIECE),
            closed: false,
        };
        let writer = ArrowWriter::try_new(sink, schema, Some(properties)).map_err(OutputError::Parquet)?;
        Ok(Self { writer })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        let mut written = self.writer.write(batch);
        if written.is_ok() && self.writer.memory_size() > GROUP_MEMORY {
            written = self.writer.flush();
        }
        written.map_err(|error| self.error(error))
    }

    /// Ends the file with key-value metadata in its footer, and returns how many rows it has.
    pub(crate) fn finish(mut self, metadata: Vec<(&str, String)>) -> Result<i64, OutputError> {
        for (key, value) in metadata {
            self.writer
                .append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        let finished = self.writer.finish();
        let written = finished.map_err(|error| self.error(error))?;
        self.writer.inner_mut().send().map_err(|_| OutputError::Closed)?;
        Ok(written.file_metadata().num_rows())
    }

    fn error(&self, error: ParquetError) -> OutputError {
        if self.writer.inner().closed {
            OutputError::Closed
        } else {
            OutputError::Parquet(error)
        }
    }
}
