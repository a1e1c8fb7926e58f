//! The source that the exporter reads: it sends the day's files.

use std::{
    convert::Infallible,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use contract::{day::Day, documents::SourceKind};
use futures_util::stream;
use kubecost_lake::simulator::SimulatedSource;
use serde::Deserialize;
use serde_json::json;

use crate::{AnyError, day::DayFiles};

/// How much is read from the file at a time.
const PIECE: usize = 64 * 1024;

struct Files {
    allocation: PathBuf,
    assets: PathBuf,
    day: Day,
}

#[derive(Deserialize)]
struct Parameters {
    aggregate: Option<String>,
}

/// Serves a day's files.
pub(crate) async fn serve(files: &DayFiles, day: Day) -> Result<SimulatedSource, AnyError> {
    let state = Arc::new(Files {
        allocation: files.allocation.clone(),
        assets: files.assets.clone(),
        day,
    });
    let router = match files.kind {
        SourceKind::Kubecost => Router::new()
            .route("/model/allocation", get(allocation))
            .route("/model/assets", get(assets))
            .route("/model/getConfigs", get(configuration)),
        SourceKind::Opencost => Router::new()
            .route("/allocation", get(allocation))
            .route("/allocation/compute", get(allocation))
            .route("/assets", get(assets)),
    };
    Ok(SimulatedSource::serve(router.with_state(state)).await?)
}

async fn configuration() -> Response {
    json!({ "code": 200, "data": { "currencyCode": "USD" } })
        .to_string()
        .into_response()
}

async fn allocation(State(files): State<Arc<Files>>, Query(parameters): Query<Parameters>) -> Response {
    if parameters.aggregate.as_deref() == Some("cluster") {
        let window = json!({ "start": files.day.start(), "end": files.day.end() });
        let row = json!({ "name": "benchmark", "window": window, "minutes": 1440, "cpuCost": 1, "totalCost": 1 });
        let response = json!({ "code": 200, "data": [{ "benchmark": row }] });
        return response.to_string().into_response();
    }
    stream_of(&files.allocation)
}

async fn assets(State(files): State<Arc<Files>>) -> Response {
    stream_of(&files.assets)
}

fn stream_of(path: &Path) -> Response {
    let Ok(mut file) = File::open(path) else {
        return axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // A file that cannot be read ends early, which the exporter refuses.
    let pieces = std::iter::from_fn(move || {
        let mut piece = vec![0; PIECE];
        let length = file.read(&mut piece).ok().filter(|length| *length > 0)?;
        piece.truncate(length);
        Some(Ok::<_, Infallible>(Bytes::from(piece)))
    });
    Body::from_stream(stream::iter(pieces)).into_response()
}
