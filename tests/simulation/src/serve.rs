//! How a source is asked, and how it fails before it says anything.

use bytes::Bytes;
use contract::day::Day;
use futures_util::{StreamExt, stream};
use seams::time::sleep;
use serde_json::{Value, json};

use crate::world::{Fault, World};

/// A page of rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// What a source is asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    /// The first day, and the one after the last.
    pub(crate) days: Option<(Day, Day)>,
    /// Whether it is to add up each day by cluster.
    pub(crate) by_cluster: bool,
    /// The cluster that it is to select.
    pub(crate) cluster: Option<String>,
    pub(crate) page: Option<Page>,
}

/// The data of a response, or status and message of a refusal.
pub(crate) type Data = Result<Value, (u16, &'static str)>;

impl Asked {
    fn of(url: &reqwest::Url) -> Self {
        let parameter = |name: &str| {
            url.query_pairs()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.into_owned())
        };
        let number = |name: &str| parameter(name)?.parse().ok();
        let days = parameter("window").and_then(|window| {
            let (start, end) = window.split_once(',')?;
            Some((Day::of(start.parse().ok()?), Day::of(end.parse().ok()?)))
        });
        let filter = parameter("filter").unwrap_or_default();
        let cluster = filter.split('+').find_map(|part| part.strip_prefix("cluster:"));
        Self {
            path: url.path().to_owned(),
            days,
            by_cluster: parameter("aggregate").as_deref() == Some("cluster"),
            cluster: cluster.map(|id| id.trim_matches('"').to_owned()),
            page: number("offset")
                .zip(number("limit"))
                .map(|(offset, limit)| Page { offset, limit }),
        }
    }
}

fn response(status: u16, headers: &[(&str, &str)], body: reqwest::Body) -> Result<reqwest::Response, String> {
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let response = response.body(body).map_err(|error| error.to_string())?;
    Ok(response.into())
}

fn body(data: &Value) -> Vec<u8> {
    json!({ "code": 200, "status": "success", "data": data })
        .to_string()
        .into_bytes()
}

/// Responds to a request with what the source says, or with a failure.
pub(crate) async fn serve(
    world: &World,
    name: &str,
    request: &reqwest::Request,
    says: impl Fn(&Asked) -> Data,
) -> Result<reqwest::Response, String> {
    sleep(world.seconds(0.005, 2.0)).await;
    let asked = Asked::of(request.url());
    if world.happens(Fault::SourceFails) {
        let kind = world.below(5);
        world.note(format!("source {name}: fails, kind {kind}, at {}", asked.path));
        match kind {
            0 => return Err("connection refused".to_owned()),
            1 => return response(503, &[], "starting".into()),
            2 => return response(429, &[("retry-after", "20")], "later".into()),
            3 => return response(200, &[], r#"{"code":500,"message":"failed to query the store"}"#.into()),
            _ => {}
        }
        let whole = says(&asked).map(|data| body(&data)).unwrap_or_default();
        let cut = Bytes::copy_from_slice(&whole[..world.below(whole.len())]);
        let broken = stream::iter([Ok(cut), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))]);
        return response(200, &[], reqwest::Body::wrap_stream(broken));
    }
    let body = match says(&asked) {
        Ok(data) => body(&data),
        Err((status, message)) => return response(status, &[], message.into()),
    };
    let pause = if world.happens(Fault::SourceSlow) {
        world.note(format!("source {name}: is slow at {}", asked.path));
        world.seconds(1.0, 400.0)
    } else {
        world.seconds(0.0, 0.01)
    };
    let pieces: Vec<Bytes> = body.chunks(8 * 1024).map(Bytes::copy_from_slice).collect();
    let slowly = stream::iter(pieces).then(move |piece| async move {
        sleep(pause).await;
        Ok::<_, std::io::Error>(piece)
    });
    response(200, &[], reqwest::Body::wrap_stream(slowly))
}
