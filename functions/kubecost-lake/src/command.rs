//! The command line.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Arg, ArgAction, ArgMatches, Command};
use contract::{
    clock::{Clock, SystemClock},
    cluster::ClusterArn,
    keys::Prefixes,
    units::count,
};
use exporter::settings::{BucketSettings, read_cluster};
use settings::{
    Faults, Reader,
    command_line::{self, add_to, look_up},
    rows,
};
use store::{Store, session};

use crate::{
    collect::{CollectOutcome, Collection, EXIT_STATUSES},
    convert::{self, Conversion},
    demo,
    host::{Host, LookUp, check_settings},
    output,
    reading::{self, AnyError, UsageError},
    replay::Replay,
    report_file,
    retire::Retire,
    summary::LakeSummary,
    verify,
};

/// The command line or a setting is wrong.
const EXIT_USAGE: u8 = 2;

/// The directory of the demo's lake by default.
const DEMO_LAKE: &str = ".lake";

fn lake_argument() -> Arg {
    command_line::argument(&rows::LAKE_DIRECTORY)
}

pub fn command() -> Command {
    let demo = Command::new("demo")
        .about("Collects a generated cluster and recorded responses, deletes two days and collects them again; needs nothing but this machine")
        .arg(lake_argument().default_value(DEMO_LAKE));
    let collect = Command::new("collect")
        .about("Collects a cluster's costs from a Kubecost or OpenCost into Parquet files below a directory")
        .long_about(
            "Collects a cluster's costs from a Kubecost or OpenCost into Parquet files below a directory, by the same programs that run in the \
             cluster and in Lambda. Without dates it does what the CronJob does: it collects the days of the backfill period that the lake lacks.",
        )
        .after_help(EXIT_STATUSES);
    let collect = add_to(collect, rows::LOCAL_LAKE, "Lake");
    let collect = add_to(collect, rows::TABLE, "Table");
    let collect = add_to(add_to(collect, rows::RANGE, "Days"), rows::PERIOD, "Days");
    let collect = add_to(collect, rows::SOURCE, "Source");
    let replay = Command::new("replay")
        .about("Converts staged days again, after a change of the labels or of the conversion, without querying the source")
        .arg(lake_argument());
    let replay = add_to(add_to(replay, rows::RANGE, "Days"), rows::BUCKET_LAKE, "Lake").arg(
        Arg::new("DRY_RUN")
            .long("dry-run")
            .action(ArgAction::SetTrue)
            .help("Only shows which sets would be delivered again"),
    );
    let replay = replay.arg(
        Arg::new("FORCE")
            .long("force")
            .action(ArgAction::SetTrue)
            .help("Replaces each day with its newest set that has data, even if the lake has a fuller one"),
    );
    let replay = add_to(
        replay,
        rows::TABLE,
        "Table (with --lake; a bucket's functions have their own)",
    );
    let retire = Command::new("retire")
        .about("Marks a cluster as gone, so that the audit and its alarms leave it out; its days stay in the lake")
        .arg(lake_argument());
    let retire = add_to(retire, rows::BUCKET_LAKE, "Lake").arg(
        Arg::new("UNDO")
            .long("undo")
            .action(ArgAction::SetTrue)
            .help("Takes the mark back"),
    );
    Command::new("kubecost-lake")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Kubernetes costs from Kubecost or OpenCost as a table of Parquet files: the exporter and all functions in one process")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .arg(Arg::new("VERBOSE").long("verbose").short('v').global(true).action(ArgAction::SetTrue).help("Logs the progress of each part"))
        .subcommands([demo, collect, convert::command(), replay, retire])
        .subcommand(verify::command())
        .subcommand(report_file::command())
        .subcommands(reading::commands())
}

pub async fn run(matches: &ArgMatches) -> ExitCode {
    output::start_log(matches.get_flag("VERBOSE"));
    // Boxed: the futures of the SDK's requests nest deeper than the compiler looks.
    let result = match matches.subcommand() {
        Some(("demo", matches)) => Box::pin(run_demo(matches)).await,
        Some(("collect", matches)) => Box::pin(run_collect(matches)).await,
        Some(("convert", matches)) => Box::pin(run_convert(matches)).await,
        Some(("replay", matches)) => Box::pin(run_replay(matches)).await,
        Some(("retire", matches)) => Box::pin(run_retire(matches)).await,
        Some(("report", matches)) => Box::pin(report_file::run(matches, SystemClock.now())).await,
        Some(("verify", matches)) => Box::pin(verify::run(matches)).await,
        Some((name, matches)) => Box::pin(reading::run(name, matches))
            .await
            .unwrap_or(Ok(ExitCode::from(EXIT_USAGE))),
        None => Ok(ExitCode::from(EXIT_USAGE)),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::error_line(&error);
            if error.is::<Faults>() || error.is::<UsageError>() {
                ExitCode::from(EXIT_USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

async fn run_demo(matches: &ArgMatches) -> Result<ExitCode, AnyError> {
    let lake = matches
        .get_one::<String>("LAKE_DIRECTORY")
        .map_or(DEMO_LAKE, String::as_str);
    demo::run(lake.as_ref(), &|_| None, Arc::new(SystemClock)).await?;
    Ok(ExitCode::SUCCESS)
}

async fn run_collect(matches: &ArgMatches) -> Result<ExitCode, AnyError> {
    let look_up = look_up(matches);
    let collection = Collection::read(&look_up)?;
    for warning in &collection.warnings {
        tracing::warn!("{warning}");
    }
    Ok(print(&collection.run(&look_up, Arc::new(SystemClock)).await?))
}

async fn run_convert(matches: &ArgMatches) -> Result<ExitCode, AnyError> {
    let conversion = Conversion::read(matches)?;
    Ok(print(&conversion.run(&look_up(matches), Arc::new(SystemClock)).await?))
}

fn print(outcome: &CollectOutcome) -> ExitCode {
    output::line(&outcome.run);
    output::line(&outcome.lake);
    if outcome.is_success() {
        return ExitCode::SUCCESS;
    }
    output::error_line(demo::problems(outcome));
    ExitCode::FAILURE
}

/// The arguments of `replay`.
struct ReplayCommand {
    replay: Replay,
    target: Target,
    dry_run: bool,
}

/// The lake that a command changes.
enum Target {
    Lake(PathBuf),
    Bucket(Box<BucketSettings>),
}

impl Target {
    fn read(reader: &mut Reader<'_>, look_up: LookUp<'_>) -> Self {
        match reader.optional(&rows::LAKE_DIRECTORY) {
            Some(lake) => {
                if let Err(faults) = check_settings(look_up) {
                    reader.extend(faults);
                }
                Self::Lake(lake.into())
            }
            None => Self::Bucket(Box::new(BucketSettings::read(reader, &mut Vec::new()))),
        }
    }
}

impl ReplayCommand {
    fn read(matches: &ArgMatches) -> Result<Self, Faults> {
        let look_up = look_up(matches);
        let mut reader = Reader::new(&look_up);
        let cluster: Option<ClusterArn> = read_cluster(&mut reader);
        let (from, to) = reading::range(&mut reader);
        let target = Target::read(&mut reader, &look_up);
        reader.finish()?;
        let cluster = cluster.ok_or(Faults(Vec::new()))?.id().clone();
        Ok(Self {
            replay: Replay {
                cluster,
                from,
                to,
                force: matches.get_flag("FORCE"),
            },
            target,
            dry_run: matches.get_flag("DRY_RUN"),
        })
    }

    /// Prints the sets, and delivers them again unless it is a dry run.
    async fn deliver(&self, store: &Store, prefixes: &Prefixes) -> Result<(), AnyError> {
        let sets = self.replay.sets(store, prefixes).await?;
        if sets.is_empty() {
            output::hint_line(format_args!(
                "no set of {} is staged for these days: staged sets expire; check --cluster, --from and --to",
                self.replay.cluster
            ));
        }
        for (day, run) in &sets {
            output::line(format_args!("{day}  run {run}"));
        }
        if self.dry_run {
            output::line(format_args!(
                "{} would be delivered again",
                count(sets.len() as u64, "set")
            ));
            return Ok(());
        }
        let delivered = self.replay.deliver(store, prefixes, &sets).await?;
        output::line(format_args!("{} delivered again", count(delivered as u64, "set")));
        Ok(())
    }
}

async fn run_replay(matches: &ArgMatches) -> Result<ExitCode, AnyError> {
    let command = ReplayCommand::read(matches)?;
    match &command.target {
        Target::Bucket(bucket) => {
            let config = session::from_environment().await;
            command.deliver(&bucket.store(&config), &bucket.prefixes).await?;
        }
        Target::Lake(lake) => {
            let host = Host::start(lake, &look_up(matches), Arc::new(SystemClock)).await?;
            command.deliver(&host.store, &host.prefixes).await?;
            let failures = host.dispatcher.settle().await;
            if !failures.is_empty() {
                let lines: Vec<String> = failures
                    .iter()
                    .map(|failure| format!("{} failed: {}", failure.key, failure.reason))
                    .collect();
                return Err(lines.join("\n").into());
            }
            if !command.dry_run {
                output::line(LakeSummary::read(lake.clone()).await?);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read_retire(matches: &ArgMatches) -> Result<(Retire, Target), Faults> {
    let look_up = look_up(matches);
    let mut reader = Reader::new(&look_up);
    let cluster = read_cluster(&mut reader);
    let target = Target::read(&mut reader, &look_up);
    reader.finish()?;
    let retire = Retire {
        cluster: cluster.ok_or(Faults(Vec::new()))?,
        undo: matches.get_flag("UNDO"),
    };
    Ok((retire, target))
}

async fn run_retire(matches: &ArgMatches) -> Result<ExitCode, AnyError> {
    let (retire, target) = read_retire(matches)?;
    let now = SystemClock.now();
    let retired = match target {
        Target::Bucket(bucket) => {
            let config = session::from_environment().await;
            retire.run(&bucket.store(&config), &bucket.prefixes, now).await?
        }
        Target::Lake(lake) if !lake.is_dir() => {
            return Err(format!("--lake: there is no directory {}", lake.display()).into());
        }
        Target::Lake(lake) => {
            let host = Host::start(&lake, &look_up(matches), Arc::new(SystemClock)).await?;
            retire.run(&host.store, &host.prefixes, now).await?
        }
    };
    output::line(retired);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use settings::Values;

    use super::*;

    fn faults(command_name: &str, groups: &[rows::Group], read: impl Fn(&ArgMatches) -> Option<Faults>) -> Faults {
        command().debug_assert();
        let flags = rows::all(groups).map(|setting| format!("--{}=!", setting.flag));
        let arguments = ["kubecost-lake", command_name]
            .map(str::to_owned)
            .into_iter()
            .chain(flags);
        let matches = command().get_matches_from(arguments);
        read(matches.subcommand().unwrap().1).unwrap()
    }

    fn reported(faults: &Faults) -> BTreeSet<&str> {
        faults.0.iter().map(|fault| fault.setting).collect()
    }

    fn can_be_wrong(groups: &[rows::Group]) -> BTreeSet<&str> {
        let settings = rows::all(groups).filter(|setting| setting.values != Values::Text);
        settings.map(|setting| setting.name).collect()
    }

    #[test]
    fn all_settings_of_a_collection_wrong_are_all_reported() {
        let groups = [rows::LOCAL_LAKE, rows::TABLE, rows::RANGE, rows::PERIOD, rows::SOURCE];
        let faults = faults("collect", &groups, |matches| Collection::read(&look_up(matches)).err());
        let mut expected = can_be_wrong(&groups);
        // Any path, but not together with a secret.
        expected.insert(rows::CA_FILE.name);
        assert_eq!(reported(&faults), expected);
    }

    #[test]
    fn all_settings_of_a_replay_wrong_are_all_reported() {
        let read = |matches: &ArgMatches| ReplayCommand::read(matches).err();
        let bucket = [rows::BUCKET_LAKE, rows::RANGE];
        assert_eq!(reported(&faults("replay", &bucket, read)), can_be_wrong(&bucket));
        let directory = [rows::LOCAL_LAKE, rows::TABLE, rows::RANGE];
        assert_eq!(reported(&faults("replay", &directory, read)), can_be_wrong(&directory));
    }

    #[test]
    fn all_settings_of_a_retirement_wrong_are_all_reported() {
        let read = |matches: &ArgMatches| read_retire(matches).err();
        let bucket = [rows::BUCKET_LAKE];
        assert_eq!(reported(&faults("retire", &bucket, read)), can_be_wrong(&bucket));
    }

    #[test]
    fn one_end_of_a_range_is_a_fault_beside_others() {
        let arguments = ["kubecost-lake", "collect", "--to", "2026-11-20", "--retries", "x"];
        let matches = command().get_matches_from(arguments);
        let faults = Collection::read(&look_up(matches.subcommand().unwrap().1)).unwrap_err();
        let expected = ["CLUSTER_ID", "RETRIES", "LAKE_DIRECTORY", "FROM"];
        assert_eq!(reported(&faults), BTreeSet::from(expected));
    }
}
