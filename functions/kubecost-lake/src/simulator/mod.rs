//! Sources of costs for the demo, the benchmark and tests: a [generated](generated) cluster of any size behind
//! Kubecost's interface, and [recorded] answers of an OpenCost.

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

use generated::GeneratedCluster;

/// A recorded OpenCost's answers, and the day that they are of.
pub mod recorded {
    /// The day, in UTC.
    pub const DAY: &str = "2026-11-20";
    /// What it answered to a query for allocations.
    pub const ALLOCATION: &str = recordings::OPENCOST_ALLOCATION;
    /// What it answered to a query for assets.
    pub const ASSETS: &str = recordings::OPENCOST_ASSETS;
}

/// Rows that are made before they are sent.
const CHUNK_ROWS: usize = 64;

/// A source that listens on a port of this machine until it is dropped.
#[derive(Debug)]
pub struct Source {
    /// Its address: `http://127.0.0.1:<port>`.
    pub url: String,
    server: JoinHandle<()>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Source {
    async fn serve(router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the simulated source ended");
            }
        });
        Ok(Self { url, server })
    }

    /// A Kubecost of a generated cluster.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn kubecost(cluster: GeneratedCluster) -> io::Result<Self> {
        let router = Router::new()
            .route("/model/allocation", get(allocation))
            .route("/model/assets", get(assets))
            .with_state(Arc::new(cluster));
        Self::serve(router).await
    }

    /// A source of either kind that answers whatever window with the same saved bodies.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn saved(kind: SourceKind, allocation: &str, assets: &str) -> io::Result<Self> {
        let answer = |body: &str| {
            let body = Bytes::copy_from_slice(body.as_bytes());
            get(
                async move |Query(parameters): Query<Parameters>| match parameters.window {
                    Some(_) => json(body.clone()),
                    None => missing_window(),
                },
            )
        };
        let router = match kind {
            SourceKind::Kubecost => Router::new()
                .route("/model/allocation", answer(allocation))
                .route("/model/assets", answer(assets)),
            SourceKind::Opencost => Router::new()
                .route("/allocation", answer(allocation))
                .route("/allocation/compute", answer(allocation))
                .route("/assets", answer(assets)),
        };
        Self::serve(router).await
    }
}

/// The parameters that matter here.
#[derive(Debug, Deserialize)]
struct Parameters {
    window: Option<String>,
    aggregate: Option<String>,
    offset: Option<usize>,
    limit: Option<usize>,
}

impl Parameters {
    /// The days of the window; `None` if it is not a pair of moments.
    fn days(&self) -> Option<Vec<Day>> {
        let (start, end) = self.window.as_deref()?.split_once(',')?;
        let moment = |text: &str| text.parse::<DateTime<Utc>>().ok();
        let (start, end) = (Day::of(moment(start)?), Day::of(moment(end)?));
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
        let sets: Vec<_> = days.iter().map(|day| cluster.cluster_set(*day)).collect();
        return json(serde_json::json!({ "code": 200, "status": "success", "data": sets }).to_string());
    }
    // A day is sent while it is made: the largest ones have hundreds of megabytes.
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
    let answer = std::iter::once(Bytes::from_static(br#"{"code":200,"status":"success","data":["#))
        .chain(sets)
        .chain([Bytes::from_static(b"]}")])
        .map(Ok::<_, std::convert::Infallible>);
    json(Body::from_stream(stream::iter(answer)))
}

async fn assets(State(cluster): State<Arc<GeneratedCluster>>, Query(parameters): Query<Parameters>) -> Response {
    let Some(days) = parameters.days() else {
        return missing_window();
    };
    let sets: Vec<_> = days.into_iter().map(|day| cluster.node_set(day)).collect();
    json(serde_json::json!({ "code": 200, "data": sets }).to_string())
}
