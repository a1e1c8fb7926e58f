//! The table as Glue describes it.

use serde::Serialize;

use crate::{
    Column, Kind, PARTITION_KEYS, asset_columns,
    base::{base_columns, glue_name},
    layout::{ANNOTATION_COLUMN, LABEL_COLUMN, trailing_columns},
};

#[derive(Serialize)]
struct GlueColumn {
    name: String,
    #[serde(rename = "type")]
    glue_type: &'static str,
}

impl From<Column> for GlueColumn {
    fn from(column: Column) -> Self {
        Self {
            name: column.glue_name(),
            glue_type: column.origin.kind().glue_type(),
        }
    }
}

/// The tables as a JSON document for tools that create them in Glue. In the table of allocations they insert the
/// configured labels and annotations: `columns`, then for each label and annotation its prefix and key in lower case,
/// then `trailing_columns`. Those of the table of assets are `assets_columns`.
pub fn columns_json() -> String {
    #[derive(Serialize)]
    struct Table {
        columns: Vec<GlueColumn>,
        label_columns: Configured,
        annotation_columns: Configured,
        trailing_columns: Vec<GlueColumn>,
        assets_columns: Vec<GlueColumn>,
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
        columns: base_columns().map(GlueColumn::from).collect(),
        label_columns: Configured {
            prefix: LABEL_COLUMN,
            glue_type,
        },
        annotation_columns: Configured {
            prefix: ANNOTATION_COLUMN,
            glue_type,
        },
        trailing_columns: trailing_columns().map(GlueColumn::from).collect(),
        assets_columns: asset_columns()
            .map(|(name, origin)| GlueColumn {
                name: glue_name(name),
                glue_type: origin.kind().glue_type(),
            })
            .collect(),
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
