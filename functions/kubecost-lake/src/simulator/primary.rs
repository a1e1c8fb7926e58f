//! A primary Kubecost that answers for many generated clusters, and for those only that a filter selects.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    extract::{Query, State},
    response::Response,
    routing::get,
};
use serde_json::{Map, Value, json};

use super::{Parameters, SimulatedSource, generated::GeneratedCluster, json as respond, missing_window};

/// The clusters, and what was asked of them.
#[derive(Debug)]
pub struct Primary {
    clusters: Vec<GeneratedCluster>,
    /// Filter and window of each query for the rows of a day.
    queries: Mutex<Vec<(String, String)>>,
    now: AtomicUsize,
    /// How many queries for rows were computed at the same time.
    most: AtomicUsize,
}

impl Primary {
    /// Filter and window of each query for the rows of a day so far.
    pub fn queries(&self) -> Vec<(String, String)> {
        self.queries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many queries for rows were computed at the same time, at most.
    pub fn most_at_a_time(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// The clusters that a filter of the form `…cluster:"a","b"` selects; all without one.
    fn selected(&self, filter: Option<&str>) -> impl Iterator<Item = &GeneratedCluster> {
        let ids = filter
            .and_then(|filter| filter.split_once("cluster:"))
            .map(|(_, ids)| ids.to_owned());
        self.clusters.iter().filter(move |cluster| {
            ids.as_ref()
                .is_none_or(|ids| ids.contains(&format!("\"{}\"", cluster.name)))
        })
    }
}

impl SimulatedSource {
    /// A Kubecost that answers for many clusters. Fails when no port is free.
    pub async fn primary(clusters: Vec<GeneratedCluster>) -> io::Result<(Self, Arc<Primary>)> {
        let primary = Arc::new(Primary {
            clusters,
            queries: Mutex::default(),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/model/allocation", get(allocation))
            .route("/model/assets", get(assets))
            .with_state(Arc::clone(&primary));
        Ok((Self::serve(router).await?, primary))
    }
}

async fn allocation(State(primary): State<Arc<Primary>>, Query(parameters): Query<Parameters>) -> Response {
    let (Some(days), Some(window)) = (parameters.days(), parameters.window.clone()) else {
        return missing_window();
    };
    let filter = parameters.filter.as_deref();
    let by_cluster = parameters.aggregate.as_deref() == Some("cluster");
    if !by_cluster {
        let now = primary.now.fetch_add(1, Ordering::Relaxed) + 1;
        primary.most.fetch_max(now, Ordering::Relaxed);
        let mut queries = primary.queries.lock().unwrap_or_else(PoisonError::into_inner);
        queries.push((filter.unwrap_or_default().to_owned(), window));
    }
    // Others get their turn, so that queries are computed at the same time if they may be.
    tokio::task::yield_now().await;
    let sets: Vec<Value> = days
        .into_iter()
        .map(|day| {
            let mut set = Map::new();
            for cluster in primary.selected(filter) {
                if by_cluster {
                    set.extend(cluster.cluster_set(day, false).as_object().cloned().unwrap_or_default());
                } else if cluster.has(day) {
                    set.extend((0..cluster.rows()).map(|row| cluster.row(row, day)));
                }
            }
            Value::Object(set)
        })
        .collect();
    if !by_cluster {
        primary.now.fetch_sub(1, Ordering::Relaxed);
    }
    respond(json!({ "code": 200, "status": "success", "data": sets }).to_string())
}

async fn assets(State(primary): State<Arc<Primary>>, Query(parameters): Query<Parameters>) -> Response {
    let Some(days) = parameters.days() else {
        return missing_window();
    };
    let sets: Vec<Value> = days
        .into_iter()
        .map(|day| {
            let mut set = Map::new();
            for cluster in primary.selected(parameters.filter.as_deref()) {
                set.extend(cluster.node_set(day).as_object().cloned().unwrap_or_default());
            }
            Value::Object(set)
        })
        .collect();
    respond(json!({ "code": 200, "data": sets }).to_string())
}
