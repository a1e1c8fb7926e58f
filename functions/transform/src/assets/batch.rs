//! Assets as Arrow arrays, column by column.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, StringArray,
    builder::{BooleanBuilder, Float64Builder, TimestampMillisecondBuilder},
};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use contract::documents::{AssetScope, Manifest};
use response::{Asset, asset_capacity_type};
use table::{AssetOrigin, AssetText, asset_columns};

use crate::{
    batches::{self, Batches, constant},
    encoder::{Encoder, Output},
    error::ConvertError,
    nested::MapBuilder,
    output::OutputError,
    schema::{UTC, data_type},
    texts::TextBuilder,
};

/// A file of the table of assets.
pub(super) struct AssetFile {
    batches: Batches<ColumnBuilder>,
    window: (i64, i64),
    file: Encoder,
}

enum ColumnBuilder {
    Key(TextBuilder),
    WindowStart(TimestampMillisecondBuilder),
    WindowEnd(TimestampMillisecondBuilder),
    ObservedStart(TimestampMillisecondBuilder),
    ObservedEnd(TimestampMillisecondBuilder),
    Text(AssetText, TextBuilder),
    Number(usize, Float64Builder),
    Private(BooleanBuilder),
    Covered(BooleanBuilder),
    CapacityType(TextBuilder),
    Labels(MapBuilder),
    Constant(StringArray),
}

/// The schema of the files of assets.
pub fn schema() -> SchemaRef {
    let fields: Vec<Field> = asset_columns()
        .map(|(name, origin)| Field::new(name, data_type(origin.kind()), true))
        .collect();
    Arc::new(Schema::new(fields))
}

impl AssetFile {
    /// A file for the assets of a manifest's set. Those without a window get the day's.
    pub(super) fn new(manifest: &Manifest, scope: AssetScope, output: Output) -> Result<Self, OutputError> {
        let columns = asset_columns()
            .map(|(_, origin)| builder(origin, manifest, scope))
            .collect();
        Ok(Self {
            batches: Batches::new(schema(), columns),
            window: manifest.date.window().milliseconds(),
            file: Encoder::new(schema(), output)?,
        })
    }

    pub(super) fn add(&mut self, key: &str, asset: &Asset<'_>, covered: Option<bool>) -> Result<(), OutputError> {
        let window = self.window;
        let batch = self.batches.add(|columns| append(columns, window, key, asset, covered));
        self.file.write(batch)
    }

    /// Ends the file; see [`Encoder::finish`].
    pub(super) fn finish(mut self, rows: u64, metadata: Vec<(&'static str, String)>) -> Result<(), ConvertError> {
        self.file.write(self.batches.take())?;
        self.file.finish(rows, "assets", metadata)
    }
}

/// Adds an asset's values to the columns; gives how many bytes its texts have.
fn append(
    columns: &mut [ColumnBuilder],
    window: (i64, i64),
    key: &str,
    asset: &Asset<'_>,
    covered: Option<bool>,
) -> usize {
    let mut bytes = 0;
    for column in columns {
        match column {
            ColumnBuilder::Key(texts) => bytes += texts.push(key),
            ColumnBuilder::WindowStart(times) => times.append_value(asset.window_start.unwrap_or(window.0)),
            ColumnBuilder::WindowEnd(times) => times.append_value(asset.window_end.unwrap_or(window.1)),
            ColumnBuilder::ObservedStart(times) => times.append_option(asset.start),
            ColumnBuilder::ObservedEnd(times) => times.append_option(asset.end),
            ColumnBuilder::Text(text, texts) => bytes += texts.push(asset.text(*text)),
            ColumnBuilder::Number(index, numbers) => numbers.append_option(asset.number(*index)),
            ColumnBuilder::Private(flags) => flags.append_option(asset.private),
            ColumnBuilder::Covered(flags) => flags.append_option(covered),
            ColumnBuilder::CapacityType(texts) => bytes += texts.push(asset_capacity_type(asset)),
            ColumnBuilder::Labels(map) => bytes += map.push(&asset.labels),
            ColumnBuilder::Constant(_) => {}
        }
    }
    bytes
}

impl batches::Column for ColumnBuilder {
    fn take(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Key(texts) | Self::Text(_, texts) | Self::CapacityType(texts) => texts.finish()?,
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
    let constant = |text: &str| ColumnBuilder::Constant(constant(text));
    let (texts, times) = (TextBuilder::default(), TimestampMillisecondBuilder::new());
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
