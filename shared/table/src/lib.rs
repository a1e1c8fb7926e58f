//! The columns of the lake's tables, of allocations and of assets: the one place that knows their names, types and
//! order, and where each value comes from.
//!
//! The table of allocations begins with the 58 columns of the Kubecost dashboards that it replaces, so that their
//! queries continue to work. Then come one string column for each configured label and annotation, the maps `labels`
//! and `annotations` with all of them, the numeric fields that sources have added since ([`NEWER_NUMBERS`]), and what
//! else a row holds: times, kind, currency, GPU, volumes, load balancers, the namespace's labels. New columns are only
//! ever added at the end: engines find columns by name, and read a column that an older file lacks as NULL.
//!
//! ```
//! let layout = table::TableLayout::new(&["app.kubernetes.io/name".to_owned()], &[]).unwrap();
//! assert_eq!(layout.columns()[58].name, "properties.labels.app.kubernetes.io/name");
//! assert_eq!(layout.columns()[59].name, "labels");
//! ```
#![deny(missing_docs)]

mod assets;
mod base;
mod glue;
mod kind;
mod kubernetes;
mod layout;
mod numbers;

pub use assets::{
    ASSET_LOCAL, ASSET_MINUTES, ASSET_NUMBERS, ASSET_PREEMPTIBLE, ASSET_TOTAL_COST, AssetOrigin, AssetText,
    asset_columns,
};
pub use base::{Column, GpuText, NodeFact, Origin, Property, glue_name};
pub use glue::columns_json;
pub use kind::{Kind, LOAD_BALANCER_FIELDS, VOLUME_FIELDS};
pub use kubernetes::{REPLACED_IN_KEYS, replaced_key};
pub use layout::{LayoutFault, LayoutFaults, Metadata, TableLayout};
pub use numbers::{
    BASE_NUMBERS, COST_PARTS, CPU_CORE_HOURS, CPU_CORE_USAGE_MAX, GPU_REQUEST_AVERAGE, GPU_USAGE_AVERAGE,
    GPU_USAGE_MAX, MINUTES, NEWER_NUMBERS, NUMBERS, RAM_BYTE_HOURS, RAM_BYTE_USAGE_MAX, TOTAL_COST, is_cost,
    number_name,
};

/// The columns that partition the table; their values are in the objects' keys, not in the files.
pub const PARTITION_KEYS: [&str; 4] = ["account_id", "region", "year", "month"];
