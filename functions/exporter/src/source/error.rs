//! Errors of a source.

use std::time::Duration;

use contract::units::shortened;
use response::{FeedError, ResponseFault};
use settings::secrets::mask;

/// How much of an error short messages repeat.
const BRIEF: usize = 240;

/// Why a query of the source failed. URLs hold no query, and no text holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No connection, no response, or the connection broke.
    #[error("{url}: {message}")]
    Connection {
        url: String,
        message: String,
        /// Whether trying again is useless.
        lasting: bool,
    },
    #[error("{url}: no data for {seconds} s; raise {setting} if the source needs longer")]
    Timeout {
        url: String,
        seconds: f64,
        setting: &'static str,
    },
    #[error("{url}: the response is too slow: {reason}")]
    TooSlow { url: String, reason: String },
    /// An HTTP status other than 200.
    #[error("{url} returned {status}{}{}; the response begins: {excerpt}", advice(*status), idle_advice(excerpt))]
    Status {
        url: String,
        status: u16,
        excerpt: String,
        /// How long the source requires to wait.
        retry_after: Option<Duration>,
    },
    /// The response is incomplete or invalid.
    #[error("{url}: {}{}", mask(&fault.to_string()), idle_advice(&fault.to_string()))]
    Response { url: String, fault: ResponseFault },
    /// The response is complete, but must not be stored.
    #[error("{}", mask(.0))]
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
    /// The run ends early.
    #[error("not collected, since the run ended early: {reason}")]
    Stopped { reason: String },
}

fn advice(status: u16) -> &'static str {
    match status {
        300..=399 => {
            " (a redirect that is not followed, such as to a login page: see KUBECOST_API_ENDPOINT and SOURCE_AUTHENTICATION)"
        }
        401 | 403 => " (see SOURCE_AUTHENTICATION)",
        407 => " (the proxy wants a user and password: http://<user>:<password>@<host>:<port>)",
        504 => {
            " (a proxy in front of the source timed out: request less at a time with PAGE_SIZE, or raise its timeout)"
        }
        _ => "",
    }
}

/// What to do where a source fails at idle costs, as its words say.
fn idle_advice(text: &str) -> &'static str {
    let text = text.to_lowercase();
    let words = text.split(|character: char| !character.is_ascii_alphanumeric());
    if words.into_iter().any(|word| word == "idle") {
        " (if the source cannot compute idle costs, set SOURCE_IDLE=no)"
    } else {
        ""
    }
}

/// The beginning of a message, for where the whole one is or will be reported elsewhere.
pub(crate) fn brief(message: &str) -> String {
    shortened(message, BRIEF)
}

impl SourceError {
    /// Whether the same request may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Connection { lasting, .. } => !lasting,
            Self::Timeout { .. } | Self::TooSlow { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Response { fault, .. } => match fault {
                ResponseFault::Empty | ResponseFault::CutShort { .. } | ResponseFault::Failure { .. } => true,
                ResponseFault::Code { code, .. } => *code >= 500,
                _ => false,
            },
            Self::Refused(_)
            | Self::Unknown { .. }
            | Self::Authentication { .. }
            | Self::Setup(_)
            | Self::Stopped { .. } => false,
        }
    }

    /// Whether the source still works on the response: to ask again would double its load.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::TooSlow { .. })
    }

    /// How long the source requires to wait before another request.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the source responded, but not with what was asked for: it may have a response to a smaller question.
    pub(crate) fn is_of_the_response(&self) -> bool {
        match self {
            // The source still works on the response.
            Self::Status { status, .. } => *status != 504,
            Self::Response { .. } | Self::Refused(_) => true,
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
