//! `collect` against saved answers.

use std::{fs::File, process::Command};

use contract::documents::SourceKind;
use exporter::Days;
use kubecost_lake::{collect::Outcome, simulator::Source};

use crate::support::{arn, period, source_settings, start};

async fn collect(kind: SourceKind, allocation: &str, assets: &str, days: Days) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let source = Source::saved(kind, allocation, assets).await.unwrap();
    host.collect(arn("saved"), source_settings(&source.url), period(), None, &days)
        .await
        .unwrap()
}

fn total(answer: &str) -> (u64, f64) {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    let sets = answer["data"].as_array().unwrap();
    let rows = sets.iter().filter_map(|set| set.as_object()).flatten();
    rows.fold((0, 0.0), |(count, sum), (_, row)| {
        (count + 1, sum + row["totalCost"].as_f64().unwrap())
    })
}

const OPENCOST: &str = recordings::OPENCOST_ALLOCATION;
const OPENCOST_ASSETS: &str = recordings::OPENCOST_ASSETS;
const KUBECOST: &str = include_str!("../../../../shared/recordings/kubecost/kubecost_allocation_1day.json");
const KUBECOST_ASSETS: &str = include_str!("../../../../shared/recordings/kubecost/kubecost_assets_1day_nodes.json");

fn given() -> Days {
    Days::Given(vec!["2026-11-20".parse().unwrap()])
}

fn check(outcome: &Outcome, answer: &str) {
    assert!(outcome.is_success(), "{outcome:?}");
    let cluster = &outcome.lake.clusters[arn("saved").id()];
    let (rows, cost) = total(answer);
    assert_eq!(cluster.rows, rows);
    assert!(
        (cluster.total_cost() - cost).abs() <= 1e-9 * cost,
        "{} {cost}",
        cluster.total_cost()
    );
}

#[tokio::test]
async fn saved_bodies_of_both_sources_become_the_table() {
    check(
        &collect(SourceKind::Opencost, OPENCOST, OPENCOST_ASSETS, given()).await,
        OPENCOST,
    );
    check(
        &collect(SourceKind::Kubecost, KUBECOST, KUBECOST_ASSETS, given()).await,
        KUBECOST,
    );
}

#[tokio::test]
async fn a_source_that_answers_everything_with_its_allocations_gives_them_all_the_same() {
    check(
        &collect(SourceKind::Kubecost, KUBECOST, KUBECOST, given()).await,
        KUBECOST,
    );
}

#[tokio::test]
async fn what_is_no_day_of_containers_is_refused_and_said() {
    for (body, expected) in [
        (
            include_str!("../../../../shared/recordings/opencost/alloc_summary_1day.json"),
            "are not rows",
        ),
        (r#"{"code":500,"data":null,"message":"boom"}"#, "500"),
        ("<html>Sign in</html>", "Sign in"),
        (&KUBECOST[..KUBECOST.len() - 40], "cut short"),
    ] {
        let outcome = collect(SourceKind::Kubecost, body, KUBECOST_ASSETS, given()).await;
        assert!(!outcome.is_success() && outcome.lake.clusters.is_empty(), "{outcome:?}");
        let problems = kubecost_lake::demo::problems(&outcome);
        assert!(problems.contains(expected), "{problems}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_cannot_be_written_ends_nothing() {
    let source = Source::saved(SourceKind::Kubecost, KUBECOST, KUBECOST_ASSETS)
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
