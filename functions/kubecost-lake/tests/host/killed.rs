//! The process is killed as soon as a certain file appears, and run again.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use kubecost_lake::{simulator::SimulatedSource, summary::LakeSummary};

use crate::support::{arn, days, generated, start};

/// Beginning and end of the paths of files that a run writes, in the order in which it writes them.
const POINTS: [(&str, &str); 7] = [
    ("staging/", "/inventory.json"),
    ("staging/", ".zst"),
    ("staging/", "/manifest.json"),
    // Metadata and ETag of a lake object, just before the object itself.
    (".bucket/metadata/lake/", ".parquet.json"),
    ("lake/", ".parquet"),
    ("staging/", "/manifest.json"),
    ("lake/", ".parquet"),
];

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

/// The files below a directory with such a path. A folder that is removed meanwhile has none.
fn files(root: &Path, (beginning, end): (&str, &str)) -> BTreeSet<PathBuf> {
    let (mut found, mut folders) = (BTreeSet::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(root).unwrap().to_str().unwrap();
            if relative.starts_with(beginning) && relative.ends_with(end) {
                found.insert(path);
            }
        }
    }
    found
}

/// Kills a process once it has written a new file with such a path.
fn kill_at(mut child: Child, lake: &Path, point: (&str, &str), before: &BTreeSet<PathBuf>) {
    while files(lake, point).is_subset(before) {
        assert_eq!(child.try_wait().unwrap(), None, "ended without writing {point:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "ended before it was killed at {point:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lake_is_whole_and_right_after_a_kill_at_any_point() {
    let days = days();
    let mut cluster = generated("shop", &days);
    cluster.containers = 400;
    let rows = cluster.rows();
    let source = SimulatedSource::kubecost(cluster).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let lake = directory.path();
    for point in POINTS {
        let before = files(lake, point);
        let child = collect(lake, &source.url).spawn().unwrap();
        tokio::task::block_in_place(|| kill_at(child, lake, point, &before));
        // Whatever is in the lake can be read to the end, and is a whole day.
        let host = start(lake).await;
        let summary = LakeSummary::read(lake.to_owned()).await.unwrap();
        for cluster in summary.clusters.values() {
            assert_eq!(cluster.rows as usize, rows * cluster.days.len(), "{point:?}");
        }
        host.stop().await;
    }
    let status = tokio::task::block_in_place(|| collect(lake, &source.url).status());
    assert!(status.unwrap().success());
    let summary = LakeSummary::read(lake.to_owned()).await.unwrap();
    let found = &summary.clusters[arn("shop").id()];
    assert_eq!(found.days, days.iter().copied().collect::<BTreeSet<_>>());
    assert_eq!(found.rows as usize, rows * days.len());
}
