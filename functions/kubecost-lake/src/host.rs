//! The whole product in one process, on a directory: the bucket, the functions, and the delivery of events.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use backfill::Backfill;
use contract::{clock::Clock, cluster::ClusterArn, keys::Prefixes};
use crawler::{Catalogs, Crawler};
use exporter::{
    Exporter,
    settings::{PeriodSettings, SourceSettings},
};
use lambda::metrics::LogOnly;
use settings::{Faults, Reader};
use store::{Store, session};
use transform::{Converting, Transform};

use crate::{
    catalog::{self, LocalCatalog},
    dispatch::{Dispatcher, Functions, is_wanted},
};
use local_bucket::{BUCKET_NAME, BucketError, LocalBucket};

/// How long the exporter waits for a plan. The function is in the same process.
const PLAN_WAIT: Duration = Duration::from_secs(60);

pub struct Host {
    pub store: Store,
    pub dispatcher: Dispatcher,
    pub bucket: LocalBucket,
    /// The bucket's directory.
    pub directory: PathBuf,
    pub prefixes: Prefixes,
    clock: Arc<dyn Clock>,
}

/// The value of a function's setting by the setting's name.
pub type LookUp<'a> = &'a dyn Fn(&str) -> Option<String>;

#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Settings(#[from] Faults),
    #[error(transparent)]
    Bucket(#[from] BucketError),
}

/// Settings that the host decides; the others come from the look-up or are defaults.
fn settings_of(look_up: LookUp<'_>) -> impl Fn(&str) -> Option<String> {
    move |name| match name {
        "S3_BUCKET_NAME" => Some(BUCKET_NAME.to_owned()),
        // The catalog is a file, which no crawler reads.
        "CATALOG_MODE" => Some("register".to_owned()),
        "GLUE_DATABASE_NAME" | "GLUE_TABLE_NAME" => Some("local".to_owned()),
        // All events are handled before an inventory is written: no set is in flight.
        "IN_FLIGHT_MINUTES" => Some("0".to_owned()),
        _ => look_up(name),
    }
}

struct FunctionSettings {
    transform: transform::Settings,
    backfill: backfill::settings::Settings,
    crawler: crawler::settings::Settings,
}

impl FunctionSettings {
    fn read(look_up: LookUp<'_>) -> Result<Self, Faults> {
        let reader = || Reader::new(settings_of(look_up));
        let transform = transform::Settings::read(reader());
        let backfill = backfill::settings::Settings::read(reader());
        let crawler = crawler::settings::Settings::read(reader());
        match (transform, backfill, crawler) {
            (Ok(transform), Ok(backfill), Ok(crawler)) => Ok(Self {
                transform,
                backfill,
                crawler,
            }),
            (transform, backfill, crawler) => {
                let mut all = Reader::new(|_| None);
                for faults in [transform.err(), backfill.err(), crawler.err()].into_iter().flatten() {
                    all.extend(faults);
                }
                all.finish().and(Err(Faults(Vec::new())))
            }
        }
    }
}

/// How transform converts on this machine.
fn converting() -> Converting {
    match std::thread::available_parallelism() {
        Ok(cores) if cores.get() > 1 => Converting::OnTwoThreads,
        _ => Converting::Meanwhile,
    }
}

/// Checks the settings of all functions; all faults are reported together.
pub(crate) fn check_settings(look_up: LookUp<'_>) -> Result<(), Faults> {
    FunctionSettings::read(look_up).map(|_| ())
}

impl Host {
    /// Starts on a directory. Events that a former process left are delivered.
    pub async fn start(directory: &Path, look_up: LookUp<'_>, clock: Arc<dyn Clock>) -> Result<Self, HostError> {
        let settings = FunctionSettings::read(look_up)?;
        let prefixes = settings.backfill.prefixes.clone();
        let (bucket, written) = LocalBucket::serve(directory, is_wanted).await?;
        let store = Store::new(session::s3_client(&bucket.sdk_config()), BUCKET_NAME);
        let catalog = |file| Arc::new(LocalCatalog::new(directory.join(file)));
        let catalogs = Catalogs {
            lake: catalog(catalog::FILE),
            assets: catalog(catalog::ASSETS_FILE),
        };
        let transform = Transform::new(settings.transform, store.clone(), Arc::clone(&clock));
        let functions = Functions {
            transform: Arc::new(transform.converting(converting())),
            backfill: Arc::new(Backfill::new(
                settings.backfill,
                store.clone(),
                Arc::clone(&clock),
                Arc::new(LogOnly),
            )),
            crawler: Arc::new(Crawler::new(
                settings.crawler,
                store.clone(),
                catalogs,
                Arc::clone(&clock),
            )),
        };
        let dispatcher = Dispatcher::start(functions, Arc::clone(&clock), Arc::clone(&bucket.journal), written);
        Ok(Self {
            store,
            dispatcher,
            bucket,
            directory: directory.to_owned(),
            prefixes,
            clock,
        })
    }

    /// Stops. Afterwards the directory can be used again.
    pub async fn stop(self) {
        let Self { bucket, dispatcher, .. } = self;
        drop(dispatcher);
        bucket.close().await;
    }

    pub fn exporter(&self, cluster: ClusterArn, source: SourceSettings, period: PeriodSettings) -> Exporter {
        Exporter {
            cluster,
            source,
            period,
            plan_wait: PLAN_WAIT,
            store: self.store.clone(),
            prefixes: self.prefixes.clone(),
            clock: Arc::clone(&self.clock),
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Host")
            .field("bucket", &self.bucket.endpoint)
            .finish_non_exhaustive()
    }
}
