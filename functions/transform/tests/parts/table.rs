//! An object of the lake, read back.

use std::collections::BTreeMap;

use arrow::{
    array::{Array, AsArray, RecordBatch},
    compute::concat_batches,
    datatypes::{DataType, Float64Type, TimestampMillisecondType},
};
use end_to_end::bucket::Object;
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
    file::{
        metadata::ParquetMetaData,
        reader::{FileReader, SerializedFileReader},
    },
};
use serde_json::Value;

fn cell(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    let items = |items: &dyn Array| (0..items.len()).map(|item| cell(items, item)).collect::<Vec<Value>>();
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Timestamp(..) => array.as_primitive::<TimestampMillisecondType>().value(row).into(),
        DataType::List(_) => items(&array.as_list::<i32>().value(row)).into(),
        DataType::Struct(fields) => {
            let values = array.as_struct();
            let pairs = fields.iter().zip(values.columns());
            let pairs = pairs.map(|(field, values)| (field.name().clone(), cell(values, row)));
            Value::Object(pairs.collect())
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (items(entries.column(0)), items(entries.column(1)));
            let pairs = keys.into_iter().zip(values);
            Value::Object(
                pairs
                    .map(|(key, value)| (key.as_str().unwrap().to_owned(), value))
                    .collect(),
            )
        }
        other => panic!("{other}"),
    }
}

pub(crate) struct Table {
    pub(crate) metadata: ParquetMetaData,
    pub(crate) object: Object,
    pub(crate) rows: RecordBatch,
}

impl Table {
    pub(crate) fn read(object: Object) -> Self {
        let metadata = SerializedFileReader::new(object.content.clone())
            .unwrap()
            .metadata()
            .clone();
        let reader = ParquetRecordBatchReaderBuilder::try_new(object.content.clone())
            .unwrap()
            .build()
            .unwrap();
        let schema = arrow::record_batch::RecordBatchReader::schema(&reader);
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        let rows = concat_batches(&schema, &batches).unwrap();
        Self { metadata, object, rows }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let schema = self.rows.schema();
        schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    fn column(&self, name: &str) -> &dyn Array {
        self.rows
            .column_by_name(name)
            .unwrap_or_else(|| panic!("no column {name}"))
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        self.column(name)
            .as_string::<i32>()
            .iter()
            .map(Option::unwrap)
            .collect()
    }

    pub(crate) fn numbers(&self, name: &str) -> Vec<Option<f64>> {
        self.column(name).as_primitive::<Float64Type>().iter().collect()
    }

    /// Milliseconds since 1970.
    pub(crate) fn times(&self, name: &str) -> Vec<i64> {
        let times = self.column(name).as_primitive::<TimestampMillisecondType>();
        times.iter().map(Option::unwrap).collect()
    }

    pub(crate) fn maps(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let maps = self.column(name).as_map();
        (0..maps.len())
            .map(|row| {
                let entries = maps.value(row);
                let (keys, values) = (
                    entries.column(0).as_string::<i32>(),
                    entries.column(1).as_string::<i32>(),
                );
                keys.iter()
                    .zip(values.iter())
                    .map(|(key, value)| (key.unwrap().to_owned(), value.unwrap().to_owned()))
                    .collect()
            })
            .collect()
    }

    /// A value of any type as JSON: times in milliseconds since 1970, maps as objects.
    pub(crate) fn cell(&self, column: &str, row: usize) -> Value {
        cell(self.column(column), row)
    }

    /// The row of a name.
    pub(crate) fn row(&self, name: &str) -> usize {
        let names = self.texts("name");
        let mut found = names.iter().enumerate().filter(|(_, known)| **known == name);
        let (index, _) = found.next().unwrap_or_else(|| panic!("no row {name}: {names:?}"));
        assert!(found.next().is_none(), "two rows {name}");
        index
    }

    pub(crate) fn text(&self, row: &str, column: &str) -> &str {
        self.texts(column)[self.row(row)]
    }

    pub(crate) fn number(&self, row: &str, column: &str) -> Option<f64> {
        self.numbers(column)[self.row(row)]
    }

    /// A value of the footer.
    pub(crate) fn footer(&self, key: &str) -> &str {
        self.find_footer(key).unwrap_or_else(|| panic!("no {key}"))
    }

    /// A value of the footer, if it has one of that name.
    pub(crate) fn find_footer(&self, key: &str) -> Option<&str> {
        let values = self.metadata.file_metadata().key_value_metadata().unwrap();
        let found = values.iter().find(|value| value.key == key)?;
        found.value.as_deref()
    }
}
