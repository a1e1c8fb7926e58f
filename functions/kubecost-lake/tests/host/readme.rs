//! The README's table of settings is the code's.

use exporter::settings::table::{LAKE_SETTINGS, LOG_SETTINGS, PERIOD_SETTINGS, SOURCE_SETTINGS, Setting};

const BEGIN: &str = "<!-- settings: written by `UPDATE_README=1 cargo test -p kubecost-lake --test host` -->\n";
const END: &str = "<!-- end of settings -->";

fn project(path: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

fn row(setting: &Setting) -> String {
    let default = match setting.default {
        "" => String::new(),
        text if text.contains(' ') => text.to_owned(),
        value => format!("`{value}`"),
    };
    format!(
        "| `{}` | `--{}` | {default} | {} |\n",
        setting.name, setting.flag, setting.help
    )
}

#[test]
fn the_readme_lists_all_settings() {
    let path = project("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let rows: String = [LAKE_SETTINGS, PERIOD_SETTINGS, SOURCE_SETTINGS, LOG_SETTINGS]
        .iter()
        .flat_map(|settings| settings.iter())
        .map(row)
        .collect();
    let table = format!("| variable | flag | default | |\n|---|---|---|---|\n{rows}");
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(found, table, "run the command that the README names");
    }
}

#[test]
fn the_chart_sets_no_setting_that_the_exporter_does_not_know() {
    let path = project("helm/kubecost-lake-exporter/templates/_helpers.tpl");
    let template = std::fs::read_to_string(&path).unwrap();
    let set: Vec<&str> = template
        .split("(list \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let known = |name: &str| {
        [LAKE_SETTINGS, PERIOD_SETTINGS, SOURCE_SETTINGS, LOG_SETTINGS]
            .iter()
            .flat_map(|settings| settings.iter())
            .any(|setting| setting.name == name)
    };
    assert!(set.len() > 20, "{set:?}");
    for name in set {
        assert!(known(name), "{name}");
    }
}

/// Values of the chart that are numbers, and the settings that they become.
const BOUNDED: &[(&str, &str)] = &[
    (
        "/properties/source/properties/backfillPeriodDays",
        "BACKFILL_PERIOD_DAYS",
    ),
    ("/properties/source/properties/settleHours", "SETTLE_HOURS"),
    ("/properties/source/properties/pageSize", "PAGE_SIZE"),
    ("/properties/source/properties/concurrency", "SOURCE_CONCURRENCY"),
    ("/properties/source/properties/retries", "RETRIES"),
    ("/properties/plan/properties/waitSeconds", "PLAN_WAIT_SECONDS"),
];

#[test]
fn the_charts_schema_has_the_programs_bounds() {
    let path = project("helm/kubecost-lake-exporter/values.schema.json");
    let schema: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let is_taken = |setting: &str, value: i64| {
        exporter::settings::Settings::read(settings::Reader::new(|name| match name {
            "S3_BUCKET_NAME" => Some("finops-lake".to_owned()),
            "CLUSTER_ID" => Some(crate::support::arn("shop").to_string()),
            _ => (name == setting).then(|| value.to_string()),
        }))
        .is_ok()
    };
    for (path, setting) in BOUNDED {
        let value = schema.pointer(path).unwrap();
        let (least, most) = (value["minimum"].as_i64().unwrap(), value["maximum"].as_i64().unwrap());
        assert!(is_taken(setting, least) && is_taken(setting, most), "{setting}");
        assert!(
            !is_taken(setting, least - 1) && !is_taken(setting, most + 1),
            "{setting}"
        );
    }
}
