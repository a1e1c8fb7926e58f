//! Recorded and written responses: what goes in comes out, read by another parser.

use end_to_end::staging::{self, Staging, number, rows};
use serde_json::Value;
use transform::TransformOutcome;

use super::{Lake, table::Table};

/// Allocation responses that are to be converted, and the set that is the day's.
pub(crate) const CONVERTIBLE: [(&str, Option<u32>); 20] = [
    ("kubecost/kubecost_allocation_1day.json", None),
    ("kubecost/kubecost_days_available.json", None),
    ("opencost/alloc_container_1day.json", None),
    ("opencost/alloc_default_1day.json", None),
    ("opencost/alloc_idle_bynode.json", None),
    ("opencost/alloc_namespace_3day.json", Some(0)),
    ("opencost/alloc_namespace_3day_idle.json", Some(0)),
    ("opencost/alloc_ns_label_meta.json", None),
    ("opencost/alloc_shareidle.json", None),
    ("shapes/escapes.json", None),
    ("shapes/missing_fields.json", None),
    ("shapes/null_rows.json", None),
    ("shapes/numbers.json", None),
    ("shapes/provider_ids.json", None),
    ("shapes/special_rows.json", None),
    ("shapes/texts.json", None),
    ("shapes/unknown_fields.json", None),
    ("shapes/volumes_and_balancers.json", None),
    ("shapes/windows.json", None),
    ("shapes/windows.json", Some(0)),
];

/// A text field of a row, as the table is to have it.
fn text(row: &Value, pointer: &str) -> String {
    match row.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Numbers that newer sources have in objects of their own are the row's.
fn with_nested_numbers((key, row): &(String, Value)) -> (String, Value) {
    let mut row = row.clone();
    for object in ["gpuAllocation", "rawAllocationOnly"] {
        for (name, value) in row[object].as_object().cloned().into_iter().flatten() {
            if row[&name].is_null() && value.is_number() {
                row[&name] = value;
            }
        }
    }
    (key.clone(), row)
}

fn compare_numbers(table: &Table, rows: &[(String, Value)], case: &str) {
    let rows: Vec<_> = rows.iter().map(with_nested_numbers).collect();
    for (index, name) in table::BASE_NUMBERS.iter().chain(&table::NEWER_NUMBERS).enumerate() {
        let is_newer = index >= table::BASE_NUMBERS.len();
        let column = table.numbers(name);
        let nulls = column.iter().filter(|value| value.is_none()).count();
        let missing = rows.iter().filter(|(_, row)| row[name].is_null()).count();
        assert_eq!(nulls, if is_newer { missing } else { 0 }, "{case}: nulls of {name}");
        let expected: f64 = rows.iter().map(|(_, row)| number(row, name)).sum();
        let magnitude: f64 = rows.iter().map(|(_, row)| number(row, name).abs()).sum();
        let found: f64 = column.iter().flatten().sum();
        let totals: Value = serde_json::from_str(table.footer("totals")).unwrap();
        for found in [found, totals[name].as_f64().unwrap()] {
            assert!(
                (found - expected).abs() <= 1e-9 * magnitude,
                "{case}: {name} is {found}, not {expected}"
            );
        }
    }
}

fn compare_texts(table: &Table, rows: &[(String, Value)], case: &str) {
    for (column, pointer) in [
        ("name", "/name"),
        ("properties.cluster", "/properties/cluster"),
        ("properties.container", "/properties/container"),
        ("properties.namespace", "/properties/namespace"),
        ("properties.pod", "/properties/pod"),
        ("properties.node", "/properties/node"),
        ("properties.controller", "/properties/controller"),
        ("properties.controllerKind", "/properties/controllerKind"),
        ("properties.providerID", "/properties/providerID"),
    ] {
        let mut found: Vec<String> = table.texts(column).iter().map(|text| (*text).to_owned()).collect();
        // A row without a name has that of its key.
        let expect = |(key, row): &(String, Value)| match text(row, pointer) {
            name if pointer == "/name" && name.is_empty() => key.clone(),
            text => text,
        };
        let mut expected: Vec<String> = rows.iter().map(expect).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{case}: {column}");
    }
    for map in ["labels", "annotations"] {
        let mut found = table.maps(map);
        let mut expected: Vec<_> = rows
            .iter()
            .map(|(_, row)| {
                let pairs = row["properties"][map].as_object().into_iter().flatten();
                pairs
                    .map(|(key, _)| {
                        (
                            key.clone(),
                            text(
                                row,
                                &format!("/properties/{map}/{}", key.replace('~', "~0").replace('/', "~1")),
                            ),
                        )
                    })
                    .collect()
            })
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{case}: {map}");
    }
    let cluster = staging::cluster();
    assert!(
        table
            .texts("properties.clusterid")
            .iter()
            .all(|arn| **arn == cluster.to_string()),
        "{case}"
    );
    assert!(
        table
            .texts("properties.eksClusterName")
            .iter()
            .all(|name| *name == "cluster-one"),
        "{case}"
    );
}

#[tokio::test]
async fn every_convertible_response_becomes_a_table_with_its_rows_and_sums() {
    for (file, set) in CONVERTIBLE {
        let lake = Lake::new().await;
        let case = format!("{file} {set:?}");
        let response = recordings::read(file);
        let rows = rows(&response, set);
        assert!(!rows.is_empty(), "{case}");
        let run = staging::run(1);
        let outcome = lake.deliver(Staging::of(run, &response, set, None)).await;
        let TransformOutcome::Written {
            rows: written,
            total_cost,
            raw_bytes,
            ..
        } = outcome
        else {
            panic!("{case}: {outcome:?} {:?}", lake.quarantine(run));
        };
        let table = lake.table();
        assert_eq!(written, rows.len() as u64, "{case}");
        assert_eq!(table.rows.num_rows(), rows.len(), "{case}");
        assert_eq!(raw_bytes, response.len() as u64, "{case}");
        assert_eq!(table.footer("total_cost"), total_cost.to_string(), "{case}");
        assert_eq!(table.footer("rows"), rows.len().to_string(), "{case}");
        compare_numbers(&table, &rows, &case);
        compare_texts(&table, &rows, &case);
    }
}

#[tokio::test]
async fn pages_become_one_table() {
    let lake = Lake::new().await;
    let pages = [
        "shapes/provider_ids.json",
        "shapes/special_rows.json",
        "shapes/texts.json",
    ]
    .map(recordings::read);
    let mut staging = Staging::empty(staging::run(1));
    for page in &pages {
        staging.add_page(page, None);
    }
    let outcome = lake.deliver(staging).await;
    assert!(
        matches!(outcome, TransformOutcome::Written { rows: 17, .. }),
        "{outcome:?}"
    );
    let all: Vec<_> = pages.iter().flat_map(|page| rows(page, None)).collect();
    compare_numbers(&lake.table(), &all, "pages");
    compare_texts(&lake.table(), &all, "pages");
}

#[tokio::test]
async fn special_rows_keep_their_costs() {
    let lake = Lake::new().await;
    lake.deliver(Staging::of(
        staging::run(1),
        &recordings::read("shapes/special_rows.json"),
        None,
        None,
    ))
    .await;
    let table = lake.table();
    for (row, cost) in [
        ("one/node-1/__idle__", 2.0),
        ("__idle__", -186.57),
        ("one//__unmounted__/__unmounted__/__unmounted__", 0.75),
        ("one//ns/ns-unmounted-pvcs/__unmounted__", 0.25),
        ("__unallocated__", 2.0),
    ] {
        assert_eq!(table.number(row, "totalCost"), Some(cost), "{row}");
    }
    assert_eq!(table.text("__idle__", "properties.cluster"), "one");
    assert_eq!(table.text("__idle__", "properties.node"), "");
}

#[tokio::test]
async fn a_day_without_rows_is_no_object_and_takes_none_away() {
    let lake = Lake::new().await;
    let without_parts = |run| Staging::empty(staging::run(run));
    let without_rows = |run, body: &str| Staging::of(staging::run(run), body, None, None);
    assert_eq!(lake.deliver(without_parts(1)).await, TransformOutcome::Empty);
    let recorded = recordings::read("opencost/alloc_empty_future.json");
    for body in [
        recorded.as_str(),
        r#"{"code":200,"data":[]}"#,
        r#"{"code":200,"data":[null]}"#,
    ] {
        assert_eq!(
            lake.deliver(without_rows(2, body)).await,
            TransformOutcome::Empty,
            "{body}"
        );
    }
    assert!(lake.is_empty());
    lake.deliver(Staging::of(
        staging::run(3),
        &recordings::read("kubecost/kubecost_allocation_1day.json"),
        None,
        None,
    ))
    .await;
    assert_eq!(lake.deliver(without_parts(4)).await, TransformOutcome::Empty);
    assert_eq!(lake.deliver(without_rows(5, &recorded)).await, TransformOutcome::Empty);
    assert_eq!(lake.table().rows.num_rows(), 16);
}
