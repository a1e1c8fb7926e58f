//! Results for people go to standard output, the log to standard error.

use std::io::{self, IsTerminal, Write};

/// Writes a line. A reader that went away, as `head` does, is no fault.
pub fn line(text: impl std::fmt::Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Starts the log: lines for people, as much as `--verbose` or `RUST_LOG` asks for.
pub fn start_log(verbose: bool) {
    let level = if verbose { "info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .try_init();
    if started.is_err() {
        tracing::debug!("the log was started before");
    }
}

/// Writes what went wrong, whatever the log's level is.
pub fn error_line(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "error: {text}");
}
