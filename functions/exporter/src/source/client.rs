//! The HTTP client of a source.

use std::{path::Path, sync::Arc, time::Duration};

use chrono::DateTime;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{
    RequestBuilder, Url,
    header::{ACCEPT, AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect,
};
use response::{Allocation, ParsedRows, Redaction, RowError, RowParser, Rows, Scanner};
use seams::time::timeout;
use settings::secrets;

use crate::{
    settings::{Authentication, SourceSettings},
    source::{
        Query, ResponseBody, SourceError,
        body::{Origin, ReadTimeout},
        cause::{self, wants_https},
        tls,
        transport::Transport,
    },
    stop::Stop,
};

const MOST_REDIRECTS: usize = 3;

/// The longest document that is read, in bytes.
const LONGEST_DOCUMENT: usize = 1024 * 1024;

#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    transport: Transport,
    url: Url,
    authentication: Authentication,
    /// The proxies that `http` uses, for messages.
    proxies: Arc<Matcher>,
    private_ca: bool,
    longest: Duration,
    stop: Stop,
    redaction: Arc<Redaction>,
}

impl Client {
    /// `private_ca`: the PEM text of the only CA to trust; public ones where `None`.
    pub(crate) fn new(settings: &SourceSettings, private_ca: Option<&[u8]>) -> Result<Self, SourceError> {
        // Fails where another part of the process has chosen a provider, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("kubecost-lake-exporter/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connection_timeout)
            .redirect(redirects());
        let ca = private_ca.map(tls::of_private_ca).transpose()?;
        match ca {
            _ if !settings.tls_verify => builder = builder.tls_danger_accept_invalid_certs(true),
            Some(config) => builder = builder.tls_backend_preconfigured(config),
            // No certificate is needed: images without root certificates work, too.
            None if settings.url.scheme() == "http" => builder = builder.tls_certs_only([]),
            None => {}
        }
        Ok(Self {
            http: builder.build().map_err(|error| SourceError::Setup(error.to_string()))?,
            transport: settings.transport.clone(),
            url: settings.url.clone(),
            authentication: settings.authentication.clone(),
            proxies: Arc::new(Matcher::from_env()),
            private_ca: private_ca.is_some(),
            longest: settings
                .longest_response
                .max(settings.allocation_read_timeout)
                .max(settings.assets_read_timeout),
            stop: settings.stop.clone(),
            redaction: Arc::new(settings.redaction.clone()),
        })
    }

    /// What is removed from responses that are stored.
    pub(crate) fn redaction(&self) -> &Redaction {
        &self.redaction
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Sends the query and waits for the head of a response with status 200; another status is an error.
    pub(crate) async fn get(&self, query: &Query, read_timeout: ReadTimeout) -> Result<ResponseBody, SourceError> {
        let response = self.send(query, read_timeout).await?;
        if response.response.status() == 200 {
            return Ok(response);
        }
        Err(self.status_error(response).await)
    }

    /// Sends the query. A response with another status than 200 is an error, too, but one to look at.
    pub(crate) async fn probe(&self, query: &Query, read_timeout: ReadTimeout) -> Result<String, SourceError> {
        let response = self.get(query, read_timeout).await?;
        Ok(response.beginning().await)
    }

    /// Sends the query and passes on each row of the response. Rows must not be used unless it succeeds.
    pub(crate) async fn rows(
        &self,
        query: &Query,
        read_timeout: ReadTimeout,
        rows: &mut impl Rows<String>,
    ) -> Result<(), SourceError> {
        let mut response = self.get(query, read_timeout).await?;
        let mut scanner = Scanner::new();
        while let Some(chunk) = response.chunk().await? {
            scanner
                .feed_rows(&chunk, rows)
                .map_err(|error| SourceError::of_feed(response.url(), error))?;
        }
        let url = response.url().to_owned();
        scanner.finish().map_err(|fault| SourceError::Response { url, fault })?;
        Ok(())
    }

    /// Sends a query for allocations and passes each row, with its set and key, to `on_row`. Rows must not be used
    /// unless it succeeds.
    pub(crate) async fn allocations(
        &self,
        query: &Query,
        settings: &SourceSettings,
        mut on_row: impl FnMut(u32, &str, &Allocation<'_>) -> Result<(), String>,
    ) -> Result<(), SourceError> {
        let mut parser = RowParser::new();
        let mut rows = ParsedRows::new(&mut parser, |set, key, row: Result<Allocation<'_>, RowError>| {
            on_row(set, key, &row.map_err(|error| error.to_string())?)
        });
        self.rows(query, ReadTimeout::of_allocations(settings), &mut rows).await
    }

    /// Sends the query and reads a short document. It may hold secrets of the source: no error repeats any of it.
    pub(crate) async fn document(&self, query: &Query, read_timeout: ReadTimeout) -> Result<Vec<u8>, SourceError> {
        let mut response = self.get(query, read_timeout).await?;
        let url = response.url().to_owned();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= LONGEST_DOCUMENT => body.extend_from_slice(&chunk),
                Ok(Some(_)) => {
                    return Err(SourceError::Refused(format!(
                        "{url}: the response has more than {LONGEST_DOCUMENT} bytes, so it is another one than was queried"
                    )));
                }
                Ok(None) => return Ok(body),
                Err(SourceError::Connection { lasting, .. }) => {
                    let message = "the connection broke while the response was read".to_owned();
                    return Err(SourceError::Connection { url, message, lasting });
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The proxy that requests go through, if there is one.
    pub(crate) fn proxy(&self) -> Option<String> {
        let uri = self.url.as_str().parse().ok()?;
        Some(self.proxies.intercept(&uri)?.uri().to_string())
    }

    async fn status_error(&self, response: ResponseBody) -> SourceError {
        let status = response.response.status().as_u16();
        let retry_after = retry_after(response.response.headers());
        let url = response.url().to_owned();
        let excerpt = response.beginning().await;
        if self.url.scheme() == "http" && wants_https(status, &excerpt) {
            return SourceError::Connection {
                url,
                message: format!("{excerpt} ({})", cause::speaks_https(&self.url)),
                lasting: true,
            };
        }
        SourceError::Status {
            url,
            status,
            excerpt,
            retry_after,
        }
    }

    async fn send(&self, query: &Query, read_timeout: ReadTimeout) -> Result<ResponseBody, SourceError> {
        let url = query.url(&self.url);
        let proxy = url.as_str().parse().ok().and_then(|uri| self.proxies.intercept(&uri));
        let mut place = format!("{}{}", url.origin().ascii_serialization(), url.path());
        if let Some(proxy) = &proxy {
            let variable = if url.scheme() == "https" {
                "HTTPS_PROXY"
            } else {
                "HTTP_PROXY"
            };
            let host = url.host_str().unwrap_or_default();
            place.push_str(&format!(
                " (through the proxy {} of {variable}; list {host} in NO_PROXY if it is reached directly)",
                proxy.uri()
            ));
        }
        let origin = Origin {
            requested: url.clone(),
            url: place,
            proxied: proxy.is_some(),
            private_ca: self.private_ca,
            read_timeout,
            longest: self.longest,
            stop: self.stop.clone(),
        };
        tracing::debug!(query = query.describe(), "querying the source");
        let request = self.authenticate(self.http.get(url).header(ACCEPT, "application/json"))?;
        let request = request.build().map_err(|error| origin.connection_error(&error))?;
        register_credentials(request.headers());
        let result = tokio::select! {
            result = timeout(read_timeout.time, self.execute(request, &origin)) => result,
            reason = self.stop.stopped() => return Err(SourceError::Stopped { reason }),
        };
        match result {
            Ok(response) => ResponseBody::new(response?, origin),
            Err(_) => Err(origin.timeout()),
        }
    }

    async fn execute(&self, request: reqwest::Request, origin: &Origin) -> Result<reqwest::Response, SourceError> {
        match &self.transport {
            Transport::Http => {
                let response = self.http.execute(request).await;
                response.map_err(|error| origin.connection_error(&error))
            }
            Transport::InProcess(source) => {
                let response = source.respond(request).await;
                response.map_err(|message| SourceError::Connection {
                    url: origin.url.clone(),
                    message,
                    lasting: false,
                })
            }
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
                secrets::register(password);
                return Ok(request.basic_auth(user, Some(password)));
            }
            Authentication::ApiKey(path) => (path, HeaderName::from_static("x-api-key")),
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

/// How long a response requires to wait: seconds, or a date, compared with the date of the response itself.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let wait = text(RETRY_AFTER)?.trim();
    if let Ok(seconds) = wait.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text| DateTime::parse_from_rfc2822(text).ok();
    (date(wait)? - date(text(DATE)?)?).to_std().ok()
}

/// Basic authentication sends another text than the file has.
fn register_credentials(headers: &HeaderMap) {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some((_, credentials)) = value.and_then(|value| value.split_once(' ')) {
        secrets::register(credentials);
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
        return Err(secret_error(path, "is empty"));
    }
    secrets::register(secret);
    Ok(secret.to_owned())
}

fn secret_error(path: &Path, reason: &str) -> SourceError {
    SourceError::Authentication {
        path: path.display().to_string(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_says_how_long_to_wait_by_seconds_or_by_a_date() {
        let date = "Fri, 20 Nov 2026 10:00:00 GMT";
        for (wait, date, expected) in [
            (Some("120"), None, Some(120)),
            (Some(" 0 "), None, Some(0)),
            (Some("Fri, 20 Nov 2026 10:01:30 GMT"), Some(date), Some(90)),
            (Some("Fri, 20 Nov 2026 09:00:00 GMT"), Some(date), None),
            (Some("Fri, 20 Nov 2026 10:01:30 GMT"), None, None),
            (Some("soon"), Some(date), None),
            (None, Some(date), None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(RETRY_AFTER, wait), (DATE, date)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_str(value).unwrap());
                }
            }
            assert_eq!(retry_after(&headers).map(|wait| wait.as_secs()), expected, "{wait:?}");
        }
    }
}
