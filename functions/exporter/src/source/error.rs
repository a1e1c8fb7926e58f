//! What can go wrong with a source.

use response::{FeedError, ResponseFault};

/// Why a source did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No connection, no answer, or the connection broke.
    #[error("{url}: {message}")]
    Connection {
        /// What was asked, without secrets.
        url: String,
        /// What happened.
        message: String,
    },
    /// The source stayed silent.
    #[error("{url}: silent for {seconds} s; raise {setting} if the source needs longer")]
    Silent {
        /// What was asked, without secrets.
        url: String,
        /// How long it was waited for.
        seconds: f64,
        /// The setting of that time.
        setting: &'static str,
    },
    /// An HTTP status other than 200.
    #[error("{url} answered {status}{}; it begins: {excerpt}", advice(*status))]
    Status {
        /// What was asked, without secrets.
        url: String,
        /// The status.
        status: u16,
        /// The first bytes of the body.
        excerpt: String,
    },
    /// The body is not a whole and good answer.
    #[error("{url}: {fault}")]
    Answer {
        /// What was asked, without secrets.
        url: String,
        /// What is wrong with it.
        fault: ResponseFault,
    },
    /// The answer is whole, but not to be stored.
    #[error("{0}")]
    Refused(String),
    /// Neither Kubecost nor OpenCost answers at the address.
    #[error("neither Kubecost nor OpenCost answers at {url} (set by KUBECOST_API_ENDPOINT): {tried}")]
    Unknown {
        /// The address.
        url: String,
        /// What was asked and what came.
        tried: String,
    },
    /// The secret cannot be read.
    #[error("SOURCE_AUTHENTICATION_FILE: {path} {reason}")]
    Authentication {
        /// The file.
        path: String,
        /// What is wrong with it; never its content.
        reason: String,
    },
    /// The HTTP client cannot be made.
    #[error("cannot set up connections to the source: {0}")]
    Setup(String),
}

fn advice(status: u16) -> &'static str {
    match status {
        300..=399 => {
            " (a redirection, as to a login page, that is not followed: see KUBECOST_API_ENDPOINT and SOURCE_AUTHENTICATION)"
        }
        401 | 403 => " (see SOURCE_AUTHENTICATION)",
        504 => {
            " (a proxy in front gave up waiting: ask for less at a time with PAGE_SIZE, or raise the proxy's timeout)"
        }
        _ => "",
    }
}

impl SourceError {
    /// Whether the same request may succeed a little later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Silent { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Answer { fault, .. } => match fault {
                ResponseFault::Empty | ResponseFault::CutShort { .. } => true,
                ResponseFault::Code { code, .. } => *code >= 500,
                _ => false,
            },
            Self::Refused(_) | Self::Unknown { .. } | Self::Authentication { .. } | Self::Setup(_) => false,
        }
    }

    /// Whether the source understood the request and could not do what it asks, by the status or by the code of an
    /// answer whose status is 200.
    pub fn refuses_the_query(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 400 | 500),
            Self::Answer {
                fault: ResponseFault::Code { code, .. },
                ..
            } => matches!(code, 400 | 500),
            _ => false,
        }
    }

    /// The error of feeding an answer of a URL to the scanner.
    pub fn of_feed(url: &str, error: FeedError<String>) -> Self {
        match error {
            FeedError::Response(fault) => Self::Answer {
                url: url.to_owned(),
                fault,
            },
            FeedError::Sink(reason) => Self::Refused(reason),
        }
    }
}
