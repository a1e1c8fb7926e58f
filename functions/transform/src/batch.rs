//! Rows as Arrow arrays, column by column.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray,
    builder::{BooleanBuilder, Float64Builder, TimestampMillisecondBuilder},
};
use arrow_schema::ArrowError;
use contract::documents::Manifest;
use response::{Allocation, LabelKey, NodeFacts, capacity_type};
use table::{Column, GpuText, Origin, Property, TableLayout};

use crate::{
    batches::{self, Batches, ROWS, constant},
    encoder::{Encoder, Output},
    error::ConvertError,
    nested::{LoadBalancersBuilder, MapBuilder, ServicesBuilder, VolumesBuilder},
    output::OutputError,
    schema::{UTC, schema},
    texts::TextBuilder,
};

/// Rows of the table of allocations, as Arrow arrays.
pub(crate) struct AllocationBatches {
    batches: Batches<ColumnBuilder>,
    window: (i64, i64),
}

/// A file of the table of allocations.
pub(crate) struct AllocationFile {
    batches: AllocationBatches,
    file: Encoder,
}

enum ColumnBuilder {
    Name(TextBuilder),
    WindowStart(Vec<i64>),
    WindowEnd(Vec<i64>),
    /// A number by its index; 0 if it is missing.
    Number(usize, Vec<f64>),
    /// A number by its index; null if it is missing.
    NullableNumber(usize, Float64Builder),
    Property(Property, TextBuilder),
    Node(usize, TextBuilder),
    Constant(StringArray),
    Label(LabelKey, TextBuilder),
    Annotation(LabelKey, TextBuilder),
    Labels(MapBuilder),
    Annotations(MapBuilder),
    ObservedStart(TimestampMillisecondBuilder),
    ObservedEnd(TimestampMillisecondBuilder),
    RowKind(TextBuilder),
    CapacityType(TextBuilder),
    Gpu(GpuText, TextBuilder),
    GpuShared(BooleanBuilder),
    Services(ServicesBuilder),
    Volumes(VolumesBuilder),
    LoadBalancers(LoadBalancersBuilder),
    NamespaceLabels(MapBuilder),
    NamespaceAnnotations(MapBuilder),
}

impl AllocationBatches {
    /// Batches for the rows of a manifest's set. Rows without a window get the day's.
    pub(crate) fn new(layout: &TableLayout, manifest: &Manifest) -> Self {
        let columns = layout.columns().iter();
        let columns = columns.map(|column| builder(column, layout, manifest)).collect();
        Self {
            batches: Batches::new(schema(layout), columns),
            window: manifest.date.window().milliseconds(),
        }
    }

    /// Adds a row, and gives the batch that it completes.
    pub(crate) fn add(
        &mut self,
        row: &Allocation<'_>,
        node: &NodeFacts<'_>,
    ) -> Result<Option<RecordBatch>, ArrowError> {
        let window = self.window;
        self.batches.add(|columns| append(columns, window, row, node))
    }

    /// The rows that are in no batch yet.
    pub(crate) fn take(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        self.batches.take()
    }
}

impl AllocationFile {
    /// A file for the rows of a manifest's set; see [`AllocationBatches::new`].
    pub(crate) fn new(layout: &TableLayout, manifest: &Manifest, output: Output) -> Result<Self, OutputError> {
        Ok(Self {
            batches: AllocationBatches::new(layout, manifest),
            file: Encoder::new(schema(layout), output)?,
        })
    }

    pub(crate) fn add(&mut self, row: &Allocation<'_>, node: &NodeFacts<'_>) -> Result<(), OutputError> {
        let batch = self.batches.add(row, node);
        self.file.write(batch)
    }

    /// Ends the file; see [`Encoder::finish`].
    pub(crate) fn finish(mut self, rows: u64, metadata: Vec<(&'static str, String)>) -> Result<(), ConvertError> {
        self.file.write(self.batches.take())?;
        self.file.finish(rows, "rows", metadata)
    }
}

/// Adds a row's values to the columns; gives how many bytes its texts have.
fn append(columns: &mut [ColumnBuilder], window: (i64, i64), row: &Allocation<'_>, node: &NodeFacts<'_>) -> usize {
    let mut bytes = 0;
    for column in columns {
        match column {
            ColumnBuilder::Name(texts) => bytes += texts.push(&row.name),
            ColumnBuilder::WindowStart(times) => times.push(row.window_start.unwrap_or(window.0)),
            ColumnBuilder::WindowEnd(times) => times.push(row.window_end.unwrap_or(window.1)),
            ColumnBuilder::Number(index, numbers) => numbers.push(row.numbers()[*index]),
            ColumnBuilder::NullableNumber(index, numbers) => numbers.append_option(row.number(*index)),
            ColumnBuilder::Property(property, texts) => bytes += texts.push(row.property(*property)),
            ColumnBuilder::Node(fact, texts) => bytes += texts.push(node[*fact]),
            ColumnBuilder::Constant(_) => {}
            ColumnBuilder::Label(key, texts) => {
                bytes += texts.push(key.find_or_inherit(&row.labels, &row.namespace_labels));
            }
            ColumnBuilder::Annotation(key, texts) => {
                bytes += texts.push(key.find_or_inherit(&row.annotations, &row.namespace_annotations));
            }
            ColumnBuilder::Labels(map) => bytes += map.push(&row.labels),
            ColumnBuilder::Annotations(map) => bytes += map.push(&row.annotations),
            ColumnBuilder::ObservedStart(times) => times.append_option(row.start),
            ColumnBuilder::ObservedEnd(times) => times.append_option(row.end),
            ColumnBuilder::RowKind(texts) => bytes += texts.push(row.kind().as_str()),
            ColumnBuilder::CapacityType(texts) => bytes += texts.push(capacity_type(node)),
            ColumnBuilder::Gpu(text, texts) => bytes += texts.push(row.gpu.text(*text)),
            ColumnBuilder::GpuShared(flags) => flags.append_option(row.gpu.shared),
            ColumnBuilder::Services(services) => bytes += services.push(&row.services),
            ColumnBuilder::Volumes(volumes) => bytes += volumes.push(&row.volumes),
            ColumnBuilder::LoadBalancers(balancers) => bytes += balancers.push(&row.load_balancers),
            ColumnBuilder::NamespaceLabels(map) => bytes += map.push(&row.namespace_labels),
            ColumnBuilder::NamespaceAnnotations(map) => bytes += map.push(&row.namespace_annotations),
        }
    }
    bytes
}

impl batches::Column for ColumnBuilder {
    fn take(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Name(texts)
            | Self::Property(_, texts)
            | Self::Node(_, texts)
            | Self::Label(_, texts)
            | Self::Annotation(_, texts)
            | Self::RowKind(texts)
            | Self::CapacityType(texts)
            | Self::Gpu(_, texts) => texts.finish()?,
            Self::WindowStart(times) | Self::WindowEnd(times) => {
                let times = std::mem::replace(times, Vec::with_capacity(ROWS));
                Arc::new(TimestampMillisecondArray::from(times).with_timezone(UTC))
            }
            Self::Number(_, numbers) => {
                Arc::new(Float64Array::from(std::mem::replace(numbers, Vec::with_capacity(ROWS))))
            }
            Self::NullableNumber(_, numbers) => Arc::new(numbers.finish()),
            Self::Constant(texts) => Arc::new(texts.slice(0, rows)),
            Self::Labels(map)
            | Self::Annotations(map)
            | Self::NamespaceLabels(map)
            | Self::NamespaceAnnotations(map) => map.finish()?,
            Self::ObservedStart(times) | Self::ObservedEnd(times) => Arc::new(times.finish().with_timezone(UTC)),
            Self::GpuShared(flags) => Arc::new(flags.finish()),
            Self::Services(services) => services.finish()?,
            Self::Volumes(volumes) => volumes.finish()?,
            Self::LoadBalancers(balancers) => balancers.finish()?,
        })
    }
}

fn builder(column: &Column, layout: &TableLayout, manifest: &Manifest) -> ColumnBuilder {
    let cluster = &manifest.cluster;
    let texts = TextBuilder::default();
    let constant = |text: &str| ColumnBuilder::Constant(constant(text));
    match column.origin {
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
        Origin::ObservedStart => ColumnBuilder::ObservedStart(TimestampMillisecondBuilder::new()),
        Origin::ObservedEnd => ColumnBuilder::ObservedEnd(TimestampMillisecondBuilder::new()),
        Origin::RowKind => ColumnBuilder::RowKind(texts),
        Origin::CapacityType => ColumnBuilder::CapacityType(texts),
        Origin::Currency => constant(manifest.currency_code()),
        Origin::Gpu(text) => ColumnBuilder::Gpu(text, texts),
        Origin::GpuShared => ColumnBuilder::GpuShared(BooleanBuilder::new()),
        Origin::Services => ColumnBuilder::Services(ServicesBuilder::default()),
        Origin::Volumes => ColumnBuilder::Volumes(VolumesBuilder::default()),
        Origin::LoadBalancers => ColumnBuilder::LoadBalancers(LoadBalancersBuilder::default()),
        Origin::NamespaceLabels => ColumnBuilder::NamespaceLabels(MapBuilder::default()),
        Origin::NamespaceAnnotations => ColumnBuilder::NamespaceAnnotations(MapBuilder::default()),
    }
}
