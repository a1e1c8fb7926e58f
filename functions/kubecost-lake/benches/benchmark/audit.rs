//! The audit of many clusters.

use std::{
    fs,
    io::Write,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use backfill::Backfill;
use contract::{
    clock::{Clock, FixedClock},
    cluster::ClusterId,
    day::Day,
    documents::{self, Inventory, SourceInfo, SourceKind},
    keys::Prefixes,
    run::RunId,
    units::count,
};
use lambda::metrics::LogOnly;
use local_bucket::{BUCKET_NAME, LocalBucket, directory::Directory};
use s3s::{
    S3Result,
    access::{S3Access, S3AccessContext},
};
use settings::Reader;
use store::Store;

use crate::{AnyError, NOW, Part, in_process, usage::Measured};

/// Days of each cluster in the audit.
const AUDIT_DAYS: u32 = 30;
/// How late the bucket responds: S3 takes about so long for a listing.
const LATENCY: Duration = Duration::from_millis(30);
/// One of so many clusters lacks a day.
const GAP_EVERY: usize = 10;

/// Responds late, and counts the requests.
struct Late(Arc<AtomicU64>);

#[async_trait::async_trait]
impl S3Access for Late {
    async fn check(&self, _: &mut S3AccessContext<'_>) -> S3Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(LATENCY).await;
        Ok(())
    }
}

/// Measures two audits of so many clusters, spread over so many accounts: the first one reads all that is staged, and
/// the second one knows it. Gives a line and what was used for each.
pub(crate) async fn measure(clusters: usize, accounts: usize) -> Result<Vec<(String, Measured)>, AnyError> {
    let directory = tempfile::tempdir()?;
    fill(directory.path(), clusters, accounts)?;
    let requests = Arc::new(AtomicU64::new(0));
    let opened = Arc::new(Directory::open(directory.path())?);
    let (bucket, _) = LocalBucket::serve_with(opened, |_| false, Late(Arc::clone(&requests))).await?;
    let mut audits = Vec::new();
    for which in ["first", "next"] {
        let used = in_process(Part::Audit, &bucket, "-", directory.path()).await?;
        let line = format!(
            "{which} audit of {clusters} clusters in {}, {AUDIT_DAYS} days each: {:.2} CPU s, {:.1} s, {:.1} MiB, {} requests of {} ms",
            count(accounts as u64, "account"),
            used.cpu_seconds,
            used.wall_seconds,
            used.mebibytes(),
            requests.swap(0, Ordering::Relaxed),
            LATENCY.as_millis()
        );
        audits.push((line, used));
    }
    Ok(audits)
}

pub(crate) async fn audit(store: Store, clock: Arc<FixedClock>) -> Result<Measured, AnyError> {
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
fn fill(directory: &Path, clusters: usize, accounts: usize) -> Result<(), AnyError> {
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
        let account = format!("{:012}", 444_455_550_000 + number % accounts);
        let id = ClusterId::new(&account, "us-east-1", &format!("cluster-{number:04}"))?;
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
