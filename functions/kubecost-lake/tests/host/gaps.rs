//! The lake becomes complete without anyone watching.

use std::collections::BTreeSet;

use contract::{day::Day, run::RunId};
use kubecost_lake::{replay::Replay, summary::LakeSummary};

use crate::support::{
    arn, audit, collected, days, generated, in_lake, inventory, now, period, run, source, source_settings, start,
    start_with,
};

#[tokio::test]
async fn a_fresh_cluster_is_filled_newest_day_first_and_then_there_is_nothing_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let days = days();
    let source = source("shop", &days).await;
    let outcome = run(&host, "shop", &source).await;
    assert!(outcome.is_success());
    let newest_first: Vec<Day> = days.iter().rev().copied().collect();
    assert_eq!(collected(&outcome), newest_first);
    let cluster = &outcome.lake.clusters[arn("shop").id()];
    assert_eq!(cluster.rows as usize, days.len() * generated("shop", &days).rows());
    let again = run(&host, "shop", &source).await;
    assert_eq!(collected(&again), []);
    assert_eq!(again.lake, outcome.lake);
}

#[tokio::test]
async fn a_deleted_day_comes_back_and_a_cluster_of_a_similar_name_hides_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let days = days();
    let sources = [
        source("cluster-one", &days).await,
        source("cluster-one-blue", &days).await,
    ];
    let names = ["cluster-one", "cluster-one-blue"];
    for (name, source) in names.iter().zip(&sources) {
        run(&host, name, source).await;
    }
    for (lost, name) in [(days[3], names[0]), (days[5], names[1])] {
        host.store
            .delete(&host.prefixes.lake_object(arn(name).id(), lost))
            .await
            .unwrap();
        host.dispatcher.schedule().await.unwrap();
        // The audit finds the staged set and has it delivered again, without the source.
        host.dispatcher.settle().await;
    }
    // Both ways back: by the audit above, and by the next run.
    host.store
        .delete(&host.prefixes.lake_object(arn(names[0]).id(), days[7]))
        .await
        .unwrap();
    let outcome = run(&host, names[0], &sources[0]).await;
    assert_eq!(collected(&outcome), [days[7]]);
    for name in names {
        assert_eq!(
            in_lake(&outcome, name),
            days.iter().copied().collect::<BTreeSet<_>>(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn days_that_the_source_lost_are_not_planned_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let days = days();
    // The source has nothing before the 5th day, and says so.
    let source = source("young", &days[5..]).await;
    let outcome = run(&host, "young", &source).await;
    assert_eq!(in_lake(&outcome, "young"), days[5..].iter().copied().collect());
    assert_eq!(collected(&run(&host, "young", &source).await), []);
}

#[tokio::test]
async fn an_inventory_under_another_clusters_key_plans_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let run_id = RunId::new(now());
    let foreign = inventory("other", run_id);
    let victim = arn("victim");
    host.store
        .put_document(&host.prefixes.inventory(victim.id(), &run_id), &foreign)
        .await
        .unwrap();
    assert_eq!(host.dispatcher.settle().await, []);
    for cluster in [&victim, &arn("other")] {
        assert!(
            host.store
                .head(&host.prefixes.plan(cluster.id()))
                .await
                .unwrap()
                .is_none()
        );
    }
    let report = audit(&host).await;
    assert_eq!(report["refused_documents"], 1, "{report}");
}

#[tokio::test]
async fn a_replay_converts_staged_days_with_other_labels() {
    let directory = tempfile::tempdir().unwrap();
    let days = days();
    {
        let host = start(directory.path()).await;
        run(&host, "shop", &source("shop", &days).await).await;
        host.stop().await;
    }
    let columns = |day: Day| {
        let key = contract::keys::Prefixes::default().lake_object(arn("shop").id(), day);
        let file = std::fs::File::open(directory.path().join(key)).unwrap();
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        reader
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect::<Vec<_>>()
    };
    let team = "properties.labels.team".to_owned();
    assert!(!columns(days[2]).contains(&team));
    let host = start_with(directory.path(), &|name| (name == "LABELS").then(|| "team".to_owned())).await;
    let replay = Replay {
        cluster: arn("shop").id().clone(),
        from: Some(days[2]),
        to: Some(days[4]),
        force: false,
    };
    let sets = replay.sets(&host.store, &host.prefixes).await.unwrap();
    assert_eq!(sets.iter().map(|(day, _)| *day).collect::<Vec<_>>(), days[2..=4]);
    assert!(!columns(days[2]).contains(&team), "to look is not to touch");
    assert_eq!(replay.deliver(&host.store, &host.prefixes, &sets).await.unwrap(), 3);
    assert_eq!(host.dispatcher.settle().await, []);
    assert!(!columns(days[1]).contains(&team));
    assert!(columns(days[2]).contains(&team) && columns(days[4]).contains(&team));
}

#[tokio::test]
async fn any_order_and_number_of_events_ends_in_the_same_lake_and_catalog() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let days = days();
    run(&host, "shop", &source("shop", &days).await).await;
    // The costs were reconciled since: a second run has other numbers for three of the days.
    let mut reconciled = generated("shop", &days);
    reconciled.seed += 1;
    let source = kubecost_lake::simulator::SimulatedSource::kubecost(reconciled)
        .await
        .unwrap();
    let given = exporter::Days::Given(days[4..7].to_vec());
    let outcome = host
        .collect(arn("shop"), source_settings(&source.url), period(), None, &given)
        .await
        .unwrap();
    assert!(outcome.is_success());
    let catalog = || std::fs::read_to_string(directory.path().join("catalog.json")).unwrap();
    let (lake, known) = (outcome.lake, catalog());

    let staged = host.store.list("staging/").objects().await.unwrap();
    let documents: Vec<String> = staged
        .into_iter()
        .map(|object| object.key)
        .filter(|key| key.ends_with(".json"))
        .collect();
    assert_eq!(
        documents.len(),
        2 + days.len() + 3,
        "an inventory, a run's report and two runs' manifests"
    );
    for seed in 0..8 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut events = [documents.clone(), documents.clone()].concat();
        random.shuffle(&mut events);
        events.truncate(random.usize(1..events.len()));
        if seed % 2 == 0 {
            std::fs::remove_file(directory.path().join("catalog.json")).unwrap();
        }
        for key in &events {
            let document = host.store.get_bytes(key, 1 << 20).await.unwrap().unwrap();
            host.store.put_json(key, document.to_vec()).await.unwrap();
        }
        assert_eq!(host.dispatcher.settle().await, []);
        host.dispatcher.schedule().await.unwrap();
        assert_eq!(
            LakeSummary::read(directory.path().to_owned()).await.unwrap(),
            lake,
            "seed {seed}"
        );
        assert_eq!(catalog(), known, "seed {seed}");
    }
}
