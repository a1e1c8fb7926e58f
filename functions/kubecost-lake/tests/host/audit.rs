//! What the scheduled audit finds, and what it leaves alone.

use chrono::TimeDelta;
use contract::{
    day::Day,
    documents::{Manifest, Plan},
    run::RunId,
};
use kubecost_lake::host::Host;

use crate::support::{arn, audit, days, inventory, now, run, source, start};

/// An inventory of all days arrives, and its event is handled.
async fn send_inventory(host: &Host, name: &str, run: RunId) {
    let key = host.prefixes.inventory(arn(name).id(), &run);
    let document = inventory(name, run);
    host.store.put_document(&key, &document).await.unwrap();
    assert_eq!(host.dispatcher.settle().await, []);
}

async fn plan(host: &Host) -> Plan {
    let key = host.prefixes.plan(arn("shop").id());
    host.store.get_document(&key).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_day_out_of_range_is_rejected_and_harms_no_other_cluster() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    run(&host, "shop", &source("shop", &days()).await).await;
    let run_id = RunId::new(now());
    let document = inventory("odd", run_id);
    let mut document: serde_json::Value =
        serde_json::from_slice(&contract::documents::write(&document).unwrap()).unwrap();
    document["days"][0] = "+262142-12-31".into();
    let key = host.prefixes.inventory(arn("odd").id(), &run_id);
    let json = document.to_string().into_bytes();
    host.store.put_json(&key, json).await.unwrap();
    assert_eq!(host.dispatcher.settle().await, []);
    let report = audit(&host).await;
    let found = ["clusters", "refused_documents", "failed_clusters"].map(|name| &report[name]);
    assert_eq!(found, [2, 1, 0], "{report}");
}

#[tokio::test]
async fn the_plan_is_the_newest_runs_and_no_audit_replaces_it() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let (older, newer) = (
        RunId::new(now() - TimeDelta::hours(1)),
        RunId::new(now() - TimeDelta::minutes(1)),
    );
    // The older run's event comes late.
    for run in [newer, older] {
        send_inventory(&host, "shop", run).await;
    }
    let before = plan(&host).await;
    assert_eq!((before.run, before.days.len()), (newer, days().len()));
    let report = audit(&host).await;
    assert_eq!(report["gap_days"], days().len(), "{report}");
    assert_eq!(plan(&host).await, before);
}

#[tokio::test]
async fn while_a_run_is_collecting_what_is_missing_is_no_gap() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    send_inventory(&host, "shop", RunId::new(now())).await;
    let settings = backfill::settings::Settings::read(settings::Reader::new(|name| match name {
        "S3_BUCKET_NAME" => Some(local_bucket::BUCKET_NAME.to_owned()),
        "IN_FLIGHT_MINUTES" => Some("60".to_owned()),
        _ => None,
    }))
    .unwrap();
    for (minutes, gaps) in [(59, 0), (61, days().len())] {
        let at = now() + TimeDelta::minutes(minutes);
        let report = backfill::audit::audit(&host.store, &settings, at).await;
        assert_eq!(report.unwrap().gap_days, gaps as u64, "{minutes}");
    }
}

#[tokio::test]
async fn a_day_without_data_when_it_is_collected_again_is_not_stuck() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    run(&host, "shop", &source("shop", &days()).await).await;
    let (cluster, day, run) = (arn("shop"), days()[14], RunId::new(now()));
    let manifest = Manifest {
        run,
        parts: Vec::new(),
        rows: 0,
        total_cost: 0.0,
        ..staged_manifest(&host, day).await
    };
    let key = host.prefixes.manifest(cluster.id(), &run, day);
    host.store.put_document(&key, &manifest).await.unwrap();
    assert_eq!(host.dispatcher.settle().await, []);
    for _ in 0..2 {
        let report = audit(&host).await;
        let found = ["stuck_sets", "redelivered_sets", "gap_days"].map(|name| &report[name]);
        assert_eq!(found, [0, 0, 0], "{report}");
    }
}

async fn staged_manifest(host: &Host, day: Day) -> Manifest {
    let staging = host.prefixes.staging_of(arn("shop").id());
    let staged = host.store.list(staging).objects().await.unwrap();
    let end = format!("/{day}/manifest.json");
    let found = staged.iter().find(|object| object.key.ends_with(&end));
    let key = &found.unwrap().key;
    host.store.get_document(key).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_day_whose_assets_are_missing_is_reported_and_mended() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    run(&host, "shop", &source("shop", &days()).await).await;
    let (cluster, day) = (arn("shop"), days()[7]);
    let key = host.prefixes.assets_object(cluster.id(), day);
    let path = directory.path().join(&key);
    let before = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let report = audit(&host).await;
    assert_eq!(
        [&report["assets_missing_days"], &report["stuck_sets"]],
        [1, 0],
        "{report}"
    );
    let found = &report["findings"][0]["assets_missing"][0];
    assert_eq!(
        (&found["date"], &found["redelivered"]),
        (&day.to_string().into(), &true.into())
    );
    assert_eq!(host.dispatcher.settle().await, []);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let report = audit(&host).await;
    assert_eq!(report["assets_missing_days"], 0, "{report}");
}
