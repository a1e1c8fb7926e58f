//! A Kubecost that keeps three months, of which all days are wanted.

use chrono::TimeDelta;
use contract::{day::Day, documents::SourceKind};
use exporter::{
    Days, RunError, SharedSource,
    settings::{PeriodSettings, SourceCluster, SourceClusters},
};
use kubecost_lake::{
    collect::{CollectError, CollectOutcome},
    host::Host,
    simulator::{SimulatedSource, generated::GeneratedCluster, recorded},
};

use crate::support::{arn, audit, collected, generated, in_lake, now, period, source, source_settings, start};

/// What Kubecost's aggregator keeps.
const KEPT: u32 = 91;

fn all() -> PeriodSettings {
    PeriodSettings { days: None, ..period() }
}

fn days_of_the_source() -> Vec<Day> {
    Day::backfill_period(now(), KEPT, TimeDelta::hours(3))
}

async fn run(host: &Host, source: &SimulatedSource) -> Result<CollectOutcome, CollectError> {
    host.collect(arn("shop"), source_settings(&source.url), all(), None, &Days::Planned)
        .await
}

/// Deletes a day from the lake, and its sets as if they had expired.
async fn forget(host: &Host, day: Day) {
    let mut keys = vec![host.prefixes.lake_object(arn("shop").id(), day)];
    for object in host.store.list("staging/").objects().await.unwrap() {
        if object.key.contains(&format!("/{day}/")) {
            keys.push(object.key);
        }
    }
    for key in keys {
        host.store.delete(&key).await.unwrap();
    }
}

#[tokio::test]
async fn all_days_that_a_kubecost_keeps_are_collected_and_their_gaps_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let days = days_of_the_source();
    let source = source("shop", &days).await;
    let outcome = run(&host, &source).await.unwrap();
    assert!(outcome.is_success());
    assert_eq!(collected(&outcome).len(), KEPT as usize);
    assert_eq!(in_lake(&outcome, "shop"), days.iter().copied().collect());

    // A day from before the audit's period is missing, and its set has expired.
    let lost = days[10];
    forget(&host, lost).await;
    let report = audit(&host).await;
    assert_eq!(report["gap_days"], 1, "{report}");
    assert_eq!(report["findings"][0]["gaps"][0]["date"], lost.to_string(), "{report}");
    assert_eq!(report["audited"][0]["days"], KEPT - 1, "{report}");

    let again = run(&host, &source).await.unwrap();
    assert_eq!(collected(&again), [lost]);
    assert_eq!(in_lake(&again, "shop"), days.iter().copied().collect());
    assert_eq!(audit(&host).await["gap_days"], 0);
}

#[tokio::test]
async fn a_day_that_was_missing_and_is_gone_at_the_source_is_lost_however_old_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let days = days_of_the_source();
    let first = source("shop", &days).await;
    run(&host, &first).await.unwrap();
    let lost = days[2];
    forget(&host, lost).await;
    assert_eq!(audit(&host).await["gap_days"], 1);

    // The source lost all but its last days.
    let rest = source("shop", &days[80..]).await;
    run(&host, &rest).await.unwrap();
    let report = audit(&host).await;
    assert_eq!(report["gap_days"], 0, "{report}");
    let finding = &report["findings"][0]["lost"];
    assert_eq!(
        (&finding[0]["date"], finding.as_array().unwrap().len()),
        (&lost.to_string().into(), 1),
        "{report}"
    );
}

#[tokio::test]
async fn all_days_of_each_cluster_of_a_primary_are_collected() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let days = days_of_the_source();
    let cluster = |name: &str, days: &[Day]| GeneratedCluster {
        containers: 2,
        ..generated(name, days)
    };
    let clusters = vec![cluster("old", &days), cluster("new", &days[50..])];
    let (source, _primary) = SimulatedSource::primary(clusters).await.unwrap();
    let listed = ["old", "new"].map(|name| SourceCluster {
        arn: arn(name),
        ids: vec![name.to_owned()],
    });
    let shared = SharedSource::new(SourceClusters::new(listed).unwrap(), |cluster| {
        host.exporter(cluster, source_settings(&source.url), all())
    });
    let summary = shared.run(None, &Days::Planned).await.unwrap();
    assert!(summary.is_success(), "{summary}");
    let collected: Vec<usize> = summary
        .clusters
        .iter()
        .map(|(_, ended)| ended.as_ref().unwrap().collected().count())
        .collect();
    assert_eq!(collected, [91, 41]);
    assert_eq!(host.dispatcher.settle().await, []);
    host.stop().await;
}

#[tokio::test]
async fn all_days_of_an_opencost_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let source = SimulatedSource::saved(SourceKind::Opencost, recorded::ALLOCATION, recorded::ASSETS)
        .await
        .unwrap();
    let error = run(&host, &source).await.unwrap_err();
    assert!(matches!(error, CollectError::Run(RunError::NeedsDays)), "{error}");
}
