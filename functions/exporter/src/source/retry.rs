//! Retries after transient errors of the source.

use std::{fmt::Display, time::Duration};

use crate::{
    part::PartError,
    settings::SourceSettings,
    source::{SourceError, brief},
};

/// The longest wait between two attempts, before jitter. With six retries, waits add up to three minutes: a source that
/// restarts is back by then.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// The longest wait that a source may ask for by `Retry-After`.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// An error that may be the source's.
pub(crate) trait SourceFailure {
    fn source_error(&self) -> Option<&SourceError>;
}

impl SourceFailure for SourceError {
    fn source_error(&self) -> Option<&SourceError> {
        Some(self)
    }
}

impl SourceFailure for PartError {
    fn source_error(&self) -> Option<&SourceError> {
        match self {
            Self::Source(error) => Some(error),
            _ => None,
        }
    }
}

/// Makes an attempt, and after transient errors as many retries as the settings allow. Waits grow exponentially, with
/// jitter so that clusters do not retry at the same time, and are at least as long as the source requires.
///
/// # Errors
/// The last error.
pub(crate) async fn with_retries<T, E: Display + SourceFailure>(
    settings: &SourceSettings,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
    is_transient: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let mut delay = settings.retry_delay;
    let mut left = settings.retries;
    loop {
        match attempt().await {
            Err(error) if left > 0 && is_transient(&error) => {
                left -= 1;
                let asked = error.source_error().and_then(SourceError::retry_after);
                let asked = asked.unwrap_or_default().min(LONGEST_RETRY_AFTER);
                let wait = asked.max(delay.mul_f64(0.75 + fastrand::f64() / 2.0));
                // The last error is reported with all that the source wrote.
                tracing::warn!(
                    error = brief(&error.to_string()),
                    retries_left = left + 1,
                    wait_seconds = wait.as_secs_f64(),
                    "transient error of the source: retrying"
                );
                tokio::select! {
                    () = seams::time::sleep(wait) => {}
                    _ = settings.stop.stopped() => return Err(error),
                }
                delay = (delay * 2).min(LONGEST_DELAY);
            }
            other => return other,
        }
    }
}
