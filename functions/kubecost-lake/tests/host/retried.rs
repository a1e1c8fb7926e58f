//! No day within reach is given up, and what cannot be had any more is reported once.

use std::{fs, path::Path, time::Duration};

use chrono::TimeDelta;
use contract::{
    coverage::PartialReason,
    day::Day,
    documents::{Inventory, Plan, SourceKind},
    keys::RUN_METADATA,
    record::{DayRecord, RECORD_METADATA, TABLE_METADATA},
    run::RunId,
};
use exporter::Days;
use kubecost_lake::{
    host::Host,
    simulator::{SimulatedSource, generated::GeneratedCluster},
};

use crate::support::{
    arn, audit, collected, days, generated, in_lake, inventory, now, period, run, source, source_settings, start,
};

/// Makes the staged sets older.
fn age(directory: &Path, days: u64) {
    let staging = directory.join("staging");
    let mut folders: Vec<_> = staging.exists().then_some(staging).into_iter().collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("manifest.json") {
                let file = fs::File::options().write(true).open(path).unwrap();
                let modified = file.metadata().unwrap().modified().unwrap();
                file.set_modified(modified - Duration::from_secs(days * 86_400))
                    .unwrap();
            }
        }
    }
}

async fn send(host: &Host, inventory: &Inventory) {
    let key = host.prefixes.inventory(arn("shop").id(), &inventory.run);
    host.store.put_document(&key, inventory).await.unwrap();
    assert_eq!(host.dispatcher.settle().await, []);
}

#[tokio::test]
async fn days_without_data_are_collected_as_soon_as_the_source_says_that_it_has_them() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let body = recordings::read("cases/given-up-empty.json");
    let all: Vec<Day> = days().into_iter().rev().collect();
    for waited in [0, 1, 2] {
        let empty = SimulatedSource::saved(SourceKind::Kubecost, &body, &body)
            .await
            .unwrap();
        age(directory.path(), waited);
        let outcome = run(&host, "shop", &empty).await;
        assert_eq!(collected(&outcome), all, "the steps are 1 and 2 days");
        assert_eq!(collected(&run(&host, "shop", &empty).await), []);
    }
    let report = audit(&host).await;
    assert_eq!(report["gap_days"], 0, "nobody saw that the source has a day: {report}");
    let outcome = run(&host, "shop", &source("shop", &days()).await).await;
    assert_eq!(collected(&outcome), all);
    assert_eq!(in_lake(&outcome, "shop"), days().into_iter().collect());
}

#[tokio::test]
async fn days_without_data_are_collected_again_while_nobody_sees_them() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let body = recordings::read("cases/given-up-empty.json");
    let empty = SimulatedSource::saved(SourceKind::Opencost, &body, &body)
        .await
        .unwrap();
    let all: Vec<Day> = days().into_iter().rev().collect();
    for waited in [0, 1, 2, 4, 8, 8, 8] {
        age(directory.path(), waited);
        assert_eq!(collected(&run(&host, "shop", &empty).await), all, "{waited}");
    }
}

/// Changes what the lake's object says of a day.
async fn edit_record(host: &Host, day: Day, change: impl FnOnce(&mut DayRecord)) {
    let key = host.prefixes.lake_object(arn("shop").id(), day);
    let head = host.store.head(&key).await.unwrap().unwrap();
    let mut record = DayRecord::from_metadata(head.metadata.get(RECORD_METADATA).map(String::as_str)).unwrap();
    change(&mut record);
    let bytes = host.store.get_bytes(&key, 1 << 24).await.unwrap().unwrap();
    let metadata = [RUN_METADATA, TABLE_METADATA].map(|name| (name, head.metadata[name].clone()));
    let metadata = [&metadata[..], &[(RECORD_METADATA, record.to_metadata())]].concat();
    host.store.put_json_with(&key, bytes, &metadata).await.unwrap();
    assert_eq!(host.dispatcher.settle().await, []);
}

#[tokio::test]
async fn a_partial_day_is_reported_and_collected_again_until_a_whole_set_is_in_the_lake() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let source = source("shop", &days()).await;
    run(&host, "shop", &source).await;
    edit_record(&host, days()[3], |record| {
        record.partial = vec![PartialReason::Windows];
        record.share = Some(0.5);
    })
    .await;
    edit_record(&host, days()[5], |record| {
        record.assets = contract::documents::AssetsState::Unavailable
    })
    .await;
    let report = audit(&host).await;
    let found = ["partial_days", "assets_unavailable_days", "gap_days"].map(|name| &report[name]);
    assert_eq!(found, [1, 1, 0], "{report}");
    let partial = &report["findings"][0]["partial"][0];
    assert_eq!(
        (&partial["share"], &partial["reasons"][0]),
        (&0.5.into(), &"windows".into())
    );
    assert_eq!(partial["collected_again"], true, "{report}");
    assert_eq!(
        collected(&run(&host, "shop", &source).await),
        [],
        "not before a day has passed"
    );
    age(directory.path(), 1);
    assert_eq!(collected(&run(&host, "shop", &source).await), [days()[5], days()[3]]);
    let report = audit(&host).await;
    let found = ["partial_days", "assets_unavailable_days"].map(|name| &report[name]);
    assert_eq!(found, [0, 0], "{report}");
    age(directory.path(), 40);
    assert_eq!(collected(&run(&host, "shop", &source).await), []);
}

#[tokio::test]
async fn a_plan_never_replaces_that_of_a_newer_run() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let newer = Plan {
        run: RunId::new(now()),
        created_at: now(),
        days: Vec::new(),
    };
    let key = host.prefixes.plan(arn("shop").id());
    host.store.put_document(&key, &newer).await.unwrap();
    send(&host, &inventory("shop", RunId::new(now() - TimeDelta::minutes(5)))).await;
    assert_eq!(host.store.get_document::<Plan>(&key).await.unwrap().unwrap(), newer);
    let run = RunId::new(now() + TimeDelta::minutes(1));
    send(&host, &inventory("shop", run)).await;
    assert_eq!(host.store.get_document::<Plan>(&key).await.unwrap().unwrap().run, run);
}

#[tokio::test]
async fn a_day_that_the_source_no_longer_has_is_reported_once_as_lost() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    send(&host, &inventory("shop", RunId::new(now() - TimeDelta::minutes(5)))).await;
    let report = audit(&host).await;
    assert_eq!(
        (&report["gap_days"], &report["lost_days"]),
        (&15.into(), &0.into()),
        "{report}"
    );
    let mut shorter = inventory("shop", RunId::new(now()));
    shorter.days.remove(0);
    send(&host, &shorter).await;
    for lost in [1, 0] {
        let report = audit(&host).await;
        let found = ["gap_days", "lost_days"].map(|name| &report[name]);
        assert_eq!(found, [14, lost], "{report}");
        let day = &report["findings"][0]["lost"][0];
        assert_eq!(
            (&day["date"], &day["new"]),
            (&days()[0].to_string().into(), &(lost == 1).into())
        );
    }
    // A state document that cannot be read is rebuilt.
    let key = host.prefixes.cluster_state(arn("shop").id());
    host.store.put_json(&key, b"{".to_vec()).await.unwrap();
    assert_eq!(audit(&host).await["gap_days"], 14);
    assert!(
        host.store
            .get_document::<contract::state::ClusterState>(&key)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn a_cluster_that_was_only_collected_by_hand_is_not_silent_and_a_silent_one_is_named_once_as_new() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let source = source("shop", &days()).await;
    let given = Days::Given(vec![days()[3]]);
    host.collect(arn("shop"), source_settings(&source.url), period(), None, &given)
        .await
        .unwrap();
    let report = audit(&host).await;
    assert_eq!(
        (&report["clusters"], &report["silent_clusters"]),
        (&1.into(), &0.into()),
        "{report}"
    );
    // Its inventories have expired, the plan is left.
    let plan = Plan {
        run: RunId::new(now()),
        created_at: now(),
        days: Vec::new(),
    };
    let key = host.prefixes.plan(arn("shop").id());
    host.store.put_document(&key, &plan).await.unwrap();
    for new in [1, 0] {
        let report = audit(&host).await;
        let found = ["silent_clusters", "newly_silent_clusters"].map(|name| &report[name]);
        assert_eq!(found, [1, new], "{report}");
        assert_eq!(report["findings"][0]["cluster"], arn("shop").to_string());
    }
    // The cluster is gone.
    host.store
        .put_json(&host.prefixes.retired(arn("shop").id()), b"{}".to_vec())
        .await
        .unwrap();
    let report = audit(&host).await;
    let found = ["clusters", "retired_clusters", "silent_clusters"].map(|name| &report[name]);
    assert_eq!(found, [0, 1, 0], "{report}");
    assert_eq!(report["findings"].as_array().unwrap().len(), 0);
    // It was set up again.
    run(&host, "shop", &source).await;
    let report = audit(&host).await;
    let found = ["clusters", "retired_clusters", "silent_clusters"].map(|name| &report[name]);
    assert_eq!(found, [1, 0, 0], "{report}");
}

#[tokio::test]
async fn a_good_set_that_was_never_converted_is_delivered_again_although_a_worse_one_came_later() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let day = days()[3];
    let collect = async |containers: usize| {
        let cluster = GeneratedCluster {
            containers,
            ..generated("shop", &days())
        };
        let source = SimulatedSource::kubecost(cluster).await.unwrap();
        let days = Days::Given(vec![day]);
        let settings = source_settings(&source.url);
        host.collect(arn("shop"), settings, period(), None, &days)
            .await
            .unwrap()
            .run
            .run
    };
    let good = collect(40).await;
    host.store
        .delete(&host.prefixes.lake_object(arn("shop").id(), day))
        .await
        .unwrap();
    // The good set's event is lost, as its object is hidden while the worse set arrives.
    let key = host.prefixes.manifest(arn("shop").id(), &good, day);
    let manifest = host.store.get_bytes(&key, 1 << 20).await.unwrap().unwrap();
    host.store.delete(&key).await.unwrap();
    let worse = collect(10).await;
    assert_ne!(good, worse);
    fs::write(directory.path().join(&key), manifest).unwrap();
    let report = audit(&host).await;
    assert_eq!(
        (&report["stuck_sets"], &report["redelivered_sets"]),
        (&1.into(), &1.into()),
        "{report}"
    );
    let head = host
        .store
        .head(&host.prefixes.lake_object(arn("shop").id(), day))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(head.metadata[RUN_METADATA], good.to_string());
    // The worse set is reported; nothing is stuck any more.
    let report = audit(&host).await;
    assert_eq!(
        (&report["stuck_sets"], &report["gap_days"]),
        (&0.into(), &0.into()),
        "{report}"
    );
}
