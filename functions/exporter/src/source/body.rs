//! The body of a response: bounded in time, and decoded.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Url,
    header::{CONTENT_ENCODING, LOCATION},
};
use response::Excerpt;
use seams::time::{self, timeout};
use settings::{Setting, rows, secrets::mask};

use crate::{
    settings::SourceSettings,
    source::{
        SourceError, cause,
        decode::{DecodeError, Decoder},
    },
    stop::Stop,
};

/// How long the body of an error is read.
const ERROR_PAGE: Duration = Duration::from_secs(5);

/// A body that comes slower than this, in bytes per second, is given up: a day of a large cluster would take weeks.
const SLOWEST: f64 = 1_000.0;
/// Its speed counts from here on, or from the read timeout on where that is shorter.
const SPEED_COUNTS_AFTER: Duration = Duration::from_secs(60);

/// How long the source may send nothing, and the setting that says so, for the message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadTimeout {
    pub(crate) time: Duration,
    pub(crate) setting: &'static Setting,
}

impl ReadTimeout {
    pub(crate) fn of_allocations(settings: &SourceSettings) -> Self {
        Self {
            time: settings.allocation_read_timeout,
            setting: &rows::ALLOCATION_READ_TIMEOUT,
        }
    }

    pub(crate) fn of_assets(settings: &SourceSettings) -> Self {
        Self {
            time: settings.assets_read_timeout,
            setting: &rows::ASSETS_READ_TIMEOUT,
        }
    }
}

/// Where a response comes from, and the bounds of its body.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) requested: Url,
    /// The address as messages name it.
    pub(super) url: String,
    pub(super) proxied: bool,
    pub(super) private_ca: bool,
    pub(super) read_timeout: ReadTimeout,
    /// How long the whole body may take.
    pub(super) longest: Duration,
    pub(super) stop: Stop,
}

impl Origin {
    pub(super) fn connection_error(&self, error: &reqwest::Error) -> SourceError {
        cause::of(
            error,
            cause::Request {
                url: &self.requested,
                place: &self.url,
                proxied: self.proxied,
                private_ca: self.private_ca,
            },
        )
    }

    pub(super) fn timeout(&self) -> SourceError {
        SourceError::Timeout {
            url: self.url.clone(),
            seconds: self.read_timeout.time.as_secs_f64(),
            setting: self.read_timeout.setting.name,
        }
    }
}

/// A response whose body is still to be read.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    pub(super) response: reqwest::Response,
    origin: Origin,
    /// How long the source was waited for, without the time that this program took.
    waited: Duration,
    /// Bytes as they came, and decoded.
    received: u64,
    bytes: usize,
    excerpt: Excerpt,
    decoder: Option<Decoder>,
    ended: bool,
}

impl ResponseBody {
    pub(super) fn new(response: reqwest::Response, origin: Origin) -> Result<Self, SourceError> {
        let encoding = response.headers().get(CONTENT_ENCODING);
        let encoding = encoding.and_then(|encoding| encoding.to_str().ok()).unwrap_or_default();
        let decoder = match Decoder::of_encoding(encoding) {
            Ok(decoder) => decoder,
            // The status says more than the encoding of an error's body.
            Err(_) if response.status() != 200 => None,
            Err(error) => return Err(undecodable(&origin.url, &error)),
        };
        Ok(Self {
            response,
            origin,
            waited: Duration::ZERO,
            received: 0,
            bytes: 0,
            excerpt: Excerpt::default(),
            decoder,
            ended: false,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.origin.url
    }

    /// How the body begins, as far as it was read.
    pub(crate) fn excerpt(&self) -> String {
        mask(&self.excerpt.to_string())
    }

    /// The next decoded bytes of the body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, SourceError> {
        loop {
            if let Some(decoder) = &mut self.decoder
                && let Some(piece) = decoder.next().map_err(|error| undecodable(&self.origin.url, &error))?
            {
                return Ok(Some(self.count(piece)));
            }
            if self.ended {
                return Ok(None);
            }
            match self.receive().await? {
                Some(chunk) => {
                    if self.received == 0 && self.decoder.is_none() {
                        self.decoder =
                            Decoder::of_beginning(&chunk).map_err(|error| undecodable(&self.origin.url, &error))?;
                    }
                    self.received += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                    match &mut self.decoder {
                        Some(decoder) => decoder.push(chunk),
                        None => return Ok(Some(self.count(chunk))),
                    }
                }
                None => {
                    self.ended = true;
                    if let Some(decoder) = &mut self.decoder
                        && let Some(rest) = decoder
                            .finish()
                            .map_err(|error| undecodable(&self.origin.url, &error))?
                    {
                        return Ok(Some(self.count(rest)));
                    }
                }
            }
        }
    }

    fn count(&mut self, piece: Bytes) -> Bytes {
        self.bytes += piece.len();
        self.excerpt.extend(&piece);
        piece
    }

    /// The next bytes as they come.
    async fn receive(&mut self) -> Result<Option<Bytes>, SourceError> {
        let left = self.origin.longest.saturating_sub(self.waited);
        let began = time::now();
        let result = tokio::select! {
            result = timeout(self.origin.read_timeout.time.min(left), self.response.chunk()) => result,
            reason = self.origin.stop.stopped() => return Err(SourceError::Stopped { reason }),
        };
        self.waited += time::now() - began;
        match result {
            Ok(Ok(chunk)) => {
                let waited = self.waited.as_secs_f64();
                let counts = self.waited >= SPEED_COUNTS_AFTER.min(self.origin.read_timeout.time);
                if chunk.is_some() && counts && (self.received as f64) < SLOWEST * waited {
                    let received = self.received;
                    return Err(self.too_slow(format!(
                        "{received} bytes came within {waited:.0} s, and less than {SLOWEST} bytes per second are not waited for"
                    )));
                }
                Ok(chunk)
            }
            Ok(Err(error)) => {
                let mut error = self.origin.connection_error(&error);
                if let SourceError::Connection { message, .. } = &mut error {
                    let received = format!("; {} bytes received, which begin: {}", self.bytes, self.excerpt);
                    message.push_str(&mask(&received));
                }
                Err(error)
            }
            Err(_) if self.waited >= self.origin.longest => {
                let limit = self.origin.longest.as_secs_f64();
                Err(self.too_slow(format!("its end did not come within {limit} s")))
            }
            Err(_) => Err(self.origin.timeout()),
        }
    }

    fn too_slow(&self, reason: String) -> SourceError {
        SourceError::TooSlow {
            url: self.origin.url.clone(),
            reason,
        }
    }

    /// How the body begins, printable; of a redirect, its target.
    pub(super) async fn beginning(mut self) -> String {
        let location = self
            .response
            .headers()
            .get(LOCATION)
            .and_then(|location| location.to_str().ok())
            .filter(|_| self.response.status().is_redirection())
            .and_then(|location| self.response.url().join(location).ok());
        if let Some(url) = location {
            // Its parameters may be secrets of a login.
            return format!("Location: {}{}", url.origin().ascii_serialization(), url.path());
        }
        let read = async {
            while self.bytes < Excerpt::LENGTH {
                match self.chunk().await {
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => break,
                }
            }
        };
        // What has come by then is shown.
        let _ = timeout(ERROR_PAGE, read).await;
        mask(&self.excerpt.to_string())
    }
}

fn undecodable(url: &str, error: &DecodeError) -> SourceError {
    match error {
        // As a connection that breaks.
        DecodeError::CutShort => SourceError::Connection {
            url: url.to_owned(),
            message: error.to_string(),
            lasting: false,
        },
        _ => SourceError::Refused(format!("{url}: {error}")),
    }
}
