//! Retries after transient errors of the source.

use std::{fmt::Display, time::Duration};

use crate::settings::SourceSettings;

/// The longest wait between two attempts, before jitter.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// Makes an attempt, and after transient errors as many retries as the settings allow. Waits grow exponentially, with
/// jitter so that clusters do not retry at the same time.
///
/// # Errors
/// The last error.
pub(crate) async fn with_retries<T, E: Display>(
    settings: &SourceSettings,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
    is_transient: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let mut delay = settings.retry_delay;
    let mut left = settings.retries;
    loop {
        match attempt().await {
            Err(error) if left > 0 && is_transient(&error) => {
                tracing::warn!(%error, retries_left = left, "transient error of the source: retrying");
                left -= 1;
                tokio::time::sleep(delay.mul_f64(0.5 + fastrand::f64())).await;
                delay = (delay * 2).min(LONGEST_DELAY);
            }
            other => return other,
        }
    }
}
