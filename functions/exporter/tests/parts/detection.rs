//! Which source it is, found out by asking.

use axum::response::Response;
use contract::documents::SourceKind;

use super::source::{Asked, Scripted, bad_window, containers, not_found, setup, text};

const DAY: &str = "2026-11-20";

/// A source that has allocations at one path; what it says elsewhere is the case's.
async fn found(path: &'static str, elsewhere: fn(&Asked) -> Response) -> SourceKind {
    let source = Scripted::serve(move |asked| match asked.path.as_str() {
        found if found == path && asked.day().is_empty() => bad_window(),
        found if found == path => text(200, containers(asked.day(), &["a".to_owned()])),
        _ => elsewhere(asked),
    })
    .await;
    let setup = setup(&source.url, &[("RETRIES", "0")]).await;
    let summary = setup.collect(&[DAY]).await;
    assert!(summary.is_success(), "{summary}");
    setup.manifests()[0].source.kind
}

fn page(_: &Asked) -> Response {
    text(200, "<!doctype html><title>OpenCost</title>")
}

#[tokio::test]
async fn each_source_is_known_by_its_own_path() {
    let missing: fn(&Asked) -> Response = |_| not_found();
    let kubecost = found("/model/allocation", missing).await;
    assert_eq!(kubecost, SourceKind::Kubecost);
    let opencost = found("/allocation/compute", missing).await;
    assert_eq!(opencost, SourceKind::Opencost);
}

#[tokio::test]
async fn a_user_interface_that_answers_any_path_is_no_source() {
    let nodes: fn(&Asked) -> Response = |asked| match asked.path.as_str() {
        "/assets" | "/model/assets" => text(200, r#"{"code":200,"data":{}}"#),
        _ => page(asked),
    };
    assert_eq!(found("/allocation/compute", nodes).await, SourceKind::Opencost);
    assert_eq!(found("/model/allocation", nodes).await, SourceKind::Kubecost);
}

#[tokio::test]
async fn the_setting_overrules_what_would_be_found() {
    let source = Scripted::serve(|asked| match asked.path.as_str() {
        "/allocation/compute" => text(200, containers(asked.day(), &["a".to_owned()])),
        "/assets" => not_found(),
        _ => bad_window(),
    })
    .await;
    let setup = setup(&source.url, &[("SOURCE_KIND", "opencost")]).await;
    assert!(setup.collect(&[DAY]).await.is_success());
    let manifest = setup.manifests().remove(0);
    assert_eq!(manifest.source.kind, SourceKind::Opencost);
    assert_eq!(
        manifest.parts.len(),
        1,
        "a source without assets gives allocations all the same"
    );
    assert!(source.asked("/model/allocation").is_empty());
}

#[tokio::test]
async fn a_gateway_in_front_that_refuses_is_reported_as_such() {
    let source = Scripted::serve(|_| text(401, "who are you")).await;
    let setup = setup(&source.url, &[]).await;
    let days = exporter::Days::Given(vec![DAY.parse().unwrap()]);
    let run = setup.exporter.run(None, &days, &exporter::NoProgress);
    let error = run.await.unwrap_err().to_string();
    assert!(
        error.contains("401") && error.contains("SOURCE_AUTHENTICATION"),
        "{error}"
    );
}
