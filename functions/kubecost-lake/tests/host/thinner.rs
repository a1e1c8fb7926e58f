//! A source that lost a part of a day, collected as a user does: the lake keeps the fuller day, and says so.

use std::{collections::BTreeMap, fs::File, sync::Arc};

use backfill::redelivery::redeliver;
use chrono::TimeDelta;
use contract::{
    clock::FixedClock,
    day::Day,
    documents::{SourceKind, ThinnerSet},
    keys::RUN_METADATA,
    record::{DayRecord, FORCE_METADATA, RECORD_METADATA},
    run::RunId,
};
use exporter::Days;
use kubecost_lake::{
    host::Host,
    replay::Replay,
    simulator::{SimulatedSource, generated::GeneratedCluster},
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{CONTAINERS, arn, case, collected, days, generated, now, period, run, source_settings, start};

fn day() -> Day {
    "2026-11-20".parse().unwrap()
}

fn full() -> Value {
    case("shrinks-1-full")
}

/// The full day with a number of each row multiplied.
fn with(field: &str, factor: f64) -> Value {
    let mut response = full();
    for row in response["data"][0].as_object_mut().unwrap().values_mut() {
        row[field] = (row[field].as_f64().unwrap() * factor).into();
    }
    response
}

/// The full day with other costs.
fn with_costs(factor: f64) -> Value {
    let mut response = full();
    for row in response["data"][0].as_object_mut().unwrap().values_mut() {
        for field in ["cpuCost", "ramCost", "totalCost"] {
            row[field] = (row[field].as_f64().unwrap() * factor).into();
        }
    }
    response
}

/// Half of the full day's rows.
fn half_of_the_rows() -> Value {
    let mut response = full();
    let rows = response["data"][0].as_object_mut().unwrap();
    let lost: Vec<String> = rows.keys().step_by(2).cloned().collect();
    for key in lost {
        rows.remove(&key);
    }
    response
}

struct Lake {
    directory: TempDir,
    host: Host,
}

impl Lake {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let host = start(directory.path()).await;
        Self { directory, host }
    }

    /// Collects the day from a source that has this; returns the run.
    async fn collect(&self, response: &Value) -> RunId {
        let assets = recordings::read("cases/assets-one-node.json");
        let source = SimulatedSource::saved(SourceKind::Kubecost, &response.to_string(), &assets)
            .await
            .unwrap();
        let outcome = self
            .host
            .collect(
                arn("cluster-one"),
                source_settings(&source.url),
                period(),
                None,
                &Days::Given(vec![day()]),
            )
            .await
            .unwrap();
        assert!(outcome.failures.is_empty(), "{outcome:?}");
        assert_eq!(outcome.run.collected().count(), 1, "{outcome:?}");
        outcome.run.run
    }

    fn lake_key(&self) -> String {
        self.host.prefixes.lake_object(arn("cluster-one").id(), day())
    }

    /// Rows and total cost of the day in the lake, and whose data it is.
    async fn found(&self) -> (i64, f64, RunId) {
        let file = File::open(self.directory.path().join(self.lake_key())).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let footer = reader.metadata().file_metadata();
        let values = footer.key_value_metadata().unwrap().iter();
        let values: BTreeMap<&str, &str> = values
            .filter_map(|value| Some((value.key.as_str(), value.value.as_deref()?)))
            .collect();
        let head = self.host.store.head(&self.lake_key()).await.unwrap().unwrap();
        assert_eq!(head.metadata[RUN_METADATA], values["run"]);
        assert_eq!(head.metadata[RECORD_METADATA], values["day"]);
        (
            footer.num_rows(),
            values["total_cost"].parse().unwrap(),
            values["run"].parse().unwrap(),
        )
    }

    async fn record(&self) -> DayRecord {
        let head = self.host.store.head(&self.lake_key()).await.unwrap().unwrap();
        DayRecord::from_metadata(head.metadata.get(RECORD_METADATA).map(String::as_str)).unwrap()
    }

    async fn thinner(&self, run: RunId) -> Option<ThinnerSet> {
        let key = self.host.prefixes.thinner(arn("cluster-one").id(), &run, day());
        self.host.store.get_document(&key).await.unwrap()
    }

    /// Empties the lake, and has sets delivered again in this order.
    async fn deliver(&self, runs: &[RunId]) {
        self.host.store.delete(&self.lake_key()).await.unwrap();
        for run in runs {
            self.deliver_again(*run).await;
        }
    }

    async fn deliver_again(&self, run: RunId) {
        let key = self.host.prefixes.manifest(arn("cluster-one").id(), &run, day());
        assert!(redeliver(&self.host.store, &key, 0).await.unwrap());
        assert_eq!(self.host.dispatcher.settle().await, []);
    }

    /// Replays the day; returns the runs whose sets were delivered again.
    async fn replay(&self, force: bool) -> Vec<RunId> {
        let replay = Replay {
            cluster: arn("cluster-one").id().clone(),
            from: Some(day()),
            to: Some(day()),
            force,
        };
        let (store, prefixes) = (&self.host.store, &self.host.prefixes);
        let sets = replay.sets(store, prefixes).await.unwrap();
        assert_eq!(replay.deliver(store, prefixes, &sets).await.unwrap(), sets.len());
        assert_eq!(self.host.dispatcher.settle().await, []);
        sets.into_iter().map(|(_, run)| run).collect()
    }
}

#[tokio::test]
async fn the_fuller_day_stays_and_is_restated_when_the_source_is_well_again() {
    for (poor, words) in [
        (case("shrinks-2-poor"), None),
        (with("minutes", 0.5), Some("minutes fell from 28800 to 14400 (-50 %)")),
        (
            with("cpuCoreHours", 0.3),
            Some("core_hours fell from 480 to 144 (-70 %)"),
        ),
        (half_of_the_rows(), Some("minutes fell from 28800 to 14400 (-50 %)")),
    ] {
        let lake = Lake::new().await;
        let first = lake.collect(&full()).await;
        assert_eq!(lake.found().await, (20, 15.0, first));
        let second = lake.collect(&poor).await;
        assert_eq!(lake.found().await, (20, 15.0, first), "{words:?}");
        // A day without cost and without minutes is no data; it is reported by the run itself.
        let document = lake.thinner(second).await;
        assert_eq!(document.as_ref().map(|document| document.message.as_str()), words);
        assert_eq!(document.and_then(|document| document.lake_run), words.map(|_| first));
        let third = lake.collect(&full()).await;
        assert_eq!(lake.found().await, (20, 15.0, third));
    }
}

#[tokio::test]
async fn the_fuller_day_stays_in_the_reverse_order_of_arrival() {
    for poor in [with("minutes", 0.5), with("ramByteHours", 0.5), half_of_the_rows()] {
        let lake = Lake::new().await;
        let first = lake.collect(&full()).await;
        let second = lake.collect(&poor).await;
        let document = lake.thinner(second).await.unwrap();
        let key = lake.host.prefixes.thinner(arn("cluster-one").id(), &second, day());
        lake.host.store.delete(&key).await.unwrap();
        lake.deliver(&[second, first]).await;
        assert_eq!(lake.found().await, (20, 15.0, first));
        let reverse = lake.thinner(second).await.unwrap();
        assert_eq!((reverse.message, reverse.lake_run), (document.message, Some(first)));
        let third = lake.collect(&full()).await;
        assert_eq!(lake.found().await, (20, 15.0, third));
    }
    // A set without data replaces nothing, whichever comes first.
    let lake = Lake::new().await;
    let first = lake.collect(&full()).await;
    let second = lake.collect(&case("shrinks-2-poor")).await;
    lake.deliver(&[second, first]).await;
    assert_eq!(lake.found().await, (20, 15.0, first));
}

#[tokio::test]
async fn other_costs_of_the_same_day_replace() {
    let lake = Lake::new().await;
    lake.collect(&full()).await;
    for (factor, total) in [(0.5, 7.5), (2.0, 30.0)] {
        let run = lake.collect(&with_costs(factor)).await;
        assert_eq!(lake.found().await, (20, total, run));
        assert_eq!(lake.thinner(run).await, None);
    }
}

#[tokio::test]
async fn a_person_can_force_the_newest_set_and_a_redelivery_does_not_force() {
    let lake = Lake::new().await;
    let first = lake.collect(&full()).await;
    let second = lake.collect(&with("minutes", 0.5)).await;
    let third = lake.collect(&case("shrinks-2-poor")).await;
    assert_eq!(lake.found().await.2, first);
    assert_eq!(lake.replay(true).await, [second], "the third has no data");
    assert_eq!(lake.found().await, (20, 15.0, second));
    assert!(lake.record().await.forced);
    let key = lake.host.prefixes.manifest(arn("cluster-one").id(), &second, day());
    let forced = async || {
        lake.host
            .store
            .head(&key)
            .await
            .unwrap()
            .unwrap()
            .metadata
            .contains_key(FORCE_METADATA)
    };
    assert!(forced().await);
    // What a person chose stays, until a newer set is as full; older sets are not delivered again.
    assert_eq!(lake.replay(false).await, [second, third]);
    assert!(!forced().await);
    lake.deliver_again(first).await;
    assert_eq!(lake.found().await.2, second);
    let fourth = lake.collect(&full()).await;
    assert_eq!(lake.found().await, (20, 15.0, fourth));
    assert!(!lake.record().await.forced);
}

#[tokio::test]
async fn a_replay_finds_an_older_set_that_is_fuller() {
    let lake = Lake::new().await;
    let first = lake.collect(&full()).await;
    let second = lake.collect(&with("minutes", 0.5)).await;
    let third = lake.collect(&with("minutes", 0.4)).await;
    lake.deliver(&[second]).await;
    assert_eq!(lake.found().await.2, second);
    assert_eq!(lake.replay(false).await, [second, first, third]);
    assert_eq!(lake.found().await, (20, 15.0, first));
    assert_eq!(lake.replay(false).await, [first, second, third]);
    assert_eq!(lake.found().await, (20, 15.0, first));
}

#[tokio::test]
async fn a_planned_restatement_that_lost_containers_replaces_nothing_and_the_next_whole_one_does() {
    let directory = tempfile::tempdir().unwrap();
    let days = days();
    let (began, newest) = (now(), *days.last().unwrap());
    let mut kept = None;
    for (hours, containers, is_whole) in [(0, CONTAINERS, true), (21, 5, false), (42, CONTAINERS, true)] {
        let clock = Arc::new(FixedClock(began + TimeDelta::hours(hours)));
        let host = Host::start(directory.path(), &|_| None, clock).await.unwrap();
        let source = SimulatedSource::kubecost(GeneratedCluster {
            containers,
            ..generated("shop", &days)
        })
        .await
        .unwrap();
        let outcome = run(&host, "shop", &source).await;
        assert!(collected(&outcome).contains(&newest), "{hours}: {:?}", outcome.run);
        let this_run = outcome.run.run;
        kept = if is_whole { Some(this_run) } else { kept };
        let key = host.prefixes.lake_object(arn("shop").id(), newest);
        let head = host.store.head(&key).await.unwrap().unwrap();
        assert_eq!(Some(head.metadata[RUN_METADATA].parse().unwrap()), kept);
        let document = host.prefixes.thinner(arn("shop").id(), &this_run, newest);
        assert_eq!(host.store.head(&document).await.unwrap().is_none(), is_whole);
        host.stop().await;
    }
}
