//! The README's table of settings is the code's.

use exporter::settings::table::{
    LAKE_SETTINGS, LOG_SETTINGS, PERIOD_SETTINGS, SOURCE_SETTINGS, Setting,
};

const BEGIN: &str =
    "<!-- settings: written by `UPDATE_README=1 cargo test -p kubecost-lake --test host` -->\n";
const END: &str = "<!-- end of settings -->";

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
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let rows: String = [
        LAKE_SETTINGS,
        PERIOD_SETTINGS,
        SOURCE_SETTINGS,
        LOG_SETTINGS,
    ]
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
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../helm/kubecost-lake-exporter/templates/_helpers.tpl");
    let template = std::fs::read_to_string(&path).unwrap();
    let set: Vec<&str> = template
        .split("(list \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let known = |name: &str| {
        [
            LAKE_SETTINGS,
            PERIOD_SETTINGS,
            SOURCE_SETTINGS,
            LOG_SETTINGS,
        ]
        .iter()
        .flat_map(|settings| settings.iter())
        .any(|setting| setting.name == name)
    };
    assert!(set.len() > 20, "{set:?}");
    for name in set {
        assert!(known(name), "{name}");
    }
}
