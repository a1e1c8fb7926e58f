//! The table of assets: what is in it, whether the bill adds up with it, and that it belongs to the day's allocations.

use contract::{
    documents::{AssetScope, AssetsState},
    keys::Prefixes,
    record::DayRecord,
    run::RunId,
};
use end_to_end::staging::{self, Staging};
use futures_util::future::join_all;
use serde_json::Value;
use transform::{TransformError, TransformOutcome};

use super::{Lake, leaves::moved, table::Table};

fn assets_key() -> String {
    Prefixes::default().assets_object(staging::cluster().id(), staging::day())
}

impl Lake {
    fn assets(&self) -> Table {
        Table::read(self.bucket.get(&assets_key()).unwrap())
    }

    /// The runs of the day's object and of its assets.
    fn runs(&self) -> [Option<RunId>; 2] {
        let run = |key: String| self.bucket.get(&key)?.metadata.get("run")?.parse().ok();
        [run(super::lake_key()), run(assets_key())]
    }
}

/// A recorded day: allocations, assets, and the day that they were recorded of.
struct Recorded(&'static str, &'static str, &'static str);

const OPENCOST_2: Recorded = Recorded(
    "opencost-2/alloc_container_1day.json",
    "opencost-2/assets_1day.json",
    "2026-11-21",
);
const OPENCOST_1: Recorded = Recorded(
    "opencost/alloc_idle_bynode.json",
    "opencost/assets_1day.json",
    "2026-11-20",
);

impl Recorded {
    fn assets(&self) -> String {
        moved(&recordings::read(self.1), self.2)
    }

    fn staged(&self, run: u32, scope: AssetScope) -> Staging {
        let allocations = moved(&recordings::read(self.0), self.2);
        let mut staging = Staging::of(staging::run(run), &allocations, None, None);
        staging.add_counted_assets(&self.assets(), scope);
        staging
    }
}

fn written(outcome: &TransformOutcome) -> bool {
    matches!(outcome, TransformOutcome::Written { .. })
}

fn sum(table: &Table, column: &str) -> f64 {
    table.numbers(column).into_iter().flatten().sum()
}

/// What sources charge for traffic between zones and to the internet: only allocations have it.
const NETWORK: [&str; 2] = ["networkCost", "networkCostAdjustment"];

/// The most by which allocations and uncovered assets may differ from the source's assets and network costs, of the
/// bill. OpenCost rounds each number to 5 decimals, and attributes a pod that moves to both of its nodes for some
/// minutes: 0.02 of 46.98 on the recorded day.
const TOLERANCE: f64 = 0.001;

#[tokio::test]
async fn allocations_and_uncovered_assets_are_the_sources_bill() {
    for (recorded, uncovered) in [
        (OPENCOST_2, &["ClusterManagement", "Disk __local__"][..]),
        (OPENCOST_1, &["Disk __local__"]),
    ] {
        let lake = Lake::new().await;
        let outcome = lake.deliver(recorded.staged(1, AssetScope::All)).await;
        assert!(written(&outcome), "{outcome:?}");
        let (allocations, assets) = (lake.table(), lake.assets());
        let from_source: f64 = staging::rows(&recorded.assets(), None)
            .iter()
            .map(|(_, asset)| staging::number(asset, "totalCost"))
            .sum();
        assert!((sum(&assets, "totalCost") - from_source).abs() < 1e-9);
        let network: f64 = NETWORK.iter().map(|column| sum(&allocations, column)).sum();
        let mut bill = sum(&allocations, "totalCost");
        let mut found = Vec::new();
        for row in 0..assets.rows.num_rows() {
            if assets.cell("covered", row) == Value::Bool(false) {
                bill += assets.numbers("totalCost")[row].unwrap();
                let kind = format!("{} {}", assets.texts("type")[row], assets.texts("storageClass")[row]);
                found.push(kind.trim_end().to_owned());
            }
        }
        found.sort();
        found.dedup();
        assert_eq!(found, uncovered, "{}", recorded.1);
        let expected = from_source + network;
        assert!((bill - expected).abs() <= TOLERANCE * expected, "{bill} {expected}");
        // Without the table, the bill lacks more than that.
        assert!((sum(&allocations, "totalCost") - expected).abs() > TOLERANCE * expected);
        let uncovered: f64 = assets.footer("uncovered_cost").parse().unwrap();
        assert!((bill - sum(&allocations, "totalCost") - uncovered).abs() < 1e-9);
        assert_eq!((assets.footer("scope"), assets.footer("unknown_fields")), ("all", "0"));
        assert!(assets.texts("scope").iter().all(|scope| *scope == "all"));
    }
}

#[tokio::test]
async fn where_there_are_only_nodes_each_row_and_the_record_say_so() {
    let kubecost = recordings::read("kubecost/kubecost_assets_1day_nodes.json");
    let lake = Lake::new().await;
    let mut staging = Staging::of(
        staging::run(1),
        &recordings::read("kubecost/kubecost_allocation_1day.json"),
        None,
        None,
    );
    staging.add_counted_assets(&kubecost, AssetScope::Nodes);
    assert!(written(&lake.deliver(staging).await));
    let assets = lake.assets();
    assert_eq!(assets.texts("scope"), ["nodes", "nodes"]);
    assert_eq!(assets.cell("covered", 0), Value::Bool(true));
    assert_eq!(assets.footer("scope"), "nodes");
    let record = DayRecord::from_metadata(Some(lake.table().footer("day"))).unwrap();
    assert_eq!(record.asset_scope, Some(AssetScope::Nodes));
    assert_eq!(assets.texts("properties.clusterid"), [staging::CLUSTER; 2]);
    assert_eq!(assets.texts("properties.eksClusterName"), ["cluster-one"; 2]);
    assert_eq!(assets.texts("capacityType"), ["on-demand"; 2]);
}

/// The column of a field of an asset.
fn column(path: &str) -> String {
    match path {
        "start" | "end" => format!("observed.{path}"),
        "GPUHours" => "gpuHours".to_owned(),
        path => path.to_owned(),
    }
}

fn compare(table: &Table, row: usize, path: &str, value: &Value) -> usize {
    if path == "labels" {
        let labels = table.cell("labels", row);
        assert_eq!(&labels, value, "{path}");
        return labels.as_object().map_or(0, serde_json::Map::len);
    }
    if value.is_null() && path == "overhead" {
        return 0;
    }
    if let Value::Object(fields) = value {
        let below = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        return fields
            .iter()
            .map(|(name, value)| compare(table, row, &below(name), value))
            .sum();
    }
    let found = table.cell(&column(path), row);
    let time = |text: &str| {
        text.parse::<chrono::DateTime<chrono::Utc>>()
            .map(|time| time.timestamp_millis())
    };
    match (value, &found) {
        (Value::Number(number), found) => assert_eq!(found.as_f64(), number.as_f64(), "{path}"),
        (Value::String(text), Value::Number(found)) => assert_eq!(found.as_i64(), time(text).ok(), "{path}"),
        (value, found) => assert_eq!(found, value, "{path}"),
    }
    1
}

#[tokio::test]
async fn every_field_of_recorded_assets_is_in_its_cell() {
    for (file, day) in [
        ("opencost-2/assets_1day.json", "2026-11-21"),
        ("opencost-2/assets_nodes.json", "2026-11-21"),
        ("opencost-2/collector_assets_nodes.json", "2026-11-24"),
        ("opencost/assets_1day.json", "2026-11-20"),
        ("opencost/assets_1day_nodes.json", "2026-11-20"),
        ("kubecost/kubecost_assets_1day_nodes.json", "2026-11-20"),
        ("cases/assets-one-node.json", "2026-11-20"),
    ] {
        let response = moved(&recordings::read(file), day);
        let lake = Lake::new().await;
        // Rows without a cluster accept assets of any.
        let allocation = r#"{"code":200,"data":[{"a":{"name":"a","minutes":1440,"totalCost":1}}]}"#;
        let mut staging = Staging::of(staging::run(1), allocation, None, None);
        staging.add_counted_assets(&response, AssetScope::All);
        assert!(written(&lake.deliver(staging).await), "{file}");
        let table = lake.assets();
        let assets = staging::rows(&response, None);
        assert_eq!(table.rows.num_rows(), assets.len());
        let mut compared = 0;
        for (key, asset) in &assets {
            let row = table.texts("key").iter().position(|known| known == key).unwrap();
            compared += compare(&table, row, "", asset);
        }
        assert!(compared > 15 * assets.len(), "{file}: {compared}");
        assert_eq!(table.footer("unknown_fields"), "0", "{file}");
        let totals: Value = serde_json::from_str(table.footer("totals")).unwrap();
        let total = totals["totalCost"].as_f64().unwrap();
        assert!((total - sum(&table, "totalCost")).abs() < 1e-9);
    }
}

#[tokio::test]
async fn assets_that_are_not_what_the_exporter_counted_are_quarantined() {
    for change in [
        |staging: &mut Staging| staging.manifest.facts.asset_set.as_mut().unwrap().rows += 1,
        |staging: &mut Staging| staging.manifest.facts.asset_set.as_mut().unwrap().total_cost += 0.01,
    ] {
        let lake = Lake::new().await;
        let mut staging = OPENCOST_2.staged(1, AssetScope::All);
        change(&mut staging);
        let outcome = lake.deliver(staging).await;
        assert_eq!(outcome, TransformOutcome::Quarantined { reason: "assets" });
        assert!(lake.is_empty() && lake.bucket.keys("assets/").is_empty());
    }
}

#[tokio::test]
async fn assets_of_other_clusters_of_the_source_are_left_out() {
    let lake = Lake::new().await;
    let allocation = r#"{"code":200,"data":[{"a":{"name":"a","minutes":1440,"totalCost":1,"sharedCost":1,
        "properties":{"cluster":"one"}}}]}"#;
    let assets = r#"{"code":200,"data":[{
        "k1":{"type":"ClusterManagement","properties":{"cluster":"one"},"totalCost":1},
        "k2":{"type":"ClusterManagement","properties":{"cluster":"two"},"totalCost":9},
        "k3":{"type":"Cloud","properties":{"name":"bucket"},"totalCost":70}}]}"#;
    let mut staging = Staging::of(staging::run(1), allocation, None, None);
    staging.add_counted_assets(assets, AssetScope::All);
    assert!(written(&lake.deliver(staging).await));
    let table = lake.assets();
    assert_eq!(table.texts("key"), ["k1", "k3"]);
    // The shared costs are those of this cluster's fee; whose cost the bucket is, nothing says.
    assert_eq!(
        [0, 1].map(|row| table.cell("covered", row)),
        [Value::Bool(true), Value::Null]
    );
    assert_eq!(table.footer("rows_of_other_clusters"), "1");
    assert_eq!(table.footer("undecided_cost"), "70");
}

#[tokio::test]
async fn assets_come_first_and_the_day_is_not_current_without_them() {
    let lake = Lake::new().await;
    lake.bucket.break_writes(&super::lake_key(), 1);
    let key = OPENCOST_2.staged(1, AssetScope::All).stage(&lake.bucket);
    assert!(lake.function.transform_manifest(&key).await.is_err());
    assert_eq!(lake.runs(), [None, Some(staging::run(1))]);
    assert!(written(&lake.redeliver(staging::run(1)).await.unwrap()));
    assert_eq!(lake.runs(), [Some(staging::run(1)); 2]);

    // A set whose assets cannot be written does not become the day.
    lake.bucket.break_writes(&assets_key(), 1);
    let key = OPENCOST_2.staged(2, AssetScope::All).stage(&lake.bucket);
    assert!(lake.function.transform_manifest(&key).await.is_err());
    assert_eq!(lake.runs(), [Some(staging::run(1)); 2]);
    assert_eq!(lake.bucket.open_uploads(), 0);
}

#[tokio::test]
async fn a_set_that_is_not_the_day_does_not_replace_its_assets_and_one_without_assets_keeps_them() {
    let lake = Lake::new().await;
    assert!(written(&lake.deliver(OPENCOST_2.staged(2, AssetScope::All)).await));
    // Older, and thinner.
    assert_eq!(
        lake.deliver(OPENCOST_2.staged(1, AssetScope::All)).await,
        TransformOutcome::AlreadyCurrent
    );
    let poorer = moved(
        &recordings::read("opencost-2/alloc_two_clusters_filtered.json"),
        "2026-11-13",
    );
    let mut poorer = Staging::of(staging::run(3), &poorer, None, None);
    poorer.add_counted_assets(&OPENCOST_2.assets(), AssetScope::All);
    let outcome = lake.deliver(poorer).await;
    assert!(matches!(outcome, TransformOutcome::Thinner { .. }), "{outcome:?}");
    assert_eq!(lake.runs(), [Some(staging::run(2)); 2]);
    // A newer set of the same rows whose assets the source did not give.
    let allocations = moved(&recordings::read(OPENCOST_2.0), OPENCOST_2.2);
    let mut without = Staging::of(staging::run(4), &allocations, None, None);
    without.manifest.facts.assets = AssetsState::Unavailable;
    assert!(written(&lake.deliver(without).await));
    assert_eq!(lake.runs(), [4, 2].map(|run| Some(staging::run(run))));
    assert_eq!(lake.assets().rows.num_rows(), 22);
}

#[tokio::test]
async fn assets_that_are_missing_or_another_sets_are_written_again_with_the_next_delivery() {
    let lake = Lake::new().await;
    assert!(written(&lake.deliver(OPENCOST_2.staged(2, AssetScope::All)).await));
    OPENCOST_2.staged(1, AssetScope::All).stage(&lake.bucket);
    for run in [2, 1] {
        lake.bucket.remove(&assets_key());
        lake.redeliver(staging::run(run)).await.unwrap();
        assert_eq!(lake.runs(), [Some(staging::run(2)); 2], "{run}");
        lake.bucket.edit(&assets_key(), |object| {
            object.metadata.insert("run".to_owned(), staging::run(1).to_string());
        });
        lake.redeliver(staging::run(run)).await.unwrap();
        assert_eq!(lake.runs(), [Some(staging::run(2)); 2], "{run}");
    }
    // Other columns: as the day's own object, with the set's own delivery.
    lake.bucket.edit(&assets_key(), |object| {
        object.metadata.insert("table".to_owned(), "0-older".to_owned());
    });
    let current = |lake: &Lake| lake.bucket.get(&assets_key()).unwrap().metadata["table"] != "0-older";
    assert_eq!(
        lake.redeliver(staging::run(1)).await.unwrap(),
        TransformOutcome::AlreadyCurrent
    );
    assert!(!current(&lake));
    assert!(written(&lake.redeliver(staging::run(2)).await.unwrap()));
    assert!(current(&lake));
    // Without the staged set there is nothing to write them from.
    lake.bucket.remove(&assets_key());
    for key in lake.bucket.keys("staging/") {
        if key.contains(&staging::run(2).to_string()) {
            lake.bucket.remove(&key);
        }
    }
    assert_eq!(
        lake.redeliver(staging::run(1)).await.unwrap(),
        TransformOutcome::AlreadyCurrent
    );
    assert_eq!(lake.runs(), [Some(staging::run(2)), None]);
}

#[tokio::test]
async fn a_set_that_is_given_up_leaves_the_day_its_own_assets() {
    let lake = Lake::new().await;
    assert!(written(&lake.deliver(OPENCOST_2.staged(1, AssetScope::All)).await));
    // It wrote its assets, and could then no longer be read.
    lake.bucket.edit(&assets_key(), |object| {
        object.metadata.insert("run".to_owned(), staging::run(2).to_string());
    });
    let mut staging = OPENCOST_2.staged(2, AssetScope::All);
    staging.manifest.facts.asset_set.as_mut().unwrap().rows += 1;
    let outcome = lake.deliver(staging).await;
    assert_eq!(outcome, TransformOutcome::Quarantined { reason: "assets" });
    assert_eq!(lake.runs(), [Some(staging::run(1)); 2]);
}

#[tokio::test]
async fn days_from_before_the_table_are_no_gaps_and_get_it_when_they_are_written_again() {
    let lake = Lake::new().await;
    let allocations = moved(&recordings::read(OPENCOST_2.0), OPENCOST_2.2);
    let nodes = moved(&recordings::read("opencost-2/assets_nodes.json"), OPENCOST_2.2);
    let older = || Staging::of(staging::run(1), &allocations, None, Some(&nodes));
    assert!(written(&lake.deliver(older()).await));
    let record = DayRecord::from_metadata(Some(lake.table().footer("day"))).unwrap();
    assert_eq!(record.asset_scope, None);
    assert_eq!(lake.assets().texts("scope"), ["nodes"; 8]);
    // As a transform of before left it.
    lake.bucket.remove(&assets_key());
    assert_eq!(lake.deliver(older()).await, TransformOutcome::AlreadyCurrent);
    assert_eq!(lake.runs(), [Some(staging::run(1)), None]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_that_arrive_at_once_leave_the_assets_of_the_set_that_is_the_day() {
    for round in 0..8 {
        let lake = Lake::new().await;
        for run in 1..=3 {
            OPENCOST_2.staged(run, AssetScope::All).stage(&lake.bucket);
        }
        let runs = [1, 3, 2, 3, 1].map(staging::run);
        let outcomes = join_all(runs.map(|run| lake.redeliver(run))).await;
        for (run, outcome) in runs.into_iter().zip(outcomes) {
            // Each may write both objects, so that one of five may give up: Lambda delivers its event again.
            if let Err(error) = outcome {
                assert!(matches!(error, TransformError::Contended { .. }), "{error}");
                lake.redeliver(run).await.unwrap();
            }
        }
        assert_eq!(lake.runs(), [Some(staging::run(3)); 2], "round {round}");
        assert_eq!(lake.bucket.open_uploads(), 0);
    }
}
