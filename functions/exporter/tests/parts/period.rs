//! How far back a run looks, where all days of the source are wanted.

use contract::{
    day::Day,
    documents::{self, Inventory},
    run_report::{ErrorClass, RunReport},
};
use exporter::{Days, NoProgress, RunError};

use super::source::{Scripted, Setup, bad_window, containers, not_found, row, setup, text};

const ALL: &[(&str, &str)] = &[("BACKFILL_PERIOD_DAYS", "all"), ("RETRIES", "0")];

/// A Kubecost that responds to the query for its days with a body.
async fn kubecost(days: impl Fn() -> axum::response::Response + Send + Sync + 'static) -> Scripted {
    Scripted::serve(move |asked| match (asked.path.as_str(), asked.day()) {
        ("/model/allocation", "") => bad_window(),
        ("/model/allocation", _) if asked.parameter("aggregate") == "cluster" => days(),
        ("/model/allocation", day) => text(200, containers(day, &["a".to_owned()])),
        _ => text(200, r#"{"code":200,"data":[{}]}"#),
    })
    .await
}

fn document<T: documents::Document>(setup: &Setup, name: &str) -> Option<T> {
    let key = setup
        .bucket
        .keys("staging/")
        .into_iter()
        .find(|key| key.ends_with(name))?;
    Some(documents::read(&setup.bucket.get(&key)?.content).unwrap())
}

/// The error of a run that collects nothing, and its class in the run's report.
async fn fails(source: &Scripted) -> (RunError, ErrorClass) {
    let setup = setup(&source.url, ALL).await;
    let error = setup.exporter.run(None, &Days::Planned, &NoProgress).await.unwrap_err();
    assert!(document::<Inventory>(&setup, "inventory.json").is_none());
    let report: RunReport = document(&setup, "run.json").unwrap();
    (error, report.error.unwrap().class)
}

#[tokio::test]
async fn all_days_are_those_that_kubecost_has_by_one_query() {
    let source = kubecost(|| {
        let rows = ["2025-11-23", "2025-12-01", "2026-11-23", "2026-11-24"]
            .map(|day| format!("{{{}}}", row(day, "x", r#""cluster":"x""#)));
        text(200, format!(r#"{{"code":200,"data":[{}]}}"#, rows.join(",")))
    })
    .await;
    let setup = setup(&source.url, ALL).await;
    let summary = setup.exporter.run(None, &Days::Planned, &NoProgress).await.unwrap();
    assert!(summary.is_success(), "{summary}");
    let inventory: Inventory = document(&setup, "inventory.json").unwrap();
    let days = ["2025-11-23", "2025-12-01", "2026-11-23"].map(|day| day.parse::<Day>().unwrap());
    assert_eq!(inventory.days, days, "neither today nor what is older than a year");
    assert_eq!(inventory.observed.as_deref(), Some(&days[..]));
    let queries = source.asked_for_days();
    let by_cluster: Vec<&str> = queries
        .iter()
        .filter(|asked| asked.parameter("aggregate") == "cluster")
        .map(|asked| asked.parameter("window"))
        .collect();
    assert_eq!(by_cluster, ["2025-11-23T00:00:00Z,2026-11-24T00:00:00Z"]);
}

#[tokio::test]
async fn no_day_is_assumed_where_all_are_wanted() {
    let failing = kubecost(|| text(500, "boom")).await;
    let (error, class) = fails(&failing).await;
    let message = error.to_string();
    assert!(matches!(error, RunError::UnknownDays(_)), "{message}");
    assert!(
        message.contains("BACKFILL_PERIOD_DAYS is all") && message.contains("boom") && message.contains("set a number"),
        "{message}"
    );
    assert_eq!(class, ErrorClass::Status);

    let empty = kubecost(|| text(200, r#"{"code":200,"data":[{},null]}"#)).await;
    let (error, class) = fails(&empty).await;
    assert!(matches!(error, RunError::NoDays { .. }), "{error}");
    assert_eq!(class, ErrorClass::Source);
    assert!(empty.asked("/model/assets").is_empty());
}

#[tokio::test]
async fn all_days_of_an_opencost_are_refused_with_what_to_do() {
    let source = Scripted::serve(|asked| match (asked.path.as_str(), asked.day()) {
        ("/allocation/compute", "") => bad_window(),
        ("/allocation/compute", day) => text(200, containers(day, &["a".to_owned()])),
        _ => not_found(),
    })
    .await;
    let (error, class) = fails(&source).await;
    assert_eq!(
        error.to_string(),
        "BACKFILL_PERIOD_DAYS is all, but an OpenCost cannot be queried cheaply for the days that it has: \
         set the number of days that its Prometheus or its collector keeps"
    );
    assert_eq!(class, ErrorClass::Settings);
    let computed = source.asked("/allocation/compute");
    assert!(
        computed.iter().all(|asked| asked.day().is_empty()),
        "nothing is computed"
    );
}
