//! `collect` from saved responses.

use std::{fs::File, process::Command};

use contract::documents::SourceKind;
use exporter::Days;
use kubecost_lake::{collect::CollectOutcome, simulator::SimulatedSource};

use crate::support::{arn, period, source_settings, start};

async fn collect(kind: SourceKind, allocation: &str, assets: &str, days: Days) -> CollectOutcome {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let source = SimulatedSource::saved(kind, allocation, assets).await.unwrap();
    host.collect(arn("saved"), source_settings(&source.url), period(), None, &days)
        .await
        .unwrap()
}

fn total(body: &str) -> (u64, f64) {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let sets = body["data"].as_array().unwrap();
    let rows = sets.iter().filter_map(|set| set.as_object()).flatten();
    rows.fold((0, 0.0), |(count, sum), (_, row)| {
        (count + 1, sum + row["totalCost"].as_f64().unwrap())
    })
}

/// Allocations and assets of a source.
fn recorded(kind: SourceKind) -> [String; 2] {
    match kind {
        SourceKind::Opencost => ["opencost/alloc_default_1day.json", "opencost/assets_1day.json"],
        SourceKind::Kubecost => [
            "kubecost/kubecost_allocation_1day.json",
            "kubecost/kubecost_assets_1day_nodes.json",
        ],
    }
    .map(recordings::read)
}

fn given() -> Days {
    Days::Given(vec!["2026-11-20".parse().unwrap()])
}

fn check(outcome: &CollectOutcome, body: &str) {
    assert!(outcome.is_success(), "{outcome:?}");
    let cluster = &outcome.lake.clusters[arn("saved").id()];
    let (rows, cost) = total(body);
    assert_eq!(cluster.rows, rows);
    assert!(
        (cluster.total_cost("USD") - cost).abs() <= 1e-9 * cost,
        "{} {cost}",
        cluster.total_cost("USD")
    );
}

#[tokio::test]
async fn saved_bodies_of_both_sources_become_the_table() {
    for kind in [SourceKind::Opencost, SourceKind::Kubecost] {
        let [allocation, assets] = recorded(kind);
        check(&collect(kind, &allocation, &assets, given()).await, &allocation);
    }
}

#[tokio::test]
async fn a_source_that_responds_to_everything_with_its_allocations_gives_them_all_the_same() {
    let [allocation, _] = recorded(SourceKind::Kubecost);
    check(
        &collect(SourceKind::Kubecost, &allocation, &allocation, given()).await,
        &allocation,
    );
}

#[tokio::test]
async fn a_response_without_a_day_of_containers_is_refused_with_the_reason() {
    let [allocation, assets] = recorded(SourceKind::Kubecost);
    let summary = recordings::read("opencost/alloc_summary_1day.json");
    for (body, expected) in [
        (summary.as_str(), "are not rows"),
        (r#"{"code":500,"data":null,"message":"boom"}"#, "500"),
        ("<html>Sign in</html>", "Sign in"),
        (&allocation[..allocation.len() - 40], "cut short"),
    ] {
        let outcome = collect(SourceKind::Kubecost, body, &assets, given()).await;
        assert!(!outcome.is_success() && outcome.lake.clusters.is_empty(), "{outcome:?}");
        let problems = kubecost_lake::demo::problems(&outcome);
        assert!(problems.contains(expected), "{problems}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_cannot_be_written_ends_nothing() {
    let [allocation, assets] = recorded(SourceKind::Kubecost);
    let source = SimulatedSource::saved(SourceKind::Kubecost, &allocation, &assets)
        .await
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let full = || File::create("/dev/full").unwrap();
    let cluster = arn("saved").to_string();
    let lake = directory.path().to_str().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_kubecost-lake"))
        .args([
            "collect",
            "--verbose",
            "--cluster",
            &cluster,
            "--source",
            &source.url,
            "--lake",
            lake,
        ])
        .args(["--from", "2026-11-20", "--to", "2026-11-20"])
        .stdout(full())
        .stderr(full())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
}
