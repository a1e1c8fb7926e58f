//! The audit of many clusters.

use std::{fs, io::Write, path::Path, sync::Arc, time::SystemTime};

use backfill::Backfill;
use contract::{
    clock::{Clock, FixedClock},
    cluster::ClusterId,
    day::Day,
    documents::{self, Inventory, SourceInfo, SourceKind},
    keys::Prefixes,
    run::RunId,
};
use lambda::metrics::LogOnly;
use local_bucket::BUCKET_NAME;
use settings::Reader;
use store::Store;

use crate::{AnyError, NOW, usage::Measured};

/// Days of each cluster in the audit.
pub(crate) const AUDIT_DAYS: u32 = 30;
/// One of so many clusters lacks a day.
const GAP_EVERY: usize = 10;

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
pub(crate) fn fill(directory: &Path, clusters: usize) -> Result<(), AnyError> {
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
