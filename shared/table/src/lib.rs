//! The columns of the lake's table: the one place that knows their names, types and order, and where each value comes
//! from.
//!
//! The table begins with the 58 columns of the Kubecost dashboards that it replaces, so that their queries continue to
//! work. Then come one string column for each configured label and annotation, the maps `labels` and `annotations` with
//! all of them, and the numeric fields that sources have added since ([`NEWER_NUMBERS`]). New columns are only ever
//! added at the end: engines find columns by name, and read a column that an older file lacks as NULL.
//!
//! ```
//! let layout = table::TableLayout::new(&["app.kubernetes.io/name".to_owned()], &[]).unwrap();
//! assert_eq!(layout.columns()[58].name, "properties.labels.app.kubernetes.io/name");
//! assert_eq!(layout.columns()[59].name, "labels");
//! ```
#![deny(missing_docs)]

mod base;
mod glue;
mod kubernetes;
mod layout;
mod numbers;

pub use base::{Column, NodeFact, Origin, Property};
pub use glue::columns_json;
pub use layout::{LayoutFault, LayoutFaults, Metadata, TableLayout};
pub use numbers::{
    BASE_NUMBERS, COST_PARTS, CPU_CORE_HOURS, MINUTES, NEWER_NUMBERS, NUMBERS, RAM_BYTE_HOURS, TOTAL_COST, is_cost,
    number_name,
};

/// The columns that partition the table; their values are in the objects' keys, not in the files.
pub const PARTITION_KEYS: [&str; 4] = ["account_id", "region", "year", "month"];

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text. Parquet: BYTE_ARRAY, STRING.
    Text,
    /// A moment, UTC, in milliseconds. Parquet: INT64, TIMESTAMP(MILLIS, isAdjustedToUTC=true).
    Timestamp,
    /// A number. Parquet: DOUBLE.
    Double,
    /// Text by text. Parquet: MAP of STRING to STRING.
    TextMap,
}

impl Kind {
    /// The type's name in Glue and Athena.
    pub const fn glue_type(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Timestamp => "timestamp",
            Self::Double => "double",
            Self::TextMap => "map<string,string>",
        }
    }
}
