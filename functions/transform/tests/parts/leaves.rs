//! Each leaf of a source's rows is a column, or left out for a reason: `shared/recordings/leaves.csv` lists them, and
//! each leaf's value is compared with its cell.
//!
//! `UPDATE_LEAVES=1` adds the leaves of new recordings to the list; column or reason are then to be written.

use std::{collections::BTreeMap, env, fs};

use end_to_end::staging::{self, Staging, rows};
use serde_json::Value;
use transform::TransformOutcome;

use super::{Lake, table::Table};

/// A recording of allocations, the set that is the day's, and its day.
const RECORDED: [(&str, Option<u32>, &str); 27] = [
    ("kubecost/kubecost_allocation_1day.json", None, staging::DAY),
    ("opencost/alloc_container_1day.json", None, staging::DAY),
    ("opencost/alloc_default_1day.json", None, staging::DAY),
    ("opencost/alloc_idle_bynode.json", None, staging::DAY),
    ("opencost/alloc_namespace_3day.json", Some(0), staging::DAY),
    ("opencost/alloc_namespace_3day_idle.json", Some(0), staging::DAY),
    ("opencost/alloc_ns_label_meta.json", None, staging::DAY),
    ("opencost/alloc_shareidle.json", None, staging::DAY),
    ("opencost-2/alloc_badaggregate.json", None, "2026-11-21"),
    ("opencost-2/alloc_cluster.json", None, "2026-11-21"),
    ("opencost-2/alloc_container_1day.json", None, "2026-11-21"),
    ("opencost-2/alloc_container_exporter_query.json", None, "2026-11-19"),
    ("opencost-2/alloc_container_noidle.json", None, "2026-11-21"),
    ("opencost-2/alloc_controller.json", None, "2026-11-21"),
    ("opencost-2/alloc_controllerKind.json", None, "2026-11-21"),
    ("opencost-2/alloc_explicit_container.json", None, "2026-11-21"),
    ("opencost-2/alloc_namespace.json", None, "2026-11-21"),
    ("opencost-2/alloc_namespace_2day.json", Some(0), "2026-11-21"),
    ("opencost-2/alloc_node.json", None, "2026-11-21"),
    ("opencost-2/alloc_node_empty_name.json", None, "2026-11-12"),
    ("opencost-2/alloc_parc.json", None, "2026-11-21"),
    ("opencost-2/alloc_pod.json", None, "2026-11-21"),
    ("opencost-2/alloc_pod_same_name.json", None, "2026-11-12"),
    ("opencost-2/alloc_shareidle.json", None, "2026-11-21"),
    ("opencost-2/alloc_today.json", None, "2026-11-25"),
    ("opencost-2/alloc_two_clusters_filtered.json", None, "2026-11-13"),
    ("opencost-2/collector_alloc_1day.json", None, "2026-11-24"),
];

/// Recordings that have no day of costs: a response without rows is an empty day, another is refused.
const NOT_CONVERTED: [(&str, Option<&str>); 13] = [
    ("opencost-2/alloc_badfilter.json", Some("answer")),
    ("opencost-2/alloc_badstep.json", Some("answer")),
    ("opencost-2/alloc_edge_zero_minutes.json", None),
    ("opencost-2/alloc_empty.json", None),
    ("opencost-2/alloc_filter_none.json", None),
    ("opencost-2/alloc_future.json", None),
    ("opencost-2/alloc_nowindow.txt", Some("answer")),
    ("opencost-2/alloc_prometheus_down.json", Some("answer")),
    ("opencost-2/alloc_prometheus_limit.json", Some("answer")),
    ("opencost-2/alloc_summary.json", Some("answer")),
    ("opencost-2/assets_badfilter.txt", Some("answer")),
    ("opencost-2/assets_prometheus_down.txt", Some("answer")),
    ("opencost-2/collector_alloc_nodata.json", None),
];

/// Moves a recording of a day to the day of the tests.
pub(crate) fn moved(response: &str, day: &str) -> String {
    let day: contract::day::Day = day.parse().unwrap();
    let next = |day: contract::day::Day| day.end().date_naive().to_string();
    response
        .replace(&next(day), "<next>")
        .replace(&day.to_string(), staging::DAY)
        .replace("<next>", &next(staging::day()))
}

/// Objects whose keys are data and no names of fields.
const KEYED: [&str; 8] = [
    "properties.labels",
    "properties.annotations",
    "properties.namespaceLabels",
    "properties.namespaceAnnotations",
    "pvs",
    "lbAllocations",
    "proportionalAssetResourceCosts",
    "sharedCostBreakdown",
];

/// Collects each leaf: its path with `*` for keys that are data, those keys, and its value.
fn walk(path: &str, keys: &[&str], value: &Value, leaves: &mut Vec<(String, Vec<String>, Value)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let (field, keys) = if KEYED.contains(&path) {
                    ("*", [keys, &[name]].concat())
                } else {
                    (name.as_str(), keys.to_vec())
                };
                let path = if path.is_empty() {
                    field.to_owned()
                } else {
                    format!("{path}.{field}")
                };
                walk(&path, &keys, value, leaves);
            }
        }
        Value::Array(_) => leaves.push((format!("{path}[]"), Vec::new(), value.clone())),
        _ => leaves.push((
            path.to_owned(),
            keys.iter().map(|key| (*key).to_owned()).collect(),
            value.clone(),
        )),
    }
}

/// The list: by leaf its column, or the reason why it has none.
fn list() -> BTreeMap<String, (String, String)> {
    let text = fs::read_to_string(recordings::path("leaves.csv")).unwrap_or_default();
    let lines = text.lines().skip(1).map(|line| {
        let mut fields = line.splitn(3, ',');
        let mut field = || fields.next().unwrap().trim_matches('"').to_owned();
        (field(), (field(), field()))
    });
    lines.collect()
}

/// The cell of a leaf. A column such as `pvs.*.cost` is a field of the item of that key, `labels.*` the value of a map.
fn cell(table: &Table, row: usize, column: &str, keys: &[String]) -> Value {
    let Some((column, field)) = column.split_once(".*") else {
        return table.cell(column.trim_end_matches("[]"), row);
    };
    let value = table.cell(column, row);
    match field.strip_prefix('.') {
        None => value[&keys[0]].clone(),
        Some(field) => {
            let items = value.as_array().unwrap();
            items.iter().find(|item| item["key"] == keys[0].as_str()).unwrap()[field].clone()
        }
    }
}

fn expected(leaf: &Value, cell: &Value) -> Value {
    match (leaf, cell) {
        (Value::Number(number), _) => number.as_f64().unwrap().into(),
        (Value::String(text), Value::Number(_)) => {
            let time = text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
            time.timestamp_millis().into()
        }
        _ => leaf.clone(),
    }
}

#[tokio::test]
async fn every_leaf_of_the_recorded_rows_is_in_its_cell_or_left_out_for_a_reason() {
    let mut list = list();
    let mut compared = 0;
    for (file, set, day) in RECORDED {
        let lake = Lake::new().await;
        let response = moved(&recordings::read(file), day);
        let outcome = lake.deliver(Staging::of(staging::run(1), &response, set, None)).await;
        assert!(
            matches!(outcome, TransformOutcome::Written { .. }),
            "{file}: {outcome:?} {:?}",
            lake.quarantine(staging::run(1))
        );
        let table = lake.table();
        let names = table.texts("name");
        assert_eq!(table.footer("unknown_fields"), "0", "{file}");
        for (key, row) in rows(&response, set) {
            let name = row["name"].as_str().filter(|name| !name.is_empty()).unwrap_or(&key);
            let index = names.iter().position(|known| *known == name).unwrap();
            let mut leaves = Vec::new();
            walk("", &[], &row, &mut leaves);
            for (path, keys, value) in leaves {
                let (column, reason) = list.entry(path.clone()).or_default();
                if env::var_os("UPDATE_LEAVES").is_some() || column.is_empty() && !reason.is_empty() {
                    continue;
                }
                assert!(
                    !column.is_empty(),
                    "{file}: {path} has neither a column nor a reason in leaves.csv"
                );
                let is_empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
                if is_empty || path == "name" {
                    continue;
                }
                let found = cell(&table, index, column, &keys);
                assert_eq!(found, expected(&value, &found), "{file}: {name}: {path}");
                compared += 1;
            }
        }
    }
    if env::var_os("UPDATE_LEAVES").is_some() {
        let lines = list
            .iter()
            .map(|(leaf, (column, reason))| format!("{leaf},{column},\"{reason}\"\n"));
        let text = format!("leaf,column,reason\n{}", lines.collect::<String>());
        fs::write(recordings::path("leaves.csv"), text).unwrap();
    } else {
        assert!(compared > 20_000, "{compared}");
    }
}

#[tokio::test]
async fn recordings_without_a_day_of_costs_are_refused_or_empty() {
    for (file, reason) in NOT_CONVERTED {
        let lake = Lake::new().await;
        let response = moved(&recordings::read(file), "2026-11-17");
        let outcome = lake.deliver(Staging::of(staging::run(1), &response, None, None)).await;
        match reason {
            None => assert_eq!(outcome, TransformOutcome::Empty, "{file}"),
            Some(reason) => assert_eq!(outcome, TransformOutcome::Quarantined { reason }, "{file}"),
        }
        assert!(lake.is_empty(), "{file}");
    }
}

#[tokio::test]
async fn recorded_assets_of_opencost_2_give_the_nodes_their_facts() {
    let response = moved(&recordings::read("opencost-2/alloc_container_1day.json"), "2026-11-21");
    for (assets, spot) in [
        ("opencost-2/assets_1day.json", true),
        ("opencost-2/assets_nodes.json", true),
        ("opencost-2/collector_assets_nodes.json", false),
        ("opencost-2/assets_empty.json", false),
    ] {
        let lake = Lake::new().await;
        let staging = Staging::of(staging::run(1), &response, None, Some(&recordings::read(assets)));
        let outcome = lake.deliver(staging).await;
        assert!(
            matches!(outcome, TransformOutcome::Written { rows: 34, .. }),
            "{assets}: {outcome:?}"
        );
        let table = lake.table();
        let types = table.texts("capacityType");
        assert!(
            types.iter().all(|kind| ["spot", "on-demand", ""].contains(kind)),
            "{assets}: {types:?}"
        );
        assert!(!spot || types.contains(&"spot"), "{assets}: {types:?}");
    }
}

#[tokio::test]
async fn a_gpu_in_an_object_of_its_own_has_its_columns() {
    let lake = Lake::new().await;
    let response = recordings::read("shapes/gpu_nested.json");
    lake.deliver(Staging::of(staging::run(1), &response, None, None)).await;
    let table = lake.table();
    assert_eq!(table.numbers("gpuRequestAverage"), [Some(1.0)]);
    assert_eq!(table.numbers("gpuUsageAverage"), [Some(0.42)]);
    assert_eq!(table.texts("gpuModel"), ["NVIDIA A10G"]);
    assert_eq!(table.cell("isGPUShared", 0), false);
}

#[tokio::test]
async fn rows_by_namespace_have_the_labels_of_the_namespace() {
    let lake = Lake::with("team,cost-center", "").await;
    let response = recordings::read("shapes/namespace_labels.json");
    lake.deliver(Staging::of(staging::run(1), &response, None, None)).await;
    let table = lake.table();
    assert_eq!(table.texts("properties.labels.team"), ["blue"]);
    assert_eq!(table.texts("properties.labels.cost-center"), ["cc-1"]);
    assert_eq!(table.cell("namespaceLabels", 0)["team"], "blue");
    assert_eq!(table.texts("rowKind"), ["workload"]);
}
