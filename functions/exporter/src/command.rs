//! The exporter's command line.

use std::io::IsTerminal;

use clap::{ArgMatches, Command};
use settings::{Faults, Reader};

use crate::settings::{
    RETIRED, Settings,
    table::{LAKE_SETTINGS, LOG_SETTINGS, PERIOD_SETTINGS, SOURCE_SETTINGS, add_to, look_up},
};

/// The command: each setting is a flag and an environment variable.
pub fn command() -> Command {
    let command = Command::new("exporter")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Carries a cluster's raw costs from Kubecost or OpenCost into the lake's bucket")
        .long_about(
            "Carries a cluster's raw costs from Kubecost or OpenCost into the lake's bucket.\n\n\
             It tells the backfill function which days the source has, waits for its plan, and uploads the answers for each planned day, \
             compressed, below the cluster's own prefix; functions turn them into Parquet there. Nothing is kept in the cluster. \
             The exit status is 0 if all days were collected, 1 if any failed, and 2 if a setting is wrong.",
        );
    let command = add_to(command, LAKE_SETTINGS, "Lake");
    let command = add_to(command, PERIOD_SETTINGS, "Days");
    let command = add_to(command, SOURCE_SETTINGS, "Source");
    add_to(command, LOG_SETTINGS, "Logs")
}

/// Reads the settings from the command line and the environment.
///
/// # Errors
/// All faults together.
pub fn read(matches: &ArgMatches) -> Result<Settings, Faults> {
    let look_up = look_up(matches);
    Settings::read(Reader::new(|name| {
        let is_retired = RETIRED.iter().any(|(retired, _)| *retired == name);
        if is_retired {
            std::env::var(name).ok()
        } else {
            look_up(name)
        }
    }))
}

/// Starts the log of the process, as the settings say: JSON lines, or text, which has colours on a terminal only.
///
/// # Errors
/// When level or format are none.
pub fn start_log(matches: &ArgMatches) -> Result<(), Faults> {
    let look_up = look_up(matches);
    let mut reader = Reader::new(look_up);
    let level = reader.parsed("LOG_LEVEL").unwrap_or(tracing::Level::INFO);
    let json = reader.one_of("LOG_FORMAT", true, &[("json", true), ("text", false)]);
    reader.finish()?;
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = if json {
        builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init()
    } else {
        builder.try_init()
    };
    if started.is_err() {
        tracing::debug!("the log was started before");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_environment_mean_the_same() {
        command().debug_assert();
        let matches = command().get_matches_from([
            "exporter",
            "--bucket",
            "finops-lake",
            "--cluster",
            "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one",
            "--source",
            "http://opencost:9003",
            "--page-size",
            "-5",
        ]);
        let faults = read(&matches).unwrap_err().to_string();
        assert_eq!(
            faults,
            "1 setting is wrong:\n  PAGE_SIZE: '-5' is not a whole number from 0 to 1000000"
        );
    }
}
