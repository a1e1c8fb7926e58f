//! The HTTP client of a source.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use reqwest::{
    Certificate, RequestBuilder, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderValue, LOCATION},
    redirect,
};
use response::Excerpt;
use settings::{Setting, rows};
use tokio::time::timeout;

use crate::{
    settings::{Authentication, SourceSettings},
    source::{Query, SourceError},
};

/// How much of an error response's body is read for the message.
const EXCERPT_BYTES: usize = 200;

const MOST_REDIRECTS: usize = 3;

#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
    authentication: Authentication,
}

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

/// A response whose body is still to be read.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    response: reqwest::Response,
    url: String,
    read_timeout: ReadTimeout,
    bytes: usize,
    excerpt: Excerpt,
}

impl Client {
    /// `private_ca`: the PEM text of the only CA to trust; public ones where `None`.
    pub(crate) fn new(settings: &SourceSettings, private_ca: Option<&[u8]>) -> Result<Self, SourceError> {
        // Fails where another part of the process has chosen a provider, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let setup = |error: reqwest::Error| SourceError::Setup(describe(&error));
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("kubecost-lake-exporter/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connection_timeout)
            .redirect(redirects());
        if let Some(pem) = private_ca {
            let certificates = Certificate::from_pem_bundle(pem).map_err(setup)?;
            if certificates.is_empty() {
                return Err(SourceError::Setup("the private CA holds no PEM certificate".to_owned()));
            }
            builder = builder.tls_certs_only(certificates);
        } else if settings.url.scheme() == "http" {
            // No certificate is needed: images without root certificates work, too.
            builder = builder.tls_certs_only([]);
        }
        if !settings.tls_verify {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        Ok(Self {
            http: builder.build().map_err(setup)?,
            url: settings.url.clone(),
            authentication: settings.authentication.clone(),
        })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Sends the query and waits for the head of a response with status 200; another status is an error.
    pub(crate) async fn get(&self, query: &Query, read_timeout: ReadTimeout) -> Result<ResponseBody, SourceError> {
        let response = self.send(query, read_timeout).await?;
        let status = response.response.status().as_u16();
        if status == 200 {
            return Ok(response);
        }
        let url = response.url.clone();
        Err(SourceError::Status {
            url,
            status,
            excerpt: response.beginning().await,
        })
    }

    /// Sends the query; any status will do. Returns it with the first bytes of the body.
    pub(crate) async fn status(&self, query: &Query, read_timeout: ReadTimeout) -> Result<(u16, String), SourceError> {
        let response = self.send(query, read_timeout).await?;
        Ok((response.response.status().as_u16(), response.beginning().await))
    }

    async fn send(&self, query: &Query, read_timeout: ReadTimeout) -> Result<ResponseBody, SourceError> {
        let url = query.url(&self.url);
        let text = url.to_string();
        let request = self.authenticate(self.http.get(url).header(ACCEPT, "application/json"))?;
        match timeout(read_timeout.time, request.send()).await {
            Ok(Ok(response)) => Ok(ResponseBody {
                response,
                url: text,
                read_timeout,
                bytes: 0,
                excerpt: Excerpt::default(),
            }),
            Ok(Err(error)) => Err(SourceError::Connection {
                url: text,
                message: describe(&error),
            }),
            Err(_) => Err(read_timeout.exhausted(text)),
        }
    }

    fn authenticate(&self, request: RequestBuilder) -> Result<RequestBuilder, SourceError> {
        let (path, header) = match &self.authentication {
            Authentication::None => return Ok(request),
            Authentication::Bearer(path) => (path, AUTHORIZATION),
            Authentication::Basic(path) => {
                let secret = read_secret(path)?;
                let Some((user, password)) = secret.split_once(':') else {
                    return Err(secret_error(path, "does not hold user:password"));
                };
                return Ok(request.basic_auth(user, Some(password)));
            }
            Authentication::ApiKey(path) => (path, reqwest::header::HeaderName::from_static("x-api-key")),
        };
        let secret = read_secret(path)?;
        let value = if header == AUTHORIZATION {
            format!("Bearer {secret}")
        } else {
            secret
        };
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| secret_error(path, "holds characters that are not allowed in a header"))?;
        value.set_sensitive(true);
        Ok(request.header(header, value))
    }
}

/// Follows redirects within the source only: the request carries its secret, which no other host may see.
fn redirects() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let stays = attempt
            .previous()
            .last()
            .is_some_and(|from| from.origin() == attempt.url().origin());
        if stays && attempt.previous().len() <= MOST_REDIRECTS {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

fn read_secret(path: &Path) -> Result<String, SourceError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| secret_error(path, &format!("cannot be read: {error}")))?;
    let secret = text.trim();
    if secret.is_empty() {
        Err(secret_error(path, "is empty"))
    } else {
        Ok(secret.to_owned())
    }
}

fn secret_error(path: &Path, reason: &str) -> SourceError {
    SourceError::Authentication {
        path: path.display().to_string(),
        reason: reason.to_owned(),
    }
}

impl ReadTimeout {
    fn exhausted(&self, url: String) -> SourceError {
        SourceError::Timeout {
            url,
            seconds: self.time.as_secs_f64(),
            setting: self.setting.name,
        }
    }
}

impl ResponseBody {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The next bytes of the body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, SourceError> {
        match timeout(self.read_timeout.time, self.response.chunk()).await {
            Ok(Ok(chunk)) => {
                if let Some(chunk) = &chunk {
                    self.bytes += chunk.len();
                    self.excerpt.extend(chunk);
                }
                Ok(chunk)
            }
            Ok(Err(error)) => Err(SourceError::Connection {
                url: self.url.clone(),
                message: format!(
                    "{}; {} bytes received, which begin: {}",
                    describe(&error),
                    self.bytes,
                    self.excerpt
                ),
            }),
            Err(_) => Err(self.read_timeout.exhausted(self.url.clone())),
        }
    }

    /// How the body begins; of a redirect, its target.
    async fn beginning(self) -> String {
        let location = self
            .response
            .headers()
            .get(LOCATION)
            .and_then(|location| location.to_str().ok())
            .filter(|_| self.response.status().is_redirection())
            .and_then(|location| self.response.url().join(location).ok());
        match location {
            // Its parameters may be secrets of a login.
            Some(url) => format!("Location: {}{}", url.origin().ascii_serialization(), url.path()),
            None => self.excerpt().await,
        }
    }

    /// The first bytes of the body, printable.
    async fn excerpt(mut self) -> String {
        while self.bytes < EXCERPT_BYTES {
            match self.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        self.excerpt.to_string()
    }
}

/// An error with all its causes, without the URL, which the caller adds.
fn describe(error: &reqwest::Error) -> String {
    let mut text = if error.is_connect() {
        "no connection".to_owned()
    } else if error.is_body() || error.is_decode() {
        "the connection broke before the end of the response".to_owned()
    } else {
        "the request failed".to_owned()
    };
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let message = next.to_string();
        if !text.ends_with(&message) {
            text = format!("{text}: {message}");
        }
        cause = next.source();
    }
    if text.contains("UnknownIssuer") {
        text.push_str(" (for a private CA see CA_CERTIFICATE_FILE and KUBECOST_CA_CERTIFICATE_SECRET_NAME)");
    }
    text
}
