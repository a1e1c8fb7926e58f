//! The columns of the lake's tables, for people and for Athena.

use contract::keys::Area;
use table::{PARTITION_KEYS, TableLayout, asset_columns, glue_name};

use crate::table::{Cell, Column, Table};

/// A table of the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeTable {
    /// Its name for people.
    pub name: &'static str,
    /// Where its objects are.
    pub area: Area,
    /// Name in Parquet, and type in Glue.
    columns: Vec<(String, &'static str)>,
}

/// The names of the tables, for people.
pub const NAMES: [&str; 2] = ["allocations", "assets"];

/// The tables of a lake, with the columns of configured labels and annotations.
pub fn tables(layout: &TableLayout) -> [LakeTable; 2] {
    let [allocations, assets] = NAMES;
    let columns = layout.columns().iter();
    [
        LakeTable {
            name: allocations,
            area: Area::Lake,
            columns: columns
                .map(|column| (column.name.to_string(), column.origin.kind().glue_type()))
                .collect(),
        },
        LakeTable {
            name: assets,
            area: Area::Assets,
            columns: asset_columns()
                .map(|(name, origin)| (name.to_owned(), origin.kind().glue_type()))
                .collect(),
        },
    ]
}

/// One row for each column of some tables. The keys of partitions come last.
pub fn columns(tables: &[LakeTable]) -> Table {
    let rows = tables.iter().flat_map(|table| {
        let row = |name: &str, kind: &str, place: &str| {
            [table.name, name, kind, place]
                .map(|text| Cell::Text(text.to_owned()))
                .to_vec()
        };
        let columns = table.columns.iter().map(move |(name, kind)| row(name, kind, "file"));
        columns.chain(PARTITION_KEYS.map(|key| row(key, "string", "partition")))
    });
    let rows = rows.collect();
    Table::new(
        "schema",
        ["table", "column", "type", "place"].map(Column::of).to_vec(),
        rows,
    )
}

/// Athena's statement that creates a table at a location.
pub fn ddl(table: &LakeTable, location: &str) -> String {
    let quoted = |name: &str| format!("`{}`", glue_name(name).replace('`', "``"));
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|(name, kind)| format!("  {} {kind}", quoted(name)))
        .collect();
    let keys: Vec<String> = PARTITION_KEYS
        .iter()
        .map(|key| format!("{} string", quoted(key)))
        .collect();
    let name = match table.area {
        Area::Assets => "kubecost_table_assets",
        _ => "kubecost_table",
    };
    format!(
        "CREATE EXTERNAL TABLE {name} (\n{}\n)\nPARTITIONED BY ({})\nSTORED AS PARQUET\nLOCATION '{}';\n",
        columns.join(",\n"),
        keys.join(", "),
        location.replace('\'', "''"),
    )
}
