//! The schema of the Parquet files.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use table::{Kind, TableLayout};

/// The schema of the files, for a layout. Columns are nullable, as the predecessor's are, so that files of both can be
/// read as one table; only those after the maps are ever null.
pub fn schema(layout: &TableLayout) -> SchemaRef {
    let fields: Vec<Field> = layout
        .columns()
        .iter()
        .map(|column| Field::new(column.name.as_ref(), data_type(column.origin.kind()), true))
        .collect();
    Arc::new(Schema::new(fields))
}

pub(crate) fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Timestamp => DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
        Kind::Double => DataType::Float64,
        Kind::Boolean => DataType::Boolean,
        Kind::TextMap => DataType::Map(Arc::new(entries_field()), false),
        Kind::TextList => DataType::List(Arc::new(item_field(DataType::Utf8))),
        Kind::Volumes | Kind::LoadBalancers => {
            let fields = kind.fields().iter();
            let fields = fields.map(|(name, kind)| Field::new(*name, data_type(*kind), true));
            DataType::List(Arc::new(item_field(DataType::Struct(fields.collect()))))
        }
    }
}

pub(crate) const UTC: &str = "UTC";

/// The fields of a map's entries, named as the Parquet format names them.
pub(crate) fn entry_fields() -> Fields {
    Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, true),
    ])
}

pub(crate) fn entries_field() -> Field {
    Field::new("key_value", DataType::Struct(entry_fields()), false)
}

/// The items of a list, named as the Parquet format names them.
pub(crate) fn item_field(data_type: DataType) -> Field {
    Field::new("element", data_type, true)
}
