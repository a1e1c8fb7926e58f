//! The table as Glue describes it.

use serde::Serialize;

use crate::{
    BASE_COLUMNS, Column, Kind, PARTITION_KEYS, TableLayout,
    layout::{ANNOTATION_COLUMN, LABEL_COLUMN, trailing_columns},
};

/// A column in Glue's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GlueColumn {
    /// The name, in lower case.
    pub name: String,
    /// The type, as Athena spells it.
    #[serde(rename = "type")]
    pub glue_type: &'static str,
}

impl GlueColumn {
    fn of(column: &Column) -> Self {
        Self {
            name: column.glue_name(),
            glue_type: column.kind.glue_type(),
        }
    }
}

/// The columns of Glue's table, in order, without the partition keys.
pub fn glue_columns(layout: &TableLayout) -> Vec<GlueColumn> {
    layout.columns().iter().map(GlueColumn::of).collect()
}

/// The table as a JSON document for tools that create it in Glue. Configured labels and annotations are theirs to
/// insert: `columns`, then for each label and annotation its prefix and key in lower case, then `trailing_columns`.
pub fn columns_json() -> String {
    #[derive(Serialize)]
    struct Table {
        columns: Vec<GlueColumn>,
        label_columns: Configured,
        annotation_columns: Configured,
        trailing_columns: Vec<GlueColumn>,
        partition_keys: Vec<GlueColumn>,
    }
    #[derive(Serialize)]
    struct Configured {
        prefix: &'static str,
        #[serde(rename = "type")]
        glue_type: &'static str,
    }
    let glue_type = Kind::Text.glue_type();
    let table = Table {
        columns: BASE_COLUMNS
            .iter()
            .map(|column| GlueColumn {
                name: column.name.to_lowercase(),
                glue_type: column.kind().glue_type(),
            })
            .collect(),
        label_columns: Configured {
            prefix: LABEL_COLUMN,
            glue_type,
        },
        annotation_columns: Configured {
            prefix: ANNOTATION_COLUMN,
            glue_type,
        },
        trailing_columns: trailing_columns().map(|column| GlueColumn::of(&column)).collect(),
        partition_keys: PARTITION_KEYS
            .iter()
            .map(|key| GlueColumn {
                name: (*key).to_owned(),
                glue_type,
            })
            .collect(),
    };
    // A structure of texts alone always serializes.
    serde_json::to_string_pretty(&table).unwrap_or_default() + "\n"
}
