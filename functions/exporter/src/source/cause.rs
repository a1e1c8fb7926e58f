//! Why a connection to the source failed, and what to do about it.

use std::{error::Error, io};

use reqwest::Url;
use rustls::CertificateError;

use crate::source::{SourceError, tls};

/// What a connection error is judged by, besides itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) url: &'a Url,
    /// The address as messages name it.
    pub(super) place: &'a str,
    /// Whether it goes through a proxy.
    pub(super) proxied: bool,
    /// Whether a private CA is configured.
    pub(super) private_ca: bool,
}

/// The error with all its causes, and advice.
pub(super) fn of(error: &reqwest::Error, request: Request<'_>) -> SourceError {
    let causes = causes(error);
    let certificate = causes.iter().find_map(|cause| cause.downcast_ref::<rustls::Error>());
    let advice = certificate.and_then(|error| tls_advice(error, request));
    // No certificate becomes valid within minutes, and no server changes from http to https.
    let lasting = advice.is_some();
    let mut message = what(error).to_owned();
    for cause in &causes {
        let text = cause.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
    }
    let (advice, lasting) = match advice {
        Some(advice) => (Some(advice), lasting),
        None => connection_advice(&message, &causes, request),
    };
    if let Some(advice) = advice {
        message = format!("{message} ({advice})");
    }
    SourceError::Connection {
        url: request.place.to_owned(),
        message,
        lasting,
    }
}

fn what(error: &reqwest::Error) -> &'static str {
    if error.is_connect() {
        "no connection"
    } else if error.is_body() || error.is_decode() {
        "the connection broke before the end of the response"
    } else {
        "the request failed"
    }
}

/// The causes of an error, from the outermost to the innermost. `io::Error::source` leaves out what it wraps.
fn causes(error: &reqwest::Error) -> Vec<&(dyn Error + 'static)> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause);
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => cause.source(),
        };
    }
    causes
}

fn tls_advice(error: &rustls::Error, request: Request<'_>) -> Option<String> {
    const RENEW: &str =
        "the source's certificate has expired: renew it at the source, or at the ingress in front of it";
    let host = request.url.host_str().unwrap_or_default();
    Some(match error {
        rustls::Error::InvalidMessage(_) => format!(
            "the source speaks http there and not https: set KUBECOST_API_ENDPOINT to {}",
            with_scheme(request.url, "http")
        ),
        error if tls::is_ca(error) => {
            "the source's certificate is CA and server in one: give exactly this certificate by CA_CERTIFICATE_FILE"
                .to_owned()
        }
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer if request.private_ca => {
                "the source's certificate is not signed by the CA of CA_CERTIFICATE_FILE or KUBECOST_CA_CERTIFICATE_SECRET_NAME".to_owned()
            }
            CertificateError::UnknownIssuer => {
                "an unknown CA signed the source's certificate: for a private CA set CA_CERTIFICATE_FILE or KUBECOST_CA_CERTIFICATE_SECRET_NAME".to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => RENEW.to_owned(),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the source's certificate is not valid yet: compare this machine's clock".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
                "the source's certificate is for another name than '{host}': use a name of the certificate in KUBECOST_API_ENDPOINT"
            ),
            _ => "the source's certificate is not accepted: see CA_CERTIFICATE_FILE".to_owned(),
        },
        _ => return None,
    })
}

/// Advice about errors that carry no type, and whether trying again is useless.
fn connection_advice(message: &str, causes: &[&(dyn Error + 'static)], request: Request<'_>) -> (Option<String>, bool) {
    let host = request.url.host_str().unwrap_or_default();
    let is = |kind| {
        let errors = causes.iter().filter_map(|cause| cause.downcast_ref::<io::Error>());
        errors.map(io::Error::kind).any(|found| found == kind)
    };
    if message.contains("proxy authorization required") {
        let advice = "the proxy wants a user and password: set HTTPS_PROXY to http://<user>:<password>@<host>:<port>";
        return (Some(advice.to_owned()), true);
    }
    if message.contains("tunnel error: unsuccessful") {
        let advice =
            format!("the proxy refused to connect to '{host}': if it is reached directly, list it in NO_PROXY");
        return (Some(advice), false);
    }
    if message.contains("dns error") {
        let advice = if request.proxied {
            "the name of the proxy is unknown: check HTTP_PROXY and HTTPS_PROXY".to_owned()
        } else {
            format!(
                "the name '{host}' is unknown: check KUBECOST_API_ENDPOINT, in a cluster http://<service>.<namespace>:<port>"
            )
        };
        return (Some(advice), false);
    }
    if request.url.scheme() == "http" && message.contains("invalid HTTP") {
        return (Some(speaks_https(request.url)), true);
    }
    if is(io::ErrorKind::ConnectionRefused) && !request.proxied {
        let advice = "nothing listens there: check the port in KUBECOST_API_ENDPOINT, and whether the source runs";
        return (Some(advice.to_owned()), false);
    }
    if is(io::ErrorKind::TimedOut) || message.contains("timed out") {
        let advice =
            "no response to connecting: check network policies and firewalls, or raise CONNECTION_TIMEOUT".to_owned();
        return (Some(advice), false);
    }
    (None, false)
}

/// What to do where http is sent to a port that speaks https.
pub(super) fn speaks_https(url: &Url) -> String {
    format!(
        "the source speaks https there and not http: set KUBECOST_API_ENDPOINT to {}",
        with_scheme(url, "https")
    )
}

/// Whether a web server says by its response that it wants https.
pub(super) fn wants_https(status: u16, excerpt: &str) -> bool {
    status == 400
        && ["HTTP request to an HTTPS server", "HTTP request was sent to HTTPS port"]
            .iter()
            .any(|words| excerpt.contains(words))
}

fn with_scheme(url: &Url, scheme: &str) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}
