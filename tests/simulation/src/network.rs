//! Requests of S3's client on their way to the bucket and back, without a socket: they take time, get lost, and fail
//! before or after their effect. What was sent reaches the bucket even if its sender is killed meanwhile.

use std::{fmt, sync::Arc, time::SystemTime};

use aws_sdk_s3::{
    Client,
    config::{
        BehaviorVersion, Credentials, Region, SharedCredentialsProvider,
        retry::{RetryConfig, RetryPartition, TokenBucket},
    },
    primitives::SdkBody,
};
use aws_smithy_async::{
    rt::sleep::{AsyncSleep, Sleep},
    time::TimeSource,
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use bytes::Bytes;
use http_body_util::BodyExt;
use s3s::service::{S3Service, S3ServiceBuilder};
use seams::time::sleep;
use store::{Store, session};

use crate::{
    bucket::Bucket,
    world::{Fault, World},
};

/// The bucket's name.
pub(crate) const BUCKET: &str = "lake";

/// The way from one program to the bucket.
#[derive(Clone)]
pub(crate) struct Network {
    world: World,
    service: S3Service,
    /// Who sends, for the trace.
    sender: Arc<str>,
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Network of {}", self.sender)
    }
}

#[derive(Debug)]
struct SimulatedTime;

impl AsyncSleep for SimulatedTime {
    fn sleep(&self, duration: std::time::Duration) -> Sleep {
        Sleep::new(sleep(duration))
    }
}

impl TimeSource for SimulatedTime {
    fn now(&self) -> SystemTime {
        World::now().into()
    }
}

/// The service that all programs' requests reach.
pub(crate) fn service(bucket: &Bucket) -> S3Service {
    S3ServiceBuilder::new(bucket.clone()).build()
}

impl Network {
    pub(crate) fn new(world: &World, service: &S3Service, sender: &str) -> Self {
        Self {
            world: world.clone(),
            service: service.clone(),
            sender: sender.into(),
        }
    }

    /// A program's own store, with the retries and timeouts of all programs.
    pub(crate) fn store(self, part_bytes: usize) -> Store {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .endpoint_url("http://s3.simulated")
            .force_path_style(true)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "key",
                "secret",
                None,
                None,
                "simulation",
            )))
            .retry_config(RetryConfig::standard().with_max_attempts(session::ATTEMPTS))
            // Other simulations in this process have used up none of its retries.
            .retry_partition(
                RetryPartition::custom("simulated")
                    .token_bucket(TokenBucket::default())
                    .build(),
            )
            .timeout_config(session::timeouts(0))
            .sleep_impl(SimulatedTime)
            .time_source(SimulatedTime)
            .http_client(self)
            .build();
        Store::new(Client::from_conf(config), BUCKET).with_part_bytes(part_bytes)
    }

    /// Sends a request and gives the response: status, headers and body, or `None` if there is none.
    async fn exchange(&self, request: http::Request<Bytes>) -> Option<http::Response<Bytes>> {
        let world = &self.world;
        let (parts, body) = request.into_parts();
        let (is_read, is_completion) = (parts.method == http::Method::GET, parts.method == http::Method::POST);
        let path = parts.uri.path().trim_start_matches('/');
        let key = path.split_once('/').map_or("", |(_, key)| key).to_owned();
        let is_write = is_completion || parts.method == http::Method::PUT;
        let is_of_table = ["lake/", "assets/"].iter().any(|table| key.starts_with(table));
        let is_conditional = ["if-match", "if-none-match"]
            .iter()
            .any(|name| parts.headers.contains_key(*name));
        let line = format!("{} {} {}", self.sender, parts.method, parts.uri.path_and_query()?);
        let service = self.service.clone();
        let mut sent = http::Request::from_parts(parts, s3s::Body::from(body));
        // Whoever may read the trace may read the bucket: nothing checks signatures.
        sent.headers_mut().remove(http::header::AUTHORIZATION);
        let apply = async move {
            let response = service.call(sent).await.ok()?;
            let (parts, body) = response.into_parts();
            Some(http::Response::from_parts(parts, body.collect().await.ok()?.to_bytes()))
        };

        sleep(world.seconds(0.002, 0.08)).await;
        if world.happens(Fault::S3Refuses) {
            let codes = [
                (503, "SlowDown"),
                (500, "InternalError"),
                (503, "ServiceUnavailable"),
                (409, "ConditionalRequestConflict"),
            ];
            let (status, code) = codes[world.below(if is_conditional { 4 } else { 3 })];
            world.note(format!("{line}: refused with {code}"));
            return Some(failure(status, code));
        }
        if world.happens(Fault::S3Late) || is_write && is_of_table && world.happens(Fault::WriteLate) {
            let wait = world.seconds(1.0, 90.0);
            world.note(format!("{line}: reaches the bucket {:.0} s late", wait.as_secs_f64()));
            // Its effect comes even if the client has given it up.
            let late = tokio::spawn(async move {
                sleep(wait).await;
                apply.await
            });
            return late.await.ok().flatten();
        }
        let response = apply.await?;
        world.note(format!("{line}: {}", response.status().as_u16()));
        if world.happens(Fault::S3FailsAfter) {
            return self.lose(response, is_completion, &line).await;
        }
        sleep(world.seconds(0.002, 0.08)).await;
        if is_read && response.status().is_success() && world.happens(Fault::S3BadRead) {
            return Some(self.misread(response, &key, &line));
        }
        Some(response)
    }

    /// The request has had its effect, and the client sees none of it.
    async fn lose(
        &self,
        response: http::Response<Bytes>,
        is_completion: bool,
        line: &str,
    ) -> Option<http::Response<Bytes>> {
        let world = &self.world;
        match world.below(4) {
            0 => {
                world.note(format!("{line}: its response is lost"));
                None
            }
            1 => {
                world.note(format!("{line}: the bucket fails after it"));
                Some(failure(500, "InternalError"))
            }
            2 => {
                world.note(format!("{line}: its response is late"));
                sleep(world.seconds(1.0, 90.0)).await;
                Some(response)
            }
            // S3 begins to respond before it has put the parts together.
            _ => {
                world.note(format!("{line}: the bucket fails after it, in the body"));
                Some(failure(if is_completion { 200 } else { 500 }, "InternalError"))
            }
        }
    }

    fn misread(&self, response: http::Response<Bytes>, key: &str, line: &str) -> http::Response<Bytes> {
        let (parts, body) = response.into_parts();
        // Only objects are read in pieces; a listing that changes is not XML any more.
        if body.first() == Some(&b'<') || body.is_empty() {
            return http::Response::from_parts(parts, body);
        }
        self.world.bad_read(key);
        let at = self.world.below(body.len());
        // Documents have no checksum that would show a changed byte.
        match self.world.below(if line.contains(".zst") { 3 } else { 2 }) {
            0 => {
                self.world.note(format!("{line}: there seems to be no such object"));
                failure(404, "NoSuchKey")
            }
            2 => {
                self.world.note(format!("{line}: a byte changes on its way"));
                let mut changed = body.to_vec();
                if let Some(byte) = changed.get_mut(at) {
                    *byte ^= 0x10;
                }
                http::Response::from_parts(parts, changed.into())
            }
            _ => {
                self.world.note(format!("{line}: the body ends early"));
                http::Response::from_parts(parts, body.slice(..at))
            }
        }
    }
}

fn failure(status: u16, code: &str) -> http::Response<Bytes> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>simulated</Message></Error>"
    );
    let mut response = http::Response::new(Bytes::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// A body that ends with an error if it is shorter than its head says.
struct Broken {
    bytes: Option<Bytes>,
    is_short: bool,
}

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        std::task::Poll::Ready(match self.bytes.take().filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => Some(Ok(http_body::Frame::data(bytes))),
            None if self.is_short => {
                self.is_short = false;
                Some(Err(std::io::ErrorKind::UnexpectedEof.into()))
            }
            None => None,
        })
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let network = self.clone();
        HttpConnectorFuture::new(async move {
            let lost = |reason: &str| ConnectorError::io(std::io::Error::other(reason.to_owned()).into());
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(|_| lost("the body cannot be read"))?;
            let is_head = parts.method == http::Method::HEAD;
            let request = http::Request::from_parts(parts, body.to_bytes());
            let response = network
                .exchange(request)
                .await
                .ok_or_else(|| lost("the connection broke"))?;
            let (parts, bytes) = response.into_parts();
            let length = parts.headers.get(http::header::CONTENT_LENGTH);
            let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
            let body = Broken {
                is_short: !is_head && length.is_some_and(|length| length > bytes.len()),
                bytes: Some(bytes),
            };
            let response = http::Response::from_parts(parts, SdkBody::from_body_1_x(body));
            HttpResponse::try_from(response).map_err(|error| ConnectorError::user(error.into()))
        })
    }
}

impl HttpClient for Network {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
