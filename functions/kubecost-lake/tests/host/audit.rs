//! What the scheduled audit finds, and what it leaves alone.

use std::{fs, path::Path, process::Command};

use chrono::TimeDelta;
use contract::{
    audit::{AuditReport, LastRun},
    day::Day,
    documents::{Manifest, Plan},
    run::RunId,
    run_report::{ErrorClass, RunOutcome, RunReport},
};
use kubecost_lake::{host::Host, simulator::SimulatedSource};
use serde_json::json;

use crate::{
    commands,
    support::{arn, audit, days, generated, inventory, now, run, source, start},
};

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

/// `collect` of a cluster into a lake; gives what it logged.
async fn collect(lake: &Path, cluster: &str, source: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubecost-lake"));
    command
        .args(["collect", "--retries", "0", "--cluster", &arn(cluster).to_string()])
        .args(["--source", source, "--lake"])
        .arg(lake);
    // The source is in this process, so that this thread must not wait.
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_cluster_that_fails_before_its_inventory_is_named_in_report_and_log() {
    let directory = tempfile::tempdir().unwrap();
    let lake = directory.path();
    // Nothing listens there.
    let error = collect(lake, "broken", "http://127.0.0.1:9").await;
    assert!(error.contains("127.0.0.1:9"), "{error}");
    let source = source("shop", &days()).await;
    let broken = arn("broken").to_string();
    for new in [true, false] {
        let log = collect(lake, "shop", &source.url).await;
        let line = log.lines().find(|line| line.contains("last run failed"));
        let line = line.unwrap_or_else(|| panic!("{log}"));
        let id = arn("broken").id().to_string();
        assert!(line.contains(&id) && line.contains("connection"), "{line}");
        let report = fs::read(lake.join("reports/audit.json")).unwrap();
        let report: AuditReport = contract::documents::read(&report).unwrap();
        assert_eq!(
            (report.failing_clusters, report.newly_failing_clusters),
            (1, u64::from(new))
        );
        let finding = report
            .findings
            .iter()
            .find(|finding| finding.cluster == broken)
            .unwrap();
        let run = finding.failing.as_ref().unwrap();
        assert_eq!(finding.newly_failing, new);
        assert_eq!(run.outcome, Some(RunOutcome::Failed));
        assert_eq!(run.error.as_ref().unwrap().class, ErrorClass::Connection);
        assert!(run.producer.is_some() && run.ended_at.is_some());
        // Each cluster is listed with its coverage and its last run.
        let [broken_cluster, shop] = &report.audited[..] else {
            panic!("{report:?}");
        };
        assert_eq!((&broken_cluster.cluster, broken_cluster.days), (&broken, 0));
        assert_eq!((shop.days, shop.last_day), (15, days().last().copied()));
        let run = shop.last_run.as_ref().unwrap();
        assert_eq!((run.outcome, run.error.as_ref()), (Some(RunOutcome::Complete), None));
    }
    let (_, status, _) = commands::run(&["status", "--lake", lake.to_str().unwrap(), "--format", "json"], &[]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let found =
        |cluster: usize| ["outcome", "error", "collected_days"].map(|name| status["last_runs"][cluster][name].clone());
    assert_eq!(found(0), [json!("failed"), json!("connection"), json!(0)], "{status}");
    assert_eq!(found(1)[0], "complete", "{status}");
    // It was mended.
    let mended = SimulatedSource::kubecost(generated("broken", &days())).await.unwrap();
    let log = collect(lake, "broken", &mended.url).await;
    assert!(!log.contains("last run failed"), "{log}");
}

#[tokio::test]
async fn a_report_that_contradicts_its_key_or_was_never_written_is_no_outcome() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let run_id = RunId::new(now());
    send_inventory(&host, "shop", run_id).await;
    let last_run = async || {
        let report: AuditReport = serde_json::from_value(audit(&host).await).unwrap();
        report.audited[0].last_run.clone().unwrap()
    };
    assert_eq!(last_run().await, LastRun::unknown(run_id));
    let report = RunReport {
        run: run_id,
        cluster: arn("other"),
        started_at: now(),
        ended_at: now(),
        outcome: RunOutcome::Failed,
        error: None,
        planned: false,
        collected: Vec::new(),
        failed: Vec::new(),
        producer: "9".repeat(10_000),
    };
    let key = host.prefixes.run_report(arn("shop").id(), &run_id);
    host.store.put_document(&key, &report).await.unwrap();
    assert_eq!(last_run().await, LastRun::unknown(run_id));
    let report = RunReport {
        cluster: arn("shop"),
        ..report
    };
    host.store.put_document(&key, &report).await.unwrap();
    let found = last_run().await;
    assert!(found.has_failed());
    // A run reports once: the next audit does not read it again.
    let other = RunReport {
        outcome: RunOutcome::Complete,
        ..report
    };
    host.store.put_document(&key, &other).await.unwrap();
    assert_eq!(last_run().await, found);
    // What a cluster wrote does not make the report as long as it wants.
    assert!(found.producer.unwrap().len() < 100);
}
