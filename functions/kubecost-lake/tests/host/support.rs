//! Hosts on new directories, with small generated clusters.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use contract::{
    clock::{Clock, SystemClock},
    cluster::ClusterArn,
    day::Day,
    documents::{self, Inventory, SourceKind},
    run::RunId,
};
use exporter::{
    Days,
    settings::{PeriodSettings, SourceSettings},
};
use kubecost_lake::{
    collect::CollectOutcome,
    host::Host,
    simulator::{SimulatedSource, generated::GeneratedCluster},
};
use settings::Reader;

pub(crate) const CONTAINERS: usize = 40;

pub(crate) fn arn(name: &str) -> ClusterArn {
    format!("arn:aws:eks:us-east-1:111122223333:cluster/{name}")
        .parse()
        .unwrap()
}

pub(crate) fn source_settings(url: &str) -> SourceSettings {
    let mut reader = Reader::new(|name| match name {
        "KUBECOST_API_ENDPOINT" => Some(url.to_owned()),
        "RETRIES" => Some("0".to_owned()),
        _ => None,
    });
    SourceSettings::read(&mut reader, &mut Vec::new()).unwrap()
}

pub(crate) fn period() -> PeriodSettings {
    PeriodSettings::read(&mut Reader::new(|_| None))
}

/// A response below `shared/recordings/cases`.
pub(crate) fn case(name: &str) -> serde_json::Value {
    serde_json::from_str(&recordings::read(&format!("cases/{name}.json"))).unwrap()
}

/// The days of the backfill period, oldest first.
pub(crate) fn days() -> Vec<Day> {
    period().complete_days(SystemClock.now())
}

pub(crate) async fn start(directory: &Path) -> Host {
    start_with(directory, &|_| None).await
}

pub(crate) async fn start_with(directory: &Path, look_up: &dyn Fn(&str) -> Option<String>) -> Host {
    Host::start(directory, look_up, Arc::new(SystemClock)).await.unwrap()
}

/// A source with these days.
pub(crate) fn generated(name: &str, days: &[Day]) -> GeneratedCluster {
    GeneratedCluster {
        name: name.to_owned(),
        account: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        currency: "USD".to_owned(),
        containers: CONTAINERS,
        seed: 3,
        first: days[0],
        last: days[days.len() - 1],
    }
}

pub(crate) async fn source(name: &str, days: &[Day]) -> SimulatedSource {
    SimulatedSource::kubecost(generated(name, days)).await.unwrap()
}

/// A run of the CronJob.
pub(crate) async fn run(host: &Host, name: &str, source: &SimulatedSource) -> CollectOutcome {
    host.collect(arn(name), source_settings(&source.url), period(), None, &Days::Planned)
        .await
        .unwrap()
}

/// The days that a run collected, with data or without.
pub(crate) fn collected(outcome: &CollectOutcome) -> Vec<Day> {
    outcome.run.collected().map(|(day, _)| day).collect()
}

/// The days of a cluster in the lake.
pub(crate) fn in_lake(outcome: &CollectOutcome, name: &str) -> BTreeSet<Day> {
    outcome
        .lake
        .clusters
        .get(arn(name).id())
        .map(|cluster| cluster.days.clone())
        .unwrap_or_default()
}

pub(crate) fn now() -> DateTime<Utc> {
    SystemClock.now()
}

/// The inventory of a source that has all days.
pub(crate) fn inventory(name: &str, run: RunId) -> Inventory {
    Inventory {
        run,
        cluster: arn(name),
        created_at: now(),
        source: documents::SourceInfo {
            kind: SourceKind::Kubecost,
            version: None,
        },
        days: days(),
        unlisted: Vec::new(),
        observed: None,
        producer: None,
    }
}

/// Runs the scheduled functions; returns the audit's report.
pub(crate) async fn audit(host: &Host) -> serde_json::Value {
    host.dispatcher.schedule().await.unwrap();
    assert_eq!(host.dispatcher.settle().await, []);
    let key = host.prefixes.audit_report();
    let report = host.store.get_bytes(&key, 1 << 20).await.unwrap().unwrap();
    serde_json::from_slice(&report).unwrap()
}
