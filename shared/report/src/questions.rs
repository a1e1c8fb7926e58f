//! The questions about costs, as SQL files that run unchanged in Athena, Trino and DuckDB.

use table::{Kind, TableLayout, asset_columns, replaced_key};

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Its name: that of the file without `.sql`.
    pub name: &'static str,
    /// The file.
    pub sql: &'static str,
}

macro_rules! questions {
    ($($name:literal),* $(,)?) => {
        &[$(Question { name: $name, sql: include_str!(concat!("../../../infra/sql/", $name, ".sql")) }),*]
    };
}

/// All questions, those first that most people ask.
pub const QUESTIONS: &[Question] = questions![
    "cost_per_day",
    "cost_by_month",
    "cost_by_namespace",
    "cost_by_team",
    "cost_by_workload",
    "forecast",
    "top_movers",
    "anomalies",
    "idle_by_node_group",
    "efficiency",
    "rightsizing",
    "spot_savings",
    "volumes",
    "load_balancers",
    "gpu",
    "label_coverage",
    "data_quality",
    "bill",
    "bill_by_node",
];

/// The statement of the view `costs`, from which all questions select.
pub const COSTS_VIEW: &str = include_str!("../../../infra/sql/costs.sql");

/// The label in the files.
const LABEL: &str = "'team'";

impl Question {
    /// The question of a name.
    pub fn of(name: &str) -> Option<&'static Self> {
        QUESTIONS.iter().find(|question| question.name == name)
    }

    /// The first sentence of the file's comment: what it finds out.
    pub fn what(&self) -> &'static str {
        let comment = self.sql.lines().next().unwrap_or_default().trim_start_matches("-- ");
        comment.split_inclusive(['?', ':']).next().unwrap_or(comment)
    }

    /// The statement for a label that names teams, as in Kubernetes.
    pub fn with_label(&self, label: &str) -> String {
        let key = replaced_key(label).replace('\'', "''");
        self.sql.replace(LABEL, &format!("'{key}'"))
    }
}

/// What DuckDB needs before a question: the tables over the lake's files, and the view. `files` and `assets` are paths
/// or URLs of the two tables' files, with wildcards where wanted; without any a table is empty. Columns that no file
/// has are NULL.
pub fn duckdb_views(files: &[String], assets: &[String], layout: &TableLayout) -> String {
    let columns = layout.columns().iter();
    let columns = columns.map(|column| (column.name.as_ref(), column.origin.kind()));
    let table = duckdb_table("kubecost_table", columns, files);
    let columns = asset_columns().map(|(name, origin)| (name, origin.kind()));
    let assets = duckdb_table("kubecost_table_assets", columns, assets);
    // DuckDB's own element_at returns a list.
    let function = "CREATE OR REPLACE TEMP MACRO element_at(entries, wanted) AS map_extract_value(entries, wanted)";
    format!("{function};\n\n{table};\n\n{assets};\n\nCREATE OR REPLACE TEMP VIEW costs AS\n{COSTS_VIEW};\n")
}

fn duckdb_table<'a>(name: &str, columns: impl Iterator<Item = (&'a str, Kind)>, files: &[String]) -> String {
    let mut columns: Vec<String> = columns
        .map(|(name, kind)| format!("CAST(NULL AS {}) AS \"{name}\"", duckdb_type(kind)))
        .collect();
    columns.extend(table::PARTITION_KEYS.map(|key| format!("CAST(NULL AS varchar) AS {key}")));
    let empty = format!("SELECT {} WHERE false", columns.join(", "));
    let files: Vec<String> = files
        .iter()
        .map(|file| format!("'{}'", file.replace('\'', "''")))
        .collect();
    let rows = if files.is_empty() {
        empty
    } else {
        // DuckDB reads moments as such; elsewhere they are timestamps in UTC without a time zone.
        format!(
            "{empty}\nUNION ALL BY NAME\nSELECT * REPLACE (\"window.start\" AT TIME ZONE 'UTC' AS \"window.start\", \
             \"window.end\" AT TIME ZONE 'UTC' AS \"window.end\")\nFROM read_parquet([{}], union_by_name = true, \
             hive_partitioning = true, hive_types_autocast = false)",
            files.join(", ")
        )
    };
    format!("CREATE OR REPLACE TEMP VIEW {name} AS\n{rows}")
}

fn duckdb_type(kind: Kind) -> String {
    match kind {
        Kind::Text => "VARCHAR".to_owned(),
        Kind::Timestamp => "TIMESTAMP".to_owned(),
        Kind::Double => "DOUBLE".to_owned(),
        Kind::Boolean => "BOOLEAN".to_owned(),
        Kind::TextMap => "MAP(VARCHAR, VARCHAR)".to_owned(),
        Kind::TextList => "VARCHAR[]".to_owned(),
        Kind::Volumes | Kind::LoadBalancers => {
            let fields = kind.fields().iter();
            let fields: Vec<String> = fields
                .map(|(name, kind)| format!("\"{name}\" {}", duckdb_type(*kind)))
                .collect();
            format!("STRUCT({})[]", fields.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_says_what_it_answers_and_selects_from_the_view() {
        for question in QUESTIONS {
            assert!(question.what().ends_with('?'), "{}: {}", question.name, question.what());
            assert!(question.sql.contains("FROM costs"), "{}", question.name);
        }
    }

    #[test]
    fn all_files_are_questions() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/sql");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".sql")?.to_owned()))
            .collect();
        files.sort();
        let mut names: Vec<&str> = QUESTIONS.iter().map(|question| question.name).collect();
        names.push("costs");
        names.sort_unstable();
        assert_eq!(files, names);
    }

    #[test]
    fn another_label_is_spelled_as_in_the_maps() {
        let sql = Question::of("cost_by_team")
            .unwrap()
            .with_label("app.kubernetes.io/part-of");
        assert!(sql.contains("element_at(labels, 'app_kubernetes_io_part_of')") && !sql.contains("'team')"));
    }
}
