//! A source whose responses a test writes, and an exporter that queries it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use contract::{clock::FixedClock, day::Day, keys::Prefixes};
use end_to_end::{
    bucket::{BUCKET_NAME, Bucket},
    staging::cluster,
};
use exporter::{
    Days, Exporter, NoProgress, RunSummary,
    settings::{PeriodSettings, SourceSettings},
};
use settings::Reader;
use store::Store;

/// What came to the source.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
}

impl Asked {
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The day of the window, as its date.
    pub(crate) fn day(&self) -> &str {
        self.parameter("window").get(..10).unwrap_or("")
    }
}

type Answer = dyn Fn(&Asked) -> Response + Send + Sync;

/// A source.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<Answer>,
}

impl Scripted {
    /// Serves until the runtime ends.
    pub(crate) async fn serve(answer: impl Fn(&Asked) -> Response + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let source = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            asked: Arc::default(),
            answer: Arc::new(answer),
        };
        let router = Router::new().fallback(handle).with_state(source.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        source
    }

    /// A Kubecost that answers allocations of any window with a body; assets are empty.
    pub(crate) async fn kubecost(allocation: impl Into<String>) -> Self {
        let allocation = allocation.into();
        Self::serve(move |asked| match asked.path.as_str() {
            "/model/allocation" if asked.day().is_empty() => bad_window(),
            "/model/allocation" => text(200, allocation.clone()),
            "/model/assets" => text(200, r#"{"code":200,"data":[{}]}"#),
            _ => not_found(),
        })
        .await
    }

    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .filter(|asked| asked.path == path)
            .cloned()
            .collect()
    }

    /// Requests for a day's allocations, not those that find out what the source is.
    pub(crate) fn asked_for_days(&self) -> Vec<Asked> {
        self.asked("/model/allocation")
            .into_iter()
            .filter(|asked| !asked.day().is_empty())
            .collect()
    }
}

async fn handle(State(source): State<Scripted>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or("");
    let parameters = parameters_of(query);
    let asked = Asked {
        path: request.uri().path().to_owned(),
        parameters,
        headers: request.headers().clone(),
    };
    let answer = (source.answer)(&asked);
    source.asked.lock().unwrap().push(asked);
    answer
}

fn parameters_of(query: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced)
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

pub(crate) fn text(status: u16, body: impl Into<String>) -> Response {
    (StatusCode::from_u16(status).unwrap(), body.into()).into_response()
}

pub(crate) fn not_found() -> Response {
    text(404, "404 page not found\n")
}

pub(crate) fn bad_window() -> Response {
    text(400, "Missing required query parameter: 'window'\n")
}

/// A body that ends with the connection.
pub(crate) fn broken_off(body: &str) -> Response {
    let pieces = [
        Ok(Bytes::copy_from_slice(body.as_bytes())),
        Err(std::io::Error::other("gone")),
    ];
    Body::from_stream(futures_util::stream::iter(pieces)).into_response()
}

/// A day's answer with rows of containers, one for each name.
pub(crate) fn containers(day: &str, names: &[String]) -> String {
    let rows: Vec<String> = names
        .iter()
        .map(|name| row(day, name, r#""pod":"p","container":"c","namespace":"n","cluster":"x""#))
        .collect();
    format!(r#"{{"code":200,"status":"success","data":[{{{}}}]}}"#, rows.join(","))
}

/// A row that costs 0.5.
pub(crate) fn row(day: &str, name: &str, properties: &str) -> String {
    let end = day.parse::<Day>().unwrap().next();
    format!(
        r#""{name}":{{"name":"{name}","properties":{{{properties}}},"window":{{"start":"{day}T00:00:00Z","end":"{end}T00:00:00Z"}},"start":"{day}T00:00:00Z","end":"{end}T00:00:00Z","minutes":1440,"cpuCost":0.5,"totalCost":0.5}}"#
    )
}

/// An exporter with settings of a user, into a bucket of its own.
pub(crate) struct Setup {
    pub(crate) bucket: Bucket,
    pub(crate) exporter: Exporter,
}

pub(crate) const NOW: &str = "2026-11-24T05:00:00Z";

pub(crate) async fn setup(url: &str, more: &[(&str, &str)]) -> Setup {
    let look_up = |name: &str| match name {
        "KUBECOST_API_ENDPOINT" => Some(url.to_owned()),
        _ => more
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned()),
    };
    let mut reader = Reader::new(look_up);
    let mut source = SourceSettings::read(&mut reader, &mut Vec::new()).unwrap();
    source.retry_delay = Duration::from_millis(1);
    let period = PeriodSettings::read(&mut reader);
    reader.finish().unwrap();
    let bucket = Bucket::default();
    let exporter = Exporter {
        cluster: cluster(),
        source,
        period,
        plan_wait: Duration::ZERO,
        store: Store::new(bucket.serve().await, BUCKET_NAME),
        prefixes: Prefixes::default(),
        clock: Arc::new(FixedClock(NOW.parse().unwrap())),
    };
    Setup { bucket, exporter }
}

impl Setup {
    /// Collects given days.
    pub(crate) async fn collect(&self, days: &[&str]) -> RunSummary {
        let days = Days::Given(days.iter().map(|day| day.parse().unwrap()).collect());
        self.exporter.run(None, &days, &NoProgress).await.unwrap()
    }

    /// The manifests in the bucket.
    pub(crate) fn manifests(&self) -> Vec<contract::documents::Manifest> {
        let keys = self
            .bucket
            .keys("staging/")
            .into_iter()
            .filter(|key| key.ends_with("manifest.json"));
        keys.map(|key| contract::documents::read(&self.bucket.get(&key).unwrap().content).unwrap())
            .collect()
    }
}
