//! Measures CPU time and memory of the exporter, transform and the audit on this machine. Each runs in a process of its
//! own, so that the work of the bucket and of the source does not count.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::{Command, ExitCode, Stdio},
    sync::Arc,
    time::SystemTime,
};

use backfill::Backfill;
use clap::{Arg, ArgMatches, value_parser};
use contract::{
    clock::{Clock, FixedClock},
    cluster::{ClusterArn, ClusterId},
    day::Day,
    documents::{self, Inventory, SourceInfo, SourceKind},
    keys::{Prefixes, StagingObject},
    run::RunId,
};
use exporter::{
    Days, Exporter, NoProgress,
    settings::{PeriodSettings, SourceSettings},
};
use kubecost_lake::{
    output,
    simulator::{SimulatedSource, generated::GeneratedCluster},
};
use lambda::metrics::LogOnly;
use local_bucket::{BUCKET_NAME, LocalBucket, REGION};
use serde::{Deserialize, Serialize};
use settings::Reader;
use store::{Store, session};
use tokio::runtime::Builder;
use transform::{Transform, TransformOutcome};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// The day and moment of the benchmark: the same data on each run.
const NOW: &str = "2025-11-24T06:00:00Z";
const DAY: &str = "2025-11-20";
const CLUSTER: &str = "arn:aws:eks:eu-west-1:111122223333:cluster/benchmark";
/// Days of each cluster in the audit.
const AUDIT_DAYS: u32 = 30;
/// One of so many clusters lacks a day.
const GAP_EVERY: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Exporter,
    Transform,
    Audit,
}

impl Part {
    const ALL: [Self; 3] = [Self::Exporter, Self::Transform, Self::Audit];

    fn word(self) -> &'static str {
        match self {
            Self::Exporter => "exporter",
            Self::Transform => "transform",
            Self::Audit => "audit",
        }
    }
}

/// The result of a part's process.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Measured {
    /// Raw JSON that was read.
    raw_bytes: u64,
    /// Rows; of the audit: days.
    rows: u64,
    /// User and system time.
    cpu_seconds: f64,
    /// Peak memory of the process.
    peak_bytes: u64,
}

impl Measured {
    fn megabytes(&self) -> f64 {
        self.raw_bytes as f64 / 1e6
    }

    fn speed(&self) -> f64 {
        self.megabytes() / self.cpu_seconds.max(0.01)
    }

    fn mebibytes(&self) -> f64 {
        self.peak_bytes as f64 / f64::from(1 << 20)
    }

    /// Adds this process's usage, from `/proc`: the peak of `getrusage` begins with the parent's memory.
    fn with_usage(mut self) -> io::Result<Self> {
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = fs::read_to_string("/proc/self/stat")?;
        // The program's name, in parentheses, may contain spaces. User and system time are fields 12 and 13 after it.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |index: usize| {
            fields
                .get(index)
                .and_then(|field| field.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        self.cpu_seconds = (ticks(11) + ticks(12)) / TICKS_PER_SECOND;
        let status = fs::read_to_string("/proc/self/status")?;
        let peak = status.lines().find_map(|line| {
            line.strip_prefix("VmHWM:")?
                .trim()
                .strip_suffix(" kB")?
                .parse::<u64>()
                .ok()
        });
        self.peak_bytes = peak.unwrap_or(0) * 1024;
        Ok(self)
    }
}

fn command() -> clap::Command {
    let number = |id: &'static str| Arg::new(id).long(id).value_name("NUMBER");
    let count = |id, default: &'static str| number(id).value_parser(value_parser!(usize)).default_value(default);
    let limit = |id| number(id).value_parser(value_parser!(f64));
    clap::Command::new("benchmark")
        .about("Measures CPU time and memory of the exporter, transform and the audit on this machine")
        .args([
            count("containers", "100000").help("Containers in the day that is exported and converted"),
            count("clusters", "1000").help("Clusters with 30 days each that are audited; 0 skips the audit"),
            limit("max-memory-mib").help("Fails if a part needs more memory"),
            limit("min-transform-speed").help("Fails if transform converts less raw MB per CPU second"),
            // A part, in a process of its own.
            Arg::new("part").long("part").requires("source").hide(true),
            Arg::new("source").long("source").hide(true),
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
        (Ok(runtime), Some(part)) => runtime.block_on(run_part(part, text("source").unwrap_or_default())),
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
    let count = |id| matches.get_one::<usize>(id).copied().unwrap_or(0);
    let limit = |id| matches.get_one::<f64>(id).copied();
    let (containers, clusters) = (count("containers"), count("clusters"));
    let (max_memory_mib, min_speed) = (limit("max-memory-mib"), limit("min-transform-speed"));
    let directory = tempfile::tempdir()?;
    let directory = directory.path();
    let day: Day = DAY.parse()?;
    let cluster: ClusterArn = CLUSTER.parse()?;
    let source = SimulatedSource::kubecost(GeneratedCluster {
        name: cluster.id().name().to_owned(),
        account: cluster.id().account().to_owned(),
        region: cluster.id().region().to_owned(),
        currency: "USD".to_owned(),
        containers,
        seed: 1,
        first: day,
        last: day,
    })
    .await?;
    let (bucket, _) = LocalBucket::serve(directory, |_| false).await?;
    output::line(format_args!(
        "one day of {containers} containers, each part in a process of its own:\n"
    ));
    output::line("part       raw MB     rows   CPU s   MB per CPU s   peak MiB");
    let mut broken = Vec::new();
    let mut parts = vec![Part::Exporter, Part::Transform];
    if clusters > 0 {
        fill_for_audit(directory, clusters)?;
        parts.push(Part::Audit);
    }
    for part in parts {
        let measured = in_process(part, &bucket, &source).await?;
        let speed = if part == Part::Audit {
            "-".to_owned()
        } else {
            format!("{:.0}", measured.speed())
        };
        output::line(format_args!(
            "{:<9} {:>7.1} {:>8} {:>7.2} {speed:>14} {:>10.1}",
            part.word(),
            measured.megabytes(),
            measured.rows,
            measured.cpu_seconds,
            measured.mebibytes()
        ));
        if max_memory_mib.is_some_and(|most| measured.mebibytes() > most) {
            broken.push(format!("{} needs more memory than allowed", part.word()));
        }
        if part == Part::Transform && min_speed.is_some_and(|least| measured.speed() < least) {
            broken.push("transform is slower than allowed".to_owned());
        }
    }
    if clusters > 0 {
        output::line(format_args!(
            "\nThe audit's rows are days: {clusters} clusters with {AUDIT_DAYS} days each."
        ));
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken.join("; ").into())
    }
}

async fn in_process(part: Part, bucket: &LocalBucket, source: &SimulatedSource) -> Result<Measured, AnyError> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--part", part.word(), "--source", &source.url])
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
async fn run_part(part: Part, source: &str) -> Result<(), AnyError> {
    let store = Store::new(session::s3_client(&session::from_environment().await), BUCKET_NAME);
    let clock = Arc::new(FixedClock(NOW.parse()?));
    let measured = match part {
        Part::Exporter => export(store, clock, source).await?,
        Part::Transform => transform(store, clock).await?,
        Part::Audit => audit(store, clock).await?,
    };
    output::line(serde_json::to_string(&measured.with_usage()?)?);
    Ok(())
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
        measured.raw_bytes += day.raw_bytes;
    }
    Ok(measured)
}

async fn transform(store: Store, clock: Arc<FixedClock>) -> Result<Measured, AnyError> {
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
    let settings = transform::Settings::read(Reader::new(|name| {
        (name == "S3_BUCKET_NAME").then(|| BUCKET_NAME.to_owned())
    }))?;
    let transform = Transform::new(settings, store, clock);
    match transform.transform_manifest(&manifest.key).await? {
        TransformOutcome::Written { rows, raw_bytes, .. } => Ok(Measured {
            raw_bytes,
            rows,
            ..Measured::default()
        }),
        other => Err(format!("the day was not written: {other:?}").into()),
    }
}

async fn audit(store: Store, clock: Arc<FixedClock>) -> Result<Measured, AnyError> {
    let settings = backfill::settings::Settings::read(Reader::new(|name| {
        (name == "S3_BUCKET_NAME").then(|| BUCKET_NAME.to_owned())
    }))?;
    let report = Backfill::new(settings, store, clock, Arc::new(LogOnly)).audit().await?;
    if report.gap_days == 0 || report.failed_clusters > 0 {
        return Err(format!("the audit found no gap, or failed for a cluster: {report:?}").into());
    }
    Ok(Measured {
        rows: u64::from(AUDIT_DAYS) * report.clusters as u64,
        ..Measured::default()
    })
}

/// Writes what the audit reads: an inventory of each cluster, and the keys of manifests and Parquet objects, whose
/// content it does not read.
fn fill_for_audit(directory: &Path, clusters: usize) -> Result<(), AnyError> {
    let prefixes = Prefixes::default();
    let now = FixedClock(NOW.parse()?).now();
    // The run ended hours ago: a day that is missing is a gap.
    let written = SystemTime::from(now - chrono::TimeDelta::hours(2));
    let put = |key: &str, content: &[u8]| {
        let path = directory.join(key);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = fs::File::create(path)?;
        file.write_all(content)?;
        file.set_modified(written)
    };
    let days: Vec<Day> = Day::range(Day::of(now).minus(AUDIT_DAYS), Day::of(now).minus(1)).collect();
    for number in 0..clusters {
        let id = ClusterId::new("444455556666", "us-east-1", &format!("cluster-{number:04}"))?;
        let run = RunId::new(now - chrono::TimeDelta::hours(2));
        let inventory = Inventory {
            run,
            cluster: id.arn().ok_or("the region has no partition")?,
            created_at: now,
            source: SourceInfo {
                kind: SourceKind::Kubecost,
                version: None,
            },
            days: days.clone(),
            unlisted: Vec::new(),
            observed: None,
            producer: None,
        };
        put(&prefixes.inventory(&id, &run), &documents::write(&inventory)?)?;
        for (index, day) in days.iter().enumerate() {
            if index == 1 && number % GAP_EVERY == 0 {
                continue;
            }
            put(&prefixes.manifest(&id, &run, *day), b"{}")?;
            put(&prefixes.lake_object(&id, *day), b"PAR1")?;
        }
    }
    Ok(())
}
