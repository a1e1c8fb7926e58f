//! The table's columns, for people and for Athena.

use table::{PARTITION_KEYS, TableLayout};

use crate::table::{Cell, Column, Table};

/// One row for each column: its name in Parquet and its type in Glue. The keys of partitions come last.
pub fn columns(layout: &TableLayout) -> Table {
    let row =
        |name: &str, kind: &str, place: &str| [name, kind, place].map(|text| Cell::Text(text.to_owned())).to_vec();
    let columns = layout
        .columns()
        .iter()
        .map(|column| row(&column.name, column.origin.kind().glue_type(), "file"));
    let keys = PARTITION_KEYS.map(|key| row(key, "string", "partition"));
    let rows = columns.chain(keys).collect();
    Table::new("schema", ["column", "type", "place"].map(Column::of).to_vec(), rows)
}

/// Athena's statement that creates the table at a location.
pub fn ddl(layout: &TableLayout, location: &str) -> String {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let columns: Vec<String> = layout
        .columns()
        .iter()
        .map(|column| format!("  {} {}", quoted(&column.glue_name()), column.origin.kind().glue_type()))
        .collect();
    let keys: Vec<String> = PARTITION_KEYS
        .iter()
        .map(|key| format!("{} string", quoted(key)))
        .collect();
    format!(
        "CREATE EXTERNAL TABLE kubecost_table (\n{}\n)\nPARTITIONED BY ({})\nSTORED AS PARQUET\nLOCATION '{}'\n",
        columns.join(",\n"),
        keys.join(", "),
        location.replace('\'', "''"),
    )
}
