//! Errors of a source.

use response::{FeedError, ResponseFault};

/// Why a query of the source failed. URLs hold no secrets.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No connection, no response, or the connection broke.
    #[error("{url}: {message}")]
    Connection { url: String, message: String },
    #[error("{url}: no data for {seconds} s; raise {setting} if the source needs longer")]
    Timeout {
        url: String,
        seconds: f64,
        setting: &'static str,
    },
    /// An HTTP status other than 200.
    #[error("{url} returned {status}{}; the response begins: {excerpt}", advice(*status))]
    Status { url: String, status: u16, excerpt: String },
    /// The response is incomplete or invalid.
    #[error("{url}: {fault}")]
    Response { url: String, fault: ResponseFault },
    /// The response is complete, but must not be stored.
    #[error("{0}")]
    Refused(String),
    #[error("found neither Kubecost nor OpenCost at {url} (set by KUBECOST_API_ENDPOINT): {tried}")]
    Unknown { url: String, tried: String },
    #[error("SOURCE_AUTHENTICATION_FILE: {path} {reason}")]
    Authentication {
        path: String,
        /// What is wrong with it; never its content.
        reason: String,
    },
    #[error("cannot set up connections to the source: {0}")]
    Setup(String),
}

fn advice(status: u16) -> &'static str {
    match status {
        300..=399 => {
            " (a redirect that is not followed, such as to a login page: see KUBECOST_API_ENDPOINT and SOURCE_AUTHENTICATION)"
        }
        401 | 403 => " (see SOURCE_AUTHENTICATION)",
        504 => {
            " (a proxy in front of the source timed out: request less at a time with PAGE_SIZE, or raise its timeout)"
        }
        _ => "",
    }
}

impl SourceError {
    /// Whether the same request may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Timeout { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Response { fault, .. } => match fault {
                ResponseFault::Empty | ResponseFault::CutShort { .. } => true,
                ResponseFault::Code { code, .. } => *code >= 500,
                _ => false,
            },
            Self::Refused(_) | Self::Unknown { .. } | Self::Authentication { .. } | Self::Setup(_) => false,
        }
    }

    /// Whether the source rejected the query itself, by the status or by the code within a response whose status is
    /// 200.
    pub(crate) fn refuses_the_query(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 400 | 500),
            Self::Response {
                fault: ResponseFault::Code { code, .. },
                ..
            } => matches!(code, 400 | 500),
            _ => false,
        }
    }

    /// The error of feeding the response of a URL to the scanner.
    pub(crate) fn of_feed(url: &str, error: FeedError<String>) -> Self {
        match error {
            FeedError::Response(fault) => Self::Response {
                url: url.to_owned(),
                fault,
            },
            FeedError::Sink(reason) => Self::Refused(reason),
        }
    }
}
