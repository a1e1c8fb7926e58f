//! Measures CPU time and memory of the exporter, transform and the audit on this machine, and compares them with a
//! plain converter. Each runs in a process of its own, so that the work of the bucket and of the source does not count.
//! Machines differ, and so do runs on a busy one: ratios within a run say more than figures.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::Arc,
    time::Instant,
};

use clap::{Arg, ArgAction, ArgMatches, builder::PossibleValuesParser, value_parser};
use contract::{
    clock::FixedClock,
    cluster::ClusterArn,
    day::Day,
    keys::{Prefixes, StagingObject},
};
use exporter::{
    Days, Exporter, NoProgress,
    settings::{PeriodSettings, SourceSettings},
};
use kubecost_lake::output;
use local_bucket::{BUCKET_NAME, LocalBucket, REGION};
use settings::Reader;
use store::{Store, session};
use tokio::runtime::Builder;
use transform::{Converting, Transform, TransformOutcome};

use crate::{
    day::{DayFiles, DaySettings, Shape},
    usage::Measured,
};

mod audit;
mod compare;
mod day;
mod engines;
mod gate;
mod plain;
mod source;
mod usage;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// The day and moment of the benchmark: the same data on each run. It is the day of the recordings.
const NOW: &str = "2026-11-24T06:00:00Z";
const DAY: &str = "2026-11-20";
const CLUSTER: &str = "arn:aws:eks:eu-west-1:111122223333:cluster/benchmark";

/// The columns of the Python exporter, and the maps of labels and annotations.
const FIRST_COLUMNS: usize = 60;

/// The plain converter takes 25 times the response's size: it converts no larger days.
const MOST_FOR_PLAIN: usize = 100_000;

/// What the matrix measures.
const SIZES: [usize; 4] = [500, 20_000, 100_000, 434_000];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Exporter,
    Transform,
    /// Transform with the first columns alone.
    FirstColumns,
    /// Transform with a thread that encodes, as the local host has where there are two cores.
    TwoThreads,
    Plain,
    Audit,
}

impl Part {
    const ALL: [Self; 6] = [
        Self::Exporter,
        Self::Transform,
        Self::FirstColumns,
        Self::TwoThreads,
        Self::Plain,
        Self::Audit,
    ];
    /// Those that convert a day, in the order in which they need one another.
    const OF_A_DAY: [Self; 5] = [
        Self::Exporter,
        Self::TwoThreads,
        Self::FirstColumns,
        Self::Transform,
        Self::Plain,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Exporter => "exporter",
            Self::Transform => "transform",
            Self::FirstColumns => "transform-60-columns",
            Self::TwoThreads => "transform-2-threads",
            Self::Plain => "plain-converter",
            Self::Audit => "audit",
        }
    }
}

fn command() -> clap::Command {
    let number = |id: &'static str| Arg::new(id).long(id).value_name("NUMBER");
    let count = |id, default: &'static str| number(id).value_parser(value_parser!(usize)).default_value(default);
    let flag = |id: &'static str| Arg::new(id).long(id).action(ArgAction::SetTrue);
    let hidden = |id: &'static str| Arg::new(id).long(id).hide(true);
    clap::Command::new("benchmark")
        .about("Measures CPU time and memory of the exporter, transform and the audit on this machine")
        .args([
            count("containers", "100000").help("Containers in the day that is exported and converted"),
            Arg::new("shape")
                .long("shape")
                .value_parser(PossibleValuesParser::new(Shape::WORDS.map(|(word, _)| word)))
                .default_value("generated")
                .help("What the rows look like"),
            flag("shuffled").help("Rows in any order, and not in that of their keys"),
            flag("without-volumes").help("No row has volumes or load balancers"),
            flag("matrix").help("Days of 500 to 434,000 containers, sorted and shuffled, with and without volumes, and of all shapes"),
            Arg::new("write")
                .long("write")
                .value_name("DIRECTORY")
                .value_parser(value_parser!(PathBuf))
                .help("Measures nothing, and writes the day's responses into the directory: allocation.json and assets.json"),
            Arg::new("day")
                .long("day")
                .value_name("YYYY-MM-DD")
                .value_parser(value_parser!(Day))
                .default_value(DAY)
                .requires("write")
                .help("The day to write"),
            flag("check").help("Compares each cell that transform writes with the plain converter's"),
            flag("gate").help("Fails if exporter or transform need more CPU time, as a share of the plain converter's, than is recorded"),
            Arg::new("engines")
                .long("engines")
                .value_name("PYTHON")
                .help("Also measures DuckDB, chDB and pandas in this Python; benches/engines/install.sh installs them"),
            count("clusters", "1000").help("Clusters with 30 days each that are audited, in one account and in one each; 0 skips the audit"),
            number("max-memory-mib").value_parser(value_parser!(f64)).help("Fails if exporter, transform or audit need more memory"),
            // A part, in a process of its own.
            hidden("part").requires("source"),
            hidden("source"),
            hidden("files"),
        ])
}

fn main() -> ExitCode {
    let matches = command().get_matches();
    output::start_log(false);
    let text = |id| matches.get_one::<String>(id).map(String::as_str);
    let part = text("part").and_then(|word| Part::ALL.into_iter().find(|part| part.word() == word));
    // A part runs on one thread, as in the cluster and in Lambda.
    let mut builder = match part {
        Some(_) => Builder::new_current_thread(),
        None => Builder::new_multi_thread(),
    };
    let result = match (builder.enable_all().build(), part) {
        (Ok(runtime), Some(part)) => {
            let files = PathBuf::from(text("files").unwrap_or_default());
            runtime.block_on(run_part(part, text("source").unwrap_or_default(), &files))
        }
        (Ok(runtime), None) => runtime.block_on(run(&matches)),
        (Err(error), _) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error_line(error);
            ExitCode::FAILURE
        }
    }
}

/// Fails when a part fails, or a limit is exceeded.
async fn run(matches: &ArgMatches) -> Result<(), AnyError> {
    if !cfg!(target_os = "linux") {
        return Err("the benchmark reads CPU time and memory from /proc: it needs Linux".into());
    }
    if matches.get_flag("gate") {
        return gate::run().await;
    }
    let count = |id| matches.get_one::<usize>(id).copied().unwrap_or(0);
    let word = matches.get_one::<String>("shape").map(String::as_str);
    let shape = Shape::WORDS.into_iter().find(|(known, _)| Some(*known) == word);
    let settings = DaySettings {
        containers: count("containers"),
        shape: shape.map_or(Shape::Generated, |(_, shape)| shape),
        sorted: !matches.get_flag("shuffled"),
        volumes: !matches.get_flag("without-volumes"),
    };
    if let (Some(directory), Some(day)) = (matches.get_one::<PathBuf>("write"), matches.get_one::<Day>("day")) {
        return settings.write(&CLUSTER.parse()?, *day, directory).map(drop);
    }
    let days = if matches.get_flag("matrix") {
        matrix()
    } else {
        vec![settings]
    };
    let most = matches
        .get_one::<f64>("max-memory-mib")
        .copied()
        .unwrap_or(f64::INFINITY);
    let mut broken = Vec::new();
    for settings in days {
        output::line(format_args!("{}:\n", settings.describe()));
        line(
            "part",
            &[
                "raw MB",
                "rows",
                "CPU s",
                "MB per CPU s",
                "wall s",
                "peak MiB",
                "written MB",
                "CPU of plain",
            ],
        );
        let measured = Session::open(settings).await?;
        let parts = measured.parts().await?;
        let plain = cpu_of(&parts, Part::Plain);
        for (part, used) in &parts {
            print(part.word(), used, plain);
            if *part != Part::Plain && used.mebibytes() > most {
                broken.push(format!("{} needs more memory than allowed", part.word()));
            }
        }
        if let Some(python) = matches.get_one::<String>("engines") {
            for engine in engines::NAMES {
                let used = engines::measure(python, engine, &measured.files.allocation, measured.directory.path())?;
                print(engine, &used, plain);
            }
        }
        if matches.get_flag("check") {
            let cells = compare::cells(&measured.lake_object()?, &measured.plain_file())?;
            output::line(format_args!("\n{cells} cells are the plain converter's"));
        }
        output::line("");
    }
    let clusters = count("clusters");
    if clusters > 0 && !matches.get_flag("matrix") {
        for accounts in [1, clusters] {
            for (line, used) in audit::measure(clusters, accounts).await? {
                output::line(line);
                if used.mebibytes() > most {
                    broken.push("audit needs more memory than allowed".to_owned());
                }
            }
        }
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken.join("; ").into())
    }
}

/// The days of the tables in PERFORMANCE.md.
fn matrix() -> Vec<DaySettings> {
    let mut days = Vec::new();
    for containers in SIZES {
        for (sorted, volumes) in [(true, true), (true, false), (false, true)] {
            days.push(DaySettings {
                containers,
                shape: Shape::Generated,
                sorted,
                volumes,
            });
        }
    }
    days.extend([Shape::Varied, Shape::Opencost].map(|shape| DaySettings {
        containers: 100_000,
        shape,
        sorted: true,
        volumes: true,
    }));
    days
}

fn cpu_of(parts: &[(Part, Measured)], part: Part) -> f64 {
    let found = parts.iter().find(|(found, _)| *found == part);
    found.map_or(f64::NAN, |(_, used)| used.cpu_seconds.max(0.01))
}

fn print(name: &str, used: &Measured, plain: f64) {
    let cells = [
        format!("{:.1}", used.megabytes()),
        used.rows.to_string(),
        format!("{:.2}", used.cpu_seconds),
        format!("{:.0}", used.speed()),
        format!("{:.2}", used.wall_seconds),
        format!("{:.1}", used.mebibytes()),
        format!("{:.2}", used.written_bytes as f64 / 1e6),
        if plain.is_nan() {
            "-".to_owned()
        } else {
            format!("{:.2}", used.cpu_seconds / plain)
        },
    ];
    line(name, &cells.each_ref().map(String::as_str));
}

fn line(name: &str, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:>13}")).collect();
    output::line(format_args!("{name:<20}{}", cells.join("")));
}

/// A day's files, and the source and bucket that serve them.
struct Session {
    containers: usize,
    directory: tempfile::TempDir,
    files: DayFiles,
    source: kubecost_lake::simulator::SimulatedSource,
    bucket: LocalBucket,
}

impl Session {
    async fn open(settings: DaySettings) -> Result<Self, AnyError> {
        let directory = tempfile::tempdir()?;
        let day: Day = DAY.parse()?;
        let files = settings.write(&CLUSTER.parse()?, day, directory.path())?;
        let source = source::serve(&files, day).await?;
        let (bucket, _) = LocalBucket::serve(&directory.path().join("bucket"), |_| false).await?;
        Ok(Self {
            containers: settings.containers,
            directory,
            files,
            source,
            bucket,
        })
    }

    /// Measures all parts that convert a day.
    async fn parts(&self) -> Result<Vec<(Part, Measured)>, AnyError> {
        // Each run begins with an empty lake.
        for entry in fs::read_dir(self.directory.path().join("bucket"))?.flatten() {
            if entry.file_name() == "staging" || entry.file_name() == "lake" || entry.file_name() == "assets" {
                fs::remove_dir_all(entry.path())?;
            }
        }
        let mut parts = Vec::new();
        let is_small = self.containers <= MOST_FOR_PLAIN;
        for part in Part::OF_A_DAY
            .into_iter()
            .filter(|part| *part != Part::Plain || is_small)
        {
            let mut used = in_process(part, &self.bucket, &self.source.url, self.directory.path()).await?;
            if matches!(part, Part::Exporter | Part::Plain) {
                used.raw_bytes = fs::metadata(&self.files.allocation)?.len() + fs::metadata(&self.files.assets)?.len();
            }
            parts.push((part, used));
        }
        Ok(parts)
    }

    fn lake_object(&self) -> Result<PathBuf, AnyError> {
        let cluster: ClusterArn = CLUSTER.parse()?;
        let key = Prefixes::default().lake_object(cluster.id(), DAY.parse()?);
        Ok(self.directory.path().join("bucket").join(key))
    }

    fn plain_file(&self) -> PathBuf {
        self.directory.path().join(PLAIN_FILE)
    }
}

const PLAIN_FILE: &str = "plain.parquet";

async fn in_process(part: Part, bucket: &LocalBucket, source: &str, files: &Path) -> Result<Measured, AnyError> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--part", part.word(), "--source", source])
        .arg("--files")
        .arg(files)
        .env("AWS_ENDPOINT_URL", &bucket.endpoint)
        .env("AWS_ACCESS_KEY_ID", &bucket.access_key)
        .env("AWS_SECRET_ACCESS_KEY", &bucket.secret_key)
        .env("AWS_REGION", REGION)
        .stderr(Stdio::inherit());
    let done = tokio::task::spawn_blocking(move || command.output()).await??;
    if !done.status.success() {
        return Err(format!("{} failed; see above", part.word()).into());
    }
    Ok(serde_json::from_slice(&done.stdout)?)
}

/// Does a part's work in this process, and writes the measurement.
async fn run_part(part: Part, source: &str, files: &Path) -> Result<(), AnyError> {
    let began = Instant::now();
    let clock = Arc::new(FixedClock(NOW.parse()?));
    let mut measured = if part == Part::Plain {
        plain(files)?
    } else {
        let store = Store::new(session::s3_client(&session::from_environment().await), BUCKET_NAME);
        match part {
            Part::Exporter => export(store, clock, source).await?,
            Part::Audit => audit::audit(store, clock).await?,
            part => transform(store, clock, part).await?,
        }
    };
    measured.wall_seconds = began.elapsed().as_secs_f64();
    output::line(serde_json::to_string(&measured.with_usage()?)?);
    Ok(())
}

fn plain(files: &Path) -> Result<Measured, AnyError> {
    let out = files.join(PLAIN_FILE);
    let (allocation, assets) = (files.join("allocation.json"), files.join("assets.json"));
    let rows = plain::convert(&allocation, &assets, &CLUSTER.parse()?, &out)?;
    Ok(Measured {
        rows,
        written_bytes: fs::metadata(out)?.len(),
        ..Measured::default()
    })
}

async fn export(store: Store, clock: Arc<FixedClock>, source: &str) -> Result<Measured, AnyError> {
    let mut reader = Reader::new(|name| (name == "KUBECOST_API_ENDPOINT").then(|| source.to_owned()));
    let settings = SourceSettings::read(&mut reader, &mut Vec::new());
    let period = PeriodSettings::read(&mut reader);
    reader.finish()?;
    let exporter = Exporter {
        cluster: CLUSTER.parse()?,
        source: settings.ok_or("the source's address is wrong")?,
        period,
        plan_wait: std::time::Duration::ZERO,
        store,
        prefixes: Prefixes::default(),
        clock,
    };
    let summary = exporter
        .run(None, &Days::Given(vec![DAY.parse()?]), &NoProgress)
        .await?;
    if !summary.is_success() {
        return Err(summary.to_string().into());
    }
    let mut measured = Measured::default();
    for (_, day) in summary.collected() {
        measured.rows += day.rows;
        measured.written_bytes += day.bytes;
    }
    Ok(measured)
}

async fn transform(store: Store, clock: Arc<FixedClock>, part: Part) -> Result<Measured, AnyError> {
    let prefixes = Prefixes::default();
    let cluster: ClusterArn = CLUSTER.parse()?;
    let staged = store.list(prefixes.staging_of(cluster.id())).objects().await?;
    let manifest = staged
        .into_iter()
        .find(|object| {
            let key = prefixes.parse_staging(&object.key);
            key.is_some_and(|key| matches!(key.object, StagingObject::Manifest(_)))
        })
        .ok_or("no set was staged")?;
    let mut settings = transform::Settings::read(Reader::new(|name| {
        (name == "S3_BUCKET_NAME").then(|| BUCKET_NAME.to_owned())
    }))?;
    if part == Part::FirstColumns {
        settings.layout = settings.layout.first(FIRST_COLUMNS);
    }
    let mut transform = Transform::new(settings, store, clock);
    if part == Part::TwoThreads {
        transform = transform.converting(Converting::OnTwoThreads);
    }
    match transform.transform_manifest(&manifest.key).await? {
        TransformOutcome::Written {
            rows, raw_bytes, bytes, ..
        } => Ok(Measured {
            raw_bytes,
            rows,
            written_bytes: bytes,
            ..Measured::default()
        }),
        other => Err(format!("the day was not written: {other:?}").into()),
    }
}
