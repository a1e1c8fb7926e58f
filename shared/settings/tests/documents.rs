//! What repeats the settings outside of the code is the code's: the README's tables are generated, chart and Terraform
//! are compared.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::Value;
use settings::{Setting, Values, rows};

const BEGIN: &str = "<!-- settings: written by `UPDATE_README=1 cargo test -p settings --test documents` -->\n";
const END: &str = "<!-- end of settings -->";

const FUNCTIONS: [rows::Program; 3] = [rows::TRANSFORM, rows::BACKFILL, rows::CRAWLER];

fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(project(path)).unwrap()
}

fn row(setting: &Setting, second: &str) -> String {
    let default = match setting.default {
        "" => setting.otherwise.to_owned(),
        value => format!("`{value}`"),
    };
    let Setting { name, values, help, .. } = setting;
    format!("| `{name}` | {second} | {default} | {values} | {help} |\n")
}

fn table(second: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: String = rows.collect();
    format!("| variable | {second} | default | allowed | |\n|---|---|---|---|---|\n{rows}")
}

fn exporter_table() -> String {
    let settings = rows::all(rows::EXPORTER.1);
    table(
        "flag",
        settings.map(|setting| row(setting, &format!("`--{}`", setting.flag))),
    )
}

fn functions_table() -> String {
    let mut settings: Vec<&Setting> = Vec::new();
    for setting in FUNCTIONS.iter().flat_map(|(_, groups)| rows::all(groups)) {
        if !settings.contains(&setting) {
            settings.push(setting);
        }
    }
    let functions = |setting: &Setting| {
        let has = |(_, groups): &&rows::Program| rows::all(groups).any(|known| known == setting);
        let names: Vec<&str> = FUNCTIONS.iter().filter(has).map(|(name, _)| *name).collect();
        if names.len() == FUNCTIONS.len() {
            "all".to_owned()
        } else {
            names.join(", ")
        }
    };
    table(
        "function",
        settings.iter().map(|setting| row(setting, &functions(setting))),
    )
}

#[test]
fn the_readme_lists_all_settings() {
    let mut readme = read("README.md");
    let mut position = 0;
    for table in [exporter_table(), functions_table()] {
        let begin = position + readme[position..].find(BEGIN).unwrap() + BEGIN.len();
        let end = begin + readme[begin..].find(END).unwrap();
        if std::env::var_os("UPDATE_README").is_none() {
            assert_eq!(&readme[begin..end], table, "run the command that the README names");
        }
        readme.replace_range(begin..end, &table);
        position = begin + table.len();
    }
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(project("README.md"), readme).unwrap();
    }
}

#[test]
fn the_chart_sets_only_settings_of_the_exporter() {
    let template = read("helm/kubecost-lake-exporter/templates/_helpers.tpl");
    let set: Vec<&str> = template
        .split("(list \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(set.len() > 20, "{set:?}");
    // The proxy's variables are those of all programs; none of them is a setting of this one.
    for name in set.into_iter().filter(|name| !name.ends_with("_PROXY")) {
        assert!(
            rows::all(rows::EXPORTER.1).any(|setting| setting.name == name),
            "{name}"
        );
    }
}

/// Values of the chart with bounds or words.
const CHART: &[(&str, &Setting)] = &[
    ("source/properties/backfillPeriodDays", &rows::BACKFILL_PERIOD),
    ("source/properties/settleHours", &rows::SETTLE_HOURS),
    ("source/properties/pageSize", &rows::PAGE_SIZE),
    ("source/properties/concurrency", &rows::SOURCE_CONCURRENCY),
    ("source/properties/retries", &rows::RETRIES),
    ("source/properties/kind", &rows::SOURCE_KIND),
    ("source/properties/aggregation", &rows::AGGREGATION),
    (
        "source/properties/authentication/properties/scheme",
        &rows::AUTHENTICATION,
    ),
    ("plan/properties/waitSeconds", &rows::PLAN_WAIT),
    ("log/properties/format", &rows::LOG_FORMAT),
];

#[test]
fn the_charts_schema_accepts_what_the_exporter_accepts() {
    let schema: Value = serde_json::from_str(&read("helm/kubecost-lake-exporter/values.schema.json")).unwrap();
    for (path, setting) in CHART {
        let value = schema.pointer(&format!("/properties/{path}")).unwrap();
        match setting.values {
            Values::WholeNumber { least, most } => {
                assert_eq!(
                    (&value["minimum"], &value["maximum"]),
                    (&least.into(), &most.into()),
                    "{path}"
                );
            }
            Values::WholeNumberOrAll { least, most } => {
                let expected = serde_json::json!([
                    { "type": "integer", "minimum": least, "maximum": most },
                    { "const": "all" }
                ]);
                assert_eq!(value["anyOf"], expected, "{path}");
            }
            _ => assert_eq!(words(&value["enum"].to_string()), words_of(setting), "{path}"),
        }
    }
}

/// The quoted words of a text, sorted.
fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split('"').skip(1).step_by(2).collect();
    words.sort_unstable();
    words
}

fn words_of(setting: &Setting) -> Vec<&'static str> {
    let mut words = match setting.values {
        Values::Words(words) => words.to_vec(),
        _ => Vec::new(),
    };
    words.sort_unstable();
    words
}

/// The text after the first place of a mark, up to an end.
fn after<'a>(text: &'a str, mark: &str, end: &str) -> &'a str {
    let begin = text.find(mark).map(|found| found + mark.len());
    let rest = begin.and_then(|begin| text.get(begin..)).unwrap_or_default();
    rest.split(end).next().unwrap_or_default()
}

#[test]
fn terraforms_defaults_are_the_functions() {
    // What Terraform renders where a user sets nothing but these.
    let given = ["S3_BUCKET_NAME", "KMS_KEY_ARN", "LABELS", "ANNOTATIONS"];
    let rendered: Value = serde_json::from_str(&read("tests/deployed.json")).unwrap();
    for (function, groups) in FUNCTIONS {
        let resource = &rendered[format!("module.pipeline.aws_lambda_function.this[\"{function}\"]")];
        let environment: BTreeMap<String, String> =
            serde_json::from_value(resource["environment"][0]["variables"].clone()).unwrap();
        assert!(environment.len() > 6, "{function}: {environment:?}");
        for (name, value) in environment.iter().filter(|(name, _)| !given.contains(&name.as_str())) {
            let setting = rows::all(groups).find(|setting| setting.name == name);
            let setting = setting.unwrap_or_else(|| unreachable!("{function} has no setting {name}"));
            // Names in Glue have no default in the program.
            if !name.starts_with("GLUE_") {
                assert_eq!(setting.default, value, "{name}");
            }
        }
    }
}

#[test]
fn terraforms_bounds_are_the_backfill_functions() {
    let variables = read("infra/modules/pipeline/variables.tf");
    let block = after(&variables, "variable \"backfill\" {", "\n}");
    let mut compared = 0;
    for setting in rows::all(rows::BACKFILL.1) {
        let Values::WholeNumber { least, most } = setting.values else {
            continue;
        };
        let name = setting.name.to_lowercase();
        // The local host needs 0: it waits for all deliveries before it plans.
        let least = if name == "in_flight_minutes" { 1 } else { least };
        let default = after(block, &format!("    {name} "), "\n");
        assert_eq!(after(default, "optional(number, ", ")"), setting.default, "{name}");
        let condition = format!("var.backfill.{name} >= {least} && var.backfill.{name} <= {most}\n");
        assert!(block.contains(&condition), "{name}");
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[test]
fn terraforms_modes_of_the_catalog_are_the_crawler_functions() {
    let variables = read("infra/modules/pipeline/variables.tf");
    let block = after(&variables, "variable \"catalog_mode\" {", "\n}");
    assert_eq!(after(block, "default     = \"", "\""), rows::CATALOG_MODE.default);
    assert_eq!(words(after(block, "contains(", "]")), words_of(&rows::CATALOG_MODE));
}
