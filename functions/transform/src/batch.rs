//! Rows as Arrow arrays, column by column, some thousands of rows at a time.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, Float64Array, Float64Builder, MapArray, RecordBatch, StringArray, StringBuilder, StructArray,
        TimestampMillisecondArray,
    },
    buffer::OffsetBuffer,
    datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit},
    error::ArrowError,
};
use contract::cluster::ClusterArn;
use response::{Allocation, LabelKey, NodeFacts, Pairs};
use table::{Kind, Origin, Property, TableLayout};

/// Rows of a batch: enough for the columns to be written in runs, few enough to stay in the processor's cache.
const ROWS: usize = 2048;

/// A batch is closed earlier when its texts reach this many bytes, so that long labels cannot fill the memory.
const TEXT_BYTES: usize = 4 * 1024 * 1024;

/// The schema of the files, for a layout. Columns are nullable, as the predecessor's are, so that files of both can be
/// read as one table; only the newer numbers are ever null.
pub(crate) fn schema(layout: &TableLayout) -> SchemaRef {
    let fields: Vec<Field> = layout
        .columns()
        .iter()
        .map(|column| Field::new(column.name.as_ref(), data_type(column.origin.kind()), true))
        .collect();
    Arc::new(Schema::new(fields))
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Timestamp => DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
        Kind::Double => DataType::Float64,
        Kind::TextMap => DataType::Map(Arc::new(entries_field()), false),
    }
}

const UTC: &str = "UTC";

/// The fields of a map's entries, named as the Parquet format names them.
fn entry_fields() -> Fields {
    Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, true),
    ])
}

fn entries_field() -> Field {
    Field::new("key_value", DataType::Struct(entry_fields()), false)
}

pub(crate) struct BatchBuilder {
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    window: (i64, i64),
    rows: usize,
    text_bytes: usize,
}

enum ColumnBuilder {
    Name(StringBuilder),
    WindowStart(Vec<i64>),
    WindowEnd(Vec<i64>),
    /// A number by its index; 0 if it is missing.
    Number(usize, Vec<f64>),
    /// A number by its index; null if it is missing.
    NullableNumber(usize, Float64Builder),
    Property(Property, StringBuilder),
    Node(usize, StringBuilder),
    /// The same text in all rows: built once, for the longest batch.
    Constant(StringArray),
    Label(LabelKey, StringBuilder),
    Annotation(LabelKey, StringBuilder),
    Labels(MapBuilder),
    Annotations(MapBuilder),
}

#[derive(Default)]
struct MapBuilder {
    keys: StringBuilder,
    values: StringBuilder,
    lengths: Vec<usize>,
}

impl MapBuilder {
    fn push(&mut self, pairs: &Pairs<'_>) -> usize {
        let mut bytes = 0;
        for (key, value) in pairs {
            self.keys.append_value(key);
            self.values.append_value(value);
            bytes += key.len() + value.len();
        }
        self.lengths.push(pairs.len());
        bytes
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let offsets = OffsetBuffer::from_lengths(self.lengths.drain(..));
        let arrays: Vec<ArrayRef> = vec![Arc::new(self.keys.finish()), Arc::new(self.values.finish())];
        let entries = StructArray::try_new(entry_fields(), arrays, None)?;
        Ok(Arc::new(MapArray::try_new(
            Arc::new(entries_field()),
            offsets,
            entries,
            None,
            false,
        )?))
    }
}

impl BatchBuilder {
    /// A builder for the rows of a cluster's day. Rows without a window get the day's, in milliseconds.
    pub(crate) fn new(layout: &TableLayout, schema: SchemaRef, cluster: &ClusterArn, window: (i64, i64)) -> Self {
        Self {
            schema,
            columns: layout
                .columns()
                .iter()
                .map(|column| builder(column.origin, layout, cluster))
                .collect(),
            window,
            rows: 0,
            text_bytes: 0,
        }
    }

    /// Adds a row. Once the builder is full, the batch must be taken.
    pub(crate) fn push(&mut self, row: &Allocation<'_>, node: &NodeFacts<'_>) {
        let mut bytes = row.name.len();
        for column in &mut self.columns {
            match column {
                ColumnBuilder::Name(texts) => texts.append_value(&row.name),
                ColumnBuilder::WindowStart(times) => times.push(row.window_start.unwrap_or(self.window.0)),
                ColumnBuilder::WindowEnd(times) => times.push(row.window_end.unwrap_or(self.window.1)),
                ColumnBuilder::Number(index, numbers) => numbers.push(row.numbers()[*index]),
                ColumnBuilder::NullableNumber(index, numbers) => numbers.append_option(row.number(*index)),
                ColumnBuilder::Property(property, texts) => {
                    let value = row.property(*property);
                    bytes += value.len();
                    texts.append_value(value);
                }
                ColumnBuilder::Node(fact, texts) => {
                    bytes += node[*fact].len();
                    texts.append_value(node[*fact]);
                }
                ColumnBuilder::Constant(_) => {}
                ColumnBuilder::Label(key, texts) => {
                    let value = key.find(&row.labels);
                    bytes += value.len();
                    texts.append_value(value);
                }
                ColumnBuilder::Annotation(key, texts) => {
                    let value = key.find(&row.annotations);
                    bytes += value.len();
                    texts.append_value(value);
                }
                ColumnBuilder::Labels(map) => bytes += map.push(&row.labels),
                ColumnBuilder::Annotations(map) => bytes += map.push(&row.annotations),
            }
        }
        self.rows += 1;
        self.text_bytes += bytes;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.rows >= ROWS || self.text_bytes >= TEXT_BYTES
    }

    /// The rows so far as a batch; `None` if there are none.
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

impl ColumnBuilder {
    fn take(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Name(texts)
            | Self::Property(_, texts)
            | Self::Node(_, texts)
            | Self::Label(_, texts)
            | Self::Annotation(_, texts) => Arc::new(texts.finish()),
            Self::WindowStart(times) | Self::WindowEnd(times) => {
                let times = std::mem::replace(times, Vec::with_capacity(ROWS));
                Arc::new(TimestampMillisecondArray::from(times).with_timezone(UTC))
            }
            Self::Number(_, numbers) => {
                Arc::new(Float64Array::from(std::mem::replace(numbers, Vec::with_capacity(ROWS))))
            }
            Self::NullableNumber(_, numbers) => Arc::new(numbers.finish()),
            Self::Constant(texts) => Arc::new(texts.slice(0, rows)),
            Self::Labels(map) | Self::Annotations(map) => map.finish()?,
        })
    }
}

fn builder(origin: Origin, layout: &TableLayout, cluster: &ClusterArn) -> ColumnBuilder {
    let texts = StringBuilder::new();
    let constant = |text: &str| ColumnBuilder::Constant(StringArray::from_iter_values(std::iter::repeat_n(text, ROWS)));
    match origin {
        Origin::Name => ColumnBuilder::Name(texts),
        Origin::WindowStart => ColumnBuilder::WindowStart(Vec::new()),
        Origin::WindowEnd => ColumnBuilder::WindowEnd(Vec::new()),
        Origin::Number(index) => ColumnBuilder::Number(index, Vec::new()),
        Origin::NewerNumber(index) => ColumnBuilder::NullableNumber(index, Float64Builder::new()),
        Origin::Property(property) => ColumnBuilder::Property(property, texts),
        Origin::ClusterArn => constant(&cluster.to_string()),
        Origin::ClusterName => constant(cluster.id().name()),
        Origin::Node(fact) => ColumnBuilder::Node(fact as usize, texts),
        Origin::Label(index) => ColumnBuilder::Label(LabelKey::new(&layout.labels()[index]), texts),
        Origin::Annotation(index) => ColumnBuilder::Annotation(LabelKey::new(&layout.annotations()[index]), texts),
        Origin::Labels => ColumnBuilder::Labels(MapBuilder::default()),
        Origin::Annotations => ColumnBuilder::Annotations(MapBuilder::default()),
    }
}
