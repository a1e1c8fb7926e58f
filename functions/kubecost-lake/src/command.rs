//! The command line.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Arg, ArgAction, ArgMatches, Command};
use contract::{
    clock::SystemClock,
    cluster::ClusterArn,
    day::Day,
    keys::{Area, Prefixes},
};
use exporter::settings::{
    BucketSettings, read_cluster,
    table::{LAKE_SETTINGS, PERIOD_SETTINGS, SOURCE_SETTINGS, Setting, add_to, look_up},
};
use settings::{Faults, Reader};
use store::{Store, session};

use crate::{
    benchmark::{self, Limits, Part, Size},
    collect::Collection,
    demo,
    host::Host,
    output,
    replay::Replay,
    report::LakeReport,
};

/// Something is wrong with what was asked for.
const EXIT_USAGE: u8 = 2;

/// Where the demo's lake lies if nothing else is said.
const DEMO_LAKE: &str = ".lake";

/// What the functions are told, where a command runs them.
const TABLE_SETTINGS: &[Setting] = &[
    Setting {
        name: "LABELS",
        flag: "labels",
        value: "KEYS",
        default: "",
        help: "Labels that get a column of their own, comma separated, as in Kubernetes; the column 'labels' has all of them",
    },
    Setting {
        name: "ANNOTATIONS",
        flag: "annotations",
        value: "KEYS",
        default: "",
        help: "Annotations that get a column of their own, comma separated; the column 'annotations' has all of them",
    },
];

/// Where the lake lies in a bucket, for commands that work on one.
const LAKE_PREFIX: Setting = Setting {
    name: "LAKE_PREFIX",
    flag: "lake-prefix",
    value: "PREFIX",
    default: Area::Lake.default_prefix(),
    help: "The prefix of the table",
};

/// Any failure of a command.
type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// A part of the benchmark, in a process of its own.
const BENCHMARK_PART: &str = "benchmark-part";

fn setting(name: &str) -> impl Iterator<Item = Setting> {
    LAKE_SETTINGS
        .iter()
        .copied()
        .filter(move |setting| setting.name == name)
}

fn argument(id: &'static str, flag: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(id).long(flag).value_name(value).help(help)
}

fn lake_argument() -> Arg {
    argument(
        "LAKE_DIRECTORY",
        "lake",
        "DIR",
        "The directory that stands for the bucket",
    )
}

fn range(command: Command) -> Command {
    command
        .arg(argument(
            "FROM",
            "from",
            "DATE",
            "The first day, as in 2026-11-20 (UTC)",
        ))
        .arg(argument("TO", "to", "DATE", "The last day, included"))
}

/// The whole command line.
pub fn command() -> Command {
    let cluster: Vec<Setting> = setting("CLUSTER_ID").collect();
    let demo = Command::new("demo")
        .about("Collects a made-up cluster and recorded answers, loses two days and finds them again; needs nothing but this machine")
        .arg(lake_argument().default_value(DEMO_LAKE));
    let collect = Command::new("collect")
        .about("Collects a cluster's costs from a Kubecost or OpenCost into Parquet files below a directory")
        .long_about(
            "Collects a cluster's costs from a Kubecost or OpenCost into Parquet files below a directory, by the same programs that run in the \
             cluster and in Lambda. Without dates it does what the CronJob does: it collects what the lake lacks of the backfill period.",
        );
    let collect = range(add_to(collect.arg(lake_argument()), &cluster, "Lake"));
    let collect = add_to(
        add_to(add_to(collect, TABLE_SETTINGS, "Table"), PERIOD_SETTINGS, "Days"),
        SOURCE_SETTINGS,
        "Source",
    );
    let replay = Command::new("replay")
        .about("Converts staged days again, for a changed list of labels or a mended fault, without asking the source")
        .arg(lake_argument());
    let lake: Vec<Setting> = [
        "S3_BUCKET_NAME",
        "S3_BUCKET_REGION",
        "S3_BUCKET_OWNER",
        "KMS_KEY_ARN",
        "STAGING_PREFIX",
        "PLANS_PREFIX",
        "CLUSTER_ID",
    ]
    .into_iter()
    .flat_map(setting)
    .chain([LAKE_PREFIX])
    .collect();
    let replay = range(add_to(replay, &lake, "Lake")).arg(
        Arg::new("DRY_RUN")
            .long("dry-run")
            .action(ArgAction::SetTrue)
            .help("Only shows which sets would be delivered again"),
    );
    let replay = add_to(
        replay,
        TABLE_SETTINGS,
        "Table (with --lake; a bucket's functions have their own)",
    );
    let number = |id: &'static str, flag: &'static str, help: &'static str| {
        argument(id, flag, "NUMBER", help).value_parser(clap::value_parser!(f64))
    };
    let count = |id: &'static str, flag: &'static str, default: &'static str, help: &'static str| {
        argument(id, flag, "NUMBER", help)
            .value_parser(clap::value_parser!(usize))
            .default_value(default)
    };
    let benchmark = Command::new("benchmark")
        .about("Measures CPU time and memory of exporter, transform and the audit on this machine")
        .arg(count(
            "CONTAINERS",
            "containers",
            "100000",
            "Containers in the day that is exported and converted",
        ))
        .arg(count(
            "CLUSTERS",
            "clusters",
            "1000",
            "Clusters, of 30 days each, that are audited; 0 leaves the audit out",
        ))
        .arg(number(
            "MAX_MEMORY_MIB",
            "max-memory-mib",
            "Fails if a part needs more memory",
        ))
        .arg(number(
            "MIN_TRANSFORM_SPEED",
            "min-transform-speed",
            "Fails if transform converts less raw MB per CPU second",
        ));
    let part = Command::new(BENCHMARK_PART)
        .hide(true)
        .arg(Arg::new("PART").required(true))
        .arg(Arg::new("SOURCE").required(true));
    Command::new("kubecost-lake")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Kubernetes costs from Kubecost or OpenCost as a table of Parquet files: the exporter and all functions in one process")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .arg(Arg::new("VERBOSE").long("verbose").short('v').global(true).action(ArgAction::SetTrue).help("Logs what the parts do"))
        .subcommands([demo, collect, replay, benchmark, part])
}

/// Whether the command does one thing at a time, as the programs do in the cluster and in Lambda.
pub fn is_single_threaded(matches: &ArgMatches) -> bool {
    matches.subcommand_name() == Some(BENCHMARK_PART)
}

/// Runs the command line's command.
pub async fn run(matches: &ArgMatches) -> ExitCode {
    output::start_log(matches.get_flag("VERBOSE"));
    // Boxed: the futures of the SDK's requests nest deeper than the compiler looks.
    let result = match matches.subcommand() {
        Some(("demo", matches)) => Box::pin(run_demo(matches)).await,
        Some(("collect", matches)) => Box::pin(run_collect(matches)).await,
        Some(("replay", matches)) => Box::pin(run_replay(matches)).await,
        Some(("benchmark", matches)) => Box::pin(run_benchmark(matches)).await,
        Some((BENCHMARK_PART, matches)) => Box::pin(run_benchmark_part(matches)).await,
        _ => Ok(ExitCode::from(EXIT_USAGE)),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::error_line(&error);
            if error.is::<Faults>() {
                ExitCode::from(EXIT_USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

async fn run_benchmark(matches: &ArgMatches) -> Result<ExitCode, AnyError> {
    let count = |id| matches.get_one::<usize>(id).copied().unwrap_or(0);
    let limit = |id| matches.get_one::<f64>(id).copied();
    let size = Size {
        containers: count("CONTAINERS"),
        clusters: count("CLUSTERS"),
    };
    let limits = Limits {
        memory_mib: limit("MAX_MEMORY_MIB"),
        transform_speed: limit("MIN_TRANSFORM_SPEED"),
    };
    let directory = tempfile::tempdir()?;
    benchmark::run(directory.path(), size, limits).await?;
    Ok(ExitCode::SUCCESS)
}

async fn run_benchmark_part(matches: &ArgMatches) -> Result<ExitCode, AnyError> {
    let text = |id| matches.get_one::<String>(id).map(String::as_str).unwrap_or_default();
    let part = Part::WORDS
        .iter()
        .find(|(word, _)| *word == text("PART"))
        .ok_or("there is no such part")?
        .1;
    benchmark::run_part(part, text("SOURCE")).await?;
    Ok(ExitCode::SUCCESS)
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
    let outcome = collection.run(&look_up, Arc::new(SystemClock)).await?;
    output::line(&outcome.run);
    output::line(&outcome.lake);
    if outcome.is_success() {
        Ok(ExitCode::SUCCESS)
    } else {
        output::error_line(demo::problems(&outcome));
        Ok(ExitCode::FAILURE)
    }
}

/// What `replay` is asked for.
struct ReplayCommand {
    replay: Replay,
    target: Target,
    dry_run: bool,
}

enum Target {
    Lake(PathBuf),
    Bucket(Box<BucketSettings>),
}

impl ReplayCommand {
    fn read(matches: &ArgMatches) -> Result<Self, Faults> {
        let mut reader = Reader::new(look_up(matches));
        let cluster: Option<ClusterArn> = read_cluster(&mut reader);
        let (from, to) = (reader.parsed::<Day>("FROM"), reader.parsed::<Day>("TO"));
        let target = match reader.optional("LAKE_DIRECTORY") {
            Some(lake) => Target::Lake(lake.into()),
            None => Target::Bucket(Box::new(BucketSettings::read(&mut reader, &mut Vec::new()))),
        };
        reader.finish()?;
        let cluster = cluster.ok_or(Faults(Vec::new()))?.id().clone();
        Ok(Self {
            replay: Replay { cluster, from, to },
            target,
            dry_run: matches.get_flag("DRY_RUN"),
        })
    }

    /// Says what would be done; does it unless it is a dry run.
    async fn deliver(&self, store: &Store, prefixes: &Prefixes) -> Result<(), AnyError> {
        let sets = self.replay.sets(store, prefixes).await?;
        for (day, run) in &sets {
            output::line(format_args!("{day}  run {run}"));
        }
        if self.dry_run {
            output::line(format_args!("{} sets would be delivered again", sets.len()));
            return Ok(());
        }
        let delivered = self.replay.deliver(store, prefixes, &sets).await?;
        output::line(format_args!("{delivered} sets delivered again"));
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
                output::line(LakeReport::read(&host.store, lake).await?);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_of_a_collection_are_reported_together() {
        command().debug_assert();
        let matches = command().get_matches_from([
            "kubecost-lake",
            "collect",
            "--cluster",
            "arn:aws:eks:us-east-1:1:cluster/x",
            "--source",
            "ftp://x",
            "--from",
            "2026-11-20",
            "--labels",
            "team,Team",
        ]);
        let (_, matches) = matches.subcommand().unwrap();
        let faults = Collection::read(&look_up(matches)).unwrap_err().to_string();
        for setting in ["CLUSTER_ID", "KUBECOST_API_ENDPOINT", "LAKE_DIRECTORY", "LABELS"] {
            assert!(faults.contains(setting), "{setting}: {faults}");
        }
    }
}
