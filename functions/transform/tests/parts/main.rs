//! The transform function over a bucket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod assets;
mod deliveries;
mod events;
mod faults;
mod file;
mod golden;
mod leaves;
mod nodes;
mod responses;
mod shapes;
mod table;
mod thinner;

use std::sync::Arc;

use contract::{
    clock::FixedClock,
    documents::{self, Quarantine},
    keys::Prefixes,
    run::RunId,
};
use end_to_end::{
    bucket::{BUCKET_NAME, Bucket},
    staging::{self, Staging},
};
use settings::Reader;
use store::Store;
use transform::{Settings, Transform, TransformError, TransformOutcome};

use self::table::Table;

/// A function that is configured with labels and annotations, over a bucket.
async fn function(bucket: &Bucket, labels: &str, annotations: &str) -> Transform {
    function_at(bucket, labels, annotations, "2026-11-24T06:00:00Z").await
}

/// As [`function`], at a time.
async fn function_at(bucket: &Bucket, labels: &str, annotations: &str, now: &str) -> Transform {
    let settings = Settings::read(Reader::new(|name| {
        Some(match name {
            "S3_BUCKET_NAME" => BUCKET_NAME.to_owned(),
            "LABELS" => labels.to_owned(),
            "ANNOTATIONS" => annotations.to_owned(),
            _ => return None,
        })
    }))
    .unwrap();
    let clock = FixedClock(now.parse().unwrap());
    Transform::new(settings, Store::new(bucket.serve().await, BUCKET_NAME), Arc::new(clock))
}

/// A bucket, and the function over it.
struct Lake {
    bucket: Bucket,
    function: Transform,
}

impl Lake {
    async fn new() -> Self {
        Self::with("", "").await
    }

    async fn with(labels: &str, annotations: &str) -> Self {
        let bucket = Bucket::default();
        let function = function(&bucket, labels, annotations).await;
        Self { bucket, function }
    }

    /// Stages a set and delivers its manifest.
    async fn deliver(&self, staging: Staging) -> TransformOutcome {
        let key = staging.stage(&self.bucket);
        self.function.transform_manifest(&key).await.unwrap()
    }

    async fn redeliver(&self, run: RunId) -> Result<TransformOutcome, TransformError> {
        let key = Staging::empty(run).manifest_key();
        self.function.transform_manifest(&key).await
    }

    /// The day's object.
    fn table(&self) -> Table {
        Table::read(self.bucket.get(&lake_key()).unwrap())
    }

    fn is_empty(&self) -> bool {
        self.bucket.keys("lake/").is_empty() && self.bucket.open_uploads() == 0
    }

    /// Why a run's day was quarantined.
    fn quarantine(&self, run: RunId) -> Option<Quarantine> {
        let key = Prefixes::default().quarantine(staging::cluster().id(), &run, staging::day());
        Some(documents::read(&self.bucket.get(&key)?.content).unwrap())
    }
}

fn lake_key() -> String {
    Prefixes::default().lake_object(staging::cluster().id(), staging::day())
}
