//! What the table has about nodes.

use end_to_end::staging::{self, Staging};
use transform::TransformOutcome;

use super::{Lake, table::Table};

const COLUMNS: [&str; 9] = [
    "properties.provider",
    "properties.region",
    "properties.node_instance_type",
    "properties.node_availability_zone",
    "properties.node_capacity_type",
    "properties.node_architecture",
    "properties.node_os",
    "properties.node_nodegroup",
    "properties.node_nodegroup_image",
];

async fn convert(allocation: &str, assets: Option<&str>) -> Table {
    let lake = Lake::new().await;
    let assets = assets.map(recordings::read);
    let staging = Staging::of(staging::run(1), &recordings::read(allocation), None, assets.as_deref());
    let outcome = lake.deliver(staging).await;
    assert!(matches!(outcome, TransformOutcome::Written { .. }), "{outcome:?}");
    lake.table()
}

fn node<'a>(table: &'a Table, row: &str) -> [&'a str; 9] {
    COLUMNS.map(|column| table.text(row, column))
}

const NODE_1: [&str; 9] = [
    "AWS",
    "us-east-1",
    "m5.large",
    "us-east-1a",
    "ON_DEMAND",
    "amd64",
    "linux",
    "ng-1",
    "ami-1",
];
const NODE_2: [&str; 9] = [
    "AWS",
    "us-east-1",
    "m6g.large",
    "us-east-1b",
    "spot",
    "arm64",
    "linux",
    "default",
    "ami-2",
];
const NODE_9: [&str; 9] = [
    "AWS",
    "eu-west-1",
    "c7g.large",
    "eu-west-1c",
    "spot",
    "arm64",
    "linux",
    "pool-9",
    "ami-9",
];

#[tokio::test]
async fn rows_find_their_node_by_provider_id_name_or_labels() {
    // Kubecost responds with a list of sets, OpenCost with one set.
    for assets in [
        "shapes/provider_ids_assets.json",
        "shapes/provider_ids_assets_object.json",
    ] {
        let table = convert("shapes/provider_ids.json", Some(assets)).await;
        for (row, expected) in [
            ("aws", NODE_1),
            ("aws-with-zone", NODE_1),
            ("by-name", NODE_2),
            ("one/node-2/__idle__", NODE_2),
            ("by-labels", NODE_9),
            (
                "azure",
                ["Azure", "westeurope", "Standard_D4s_v3", "", "", "", "", "", ""],
            ),
            ("gcp", ["GCP", "europe-west1", "e2-standard-4", "", "", "", "", "", ""]),
            ("nothing-known", [""; 9]),
        ] {
            assert_eq!(node(&table, row), expected, "{assets}: {row}");
        }
    }
}

#[tokio::test]
async fn more_nodes_than_fit_into_memory_leave_the_columns_to_labels() {
    let lake = Lake::new().await;
    let text = "x".repeat(1_000);
    let nodes: Vec<String> = (0..16_000)
        .map(|node| {
            let name = format!("{node}-{text}");
            format!(
                r#""a/{name}/{name}":{{"type":"Node","nodeType":"m5.large","properties":{{"providerID":"{name}","name":"{name}"}}}}"#
            )
        })
        .collect();
    let assets = format!(r#"{{"code":200,"data":[{{{}}}]}}"#, nodes.join(","));
    let allocation = recordings::read("shapes/provider_ids.json");
    let outcome = lake
        .deliver(Staging::of(staging::run(1), &allocation, None, Some(&assets)))
        .await;
    assert!(matches!(outcome, TransformOutcome::Written { .. }), "{outcome:?}");
    let table = lake.table();
    assert_eq!(table.footer("nodes_left_out"), "16000");
    assert_eq!(node(&table, "by-labels"), NODE_9);
    assert_eq!(node(&table, "by-name"), [""; 9]);
}

#[tokio::test]
async fn without_assets_labels_tell() {
    let table = convert("shapes/provider_ids.json", None).await;
    assert_eq!(node(&table, "by-labels"), NODE_9);
    assert_eq!(node(&table, "by-name"), [""; 9]);
}

#[tokio::test]
async fn recorded_responses_join() {
    let kubecost = convert(
        "kubecost/kubecost_allocation_1day.json",
        Some("kubecost/kubecost_assets_1day_nodes.json"),
    )
    .await;
    let idle = node(&kubecost, "cluster-one/ip-10-123-0-0.ec2.internal/__idle__");
    assert_eq!(
        idle,
        [
            "AWS",
            "us-east-1",
            "c6i.4xlarge",
            "us-east-1a",
            "ON_DEMAND",
            "amd64",
            "linux",
            "ng-0",
            "ami-0adb94f3ee21b56cf"
        ]
    );
    assert_eq!(
        node(&kubecost, "cluster-one//__unmounted__/__unmounted__/__unmounted__"),
        [""; 9]
    );
    let opencost = convert("opencost/alloc_default_1day.json", Some("opencost/assets_1day.json")).await;
    assert!(
        opencost
            .texts("properties.node_nodegroup")
            .iter()
            .all(|group| *group == "ng-1")
    );
    let types = opencost.texts("properties.node_instance_type");
    assert_eq!(types.iter().filter(|kind| **kind == "m5.large").count(), 5);
    assert_eq!(types.iter().filter(|kind| **kind == "g4dn.xlarge").count(), 4);
}
