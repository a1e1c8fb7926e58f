//! The HTTP client of a source.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use reqwest::{
    Certificate, RequestBuilder, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderValue, LOCATION},
    redirect,
};
use response::Excerpt;
use tokio::time::timeout;

use crate::{
    settings::{Authentication, SourceSettings},
    source::{Query, SourceError},
};

/// How much of the body of a bad answer is read for the message.
const EXCERPT_BYTES: usize = 200;

/// How many redirections one after the other are followed.
const MOST_REDIRECTS: usize = 3;

/// Asks one source.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    authentication: Authentication,
}

/// A time that the source may stay silent, with the setting that it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long.
    pub time: Duration,
    /// The setting's name, for the message.
    pub setting: &'static str,
}

/// An answer with status 200, its body still to come.
#[derive(Debug)]
pub struct Answer {
    response: reqwest::Response,
    url: String,
    patience: Patience,
    bytes: usize,
    excerpt: Excerpt,
}

impl Client {
    /// A client of the configured source. `private_ca`: the PEM text of the only CA to trust, public ones where `None`.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn new(settings: &SourceSettings, private_ca: Option<&[u8]>) -> Result<Self, SourceError> {
        // Fails where another part of the process chose a provider before, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let setup = |error: reqwest::Error| SourceError::Setup(describe(&error));
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("kubecost-lake-exporter/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connection_timeout)
            .redirect(redirects());
        if let Some(pem) = private_ca {
            let certificates = Certificate::from_pem_bundle(pem).map_err(setup)?;
            if certificates.is_empty() {
                return Err(SourceError::Setup(
                    "the private CA's text holds no PEM certificate".to_owned(),
                ));
            }
            builder = builder.tls_certs_only(certificates);
        } else if settings.url.scheme() == "http" {
            // No certificate is needed, so that an image without root certificates works, too.
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

    /// The source's address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Asks, and waits for the answer's head.
    ///
    /// # Errors
    /// When there is no answer, or one with another status than 200.
    pub async fn get(&self, query: &Query, patience: Patience) -> Result<Answer, SourceError> {
        let answer = self.send(query, patience).await?;
        let status = answer.response.status().as_u16();
        if status == 200 {
            return Ok(answer);
        }
        let url = answer.url.clone();
        Err(SourceError::Status {
            url,
            status,
            excerpt: answer.beginning().await,
        })
    }

    /// Asks, and gives the status with the first bytes of the body, whatever they are.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn look(&self, query: &Query, patience: Patience) -> Result<(u16, String), SourceError> {
        let answer = self.send(query, patience).await?;
        Ok((answer.response.status().as_u16(), answer.beginning().await))
    }

    async fn send(&self, query: &Query, patience: Patience) -> Result<Answer, SourceError> {
        let url = query.url(&self.url);
        let text = url.to_string();
        let request = self.authenticate(self.http.get(url).header(ACCEPT, "application/json"))?;
        match timeout(patience.time, request.send()).await {
            Ok(Ok(response)) => Ok(Answer {
                response,
                url: text,
                patience,
                bytes: 0,
                excerpt: Excerpt::default(),
            }),
            Ok(Err(error)) => Err(SourceError::Connection {
                url: text,
                message: describe(&error),
            }),
            Err(_) => Err(patience.exhausted(text)),
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
            .map_err(|_| secret_error(path, "holds characters that a header must not have"))?;
        value.set_sensitive(true);
        Ok(request.header(header, value))
    }
}

/// Follows to other paths of the source only: what authenticates is sent along, and is nobody else's to know.
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

impl Patience {
    fn exhausted(&self, url: String) -> SourceError {
        SourceError::Silent {
            url,
            seconds: self.time.as_secs_f64(),
            setting: self.setting,
        }
    }
}

impl Answer {
    /// What was asked.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next bytes of the body; `None` at its end.
    ///
    /// # Errors
    /// When the connection breaks or the source stays silent.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, SourceError> {
        match timeout(self.patience.time, self.response.chunk()).await {
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
                    "{}; {} bytes came, which begin: {}",
                    describe(&error),
                    self.bytes,
                    self.excerpt
                ),
            }),
            Err(_) => Err(self.patience.exhausted(self.url.clone())),
        }
    }

    /// How the answer begins; of a redirection, where it leads.
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

/// An error with all its causes. The URL, which reqwest repeats, is left out: it is told beside.
fn describe(error: &reqwest::Error) -> String {
    let mut text = if error.is_connect() {
        "no connection".to_owned()
    } else if error.is_body() || error.is_decode() {
        "the connection broke before the answer's end".to_owned()
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
