//! The log of a process: lines on standard error, JSON or text. A line that cannot be written is lost, and never ends
//! the process.

use std::io::{self, IsTerminal};

use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{Faults, Reader, rows, secrets::mask};

/// What a process logs, and how.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// The levels, by module.
    pub levels: Targets,
    /// Whether lines are JSON.
    pub json: bool,
}

impl LogSettings {
    /// Reads `LOG_LEVEL` and `LOG_FORMAT`. Defaults replace what is faulty, so that there is a log to report it.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let levels = reader.text(&rows::LOG_LEVEL);
        let levels = parse_levels(&levels).unwrap_or_else(|| {
            reader.fault(
                &rows::LOG_LEVEL,
                format_args!("'{levels}' is not a level, nor a list such as info,transform=debug"),
            );
            Targets::new().with_default(LevelFilter::INFO)
        });
        let json = reader.word(&rows::LOG_FORMAT) == "json";
        Self { levels, json }
    }
}

/// Parses a level (`info`), or a list that also has levels of modules (`info,transform=debug`). `None` where a level is
/// unknown.
pub fn parse_levels(text: &str) -> Option<Targets> {
    let level = |text: &str| {
        text.trim()
            .parse::<LevelFilter>()
            .ok()
            .filter(|_| !text.trim().is_empty())
    };
    let mut levels = Targets::new();
    for item in text.split(',').map(str::trim) {
        // The parser of `Targets` takes a misspelt level for the name of a module.
        levels = match item.split_once('=') {
            Some((module, name)) => levels.with_target(module.trim(), level(name)?),
            None => levels.with_default(level(item)?),
        };
    }
    Some(levels)
}

/// Standard error, without the secrets that the process knows. The log writes each line at once.
struct MaskedStderr;

impl io::Write for MaskedStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) => io::stderr().write_all(mask(text).as_bytes())?,
            Err(_) => io::stderr().write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Starts the log of this process. Call it once, at the start; another call changes nothing.
pub fn start(settings: LogSettings) {
    // Otherwise a failure to write is reported on standard error, and panics where that is what failed.
    let lines = fmt::layer().with_writer(|| MaskedStderr).log_internal_errors(false);
    let lines = if settings.json {
        lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed()
    } else {
        lines.with_target(false).with_ansi(io::stderr().is_terminal()).boxed()
    };
    let log = tracing_subscriber::registry().with(lines.with_filter(settings.levels));
    if log.try_init().is_err() {
        tracing::debug!("the log was started before");
    }
}

/// Starts the log and reads a program's settings from the environment; logs what is wrong with them.
///
/// # Errors
/// All faults together.
pub fn start_and_read<T>(read: impl FnOnce(Reader<'static>) -> Result<T, Faults>) -> Result<T, Faults> {
    start(LogSettings::read(&mut Reader::from_environment()));
    read(Reader::from_environment()).inspect_err(|faults| tracing::error!(%faults, "the function cannot start"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_a_fault() {
        for text in ["info", "WARN", "off", "warn, transform=debug", "transform=trace"] {
            assert!(parse_levels(text).is_some(), "{text}");
        }
        for text in ["", "verbose", "info,", "transform=loud", "info;debug"] {
            assert!(parse_levels(text).is_none(), "{text}");
        }
        assert_eq!(
            parse_levels(" info"),
            Some(Targets::new().with_default(LevelFilter::INFO))
        );
    }
}
