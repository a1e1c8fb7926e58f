//! The process is killed at any moment, and run again.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use kubecost_lake::report::LakeReport;

use crate::support::{arn, days, generated, start};

fn collect(lake: &Path, source: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubecost-lake"));
    command
        .args([
            "collect",
            "--cluster",
            &arn("shop").to_string(),
            "--source",
            source,
            "--lake",
        ])
        .arg(lake)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lake_is_whole_and_right() {
    let days = days();
    let mut cluster = generated("shop", &days);
    cluster.containers = 400;
    let rows = cluster.rows();
    let source = kubecost_lake::simulator::Source::kubecost(cluster).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let lake = directory.path();
    for milliseconds in [30, 120, 250, 1100, 1300, 1500, 1700, 1900, 2300] {
        let mut child = collect(lake, &source.url).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        // Whatever is in the lake can be read to the end, and is a whole day.
        let host = start(lake).await;
        let report = LakeReport::read(&host.store, lake).await.unwrap();
        for cluster in report.clusters.values() {
            assert_eq!(cluster.rows as usize, rows * cluster.days.len());
        }
        host.stop().await;
    }
    let url = source.url.clone();
    let status = tokio::task::spawn_blocking({
        let lake = lake.to_owned();
        move || collect(&lake, &url).status().unwrap()
    });
    assert!(status.await.unwrap().success());
    let host = start(lake).await;
    let report = LakeReport::read(&host.store, lake).await.unwrap();
    let found = &report.clusters[arn("shop").id()];
    assert_eq!(found.days, days.iter().copied().collect::<BTreeSet<_>>());
    assert_eq!(found.rows as usize, rows * days.len());
}
