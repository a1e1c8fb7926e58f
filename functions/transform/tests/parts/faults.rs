//! What cannot be converted is quarantined with its reason, and what may pass is an error.

use std::fmt::Write;

use contract::{documents::PartKind, keys::Prefixes, run::RunId};
use end_to_end::{
    bucket::Bucket,
    staging::{self, Staging, hash},
};
use transform::{TransformError, TransformOutcome};

use super::{Lake, function_at};

const GOOD: &str = "kubecost/kubecost_allocation_1day.json";

fn good() -> Staging {
    Staging::of(
        staging::run(1),
        &recordings::read(GOOD),
        None,
        Some(&recordings::read("kubecost/kubecost_assets_1day_nodes.json")),
    )
}

/// Delivers a set under the key that it should have, and expects it in quarantine.
async fn quarantined(staging: Staging, reason: &str, message: &str) {
    let lake = Lake::new().await;
    let run = staging::run(1);
    let key = Staging::empty(run).manifest_key();
    staging.stage_under(&lake.bucket, key.clone());
    let outcome = lake.function.transform_manifest(&key).await.unwrap();
    let document = lake.quarantine(run);
    let TransformOutcome::Quarantined { reason: found } = outcome else {
        panic!("{message}: {outcome:?}");
    };
    let document = document.unwrap();
    assert_eq!(found, reason, "{}", document.message);
    assert_eq!(document.reason, reason);
    assert!(document.message.contains(message), "{}", document.message);
    assert_eq!((document.manifest, document.run), (key, run));
    assert_eq!(document.date, staging::day());
    assert!(lake.is_empty(), "{message}: something is in the lake");
}

#[tokio::test]
async fn responses_of_other_kinds_are_quarantined() {
    for (file, reason, message) in [
        (
            "opencost/alloc_summary_1day.json",
            "answer",
            "not a response of the allocation",
        ),
        (
            "opencost/alloc_badwindow.json",
            "answer",
            "not JSON; it begins: Invalid 'window'",
        ),
        (
            "opencost/alloc_nowindow.json",
            "answer",
            "not JSON; it begins: Invalid 'window'",
        ),
        (
            "opencost/alloc_parc_badreq.json",
            "answer",
            "code 400: Error: bad request - includeIdle",
        ),
        ("opencost/assets_badfilter.json", "answer", "Error getting assets"),
        ("opencost/model_allocation.json", "answer", "404 page not found"),
        ("opencost/assets_1day.json", "answer", "'data' is not a list of sets"),
        (
            "shapes/refused_aggregated_cost_model.json",
            "answer",
            "'data' is not a list of sets",
        ),
        (
            "shapes/refused_cloud_cost.json",
            "answer",
            "not a response of the allocation",
        ),
        (
            "shapes/refused_carbon.json",
            "row",
            "row 'ns': has fields, but none with a cost",
        ),
        (
            "shapes/refused_code_500.json",
            "answer",
            "code 500: error querying store",
        ),
        (
            "shapes/refused_code_500_with_rows.json",
            "answer",
            "code 500: partial result",
        ),
        ("shapes/refused_data_null.json", "answer", "'data' is null"),
        ("shapes/refused_login_page.json", "answer", "<!DOCTYPE html>"),
        (
            "shapes/refused_rows_are_lists.json",
            "answer",
            "values that are not sets of rows",
        ),
        ("shapes/refused_two_answers.json", "answer", "more bytes after its end"),
        (
            "shapes/refused_text_in_number.json",
            "row",
            "row 'bad': field 'cpuCost' holds the text '1.5 USD'",
        ),
        (
            "shapes/refused_window_text.json",
            "row",
            "row 'b': field 'window.start' holds 'yesterday'",
        ),
    ] {
        quarantined(
            Staging::of(staging::run(1), &recordings::read(file), None, None),
            reason,
            message,
        )
        .await;
    }
    let huge = "x".repeat(4 * 1024 * 1024);
    let huge = format!(r#"{{"code":200,"data":[{{"a":{{"totalCost":1,"name":"{huge}"}}}}]}}"#);
    let huge = Staging::of(staging::run(1), &huge, None, None);
    quarantined(huge, "answer", "row 0 is longer than 4194304 bytes").await;
    let empty = Staging::of(staging::run(1), "", None, None);
    quarantined(empty, "answer", "the response is empty").await;
    let estimates = r#"{"code":200,"data":[{"ns":{"minutes":1440},"b":{}}]}"#;
    let estimates = Staging::of(staging::run(1), estimates, None, None);
    quarantined(estimates, "no_costs", "none of the 2 rows").await;
}

#[tokio::test]
async fn what_is_not_the_day_or_counts_twice_is_quarantined() {
    let day = recordings::read("opencost/alloc_namespace_3day.json");
    let other_day = |set| Staging::of(staging::run(1), &day, Some(set), None);
    quarantined(other_day(1), "refused", "the source answered for another time").await;
    quarantined(other_day(2), "refused", "the source answered for another time").await;
    let three_days = recordings::read("opencost/alloc_namespace_3day_accumulated.json");
    let three_days = Staging::of(staging::run(1), &three_days, None, None);
    quarantined(three_days, "refused", "the source answered for another time").await;
    let row = |cluster: &str, cost: &str| {
        format!(r#"{{"properties":{{"cluster":"{cluster}"}},"minutes":1440,"cpuCost":{cost},"totalCost":{cost}}}"#)
    };
    let (one, two) = (row("one", "1"), row("two", "1"));
    let huge = row("one", "1e308");
    for (sets, message) in [
        (format!(r#"{{"a":{one},"a":{one}}}"#), "the row 'a' comes twice"),
        (
            format!(r#"{{"a":{one}}},{{"b":{one}}}"#),
            "two sets of the response overlap",
        ),
        (format!(r#"{{"a":{one},"b":{two}}}"#), "2 clusters: 'one', 'two'"),
        (format!(r#"{{"a":{huge},"b":{huge}}}"#), "not a finite number"),
    ] {
        let response = format!(r#"{{"code":200,"data":[{sets}]}}"#);
        let mut staging = Staging::of(staging::run(1), &response, None, None);
        // A parser that keeps the last of two equal keys counts one row.
        staging.manifest.rows = 2;
        staging.manifest.parts[0].rows = 2;
        staging.manifest.total_cost = 2.0;
        quarantined(staging, "refused", message).await;
    }
}

/// More rows than the table of keys has room for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_out_of_order_is_compared_with_all_of_a_large_response() {
    let mut response = r#"{"code":200,"data":[{"#.to_owned();
    for number in 0..115_000 {
        write!(response, r#""r{number:06}":{{"totalCost":0}},"#).unwrap();
    }
    response.push_str(r#""r114999":{"totalCost":0},"r114998":{"totalCost":0}}]}"#);
    let mut staging = Staging::of(staging::run(1), &response, None, None);
    // A parser that keeps the last of two equal keys counts two rows less.
    staging.manifest.rows += 2;
    staging.manifest.parts[0].rows += 2;
    quarantined(staging, "refused", "two rows of a set have the same key").await;
}

#[tokio::test]
async fn ids_that_the_exporter_accepted_are_of_one_cluster() {
    let row = |cluster: &str| format!(r#"{{"properties":{{"cluster":"{cluster}"}},"totalCost":1}}"#);
    let response = format!(r#"{{"code":200,"data":[{{"a":{},"b":{}}}]}}"#, row("old"), row("new"));
    let staged = |clusters: &[&str]| {
        let mut staging = Staging::of(staging::run(1), &response, None, None);
        staging.manifest.facts.clusters = clusters.iter().map(|id| (*id).to_owned()).collect();
        staging
    };
    let outcome = Lake::new().await.deliver(staged(&["old", "new"])).await;
    assert!(
        matches!(outcome, TransformOutcome::Written { rows: 2, .. }),
        "{outcome:?}"
    );
    quarantined(staged(&["old"]), "refused", "rows of 'new' came").await;
}

#[tokio::test]
async fn a_day_that_has_not_ended_is_quarantined() {
    let bucket = Bucket::default();
    let key = good().stage(&bucket);
    for (now, is_written) in [("2026-11-20T23:59:59Z", false), ("2026-11-21T00:00:00Z", true)] {
        let function = function_at(&bucket, "", "", now).await;
        let outcome = function.transform_manifest(&key).await.unwrap();
        if is_written {
            assert!(matches!(outcome, TransformOutcome::Written { .. }), "{outcome:?}");
        } else {
            assert_eq!(outcome, TransformOutcome::Quarantined { reason: "not_ended" });
        }
    }
}

#[tokio::test]
async fn a_run_of_the_future_is_quarantined_and_one_in_the_lake_is_replaced() {
    let future: RunId = "ffffffff-ffff-7fff-bfff-ffffffffffff".parse().unwrap();
    let lake = Lake::new().await;
    let staged = |run| Staging::of(run, &recordings::read(GOOD), None, None);
    assert_eq!(
        lake.deliver(staged(future)).await,
        TransformOutcome::Quarantined { reason: "run_ahead" }
    );
    let message = lake.quarantine(future).unwrap().message;
    assert!(
        message.contains("the clock of the machine it ran on is ahead"),
        "{message}"
    );
    lake.deliver(staged(staging::run(1))).await;
    // As a function wrote it that did not look at the clock.
    lake.bucket.edit(&super::lake_key(), |object| {
        object.metadata.insert("run".to_owned(), future.to_string());
    });
    let outcome = lake.deliver(staged(staging::run(2))).await;
    assert!(matches!(outcome, TransformOutcome::Written { .. }), "{outcome:?}");
    assert_eq!(lake.table().footer("run"), staging::run(2).to_string());
}

#[tokio::test]
async fn a_response_cut_short_anywhere_is_quarantined() {
    let lake = Lake::new().await;
    let whole = recordings::read("shapes/special_rows.json");
    let whole = whole.trim_end();
    let rows = staging::rows(whole, None);
    for length in (1..whole.len()).step_by(23).chain([whole.len() - 1]) {
        let mut staging = Staging::of(staging::run(1), whole.get(..length).unwrap_or_default(), None, None);
        // Whatever was counted, a response that is cut short is refused.
        staging.manifest.rows = rows.len() as u64;
        let outcome = lake.deliver(staging).await;
        assert_eq!(outcome, TransformOutcome::Quarantined { reason: "answer" }, "{length}");
    }
    assert!(lake.is_empty());
}

#[tokio::test]
async fn bad_assets_are_quarantined_too() {
    for (assets, message) in [
        (
            recordings::read("shapes/refused_login_page.json"),
            "assets-0001.json.zst: the response is not JSON",
        ),
        (
            recordings::read("opencost/assets_badwindow.json"),
            "assets-0001.json.zst: the response is not JSON",
        ),
        (
            r#"{"code":200,"data":[{"a":1}]}"#.to_owned(),
            "the entries of 'data' are not rows",
        ),
    ] {
        quarantined(
            Staging::of(staging::run(1), &recordings::read(GOOD), None, Some(&assets)),
            "answer",
            message,
        )
        .await;
    }
}

#[tokio::test]
async fn a_manifest_is_accepted_only_if_it_agrees_with_its_key() {
    let mut other_cluster = good();
    other_cluster.manifest.cluster = "arn:aws:eks:us-east-1:111122223333:cluster/other".parse().unwrap();
    quarantined(other_cluster, "manifest_mismatch", "cluster '").await;
    let mut other_run = good();
    other_run.manifest.run = staging::run(2);
    quarantined(other_run, "manifest_mismatch", "run '").await;
    let mut other_day = good();
    other_day.manifest.date = "2026-11-21".parse().unwrap();
    quarantined(other_day, "manifest_mismatch", "date '2026-11-21'").await;
    let mut other_window = good();
    other_window.manifest.window.end = "2026-11-22T00:00:00Z".parse().unwrap();
    quarantined(other_window, "manifest_mismatch", "window '").await;
    let foreign = Prefixes::default();
    let cluster: contract::cluster::ClusterArn = "arn:aws:eks:us-east-1:999999999999:cluster/other".parse().unwrap();
    for key in [
        foreign.allocation_part(cluster.id(), &staging::run(1), staging::day(), 1),
        foreign.allocation_part(staging::cluster().id(), &staging::run(2), staging::day(), 1),
        foreign.manifest(staging::cluster().id(), &staging::run(1), staging::day()),
        super::lake_key(),
        "staging/../secret".to_owned(),
    ] {
        let mut staging = good();
        staging.manifest.parts[0].key = key;
        quarantined(staging, "manifest_mismatch", "part '").await;
    }
}

#[tokio::test]
async fn a_part_that_is_not_what_was_written_is_quarantined() {
    let mut missing = good();
    missing.objects.remove(0);
    quarantined(missing, "part_missing", "allocation-0001.json.zst is missing").await;
    let mut wrong_hash = good();
    wrong_hash.manifest.parts[0].sha256 = hash(b"other");
    quarantined(wrong_hash, "part_mismatch", "SHA-256").await;
    let mut wrong_hash_of_assets = good();
    wrong_hash_of_assets.manifest.parts[1].sha256 = hash(b"other");
    quarantined(wrong_hash_of_assets, "part_mismatch", "SHA-256").await;
    let mut cut = good();
    let length = cut.objects[0].1.len();
    cut.objects[0].1.truncate(length / 2);
    quarantined(cut, "part_mismatch", "bytes").await;
    let mut replaced = good();
    replaced.objects[0].1 = zstd::encode_all(recordings::read("shapes/texts.json").as_bytes(), 1).unwrap();
    quarantined(replaced, "part_mismatch", "bytes").await;
    let mut raw = good();
    raw.manifest.parts[0].raw_bytes -= 1;
    quarantined(raw, "part_mismatch", "uncompressed bytes").await;
    let mut uncompressed = good();
    uncompressed.objects[0].1 = recordings::read(GOOD).into_bytes();
    uncompressed.manifest.parts[0].bytes = uncompressed.objects[0].1.len() as u64;
    uncompressed.manifest.parts[0].sha256 = hash(&uncompressed.objects[0].1);
    quarantined(uncompressed, "compression", "cannot be decompressed").await;
}

#[tokio::test]
async fn rows_and_costs_that_were_lost_are_noticed() {
    let mut rows = good();
    rows.manifest.rows += 1;
    quarantined(rows, "rows", "16 rows were read, but the exporter counted 17").await;
    let mut part_rows = good();
    part_rows.manifest.parts[0].rows = 15;
    quarantined(part_rows, "rows", "counted 15").await;
    let mut total = good();
    total.manifest.total_cost += 0.001;
    quarantined(total, "totals", "the sum of totalCost").await;
    let mut none = good();
    none.manifest.parts.retain(|part| part.kind == PartKind::Assets);
    quarantined(none, "manifest_mismatch", "names no part with allocations").await;
}

#[tokio::test]
async fn a_manifest_of_another_version_or_form_is_quarantined() {
    for (content, message) in [
        (r#"{"version":2}"#, "version 2"),
        ("not json", "not a document"),
        (r#"{"version":1}"#, "missing field"),
    ] {
        let lake = Lake::new().await;
        let run = staging::run(1);
        lake.bucket.put(&Staging::empty(run).manifest_key(), content.as_bytes());
        let outcome = lake.redeliver(run).await.unwrap();
        assert_eq!(
            outcome,
            TransformOutcome::Quarantined {
                reason: "manifest_unreadable"
            }
        );
        let document = lake.quarantine(run).unwrap();
        assert!(document.message.contains(message), "{}", document.message);
    }
    let lake = Lake::new().await;
    let outcome = lake.redeliver(staging::run(1)).await.unwrap();
    assert_eq!(
        outcome,
        TransformOutcome::Quarantined {
            reason: "manifest_missing"
        }
    );
}

#[tokio::test]
async fn a_set_that_cannot_be_converted_leaves_what_the_lake_has() {
    let lake = Lake::new().await;
    lake.deliver(good()).await;
    let before = lake.bucket.get(&super::lake_key()).unwrap().content;
    let newer = Staging::of(
        staging::run(2),
        &recordings::read("shapes/refused_text_in_number.json"),
        None,
        None,
    );
    assert_eq!(
        lake.deliver(newer).await,
        TransformOutcome::Quarantined { reason: "row" }
    );
    assert_eq!(lake.bucket.get(&super::lake_key()).unwrap().content, before);
}

#[tokio::test]
async fn a_transient_error_fails_and_the_next_delivery_succeeds() {
    let key = Staging::empty(staging::run(1)).manifest_key();
    let parts = good().manifest.parts;
    for broken in [key.as_str(), &parts[0].key, &parts[1].key] {
        let lake = Lake::new().await;
        good().stage(&lake.bucket);
        lake.bucket.break_reads(broken, 1);
        let error = lake.redeliver(staging::run(1)).await.unwrap_err();
        assert!(matches!(error, TransformError::Store(_)), "{broken}: {error}");
        assert!(error.to_string().contains(broken), "{error}");
        assert!(
            lake.is_empty() && lake.quarantine(staging::run(1)).is_none(),
            "{broken}"
        );
        let outcome = lake.redeliver(staging::run(1)).await.unwrap();
        assert!(
            matches!(outcome, TransformOutcome::Written { .. }),
            "{broken}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn one_bad_read_quarantines_nothing() {
    let parts = good().manifest.parts;
    let flipped = |content: &[u8]| {
        let mut content = content.to_vec();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        content
    };
    let short = |content: &[u8]| content[..content.len() / 2].to_vec();
    let manifest = Staging::empty(staging::run(1)).manifest_key();
    for key in [&manifest, &parts[0].key, &parts[1].key] {
        for bad in [Some(flipped as fn(&[u8]) -> Vec<u8>), Some(short), None] {
            let lake = Lake::new().await;
            good().stage(&lake.bucket);
            let content = lake.bucket.get(key).unwrap().content;
            match bad {
                Some(bad) => lake.bucket.put(key, bad(&content)),
                None => lake.bucket.remove(key),
            }
            lake.bucket.mend_after(1, key, content);
            let outcome = lake.redeliver(staging::run(1)).await.unwrap();
            assert!(
                matches!(outcome, TransformOutcome::Written { .. }),
                "{key}: {outcome:?}"
            );
            assert!(lake.quarantine(staging::run(1)).is_none());
        }
    }
}

#[tokio::test]
async fn a_key_that_is_no_manifests_is_refused() {
    let lake = Lake::new().await;
    let parts = good().manifest.parts;
    for key in ["", "staging/x/manifest.json", &parts[0].key, &super::lake_key()] {
        let error = lake.function.transform_manifest(key).await.unwrap_err();
        assert!(matches!(error, TransformError::NotAManifest { .. }), "{error}");
    }
}
