//! `retire` as an operator runs it, on a lake in a directory and on a bucket.

use std::{
    path::Path,
    process::{Command, Output},
};

use kubecost_lake::host::Host;

use crate::{
    commands,
    support::{arn, audit, days, run, source, start},
};

const NAMES: [&str; 3] = ["clusters", "retired_clusters", "silent_clusters"];

/// Runs the command; gives its exit status, and what it printed.
fn retire(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubecost-lake"));
    command
        .arg("retire")
        .args(arguments)
        .envs(environment.iter().copied())
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let Output { status, stdout, stderr } = command.output().unwrap();
    let printed = [stdout, stderr].concat();
    (status.code(), String::from_utf8(printed).unwrap())
}

async fn counts(host: &Host) -> [u64; 3] {
    let report = audit(host).await;
    NAMES.map(|name| report[name].as_u64().unwrap())
}

/// Starts the host for the time of one audit.
async fn counts_in(directory: &Path) -> [u64; 3] {
    let host = start(directory).await;
    let counts = counts(&host).await;
    host.stop().await;
    counts
}

#[tokio::test]
async fn a_cluster_of_a_lake_in_a_directory_is_retired_until_it_is_undone() {
    let directory = tempfile::tempdir().unwrap();
    let lake = directory.path().to_str().unwrap();
    let host = start(directory.path()).await;
    run(&host, "shop", &source("shop", &days()).await).await;
    host.stop().await;
    let shop = arn("shop").to_string();
    let on_lake = |cluster: &str, more: &[&str]| {
        let arguments = ["--lake", lake, "--cluster", cluster];
        retire(&[&arguments, more].concat(), &[])
    };

    let (status, printed) = on_lake(&arn("shops").to_string(), &[]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("does not know arn:aws:eks"), "{printed}");
    let (status, printed) = on_lake(&shop, &["--undo"]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("is not retired"), "{printed}");
    assert_eq!(counts_in(directory.path()).await, [1, 0, 0]);

    let (status, printed) = on_lake(&shop, &[]);
    assert_eq!(status, Some(0), "{printed}");
    for text in [
        "is retired",
        "its days stay in the lake",
        "newest inventory at",
        "--undo",
    ] {
        assert!(printed.contains(text), "{printed}");
    }
    assert_eq!(counts_in(directory.path()).await, [0, 1, 0]);
    let (_, printed, _) = commands::run(&["status", "--lake", lake], &[]);
    let row = printed
        .lines()
        .find(|line| line.contains("retired"))
        .unwrap_or_default();
    assert!(row.contains(&arn("shop").id().to_string()), "{printed}");
    let (status, printed) = on_lake(&shop, &["--undo"]);
    assert_eq!(status, Some(0), "{printed}");
    assert_eq!(counts_in(directory.path()).await, [1, 0, 0]);
}

#[tokio::test]
async fn a_cluster_of_a_bucket_is_retired_until_it_sends_an_inventory() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let source = source("shop", &days()).await;
    run(&host, "shop", &source).await;
    let shop = arn("shop").to_string();
    let arguments = ["--bucket", local_bucket::BUCKET_NAME, "--cluster", shop.as_str()].map(str::to_owned);
    let environment = [
        ("AWS_ENDPOINT_URL", host.bucket.endpoint.clone()),
        ("AWS_REGION", local_bucket::REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", host.bucket.access_key.clone()),
        ("AWS_SECRET_ACCESS_KEY", host.bucket.secret_key.clone()),
    ];
    // The bucket's server is in this process, so that the thread must not wait.
    let (status, printed) = tokio::task::spawn_blocking(move || {
        let arguments = arguments.each_ref().map(String::as_str);
        let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
        retire(&arguments, &environment)
    })
    .await
    .unwrap();
    assert_eq!(status, Some(0), "{printed}");
    assert_eq!(counts(&host).await, [0, 1, 0]);
    // The cluster is set up again.
    run(&host, "shop", &source).await;
    assert_eq!(counts(&host).await, [1, 0, 0]);
}

#[test]
fn a_directory_that_does_not_exist_is_not_created() {
    let directory = tempfile::tempdir().unwrap();
    let lake = directory.path().join("leak");
    let arguments = ["--lake", lake.to_str().unwrap(), "--cluster", &arn("shop").to_string()];
    let (status, printed) = retire(&arguments, &[]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("there is no directory"), "{printed}");
    assert!(!lake.exists());
}
