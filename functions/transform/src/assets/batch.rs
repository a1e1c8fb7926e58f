//! Assets as Arrow arrays, column by column, some thousands at a time.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, RecordBatch, StringArray,
    builder::{BooleanBuilder, Float64Builder, StringBuilder, TimestampMillisecondBuilder},
};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use contract::documents::{AssetScope, Manifest};
use response::{Asset, asset_capacity_type};
use table::{AssetOrigin, AssetText, asset_columns};

use crate::{
    nested::MapBuilder,
    schema::{UTC, data_type},
};

/// Rows of a batch.
const ROWS: usize = 2048;

/// A batch is closed earlier when its texts reach this many bytes, so that long labels cannot fill the memory.
const TEXT_BYTES: usize = 4 * 1024 * 1024;

pub(super) struct AssetBatch {
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    window: (i64, i64),
    rows: usize,
    text_bytes: usize,
}

enum ColumnBuilder {
    Key(StringBuilder),
    WindowStart(TimestampMillisecondBuilder),
    WindowEnd(TimestampMillisecondBuilder),
    ObservedStart(TimestampMillisecondBuilder),
    ObservedEnd(TimestampMillisecondBuilder),
    Text(AssetText, StringBuilder),
    Number(usize, Float64Builder),
    Private(BooleanBuilder),
    Covered(BooleanBuilder),
    CapacityType(StringBuilder),
    Labels(MapBuilder),
    /// The same text in all rows: built once, for the longest batch.
    Constant(StringArray),
}

/// The schema of the files of assets.
pub fn schema() -> SchemaRef {
    let fields: Vec<Field> = asset_columns()
        .map(|(name, origin)| Field::new(name, data_type(origin.kind()), true))
        .collect();
    Arc::new(Schema::new(fields))
}

impl AssetBatch {
    /// A builder for the assets of a manifest's set. Those without a window get the day's.
    pub(super) fn new(manifest: &Manifest, scope: AssetScope) -> Self {
        Self {
            schema: schema(),
            columns: asset_columns()
                .map(|(_, origin)| builder(origin, manifest, scope))
                .collect(),
            window: manifest.date.window().milliseconds(),
            rows: 0,
            text_bytes: 0,
        }
    }

    /// Adds an asset. Once the builder is full, the batch must be taken.
    pub(super) fn push(&mut self, key: &str, asset: &Asset<'_>, covered: Option<bool>) {
        let mut bytes = 0;
        for column in &mut self.columns {
            match column {
                ColumnBuilder::Key(texts) => bytes += append(texts, key),
                ColumnBuilder::WindowStart(times) => times.append_value(asset.window_start.unwrap_or(self.window.0)),
                ColumnBuilder::WindowEnd(times) => times.append_value(asset.window_end.unwrap_or(self.window.1)),
                ColumnBuilder::ObservedStart(times) => times.append_option(asset.start),
                ColumnBuilder::ObservedEnd(times) => times.append_option(asset.end),
                ColumnBuilder::Text(text, texts) => bytes += append(texts, asset.text(*text)),
                ColumnBuilder::Number(index, numbers) => numbers.append_option(asset.number(*index)),
                ColumnBuilder::Private(flags) => flags.append_option(asset.private),
                ColumnBuilder::Covered(flags) => flags.append_option(covered),
                ColumnBuilder::CapacityType(texts) => bytes += append(texts, asset_capacity_type(asset)),
                ColumnBuilder::Labels(map) => bytes += map.push(&asset.labels),
                ColumnBuilder::Constant(_) => {}
            }
        }
        self.rows += 1;
        self.text_bytes += bytes;
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= ROWS || self.text_bytes >= TEXT_BYTES
    }

    /// The assets so far as a batch; `None` if there are none.
    pub(super) fn take(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        self.text_bytes = 0;
        if rows == 0 {
            return Ok(None);
        }
        let arrays: Result<Vec<_>, _> = self.columns.iter_mut().map(|column| column.take(rows)).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), arrays?).map(Some)
    }
}

fn append(texts: &mut StringBuilder, text: &str) -> usize {
    texts.append_value(text);
    text.len()
}

impl ColumnBuilder {
    fn take(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Key(texts) | Self::Text(_, texts) | Self::CapacityType(texts) => Arc::new(texts.finish()),
            Self::WindowStart(times)
            | Self::WindowEnd(times)
            | Self::ObservedStart(times)
            | Self::ObservedEnd(times) => Arc::new(times.finish().with_timezone(UTC)),
            Self::Number(_, numbers) => Arc::new(numbers.finish()),
            Self::Private(flags) | Self::Covered(flags) => Arc::new(flags.finish()),
            Self::Labels(map) => map.finish()?,
            Self::Constant(texts) => Arc::new(texts.slice(0, rows)),
        })
    }
}

fn builder(origin: AssetOrigin, manifest: &Manifest, scope: AssetScope) -> ColumnBuilder {
    let constant = |text: &str| ColumnBuilder::Constant(StringArray::from_iter_values(std::iter::repeat_n(text, ROWS)));
    let (texts, times) = (StringBuilder::new(), TimestampMillisecondBuilder::new());
    match origin {
        AssetOrigin::Key => ColumnBuilder::Key(texts),
        AssetOrigin::WindowStart => ColumnBuilder::WindowStart(times),
        AssetOrigin::WindowEnd => ColumnBuilder::WindowEnd(times),
        AssetOrigin::ObservedStart => ColumnBuilder::ObservedStart(times),
        AssetOrigin::ObservedEnd => ColumnBuilder::ObservedEnd(times),
        AssetOrigin::Text(text) => ColumnBuilder::Text(text, texts),
        AssetOrigin::ClusterArn => constant(&manifest.cluster.to_string()),
        AssetOrigin::ClusterName => constant(manifest.cluster.id().name()),
        AssetOrigin::Number(index) => ColumnBuilder::Number(index, Float64Builder::new()),
        AssetOrigin::Private => ColumnBuilder::Private(BooleanBuilder::new()),
        AssetOrigin::CapacityType => ColumnBuilder::CapacityType(texts),
        AssetOrigin::Labels => ColumnBuilder::Labels(MapBuilder::default()),
        AssetOrigin::Covered => ColumnBuilder::Covered(BooleanBuilder::new()),
        AssetOrigin::Scope => constant(scope.as_str()),
        AssetOrigin::Currency => constant(manifest.currency_code()),
    }
}
