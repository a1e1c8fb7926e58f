//! Trying again after passing failures of the source.

use std::{fmt::Display, time::Duration};

use crate::settings::SourceSettings;

/// The longest wait between two tries, before it is varied by half.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// Tries, and after passing failures tries again, as often as the settings say, with growing waits that differ from
/// cluster to cluster.
///
/// # Errors
/// The last failure.
pub async fn repeated<T, E: Display>(
    settings: &SourceSettings,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
    is_passing: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let mut delay = settings.retry_delay;
    let mut left = settings.retries;
    loop {
        match attempt().await {
            Err(error) if left > 0 && is_passing(&error) => {
                tracing::warn!(%error, left, "the source failed; trying again");
                left -= 1;
                tokio::time::sleep(delay.mul_f64(0.5 + fastrand::f64())).await;
                delay = (delay * 2).min(LONGEST_DELAY);
            }
            other => return other,
        }
    }
}
