//! Ten days with faults and two without: the functions, the events and the schedule.

use std::sync::Arc;

use backfill::Backfill;
use contract::{
    cluster::ClusterId,
    day::Day,
    keys::{Prefixes, StagingObject},
};
use crawler::{Catalogs, Crawler};
use lambda::{Function, metrics::LogOnly};
use seams::time::sleep;
use settings::Reader;
use tokio::sync::mpsc;
use transform::{Converting, Transform};

use crate::{
    bucket::{Bucket, Written},
    catalog::SimulatedCatalog,
    functions::Lambda,
    jobs::{self, Job},
    judge::Judge,
    network::{self, BUCKET},
    parts::{DAY, FAULTY_DAYS, HOUR, Parts, QUIET_DAYS},
    responses::{RESPONSE_LABEL, Responses},
    sets::Sets,
    world::{Fault, ProgramClock, World},
};

/// The settings of the functions.
fn reader() -> Reader<'static> {
    Reader::new(|name| match name {
        "S3_BUCKET_NAME" => Some(BUCKET.to_owned()),
        "LABELS" => Some(RESPONSE_LABEL.to_owned()),
        "CATALOG_MODE" => Some("register".to_owned()),
        "GLUE_DATABASE_NAME" | "GLUE_TABLE_NAME" => Some("simulated".to_owned()),
        _ => None,
    })
}

struct Functions {
    transform: Arc<Lambda>,
    backfill: Arc<Lambda>,
    crawler: Arc<Lambda>,
}

impl Functions {
    fn new(parts: &Arc<Parts>) -> Self {
        let clock = || Arc::new(ProgramClock::default());
        let settings = transform::Settings::read(reader()).expect("settings");
        let of_transform = Arc::clone(parts);
        let transform = move || -> Arc<dyn Function> {
            let store = of_transform.store("transform");
            Arc::new(Transform::new(settings.clone(), store, clock()).converting(Converting::InTurn))
        };
        let settings = backfill::settings::Settings::read(reader()).expect("settings");
        let of_backfill = Arc::clone(parts);
        let backfill = move || -> Arc<dyn Function> {
            let store = of_backfill.store("backfill");
            Arc::new(Backfill::new(settings.clone(), store, clock(), Arc::new(LogOnly)))
        };
        let settings = crawler::settings::Settings::read(reader()).expect("settings");
        let of_crawler = Arc::clone(parts);
        let crawler = move || -> Arc<dyn Function> {
            let catalogs = Catalogs {
                lake: of_crawler.judge.lake_catalog.clone(),
                assets: of_crawler.judge.assets_catalog.clone(),
            };
            Arc::new(Crawler::new(
                settings.clone(),
                of_crawler.store("crawler"),
                catalogs,
                clock(),
            ))
        };
        Self {
            transform: Arc::new(Lambda::new(&parts.world, "transform", transform)),
            backfill: Arc::new(Lambda::new(&parts.world, "backfill", backfill)),
            crawler: Arc::new(Lambda::new(&parts.world, "crawler", crawler)),
        }
    }

    /// The function that an object's event starts.
    fn of(&self, prefixes: &Prefixes, key: &str) -> Option<&Arc<Lambda>> {
        match prefixes.parse_staging(key).map(|staged| staged.object) {
            Some(StagingObject::Manifest(_)) => Some(&self.transform),
            Some(StagingObject::Inventory) => Some(&self.backfill),
            Some(_) => None,
            None => {
                let is_table = prefixes.parse_lake(key).is_some() || prefixes.parse_assets(key).is_some();
                is_table.then_some(&self.crawler)
            }
        }
    }
}

/// Runs the scenario of a world to its end.
pub(crate) async fn run(world: &World) {
    let (sender, written) = mpsc::unbounded_channel();
    let bucket = Bucket::new(sender);
    let responses = Responses::default();
    let parts = Arc::new(Parts {
        world: world.clone(),
        bucket: bucket.clone(),
        service: network::service(&bucket),
        part_bytes: [16 * 1024, 64 * 1024, 8 * 1024 * 1024][world.below(3)],
        judge: Arc::new(Judge {
            world: world.clone(),
            bucket,
            sets: Sets::default(),
            responses: responses.clone(),
            prefixes: Prefixes::default(),
            lake_catalog: Arc::new(SimulatedCatalog::new(world)),
            assets_catalog: Arc::new(SimulatedCatalog::new(world)),
        }),
    });
    let functions = Arc::new(Functions::new(&parts));
    let jobs = jobs::jobs(world, &responses);
    let days = |job: &Arc<Job>| {
        let first = job.first;
        let clusters = job.clusters.iter().map(move |arn| (arn.id().clone(), first));
        clusters.collect::<Vec<_>>()
    };
    let clusters: Vec<(ClusterId, Day)> = jobs.iter().flat_map(days).collect();
    let ids = clusters.iter().map(|(cluster, _)| cluster.clone()).collect();
    parts.spawn(deliver(Arc::clone(&parts), Arc::clone(&functions), written));
    for job in jobs {
        parts.spawn(jobs::each_morning(Arc::clone(&parts), Arc::clone(&job)));
        parts.spawn(jobs::by_hand(Arc::clone(&parts), job));
    }
    parts.spawn(schedule(Arc::clone(&parts), Arc::clone(&functions), ids));
    sleep(DAY * FAULTY_DAYS).await;
    world.end_faults();
    sleep(DAY * QUIET_DAYS).await;
    // The day before yesterday is the last that a run within the two days could have.
    functions.backfill.scheduled().await;
    sleep(HOUR).await;
    parts.judge.end(&clusters, Day::of(World::now()).minus(2));
}

/// Judges what is written, and sends its events.
async fn deliver(parts: Arc<Parts>, functions: Arc<Functions>, mut written: mpsc::UnboundedReceiver<Written>) {
    while let Some(written) = written.recv().await {
        parts.judge.written(&written);
        if let Some(function) = functions.of(&parts.judge.prefixes, &written.key) {
            parts.spawn(Arc::clone(function).deliver(Arc::clone(&parts.judge), written.key));
        }
    }
}

/// The schedule: an audit and a comparison every six hours.
async fn schedule(parts: Arc<Parts>, functions: Arc<Functions>, clusters: Vec<ClusterId>) {
    sleep(HOUR / 2).await;
    loop {
        if parts.world.happens(Fault::ObjectDeleted) {
            parts.delete_an_object();
        }
        if parts.world.happens(Fault::AuditSkipped) {
            parts.world.note("the schedule does nothing".to_owned());
        } else {
            let (before, began) = (parts.state(), World::now());
            if functions.backfill.scheduled().await && parts.state() == before {
                parts.judge.audited(&clusters, began);
            }
            functions.crawler.scheduled().await;
        }
        sleep(HOUR * 6).await;
    }
}
