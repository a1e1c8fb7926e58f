//! Results go to standard output, the log and errors to standard error.

use std::io::{self, Write};

use settings::{
    logs::{self, LogSettings, parse_levels},
    secrets::mask,
};

/// Writes a line to standard output. A closed pipe, as of `head`, is not an error.
pub fn line(text: impl std::fmt::Display) {
    let _ = writeln!(io::stdout().lock(), "{}", mask(&text.to_string()));
}

/// Writes text that ends its own lines to standard output.
pub fn text(text: impl std::fmt::Display) {
    let _ = write!(io::stdout().lock(), "{text}");
}

/// Starts the log as text: from the level of `RUST_LOG` up, or of `--verbose`.
pub fn start_log(verbose: bool) {
    // The SDK warns, at length, where the machine is not in AWS; what then fails says so.
    let level = if verbose { "info" } else { "warn,aws_config=error" };
    let configured = std::env::var("RUST_LOG").ok();
    let levels = configured
        .and_then(|text| parse_levels(&text))
        .or_else(|| parse_levels(level));
    logs::start(LogSettings {
        levels: levels.unwrap_or_default(),
        json: false,
    });
}

/// Writes an error, whatever the log's level is.
pub fn error_line(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "error: {}", mask(&text.to_string()));
}

/// Writes what may help the user, beside a result that is as it was asked for.
pub fn hint_line(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "hint: {}", mask(&text.to_string()));
}
