//! Sources of costs for the demo, the benchmark and tests: a [generated](generated) cluster of any size behind
//! Kubecost's API, a [primary] Kubecost of many, and [recorded] responses of an OpenCost.

use std::{io, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use contract::{day::Day, documents::SourceKind};
use futures_util::stream;
use serde::Deserialize;
use tokio::{net::TcpListener, task::JoinHandle};

pub mod generated;
pub mod primary;

use generated::GeneratedCluster;

pub mod recorded {
    /// The day of the recorded responses, in UTC.
    pub const DAY: &str = "2026-11-20";
    pub const ALLOCATION: &str = recordings::OPENCOST_ALLOCATION;
    pub const ASSETS: &str = recordings::OPENCOST_ASSETS;
}

/// Rows in a chunk of the response.
const CHUNK_ROWS: usize = 64;

/// A source that listens on a port of this machine until it is dropped.
#[derive(Debug)]
pub struct SimulatedSource {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    server: JoinHandle<()>,
}

impl Drop for SimulatedSource {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl SimulatedSource {
    /// A source that responds as the router does. Fails when no port is free.
    pub async fn serve(router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the simulated source failed");
            }
        });
        Ok(Self { url, server })
    }

    /// A Kubecost of a generated cluster. Fails when no port is free.
    pub async fn kubecost(cluster: GeneratedCluster) -> io::Result<Self> {
        let router = Router::new()
            .route("/model/allocation", get(allocation))
            .route("/model/assets", get(assets))
            .route("/model/getConfigs", get(configuration))
            .with_state(Arc::new(cluster));
        Self::serve(router).await
    }

    /// A source that responds to every window with the same bodies. Fails when no port is free.
    pub async fn saved(kind: SourceKind, allocation: &str, assets: &str) -> io::Result<Self> {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        Self::of_responses(kind, bytes(allocation), Some(bytes(assets))).await
    }

    /// As [`SimulatedSource::saved`]. Without a response of assets there is no such API.
    pub async fn of_responses(kind: SourceKind, allocation: Bytes, assets: Option<Bytes>) -> io::Result<Self> {
        let respond = |body: &Bytes| {
            let body = body.clone();
            get(
                async move |Query(parameters): Query<Parameters>| match parameters.window {
                    Some(_) => json(body.clone()),
                    None => missing_window(),
                },
            )
        };
        let (router, assets_path) = match kind {
            SourceKind::Kubecost => (
                Router::new().route("/model/allocation", respond(&allocation)),
                "/model/assets",
            ),
            SourceKind::Opencost => (
                Router::new()
                    .route("/allocation", respond(&allocation))
                    .route("/allocation/compute", respond(&allocation)),
                "/assets",
            ),
        };
        Self::serve(match &assets {
            Some(assets) => router.route(assets_path, respond(assets)),
            None => router,
        })
        .await
    }
}

#[derive(Debug, Deserialize)]
struct Parameters {
    window: Option<String>,
    aggregate: Option<String>,
    filter: Option<String>,
    offset: Option<usize>,
    limit: Option<usize>,
}

impl Parameters {
    /// The days of the window; `None` if it is not a pair of times.
    fn days(&self) -> Option<Vec<Day>> {
        let (start, end) = self.window.as_deref()?.split_once(',')?;
        let time = |text: &str| text.parse::<DateTime<Utc>>().ok();
        let (start, end) = (Day::of(time(start)?), Day::of(time(end)?));
        Some(Day::range(start, end.minus(1)).collect())
    }
}

fn json(body: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.into()).into_response()
}

fn missing_window() -> Response {
    (StatusCode::BAD_REQUEST, "Missing required query parameter: 'window'\n").into_response()
}

async fn allocation(State(cluster): State<Arc<GeneratedCluster>>, Query(parameters): Query<Parameters>) -> Response {
    let Some(days) = parameters.days() else {
        return missing_window();
    };
    if parameters.aggregate.as_deref() == Some("cluster") {
        let sums = days.len() == 1;
        let sets: Vec<_> = days.iter().map(|day| cluster.cluster_set(*day, sums)).collect();
        return json(serde_json::json!({ "code": 200, "status": "success", "data": sets }).to_string());
    }
    // Rows are generated while they are sent: a large day has hundreds of megabytes.
    let sets = days.into_iter().enumerate().flat_map(move |(index, day)| {
        let all = if cluster.has(day) { cluster.rows() } else { 0 };
        let first = parameters.offset.unwrap_or(0).min(all);
        let last = parameters
            .limit
            .map_or(all, |limit| first.saturating_add(limit).min(all));
        let open = if index == 0 { "{" } else { ",{" };
        let cluster = Arc::clone(&cluster);
        let rows = (first..last).step_by(CHUNK_ROWS).map(move |begin| {
            let mut chunk = Vec::with_capacity(CHUNK_ROWS * 3000);
            for row in begin..last.min(begin + CHUNK_ROWS) {
                if row > first {
                    chunk.push(b',');
                }
                cluster.write_row(row, day, &mut chunk);
            }
            Bytes::from(chunk)
        });
        std::iter::once(Bytes::from_static(open.as_bytes()))
            .chain(rows)
            .chain([Bytes::from_static(b"}")])
    });
    let response = std::iter::once(Bytes::from_static(br#"{"code":200,"status":"success","data":["#))
        .chain(sets)
        .chain([Bytes::from_static(b"]}")])
        .map(Ok::<_, std::convert::Infallible>);
    json(Body::from_stream(stream::iter(response)))
}

async fn configuration(State(cluster): State<Arc<GeneratedCluster>>) -> Response {
    json(serde_json::json!({ "code": 200, "data": { "currencyCode": cluster.currency } }).to_string())
}

async fn assets(State(cluster): State<Arc<GeneratedCluster>>, Query(parameters): Query<Parameters>) -> Response {
    let Some(days) = parameters.days() else {
        return missing_window();
    };
    let sets: Vec<_> = days.into_iter().map(|day| cluster.node_set(day)).collect();
    json(serde_json::json!({ "code": 200, "data": sets }).to_string())
}
