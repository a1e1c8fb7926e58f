//! The exporter's command line.

use clap::{ArgMatches, Command};
use settings::{
    Faults, Reader,
    command_line::{add_to, look_up},
    logs::{self, LogSettings},
    rows,
};

use crate::settings::Settings;

/// The subcommand that checks whether a run can work.
pub const CHECK: &str = "check";

/// The command: each setting is a flag and an environment variable.
pub fn command() -> Command {
    let check = Command::new(CHECK)
        .about("Checks whether a run with these settings can work, and says what to do where it cannot")
        .long_about(
            "Checks whether a run with these settings can work: the settings, the identity before and after role chaining, writing below the \
             cluster's prefix, reading the plan, the source's name, certificate, kind, version, currency, days, clusters, idle costs and assets.\n\n\
             It prints one line for each: ok, failed with what to do, or unknown with the reason. It collects nothing; it writes one small object \
             that no other program reads. The exit status is 0 if nothing failed, 1 if something failed, and 2 if a setting is wrong.",
        );
    let command = Command::new("exporter")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Carries a cluster's raw costs from Kubecost or OpenCost into the lake's bucket")
        .long_about(
            "Carries a cluster's raw costs from Kubecost or OpenCost into the lake's bucket.\n\n\
             It reports the days that the source has to the backfill function, waits for its plan, and uploads the responses for each planned day, \
             compressed, below the cluster's own prefix; functions turn them into Parquet there. Nothing is kept in the cluster. \
             The exit status is 0 if all days were collected, 1 if any failed, 2 if a setting is wrong, and 3 if the run ended before all days were \
             tried, at its deadline or by SIGTERM.",
        );
    with_settings(command)
        .subcommand(with_settings(check))
        .args_conflicts_with_subcommands(true)
}

fn with_settings(command: Command) -> Command {
    let command = add_to(command, rows::EXPORTER_LAKE, "Lake");
    let command = add_to(command, rows::PERIOD, "Days");
    let command = add_to(command, rows::SOURCE, "Source");
    add_to(command, rows::LOG, "Logs")
}

/// Starts the log, and reads the settings from the command line and the environment.
///
/// # Errors
/// All faults together.
pub fn start(matches: &ArgMatches) -> Result<Settings, Faults> {
    logs::start(LogSettings::read(&mut Reader::new(look_up(matches))));
    read(matches)
}

/// Reads the settings from the command line and the environment.
///
/// # Errors
/// All faults together.
pub fn read(matches: &ArgMatches) -> Result<Settings, Faults> {
    let look_up = look_up(matches);
    Settings::read(Reader::new(|name| {
        let is_retired = rows::EXPORTER_RETIRED.iter().any(|retired| retired.name == name);
        if is_retired {
            std::env::var(name).ok()
        } else {
            look_up(name)
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use settings::Values;

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

    #[test]
    fn all_settings_wrong_are_all_reported() {
        let flags = rows::all(rows::EXPORTER.1).map(|setting| format!("--{}=!", setting.flag));
        let matches = command().get_matches_from(std::iter::once("exporter".to_owned()).chain(flags));
        let faults = read(&matches).unwrap_err();
        let reported: BTreeSet<&str> = faults.0.iter().map(|fault| fault.setting).collect();
        let can_be_wrong = rows::all(rows::EXPORTER.1)
            .filter(|setting| setting.values != Values::Text)
            // Any text, but not together with a secret, or with a list of clusters.
            .chain([&rows::CA_FILE, &rows::SOURCE_FILTER, &rows::SOURCE_CLUSTER_IDS])
            .map(|setting| setting.name);
        assert_eq!(reported, can_be_wrong.collect());
    }
}
