//! Logs: a line each, JSON in Lambda and in the cluster, text for people.

use tracing_subscriber::EnvFilter;

/// The setting of the level: a level (`info`) or directives (`info,transform=debug`).
pub const LEVEL_SETTING: &str = "LOG_LEVEL";

/// Writes logs of this process to standard error as JSON lines, from the level of `LOG_LEVEL` up, `info` by default.
/// Call it once, at the start; another call changes nothing.
pub fn start_json() {
    let directives = std::env::var(LEVEL_SETTING).unwrap_or_default();
    let filter = EnvFilter::try_new(if directives.trim().is_empty() {
        "info"
    } else {
        directives.trim()
    })
    .unwrap_or_else(|_| EnvFilter::new("info"));
    let started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    if started.is_err() {
        tracing::debug!("logs were started before");
    }
}
