//! Deliveries in any order, repeated and at once: the newest run's data stands.

use std::fmt::Write as _;

use contract::run::RunId;
use end_to_end::staging::{self, Staging};
use futures_util::future::join_all;
use proptest::prelude::*;
use transform::TransformOutcome;

use super::{Lake, function, lake_key};

/// A run's set: the number of its rows identifies the run.
fn set(run: u32) -> Staging {
    let rows: Vec<String> = (0..=run)
        .map(|row| {
            format!(r#""r{row}":{{"name":"r{row}","totalCost":{run}.5,"properties":{{"labels":{{"team":"t{run}"}}}}}}"#)
        })
        .collect();
    let response = format!(r#"{{"code":200,"data":[{{{}}}]}}"#, rows.join(","));
    Staging::of(staging::run(run), &response, None, None)
}

fn written(outcome: &TransformOutcome) -> bool {
    matches!(outcome, TransformOutcome::Written { .. })
}

fn stands(lake: &Lake, run: u32) -> Result<(), TestCaseError> {
    let table = lake.table();
    let name = staging::run(run).to_string();
    prop_assert_eq!(table.object.metadata.get("run"), Some(&name));
    prop_assert_eq!(table.footer("run"), name);
    prop_assert_eq!(table.rows.num_rows(), run as usize + 1);
    prop_assert_eq!(lake.bucket.open_uploads(), 0);
    prop_assert_eq!(lake.bucket.keys("lake/"), [lake_key()]);
    prop_assert!(lake.bucket.keys("quarantine/").is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// Each inner list is delivered at once, the lists one after the other.
    #[test]
    fn the_newest_run_stands(rounds in prop::collection::vec(prop::collection::vec(0_u32..4, 1..5), 1..6)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let lake = Lake::new().await;
            for run in 0..4 {
                set(run).stage(&lake.bucket);
            }
            let mut newest = 0;
            for round in &rounds {
                let deliveries = round.iter().map(|run| lake.redeliver(staging::run(*run)));
                for outcome in join_all(deliveries).await {
                    let outcome = outcome.unwrap();
                    prop_assert!(written(&outcome) || outcome == TransformOutcome::AlreadyCurrent, "{:?}", outcome);
                }
                newest = newest.max(*round.iter().max().unwrap());
                // At no time is there anything else than the newest run delivered so far.
                stands(&lake, newest)?;
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_repeated_delivery_does_nothing() {
    let lake = Lake::new().await;
    assert!(written(&lake.deliver(set(1)).await));
    let content = lake.bucket.get(&lake_key()).unwrap().content;
    for run in [1, 0] {
        assert_eq!(lake.deliver(set(run)).await, TransformOutcome::AlreadyCurrent);
    }
    assert_eq!(lake.bucket.get(&lake_key()).unwrap().content, content);
    assert!(written(&lake.deliver(set(2)).await));
}

#[tokio::test]
async fn an_object_that_others_wrote_is_replaced() {
    let lake = Lake::new().await;
    lake.bucket.put(&lake_key(), "written by another program");
    assert!(written(&lake.deliver(set(1)).await));
    assert_eq!(lake.table().rows.num_rows(), 2);
}

#[tokio::test]
async fn the_same_run_under_other_columns_is_written_again() {
    let lake = Lake::new().await;
    assert!(written(&lake.deliver(set(1)).await));
    let run = staging::run(1);
    let key = Staging::empty(run).manifest_key();
    for (labels, annotations) in [("team", ""), ("team,app", ""), ("app,team", ""), ("", "team"), ("", "")] {
        let other = function(&lake.bucket, labels, annotations).await;
        let outcome = other.transform_manifest(&key).await.unwrap();
        assert!(written(&outcome), "{labels};{annotations}: {outcome:?}");
        let outcome = other.transform_manifest(&key).await.unwrap();
        assert_eq!(outcome, TransformOutcome::AlreadyCurrent, "{labels};{annotations}");
        let columns = lake
            .table()
            .names()
            .iter()
            .filter(|name| name.starts_with("properties.labels."))
            .count();
        assert_eq!(columns, labels.split(',').filter(|key| !key.is_empty()).count());
    }
    assert_eq!(lake.redeliver(run).await.unwrap(), TransformOutcome::AlreadyCurrent);
}

#[tokio::test]
async fn an_older_run_never_replaces_a_newer_one_whatever_the_columns() {
    let lake = Lake::new().await;
    assert!(written(&lake.deliver(set(2)).await));
    let older = set(1).stage(&lake.bucket);
    let other = function(&lake.bucket, "team", "").await;
    assert_eq!(
        other.transform_manifest(&older).await.unwrap(),
        TransformOutcome::AlreadyCurrent
    );
    stands(&lake, 2).unwrap();
}

#[tokio::test]
async fn an_object_of_a_version_before_fingerprints_is_written_again() {
    let lake = Lake::new().await;
    assert!(written(&lake.deliver(set(1)).await));
    lake.bucket.edit(&lake_key(), |object| {
        object.metadata.remove("table").unwrap();
    });
    assert!(written(&lake.redeliver(staging::run(1)).await.unwrap()));
    assert!(lake.table().object.metadata.contains_key("table"));
}

/// A set whose file takes several parts of an upload: labels that do not compress.
fn large_set(run: RunId, seed: u64) -> Staging {
    let mut response = r#"{"code":200,"data":[{"#.to_owned();
    let mut state = seed;
    for row in 0..2500 {
        let comma = if row == 0 { "" } else { "," };
        write!(
            response,
            r#"{comma}"r{row}":{{"name":"r{row}","totalCost":0.5,"properties":{{"labels":{{"noise":""#
        )
        .unwrap();
        for _ in 0..500 {
            // A linear congruential generator; its upper half is noise enough.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            write!(response, "{:08x}", state >> 32).unwrap();
        }
        response.push_str("\"}}}");
    }
    response.push_str("}]}");
    Staging::of(run, &response, None, None)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_multipart_upload_stays_open() {
    let lake = Lake::new().await;
    for number in 1..=2 {
        large_set(staging::run(number), u64::from(number)).stage(&lake.bucket);
    }
    let mut wrong = large_set(staging::run(3), 3);
    wrong.manifest.total_cost += 1.0;
    wrong.stage(&lake.bucket);
    let deliveries = [2, 1, 3, 2].map(|number| lake.redeliver(staging::run(number)));
    let outcomes: Vec<TransformOutcome> = join_all(deliveries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes[2], TransformOutcome::Quarantined { reason: "totals" });
    let object = lake.table().object;
    assert_eq!(object.metadata["run"], staging::run(2).to_string());
    assert!(object.content.len() > 8 * 1024 * 1024, "{}", object.content.len());
    assert_eq!(lake.table().rows.num_rows(), 2500);
    assert_eq!(lake.bucket.open_uploads(), 0);
}
