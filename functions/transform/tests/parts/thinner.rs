//! A set that lost a part of the day does not replace a fuller one.

use std::collections::BTreeMap;

use contract::{
    documents::{self, Question, SetFacts, ThinnerSet},
    keys::Prefixes,
    quantities::{Quantities, Tolerance},
    record::{DayRecord, FORCE_METADATA},
    run::RunId,
};
use end_to_end::staging::{self, Staging};
use futures_util::future::join_all;
use proptest::prelude::*;
use transform::TransformOutcome;

use super::{Lake, function, lake_key};

/// Sums over the rows of a set.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Holds {
    rows: u64,
    minutes: f64,
    core_hours: f64,
    ram_byte_hours: f64,
    cost: f64,
}

const FULL: Holds = Holds {
    rows: 20,
    minutes: 28_800.0,
    core_hours: 480.0,
    ram_byte_hours: 4e12,
    cost: 15.0,
};

impl Holds {
    fn quantities(self) -> Quantities {
        Quantities {
            rows: self.rows,
            minutes: self.minutes,
            core_hours: self.core_hours,
            ram_byte_hours: self.ram_byte_hours,
        }
    }

    fn response(self) -> String {
        self.response_with(|| "c".to_owned())
    }

    /// With the names of containers.
    fn response_with(self, mut container: impl FnMut() -> String) -> String {
        #[expect(clippy::cast_precision_loss, reason = "few rows")]
        let each = |sum: f64| sum / self.rows as f64;
        let rows: Vec<String> = (0..self.rows)
            .map(|row| {
                format!(
                    r#""r{row}":{{"name":"r{row}","properties":{{"cluster":"one","namespace":"n","pod":"p{row}","container":"{}"}},
                    "minutes":{},"cpuCoreHours":{},"ramByteHours":{},"cpuCost":{cost},"totalCost":{cost}}}"#,
                    container(),
                    each(self.minutes),
                    each(self.core_hours),
                    each(self.ram_byte_hours),
                    cost = each(self.cost)
                )
            })
            .collect();
        format!(r#"{{"code":200,"data":[{{{}}}]}}"#, rows.join(","))
    }

    /// As an older exporter stages it, which measures nothing.
    fn without_facts(self, run: u32) -> Staging {
        Staging::of(staging::run(run), &self.response(), None, None)
    }

    fn staged(self, run: u32) -> Staging {
        self.claiming(run, self.quantities())
    }

    fn claiming(self, run: u32, quantities: Quantities) -> Staging {
        let mut staging = self.without_facts(run);
        staging.manifest.facts = SetFacts {
            question: Some(Question {
                aggregation: "container".to_owned(),
                filter: None,
                idle: true,
            }),
            quantities: Some(quantities),
            ..SetFacts::default()
        };
        staging
    }
}

impl Lake {
    fn run(&self) -> RunId {
        self.bucket.get(&lake_key()).unwrap().metadata["run"].parse().unwrap()
    }

    fn record(&self) -> DayRecord {
        let metadata = self.bucket.get(&lake_key()).unwrap().metadata;
        let footer = self.table().footer("day").to_owned();
        assert_eq!(metadata["day"], footer, "metadata and footer say the same");
        DayRecord::from_metadata(Some(&footer)).unwrap()
    }

    /// Why a run's set is not the day.
    fn thinner(&self, run: u32) -> Option<ThinnerSet> {
        let key = Prefixes::default().thinner(staging::cluster().id(), &staging::run(run), staging::day());
        Some(documents::read(&self.bucket.get(&key)?.content).unwrap())
    }

    /// Delivers a staged set once more, as a person who forces it.
    async fn force(&self, run: u32) -> TransformOutcome {
        self.set_force(run, true);
        let outcome = self.redeliver(staging::run(run)).await.unwrap();
        self.set_force(run, false);
        outcome
    }

    fn set_force(&self, run: u32, force: bool) {
        self.bucket
            .edit(&Staging::empty(staging::run(run)).manifest_key(), |object| {
                object.metadata.remove(FORCE_METADATA);
                if force {
                    object.metadata.insert(FORCE_METADATA.to_owned(), "true".to_owned());
                }
            });
    }
}

fn is_written(outcome: &TransformOutcome) -> bool {
    matches!(outcome, TransformOutcome::Written { .. })
}

fn is_thinner(outcome: &TransformOutcome) -> bool {
    matches!(outcome, TransformOutcome::Thinner { .. })
}

/// Sets that lost something, each in a way of its own.
const POORER: [Holds; 5] = [
    Holds {
        minutes: 14_400.0,
        ..FULL
    },
    Holds {
        core_hours: 240.0,
        ..FULL
    },
    Holds {
        ram_byte_hours: 3e12,
        ..FULL
    },
    Holds { rows: 17, ..FULL },
    Holds {
        rows: 1,
        minutes: 1_440.0,
        core_hours: 24.0,
        ram_byte_hours: 2e11,
        cost: 0.75,
    },
];

#[tokio::test]
async fn the_fuller_set_stays_in_either_order_and_the_poorer_is_reported() {
    for poorer in POORER {
        let lake = Lake::new().await;
        assert!(is_written(&lake.deliver(FULL.staged(1)).await));
        let object = lake.bucket.get(&lake_key()).unwrap();
        let outcome = lake.deliver(poorer.staged(2)).await;
        assert!(is_thinner(&outcome), "{poorer:?}: {outcome:?}");
        assert_eq!(lake.bucket.get(&lake_key()).unwrap().content, object.content);
        let document = lake.thinner(2).unwrap();
        assert_eq!(
            (document.run, document.lake_run),
            (staging::run(2), Some(staging::run(1)))
        );
        assert_eq!(
            (document.quantities, document.best),
            (poorer.quantities(), FULL.quantities())
        );
        assert!(document.message.contains("fell from"), "{}", document.message);

        let reverse = Lake::new().await;
        assert!(is_written(&reverse.deliver(poorer.staged(2)).await));
        assert!(is_written(&reverse.deliver(FULL.staged(1)).await));
        assert_eq!(reverse.table().rows, lake.table().rows);
        let reported = reverse.thinner(2).unwrap();
        assert_eq!(
            (reported.quantities, reported.lake_run),
            (document.quantities, document.lake_run)
        );

        for lake in [lake, reverse] {
            assert!(
                is_written(&lake.deliver(FULL.staged(3)).await),
                "the source is well again"
            );
            assert_eq!(lake.run(), staging::run(3));
            assert!(lake.thinner(3).is_none() && lake.thinner(1).is_none());
        }
    }
}

#[tokio::test]
async fn other_costs_of_the_same_quantities_replace() {
    let lake = Lake::new().await;
    lake.deliver(FULL.staged(1)).await;
    for (run, cost) in [(2, 3.0), (3, 30.0)] {
        let outcome = lake.deliver(Holds { cost, ..FULL }.staged(run)).await;
        assert!(
            matches!(outcome, TransformOutcome::Written { total_cost, .. } if (total_cost - cost).abs() < 1e-9),
            "{outcome:?}"
        );
    }
    assert!(lake.record().alternatives.is_empty());
}

#[tokio::test]
async fn what_counts_is_measured_whatever_the_manifest_says() {
    let poor = POORER[4];
    for claimed in [FULL.quantities(), Quantities::default()] {
        let lake = Lake::new().await;
        lake.deliver(FULL.claiming(1, claimed)).await;
        assert_eq!(lake.record().quantities, FULL.quantities());
        assert_eq!(lake.record().best, FULL.quantities());
        let outcome = lake.deliver(poor.claiming(2, claimed)).await;
        assert!(is_thinner(&outcome), "{outcome:?}");
        assert!(is_written(&lake.deliver(FULL.claiming(3, claimed)).await));
        assert_eq!(lake.bucket.open_uploads(), 0);
    }
    // Sets of older exporters say nothing, and are measured, too.
    let lake = Lake::new().await;
    lake.deliver(FULL.without_facts(1)).await;
    assert_eq!(lake.record().best, FULL.quantities());
    assert!(is_thinner(&lake.deliver(poor.without_facts(2)).await));
    assert!(is_written(&lake.deliver(FULL.without_facts(3)).await));
    // A newer exporter names its question: its first set replaces, and is not compared.
    assert!(is_written(&lake.deliver(poor.staged(4)).await));
}

#[tokio::test]
async fn objects_without_a_record_are_replaced_by_newer_runs_alone() {
    let lake = Lake::new().await;
    lake.deliver(FULL.staged(2)).await;
    lake.bucket.edit(&lake_key(), |object| {
        object.metadata.remove("day").unwrap();
    });
    assert_eq!(lake.deliver(FULL.staged(1)).await, TransformOutcome::AlreadyCurrent);
    assert!(is_written(&lake.deliver(POORER[0].staged(3)).await));
    assert_eq!(lake.record().best, POORER[0].quantities());
}

#[tokio::test]
async fn the_best_is_recorded_where_the_lake_keeps_its_set() {
    let lake = Lake::new().await;
    lake.deliver(FULL.staged(5)).await;
    let more = Holds {
        minutes: 30_000.0,
        ..FULL
    };
    assert_eq!(lake.deliver(more.staged(1)).await, TransformOutcome::AlreadyCurrent);
    assert_eq!((lake.run(), lake.record().best), (staging::run(5), more.quantities()));
    let other = Holds {
        minutes: 40_000.0,
        core_hours: 1.0,
        ..FULL
    };
    assert!(is_thinner(&lake.deliver(other.staged(6)).await));
    let best = Quantities {
        minutes: 40_000.0,
        ..FULL.quantities()
    };
    assert_eq!((lake.run(), lake.record().best), (staging::run(5), best));
    // The lake's own set has expired: the lake keeps its object as it is.
    lake.bucket.remove(&Staging::empty(staging::run(5)).manifest_key());
    let before = lake.bucket.get(&lake_key()).unwrap();
    let other = Holds {
        minutes: 50_000.0,
        ..other
    };
    assert!(is_thinner(&lake.deliver(other.staged(7)).await));
    assert_eq!(lake.bucket.get(&lake_key()).unwrap().metadata, before.metadata);
    assert_eq!(lake.thinner(7).unwrap().best.minutes.to_string(), "50000");
}

#[tokio::test]
async fn a_replaced_set_is_the_day_again_while_it_is_staged() {
    let less = |share: f64| Holds {
        minutes: FULL.minutes * share,
        ..FULL
    };
    let more_but_broken = Holds {
        minutes: FULL.minutes * 1.05,
        core_hours: 1.0,
        ..FULL
    };
    for is_staged in [true, false] {
        let lake = Lake::new().await;
        lake.deliver(FULL.staged(1)).await;
        lake.deliver(less(0.92).staged(2)).await;
        assert_eq!((lake.run(), lake.record().alternatives.len()), (staging::run(2), 1));
        if !is_staged {
            lake.bucket.remove(&Staging::empty(staging::run(1)).manifest_key());
        }
        assert!(is_thinner(&lake.deliver(more_but_broken.staged(3)).await));
        assert_eq!(lake.run(), staging::run(if is_staged { 1 } else { 2 }));
        assert_eq!(lake.thinner(2).is_some(), is_staged);
        assert_eq!(
            lake.record().best.minutes.to_string(),
            (FULL.minutes * 1.05).to_string()
        );
    }
}

#[tokio::test]
async fn a_forced_set_replaces_and_a_set_without_data_never_does() {
    let lake = Lake::new().await;
    lake.deliver(FULL.staged(1)).await;
    assert!(is_thinner(&lake.deliver(POORER[4].staged(2)).await));
    assert!(is_written(&lake.force(2).await));
    assert_eq!(
        (lake.run(), lake.record().best),
        (staging::run(2), POORER[4].quantities())
    );
    assert_eq!(
        lake.redeliver(staging::run(1)).await.unwrap(),
        TransformOutcome::AlreadyCurrent
    );
    let nothing = Holds {
        minutes: 0.0,
        cost: 0.0,
        ..FULL
    };
    assert_eq!(lake.deliver(nothing.staged(3)).await, TransformOutcome::Empty);
    assert_eq!(lake.force(3).await, TransformOutcome::Empty);
    assert_eq!(lake.run(), staging::run(2));
    assert!(is_written(&lake.force(1).await), "a person may go back");
}

#[tokio::test]
async fn a_large_set_is_converted_again_if_its_manifest_is_wrong() {
    let large = Holds { rows: 90_000, ..FULL };
    // Names that do not compress, so that the file takes several parts.
    let mut random = fastrand::Rng::with_seed(1);
    let response = large.response_with(|| std::iter::repeat_with(|| random.alphanumeric()).take(100).collect());
    let lake = Lake::new().await;
    let mut staging = Staging::of(staging::run(1), &response, None, None);
    staging.manifest.facts = SetFacts {
        quantities: Some(Quantities {
            minutes: 1.0,
            ..large.quantities()
        }),
        ..SetFacts::default()
    };
    let outcome = lake.deliver(staging).await;
    assert!(
        matches!(outcome, TransformOutcome::Written { bytes, .. } if bytes > 8 * 1024 * 1024),
        "{outcome:?}"
    );
    let found = lake.record().quantities;
    assert!(
        !found.exceeds(&large.quantities()) && !large.quantities().exceeds(&found),
        "{found:?}"
    );
    assert_eq!(lake.bucket.open_uploads(), 0);
}

#[tokio::test]
async fn the_tolerance_is_a_setting() {
    let lake = Lake::new().await;
    lake.deliver(FULL.staged(1)).await;
    assert!(is_thinner(&lake.deliver(POORER[0].staged(2)).await));
    let tolerant = {
        let settings = transform::Settings::read(settings::Reader::new(|name| match name {
            "S3_BUCKET_NAME" => Some(super::BUCKET_NAME.to_owned()),
            "THINNER_TOLERANCE_PERCENT" => Some("50".to_owned()),
            _ => None,
        }))
        .unwrap();
        let clock = contract::clock::FixedClock("2026-11-24T06:00:00Z".parse().unwrap());
        let store = store::Store::new(lake.bucket.serve().await, super::BUCKET_NAME);
        transform::Transform::new(settings, store, std::sync::Arc::new(clock))
    };
    let key = Staging::empty(staging::run(2)).manifest_key();
    assert!(is_written(&tolerant.transform_manifest(&key).await.unwrap()));
}

#[tokio::test]
async fn other_columns_are_no_reason_to_forget_the_best() {
    let lake = Lake::new().await;
    lake.deliver(FULL.staged(1)).await;
    lake.deliver(
        Holds {
            minutes: 27_000.0,
            ..FULL
        }
        .staged(2),
    )
    .await;
    let record = lake.record();
    let other = function(&lake.bucket, "team", "").await;
    let key = Staging::empty(staging::run(2)).manifest_key();
    assert!(is_written(&other.transform_manifest(&key).await.unwrap()));
    assert_eq!(lake.record(), record);
}

/// The newest of the sets that lost nothing against the best of all.
fn newest_whole(sets: &BTreeMap<u32, Holds>) -> Option<u32> {
    let best = sets.values().map(|set| set.quantities()).reduce(Quantities::max)?;
    let whole = |set: &Holds| set.quantities().loss(&best, Tolerance::percent(10)).is_none();
    sets.iter().rev().find(|(_, set)| whole(set)).map(|(run, _)| *run)
}

fn holds() -> impl Strategy<Value = Holds> {
    let share = || prop::sample::select(vec![1.0, 1.0, 1.05, 0.92, 0.5, 0.03]);
    (share(), share(), 1_u64..40).prop_map(|(minutes, core_hours, rows)| Holds {
        rows: rows.clamp(19, 21),
        minutes: FULL.minutes * minutes,
        core_hours: FULL.core_hours * core_hours,
        ..FULL
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// Each inner list is delivered at once, the lists one after the other.
    #[test]
    fn the_newest_whole_set_stands(
        sets in prop::collection::vec(holds(), 1..5),
        rounds in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 1..4), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let lake = Lake::new().await;
            for (run, set) in (0..).zip(&sets) {
                set.staged(run).stage(&lake.bucket);
            }
            let mut delivered = BTreeMap::new();
            for round in &rounds {
                let runs: Vec<usize> = round.iter().map(|index| index.index(sets.len())).collect();
                let run_of = |index: usize| u32::try_from(index).unwrap();
                let deliveries = runs.iter().map(|index| lake.redeliver(staging::run(run_of(*index))));
                for outcome in join_all(deliveries).await {
                    prop_assert!(outcome.is_ok(), "{:?}", outcome);
                }
                delivered.extend(runs.iter().map(|index| (run_of(*index), sets[*index])));
                if let Some(expected) = newest_whole(&delivered) {
                    prop_assert_eq!(lake.run(), staging::run(expected));
                }
                let best = delivered.values().map(|set| set.quantities()).reduce(Quantities::max).unwrap();
                let recorded = lake.record().best;
                prop_assert!(!best.exceeds(&recorded) && !recorded.exceeds(&best));
                prop_assert_eq!(lake.bucket.open_uploads(), 0);
            }
            Ok(())
        })?;
    }
}
