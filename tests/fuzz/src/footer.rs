//! The footer of a Parquet file: whatever the bytes are, it is read or refused.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Float64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use parquet::{
    arrow::ArrowWriter,
    file::{metadata::KeyValue, properties::WriterProperties},
};
use report::footer_of_tail;

/// Small files as transform writes them.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("name", DataType::Utf8, false),
        Field::new("totalCost", DataType::Float64, false),
    ]));
    let record = r#"{"question":{"aggregation":"container"},"quantities":{"rows":3,"minutes":4320.0}}"#;
    let metadata = KeyValue::new("record".to_owned(), record.to_owned());
    let files = [0, 1, 50].map(|rows: usize| {
        let names: Vec<String> = (0..rows)
            .map(|row| format!("cluster/node/namespace/pod-{row}"))
            .collect();
        let costs: Vec<f64> = (0..rows).map(|row| row as f64 / 8.0).collect();
        let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(names)), Arc::new(Float64Array::from(costs))];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).expect("columns of one length");
        let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![metadata.clone()]));
        let mut writer =
            ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties.build())).expect("a writer");
        writer.write(&batch).expect("a batch of this schema");
        writer.into_inner().expect("memory can be written")
    });
    files.to_vec()
}

pub(crate) fn check(input: &[u8]) {
    // The rows that it says it has, and what each column's place is: none of it may panic.
    let _ = footer_of_tail(input);
}
