//! Responses of sources that misbehave, each collected as a user does: what is in the lake afterwards, what is said,
//! and whether the command fails. The inputs are files below `shared/recordings/cases`; variants are made from them.

use std::{
    collections::BTreeSet,
    fs::File,
    sync::{Arc, Mutex},
};

use arrow::{array::AsArray, datatypes::Float64Type};
use axum::{
    Router,
    extract::{Query, State},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use contract::{day::Day, documents::Manifest};
use exporter::{Days, settings::SourceSettings};
use kubecost_lake::{collect::CollectOutcome, demo::problems, host::Host};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use settings::Reader;

use crate::support::{arn, case, days, period, start_with};

const DAY: &str = "2026-11-20";

type Respond = dyn Fn(&str) -> Response + Send + Sync;

/// A Kubecost whose responses depend on the window's first day.
pub(crate) struct Source {
    allocation: Box<Respond>,
    assets: Box<Respond>,
    /// The first days of the windows of all queries of allocations.
    queried: Mutex<Vec<String>>,
}

impl Source {
    pub(crate) fn new(
        allocation: impl Fn(&str) -> Response + Send + Sync + 'static,
        assets: impl Fn(&str) -> Response + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            allocation: Box::new(allocation),
            assets: Box::new(assets),
            queried: Mutex::default(),
        })
    }
}

async fn respond(State(source): State<Arc<Source>>, uri: Uri, Query(query): Query<Vec<(String, String)>>) -> Response {
    let parameter = |name: &str| {
        query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let Some(window) = parameter("window") else {
        return (StatusCode::BAD_REQUEST, "missing required parameter: window\n").into_response();
    };
    let day = &window[..10];
    match uri.path() {
        "/model/allocation" if parameter("aggregate") == Some("cluster") => days_of(window).into_response(),
        "/model/allocation" => {
            source.queried.lock().unwrap().push(day.to_owned());
            (source.allocation)(day)
        }
        "/model/assets" => (source.assets)(day),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// One row for each day of a window: the source has them all.
fn days_of(window: &str) -> String {
    let (start, end) = window.split_once(',').unwrap();
    let (first, end): (Day, Day) = (start[..10].parse().unwrap(), end[..10].parse().unwrap());
    let set = |day: Day| json!({ "cluster-one": { "name": "cluster-one", "window": day.window(), "minutes": 1440, "totalCost": 1 } });
    json!({ "code": 200, "data": Day::range(first, end.minus(1)).map(set).collect::<Vec<_>>() }).to_string()
}

/// The rows of a response's first set.
fn rows(response: &mut Value) -> &mut serde_json::Map<String, Value> {
    response["data"][0].as_object_mut().unwrap()
}

pub(crate) fn for_each_row(response: &mut Value, change: impl Fn(&mut Value)) {
    for set in response["data"].as_array_mut().unwrap() {
        set.as_object_mut().unwrap().values_mut().for_each(&change);
    }
}

/// What a user has after a collection.
struct Collected {
    _directory: tempfile::TempDir,
    host: Host,
    outcome: CollectOutcome,
    source: Arc<Source>,
}

impl Collected {
    fn problems(&self) -> String {
        problems(&self.outcome)
    }

    fn is_in_lake(&self) -> bool {
        self.outcome.lake.clusters.contains_key(arn("cases").id())
    }

    /// Refused: it is not in the lake, the command fails, and each of the words is said.
    fn refused(&self, words: &[&str]) {
        let problems = self.problems();
        assert!(!self.outcome.is_success() && !self.is_in_lake(), "{problems}");
        for word in words {
            assert!(problems.contains(word), "'{word}' is not in: {problems}");
        }
    }

    async fn manifest(&self) -> Manifest {
        let key = self
            .host
            .prefixes
            .manifest(arn("cases").id(), &self.outcome.run.run, day());
        let bytes = self.host.store.get_bytes(&key, 1 << 20).await.unwrap().unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// All values of a column of the day.
    fn numbers(&self, column: &str) -> Vec<f64> {
        let mut values = Vec::new();
        for batch in self.batches() {
            let numbers = batch
                .column_by_name(column)
                .unwrap()
                .as_primitive::<Float64Type>()
                .clone();
            values.extend(numbers.values().iter().copied());
        }
        values
    }

    fn texts(&self, column: &str) -> Vec<String> {
        let mut values = Vec::new();
        for batch in self.batches() {
            let texts = batch.column_by_name(column).unwrap().as_string::<i32>().clone();
            values.extend(texts.iter().map(|text| text.unwrap().to_owned()));
        }
        values
    }

    fn batches(&self) -> Vec<arrow::array::RecordBatch> {
        let key = self.host.prefixes.lake_object(arn("cases").id(), day());
        let file = File::open(self._directory.path().join(key)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        reader.map(Result::unwrap).collect()
    }
}

fn day() -> Day {
    DAY.parse().unwrap()
}

fn given() -> Days {
    Days::Given(vec![day()])
}

async fn collect_from(
    allocation: impl Fn(&str) -> Response + Send + Sync + 'static,
    assets: impl Fn(&str) -> Response + Send + Sync + 'static,
    days: &Days,
    settings: &[(&str, &str)],
) -> Collected {
    let directory = tempfile::tempdir().unwrap();
    let of_host = |name: &str| {
        let found = settings.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let host = start_with(directory.path(), &of_host).await;
    let source = Source::new(allocation, assets);
    let outcome = collect_into(&host, &source, days, settings).await;
    Collected {
        _directory: directory,
        host,
        outcome,
        source,
    }
}

/// Collects days from a source into a lake that may have some.
pub(crate) async fn collect_into(
    host: &Host,
    source: &Arc<Source>,
    days: &Days,
    settings: &[(&str, &str)],
) -> CollectOutcome {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(respond).with_state(Arc::clone(source));
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let mut reader = Reader::new(|name| match name {
        "KUBECOST_API_ENDPOINT" => Some(url.clone()),
        _ => settings
            .iter()
            .chain(&[("RETRIES", "0")])
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned()),
    });
    let settings = SourceSettings::read(&mut reader, &mut Vec::new());
    reader.finish().unwrap();
    let collected = host.collect(arn("cases"), settings.unwrap(), period(), None, days);
    let outcome = collected.await.unwrap();
    server.abort();
    outcome
}

/// One node, on the day that is asked for.
pub(crate) fn assets() -> impl Fn(&str) -> Response + Send + Sync + 'static {
    let node = case("assets-one-node");
    move |day: &str| moved(&node)(day)
}

/// Collects the day from a source with this response and one node.
async fn collect(response: impl ToString, settings: &[(&str, &str)]) -> Collected {
    let body = response.to_string();
    collect_from(move |_| body.clone().into_response(), assets(), &given(), settings).await
}

#[tokio::test]
async fn a_failure_behind_http_200_is_a_failed_request() {
    let recorded = case("status-error");
    let mut code_as_text = recorded.clone();
    code_as_text["code"] = json!("500");
    code_as_text["status"] = json!("success");
    let mut error_beside_rows = case("part-of-a-day");
    error_beside_rows["error"] = json!("query timed out in query queue");
    let mut warning_without_rows = json!({ "code": 200, "status": "success", "data": [{}] });
    warning_without_rows["warning"] = json!("query timed out in query queue");
    for response in [recorded, code_as_text, error_beside_rows, warning_without_rows] {
        let collected = collect(&response, &[]).await;
        collected.refused(&["query timed out in query queue"]);
        assert_eq!(collected.source.queried.lock().unwrap().len(), 2, "{response}");
    }
}

#[tokio::test]
async fn a_part_of_a_day_is_stored_and_said_to_be_partial() {
    let recorded = case("part-of-a-day");
    // The windows say 24 hours; the rows were observed from 18:00 on.
    let mut from_18 = recorded.clone();
    for_each_row(&mut from_18, |row| {
        row["window"] = json!(day().window());
        row["start"] = json!("2026-11-20T18:00:00Z");
        row["end"] = json!("2026-11-21T00:00:00Z");
        row["minutes"] = json!(360);
    });
    // Two sets, with a gap from 08:00 to 16:00.
    let mut gap = recorded.clone();
    let set = |start: &str, end: &str| {
        let mut part = recorded.clone();
        for_each_row(&mut part, |row| {
            row["window"] = json!({ "start": start, "end": end });
            row["start"] = json!(start);
            row["end"] = json!(end);
            row["minutes"] = json!(480);
        });
        part["data"][0].clone()
    };
    gap["data"] = json!([
        set("2026-11-20T00:00:00Z", "2026-11-20T08:00:00Z"),
        set("2026-11-20T16:00:00Z", "2026-11-21T00:00:00Z"),
    ]);
    for response in [recorded, from_18, gap] {
        let collected = collect(&response, &[]).await;
        assert!(collected.is_in_lake(), "{}", collected.problems());
        assert!(!collected.outcome.is_success(), "{response}");
        assert!(
            collected.problems().contains("2026-11-20 is partial"),
            "{}",
            collected.problems()
        );
        assert!(
            collected.outcome.run.to_string().contains("partial"),
            "{}",
            collected.outcome.run
        );
    }
}

#[tokio::test]
async fn a_missing_total_is_the_sum_of_its_parts() {
    let recorded = case("total-null");
    let mut missing = recorded.clone();
    for_each_row(&mut missing, |row| {
        if row["totalCost"].is_null() {
            row.as_object_mut().unwrap().remove("totalCost");
        }
    });
    for response in [recorded.clone(), missing] {
        let collected = collect(&response, &[]).await;
        assert!(collected.outcome.is_success(), "{}", collected.problems());
        let sum: f64 = collected.numbers("totalCost").iter().sum();
        assert!((sum - 1.5).abs() < 1e-9, "{sum}");
        let facts = collected.manifest().await.facts;
        assert_eq!((facts.computed_totals, facts.disagreeing_totals), (1, 0));
    }
    // A total that disagrees with its parts is the source's word: it is kept, and counted.
    let mut disagrees = recorded;
    for_each_row(&mut disagrees, |row| row["totalCost"] = json!(9));
    let collected = collect(&disagrees, &[]).await;
    assert_eq!(collected.numbers("totalCost"), [9.0, 9.0]);
    let facts = collected.manifest().await.facts;
    assert_eq!((facts.computed_totals, facts.disagreeing_totals), (0, 2));
}

#[tokio::test]
async fn rows_of_several_clusters_are_refused_with_their_names() {
    let recorded = case("three-clusters");
    collect(&recorded, &[]).await.refused(&["hub", "SOURCE_CLUSTER_IDS"]);
    // A filter was sent, and ignored.
    let filter = [("SOURCE_FILTER", "cluster:\"hub\"")];
    collect(&recorded, &filter)
        .await
        .refused(&["hub", "SOURCE_CLUSTER_IDS"]);
    // One cluster only, but another than the one that was asked for.
    let mut other = recorded.clone();
    for_each_row(&mut other, |row| row["properties"]["cluster"] = json!("agent-7"));
    collect(&other, &filter)
        .await
        .refused(&["agent-7", "SOURCE_CLUSTER_IDS"]);
    // Whoever wants them as one cluster says so.
    let mut names = Vec::new();
    for row in recorded["data"][0].as_object().unwrap().values() {
        names.push(row["properties"]["cluster"].as_str().unwrap().to_owned());
    }
    let collected = collect(&recorded, &[("SOURCE_CLUSTER_IDS", &names.join(","))]).await;
    assert!(collected.outcome.is_success(), "{}", collected.problems());
    assert_eq!(collected.numbers("totalCost").len(), 3);
}

#[tokio::test]
async fn nothing_is_counted_twice() {
    let recorded = case("set-twice");
    // The second set is one hour of the day.
    let mut hour = recorded.clone();
    for row in hour["data"][1].as_object_mut().unwrap().values_mut() {
        row["window"] = json!({ "start": "2026-11-20T03:00:00Z", "end": "2026-11-20T04:00:00Z" });
        row["start"] = json!("2026-11-20T03:00:00Z");
        row["end"] = json!("2026-11-20T04:00:00Z");
        row["minutes"] = json!(60);
    }
    for response in [&recorded, &hour] {
        collect(response, &[]).await.refused(&["overlap"]);
    }
    // A key twice in one set, as a proxy that joins two responses writes it.
    let mut once = recorded;
    once["data"].as_array_mut().unwrap().truncate(1);
    let (key, row) = rows(&mut once)
        .iter()
        .next()
        .map(|(key, row)| (key.clone(), row.clone()))
        .unwrap();
    let twice = format!(r#"{{"code":200,"data":[{{"{key}":{row},"{key}":{row}}}]}}"#);
    collect(twice, &[]).await.refused(&["twice", &key]);
}

/// The response moved to the day that is asked for.
pub(crate) fn moved(response: &Value) -> impl Fn(&str) -> Response + Send + Sync + 'static {
    let text = response.to_string();
    move |asked: &str| {
        let next = asked.parse::<Day>().unwrap().next().to_string();
        text.replace("2026-11-21", "END")
            .replace(DAY, asked)
            .replace("END", &next)
            .into_response()
    }
}

#[tokio::test]
async fn a_source_that_counts_its_days_from_another_hour_is_refused_for_every_day_alike() {
    let recorded = case("utc-offset");
    let shifted = |start: &str| {
        let mut response = recorded.clone();
        for_each_row(&mut response, |row| {
            let times = ["start", "end"].map(|name| row["window"][name].as_str().unwrap().replace("T05:00", start));
            row["window"] = json!({ "start": times[0], "end": times[1] });
            row["start"] = json!(times[0]);
            row["end"] = json!(times[1]);
        });
        response
    };
    for (response, offset) in [
        (recorded.clone(), "-05:00"),
        (shifted("T08:00"), "-08:00"),
        (shifted("T18:30"), "+05:30"),
    ] {
        let collected = collect_from(moved(&response), assets(), &Days::Planned, &[]).await;
        let failed: Vec<(Day, String)> = collected.outcome.run.failed().collect();
        assert_eq!(
            failed.iter().map(|(day, _)| *day).collect::<BTreeSet<_>>(),
            days().into_iter().collect()
        );
        for (day, reason) in failed {
            assert!(reason.contains(offset), "{day}: '{offset}' is not in: {reason}");
        }
        assert!(!collected.is_in_lake());
    }
}

#[tokio::test]
async fn a_response_about_another_day_is_refused_for_each_planned_day() {
    let mut recorded = case("total-null");
    for (start, end) in [
        ("2026-10-20", "2026-10-21"),
        ("2026-11-21", "2026-11-22"),
        ("2025-11-20", "2025-11-21"),
    ] {
        for_each_row(&mut recorded, |row| {
            let window = json!({ "start": format!("{start}T00:00:00Z"), "end": format!("{end}T00:00:00Z") });
            row["start"] = window["start"].clone();
            row["end"] = window["end"].clone();
            row["window"] = window;
        });
        collect(&recorded, &[]).await.refused(&[start]);
    }
    let body = recorded.to_string();
    let respond = move |_: &str| body.clone().into_response();
    let collected = collect_from(respond, assets(), &Days::Planned, &[]).await;
    assert_eq!(collected.outcome.run.failed().count(), days().len());
    assert!(!collected.is_in_lake());
}

#[tokio::test]
async fn a_window_without_length_is_no_day() {
    let mut response = case("utc-offset");
    for hour in ["05", "00"] {
        let time = json!(format!("2026-11-20T{hour}:00:00Z"));
        for_each_row(&mut response, |row| {
            row["window"] = json!({ "start": time, "end": time })
        });
        collect(&response, &[]).await.refused(&["2026-11-20"]);
    }
}

#[tokio::test]
async fn assets_that_fail_cost_the_day_nothing_but_themselves() {
    let recorded = case("total-null");
    type Failure = fn() -> Response;
    let failures: [Failure; 5] = [
        || StatusCode::FORBIDDEN.into_response(),
        || (StatusCode::INTERNAL_SERVER_ERROR, "boom").into_response(),
        || "<html>Sign in</html>".into_response(),
        || {
            json!({ "code": 200, "status": "error", "data": [] })
                .to_string()
                .into_response()
        },
        || case("assets-one-node").to_string()[..200].to_owned().into_response(),
    ];
    for failure in failures {
        let body = recorded.to_string();
        let respond = move |_: &str| body.clone().into_response();
        let collected = collect_from(respond, move |_| failure(), &given(), &[]).await;
        assert!(collected.outcome.is_success(), "{}", collected.problems());
        assert!(collected.outcome.run.to_string().contains("assets unavailable"));
        let sum: f64 = collected.numbers("totalCost").iter().sum();
        assert!((sum - 1.5).abs() < 1e-9, "{sum}");
        assert_eq!(collected.texts("properties.node_instance_type"), ["", ""]);
        let facts = collected.manifest().await.facts;
        assert!(
            facts.warnings.iter().any(|text| text.contains("assets unavailable")),
            "{facts:?}"
        );
    }
}

#[tokio::test]
async fn days_that_have_not_ended_or_have_no_data_are_not_a_success() {
    let today = Day::of(crate::support::now());
    for day in [today, today.next()] {
        let body = case("total-null").to_string();
        let respond = move |_: &str| body.clone().into_response();
        let collected = collect_from(respond, assets(), &Days::Given(vec![day]), &[]).await;
        collected.refused(&["collect it when it has ended"]);
    }
    for data in [json!([]), json!([{}]), json!([null])] {
        let collected = collect(json!({ "code": 200, "data": data }), &[]).await;
        collected.refused(&["2026-11-20 is not in the lake: the source has no data for it"]);
        assert!(collected.outcome.run.to_string().contains("2026-11-20: no data"));
    }
}

#[tokio::test]
async fn values_that_newer_sources_moved_are_in_their_columns() {
    let recorded = case("gpu-nested");
    let row = |response: &Value| {
        response["data"][0]
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .clone()
    };
    let model = row(&recorded)["gpuAllocation"]["gpuModel"].as_str().unwrap().to_owned();
    // Where the averages are at the top as well, those count.
    let mut both = recorded.clone();
    for_each_row(&mut both, |row| {
        row["gpuRequestAverage"] = json!(2.0);
        row["gpuUsageAverage"] = json!(1.5);
    });
    let mut nulls = recorded.clone();
    for_each_row(&mut nulls, |row| {
        row["gpuAllocation"]["gpuModel"] = Value::Null;
        row["gpuAllocation"]["gpuUsageAverage"] = json!(0);
    });
    for (response, averages, model) in [
        (recorded, (1.0, 0.42), model.as_str()),
        (both, (2.0, 1.5), model.as_str()),
        (nulls, (1.0, 0.0), ""),
    ] {
        let collected = collect(&response, &[]).await;
        assert!(collected.outcome.is_success(), "{}", collected.problems());
        let found = (
            collected.numbers("gpuRequestAverage")[0],
            collected.numbers("gpuUsageAverage")[0],
        );
        assert_eq!(found, averages);
        assert_eq!(collected.texts("gpuModel")[0], model);
    }
}

#[tokio::test]
async fn label_columns_of_rows_by_namespace_are_the_namespaces() {
    let recorded = case("namespace-labels");
    let settings = [("AGGREGATION", "namespace"), ("LABELS", "team,cost-center")];
    let labels = |collected: &Collected| {
        ["properties.labels.team", "properties.labels.cost-center"].map(|column| collected.texts(column)[0].clone())
    };
    let collected = collect(&recorded, &settings).await;
    assert!(collected.outcome.is_success(), "{}", collected.problems());
    assert_eq!(labels(&collected), ["blue", "cc-1"]);
    // A label of the row itself comes first, and the namespace fills the others.
    let mut own = recorded.clone();
    for_each_row(&mut own, |row| row["properties"]["labels"] = json!({ "team": "green" }));
    assert_eq!(labels(&collect(&own, &settings).await), ["green", "cc-1"]);
    let mut none = recorded;
    for_each_row(&mut none, |row| {
        row["properties"].as_object_mut().unwrap().remove("namespaceLabels");
    });
    assert_eq!(labels(&collect(&none, &settings).await), ["", ""]);
}
