//! How requests reach the source: over HTTP, or by a call in this process.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

/// A source in this process, which is called without a socket.
#[async_trait]
pub trait InProcess: Send + Sync {
    /// Responds to a request.
    ///
    /// # Errors
    /// When there is no response, as if the connection failed; with the reason.
    async fn respond(&self, request: reqwest::Request) -> Result<reqwest::Response, String>;
}

/// How requests reach the source.
#[derive(Clone, Default)]
pub enum Transport {
    /// Over HTTP.
    #[default]
    Http,
    /// By a call.
    InProcess(Arc<dyn InProcess>),
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Http => "Http",
            Self::InProcess(_) => "InProcess",
        })
    }
}
