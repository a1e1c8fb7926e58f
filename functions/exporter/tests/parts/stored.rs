//! What is stored of a response: exactly what came.

use contract::documents::{AssetScope, AssetsState, PartKind};
use end_to_end::staging::hash;
use exporter::{Days, NoProgress};

use super::source::{Scripted, bad_window, containers, not_found, row, setup, text};

const DAY: &str = "2026-11-20";

#[tokio::test]
async fn recorded_responses_of_both_sources_are_stored_as_they_came() {
    let cases = [
        (
            "/model/allocation",
            "/model/assets",
            "kubecost/kubecost_allocation_1day.json",
            "kubecost/kubecost_assets_1day_nodes.json",
        ),
        (
            "/allocation/compute",
            "/assets",
            "opencost/alloc_default_1day.json",
            "opencost/assets_1day_nodes.json",
        ),
    ];
    for (allocation_path, asset_path, allocation, assets) in cases {
        let (allocation, assets) = (recordings::read(allocation), recordings::read(assets));
        let (body, asset_body) = (allocation.clone(), assets.clone());
        let source = Scripted::serve(move |asked| match asked.path.as_str() {
            path if path == allocation_path && asked.day().is_empty() => bad_window(),
            path if path == allocation_path => text(200, body.clone()),
            path if path == asset_path => text(200, asset_body.clone()),
            _ => not_found(),
        })
        .await;
        let setup = setup(&source.url, &[]).await;
        let summary = setup.collect(&[DAY]).await;
        assert!(summary.is_success(), "{summary}");
        let manifest = setup.manifests().remove(0);
        let rows = end_to_end::staging::rows(&allocation, None);
        assert_eq!(manifest.rows, rows.len() as u64);
        let cost: f64 = rows.iter().map(|(_, row)| row["totalCost"].as_f64().unwrap()).sum();
        assert!((manifest.total_cost - cost).abs() <= 1e-9 * cost);
        assert_eq!(manifest.window, DAY.parse::<contract::day::Day>().unwrap().window());
        let kinds: Vec<PartKind> = manifest.parts.iter().map(|part| part.kind).collect();
        assert_eq!(kinds, [PartKind::Allocation, PartKind::Assets]);
        for (part, body) in manifest.parts.iter().zip([&allocation, &assets]) {
            let stored = setup.bucket.get(&part.key).unwrap().content;
            assert_eq!(part.bytes, stored.len() as u64);
            assert_eq!(part.sha256, hash(&stored));
            assert_eq!(part.raw_bytes, body.len() as u64);
            assert_eq!(zstd::decode_all(&stored[..]).unwrap(), body.as_bytes());
        }
        // Nothing that is staged can replace an object.
        for call in setup.bucket.calls() {
            assert_eq!(call.header("if-none-match"), "*", "{call:?}");
        }
        // No container is merged over pods: nothing to aggregate by is named.
        let asked = source.asked(allocation_path).pop().unwrap();
        assert_eq!(asked.parameter("window"), "2026-11-20T00:00:00Z,2026-11-21T00:00:00Z");
        assert_eq!(
            (asked.parameter("aggregate"), asked.parameter("accumulate")),
            ("", "false")
        );
        assert_eq!(
            (
                asked.parameter("idle"),
                asked.parameter("includeIdle"),
                asked.parameter("shareTenancyCosts")
            ),
            ("true", "true", "true")
        );
    }
}

#[tokio::test]
async fn a_day_without_data_has_a_manifest_without_parts() {
    for data in ["[]", "[{}]", "[null]"] {
        let source = Scripted::kubecost(format!(r#"{{"code":200,"data":{data}}}"#)).await;
        let setup = setup(&source.url, &[]).await;
        let summary = setup.collect(&[DAY]).await;
        assert!(summary.is_success(), "{data}: {summary}");
        let manifest = setup.manifests().remove(0);
        assert!(manifest.parts.is_empty() && manifest.rows == 0, "{data}");
        assert_eq!(setup.bucket.keys("staging/").len(), 1, "{data}");
    }
}

#[tokio::test]
async fn rows_without_pod_and_container_are_queried_again_and_refused_if_that_fails() {
    let lacking = |day: &str| format!(r#"{{"code":200,"data":[{{{}}}]}}"#, row(day, "n", r#""namespace":"n""#));
    for (helps, refuses) in [(true, false), (false, false), (false, true)] {
        let source = Scripted::serve(move |asked| match (asked.path.as_str(), asked.day()) {
            ("/model/allocation", "") => bad_window(),
            ("/model/allocation", day) if helps && asked.parameter("aggregate").contains("pod,container") => {
                text(200, containers(day, &["a".to_owned()]))
            }
            ("/model/allocation", _) if refuses && asked.parameter("aggregate").contains("pod,container") => {
                text(400, "no such aggregation")
            }
            ("/model/allocation", day) => text(200, lacking(day)),
            _ => text(200, r#"{"code":200,"data":[{}]}"#),
        })
        .await;
        let setup = setup(&source.url, &[]).await;
        let summary = setup.collect(&[DAY, "2026-11-21"]).await;
        assert_eq!(summary.is_success(), helps);
        if helps {
            assert_eq!(setup.manifests().len(), 2);
            assert!(setup.manifests()[0].query.contains("pod,container"));
            // What was learnt of the source on the first day holds for the others.
            assert_eq!(source.asked_for_days().len(), 3);
        } else {
            assert!(setup.manifests().is_empty() && setup.bucket.open_uploads() == 0);
            let (_, reason) = summary.failed().next().unwrap();
            let lacks = "1 of 1 rows lack container or pod";
            assert!(
                reason.contains(lacks) && reason.contains("explicit aggregation"),
                "{reason}"
            );
            assert_eq!(reason.contains("no such aggregation"), refuses, "{reason}");
        }
    }
}

#[tokio::test]
async fn a_response_about_another_day_of_the_run_is_refused() {
    let source = Scripted::kubecost(containers(DAY, &["a".to_owned()])).await;
    let setup = setup(&source.url, &[]).await;
    let summary = setup.collect(&["2026-11-19", DAY]).await;
    let collected: Vec<String> = summary.collected().map(|(day, _)| day.to_string()).collect();
    assert_eq!(collected, [DAY]);
    let (_, reason) = summary.failed().next().unwrap();
    assert!(reason.contains(DAY), "{reason}");
}

#[tokio::test]
async fn without_a_plan_a_response_about_another_day_is_refused_too() {
    let source = Scripted::kubecost(containers(DAY, &["a".to_owned()])).await;
    let setup = setup(&source.url, &[]).await;
    let summary = setup.exporter.run(None, &Days::Planned, &NoProgress).await;
    let summary = summary.unwrap();
    let (day, reason) = summary.failed().next().unwrap();
    assert!(day.to_string() != DAY && reason.contains(DAY), "{reason}");
    assert!(setup.manifests().is_empty());
}

#[tokio::test]
async fn the_days_set_is_found_among_several() {
    let days = ["2026-11-19", DAY, "2026-11-21"];
    let sets: Vec<String> = days
        .iter()
        .map(|day| format!("{{{}}}", row(day, day, r#""pod":"p","container":"c""#)))
        .collect();
    let source = Scripted::kubecost(format!(r#"{{"code":200,"data":[{}]}}"#, sets.join(","))).await;
    let setup = setup(&source.url, &[]).await;
    assert!(setup.collect(&[DAY]).await.is_success());
    let manifest = setup.manifests().remove(0);
    assert_eq!((manifest.rows, manifest.parts[0].set), (1, Some(1)));
}

#[tokio::test]
async fn a_large_answer_streams_through_in_parts() {
    // Does not compress well: more than one part of an upload.
    let mut random = 1_u64;
    let names: Vec<String> = (0..55_000)
        .map(|_| {
            let next = |random: &mut u64| {
                *random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                *random
            };
            (0..40).map(|_| format!("{:016x}", next(&mut random))).collect()
        })
        .collect();
    let body = containers(DAY, &names);
    let length = body.len() as u64;
    let source = Scripted::kubecost(body).await;
    let setup = setup(&source.url, &[]).await;
    let summary = setup.collect(&[DAY]).await;
    assert!(summary.is_success(), "{summary}");
    let part = &setup.manifests()[0].parts[0];
    assert_eq!(part.raw_bytes, length);
    assert!(part.bytes > 2 * store::PART_BYTES as u64, "{part:?}");
    assert_eq!(hash(&setup.bucket.get(&part.key).unwrap().content), part.sha256);
}

#[tokio::test]
async fn a_day_that_has_not_ended_is_not_collected() {
    let source = Scripted::serve(|asked| match asked.path.as_str() {
        "/model/allocation" if asked.day().is_empty() => bad_window(),
        "/model/allocation" => text(200, containers(asked.day(), &["a".to_owned()])),
        _ => text(200, r#"{"code":200,"data":[{}]}"#),
    })
    .await;
    let setup = setup(&source.url, &[]).await;
    let summary = setup.collect(&[DAY, "2030-01-01"]).await;
    let (day, reason) = summary.failed().next().unwrap();
    assert_eq!(day.to_string(), "2030-01-01");
    assert!(reason.contains("the day ends at 2030-01-02"), "{reason}");
    assert_eq!(summary.collected().count(), 1);
    assert_eq!(setup.manifests().len(), 1);
}

#[tokio::test]
async fn a_day_whose_assets_fail_is_stored_and_marked() {
    let source = Scripted::serve(|asked| match asked.path.as_str() {
        "/model/allocation" if asked.day().is_empty() => bad_window(),
        "/model/allocation" => text(200, containers(asked.day(), &["a".to_owned()])),
        _ => text(403, "forbidden"),
    })
    .await;
    let setup = setup(&source.url, &[]).await;
    let summary = setup.collect(&[DAY]).await;
    assert!(summary.is_success(), "{summary}");
    assert!(summary.to_string().contains("assets unavailable"), "{summary}");
    let facts = &setup.manifests()[0].facts;
    assert_eq!((facts.assets, facts.asset_set), (AssetsState::Unavailable, None));
    assert!(
        facts.warnings.iter().any(|warning| warning.contains("403")),
        "{facts:?}"
    );
}

#[tokio::test]
async fn all_assets_are_stored_with_their_number_and_cost() {
    let source = Scripted::serve(|asked| match asked.path.as_str() {
        "/allocation/compute" if asked.day().is_empty() => bad_window(),
        "/allocation/compute" => text(200, recordings::read("opencost-2/alloc_container_1day.json")),
        "/assets" => text(200, recordings::read("opencost-2/assets_1day.json")),
        _ => not_found(),
    })
    .await;
    let setup = setup(&source.url, &[]).await;
    let summary = setup.collect(&["2026-11-21"]).await;
    assert!(summary.is_success(), "{summary}");
    let asked = source.asked("/assets");
    assert_eq!((asked.len(), asked[0].parameter("filter")), (1, ""));
    let facts = &setup.manifests()[0].facts;
    let set = facts.asset_set.unwrap();
    assert_eq!((set.scope, set.rows), (AssetScope::All, 22));
    assert!((set.total_cost - 41.204_49).abs() < 1e-9, "{set:?}");
    assert_eq!(facts.coverage.unwrap().node_minutes, Some(1440.0));
}

#[tokio::test]
async fn where_only_nodes_can_be_had_the_manifest_says_so_and_why() {
    let odd = r#"{"code":200,"data":[{"a/b/c":{"type":"Cloud","totalCost":["odd"]}}]}"#;
    let twice = r#"{"code":200,"data":[{"a":{"totalCost":1},"a":{"totalCost":1}}]}"#;
    for (status, all, reason) in [
        (400, "unfiltered queries are not allowed", "not allowed"),
        (500, "the cloud integration failed", "integration failed"),
        (200, odd, "field 'totalCost'"),
        (200, twice, "comes twice"),
    ] {
        let source = Scripted::serve(move |asked| match asked.path.as_str() {
            "/model/allocation" if asked.day().is_empty() => bad_window(),
            "/model/allocation" => text(200, containers(asked.day(), &["a".to_owned()])),
            "/model/assets" if asked.parameter("filter").is_empty() => text(status, all),
            "/model/assets" => text(200, recordings::read("kubecost/kubecost_assets_1day_nodes.json")),
            _ => not_found(),
        })
        .await;
        let setup = setup(&source.url, &[("RETRIES", "0")]).await;
        let summary = setup.collect(&[DAY]).await;
        assert!(summary.is_success(), "{summary}");
        let manifest = setup.manifests().remove(0);
        let facts = &manifest.facts;
        let set = facts.asset_set.unwrap();
        assert_eq!(
            (facts.assets, set.scope, set.rows),
            (AssetsState::Stored, AssetScope::Nodes, 2)
        );
        let warning = facts
            .warnings
            .iter()
            .find(|warning| warning.contains("only nodes"))
            .unwrap();
        assert!(warning.contains(reason), "{warning}");
        assert_eq!(manifest.parts.len(), 2);
    }
}
