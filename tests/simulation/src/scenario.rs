//! Ten days with faults and two without: who runs when.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use backfill::Backfill;
use chrono::TimeDelta;
use contract::{
    cluster::ClusterArn,
    day::Day,
    keys::{Prefixes, StagingObject},
};
use crawler::{Catalogs, Crawler};
use exporter::{
    Days, Exporter, NoProgress, Transport,
    settings::{PeriodSettings, SourceSettings},
};
use futures_util::FutureExt;
use kubecost_lake::simulator::generated::GeneratedCluster;
use lambda::{Function, metrics::LogOnly};
use s3s::service::S3Service;
use seams::time::sleep;
use settings::Reader;
use store::Store;
use tokio::sync::mpsc;
use transform::{Converting, Transform};

use crate::{
    bucket::{Bucket, Written},
    catalog::SimulatedCatalog,
    functions::{Lambda, Mortal},
    judge::Judge,
    network::{self, BUCKET, Network},
    source::{RESPONSE_LABEL, Responses, Source},
    world::{Fault, ProgramClock, World},
};

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);
const FAULTY_DAYS: u32 = 10;
const QUIET_DAYS: u32 = 2;

/// How often a Job starts its pod at most.
const PODS: u32 = 3;

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

/// A cluster with its exporter.
struct Cluster {
    arn: ClusterArn,
    source: Arc<Source>,
    first: Day,
    /// Whether the clock of a run was wrong by hours: once at most, since such runs count as failed attempts.
    was_far_off: Mutex<bool>,
}

/// What all parts use.
struct Parts {
    world: World,
    bucket: Bucket,
    service: S3Service,
    part_bytes: usize,
    judge: Judge,
}

impl Parts {
    fn store(&self, sender: &str) -> Store {
        Network::new(&self.world, &self.service, sender).store(self.part_bytes)
    }

    /// Runs a part of the simulation beside the others. Nothing may panic.
    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let world = self.world.clone();
        tokio::task::spawn_local(AssertUnwindSafe(work).catch_unwind().map(move |ended| {
            if ended.is_err() {
                world.violation("a program panicked".to_owned());
            }
        }));
    }
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
        part_bytes: [4 * 1024, 64 * 1024, 8 * 1024 * 1024][world.below(3)],
        judge: Judge {
            world: world.clone(),
            bucket,
            responses: responses.clone(),
            prefixes: Prefixes::default(),
            lake_catalog: Arc::new(SimulatedCatalog::new(world)),
            assets_catalog: Arc::new(SimulatedCatalog::new(world)),
        },
    });
    let functions = Arc::new(Functions::new(&parts));
    let clusters: Arc<Vec<Arc<Cluster>>> = Arc::new(
        (0..2 + world.below(2))
            .map(|number| cluster(world, number, &responses))
            .collect(),
    );
    parts.spawn(deliver(Arc::clone(&parts), Arc::clone(&functions), written));
    for cluster in clusters.iter() {
        parts.spawn(cron_job(Arc::clone(&parts), Arc::clone(cluster)));
    }
    parts.spawn(schedule(
        Arc::clone(&parts),
        Arc::clone(&functions),
        Arc::clone(&clusters),
    ));
    sleep(DAY * FAULTY_DAYS).await;
    world.end_faults();
    sleep(DAY * QUIET_DAYS).await;
    // The day before yesterday is the last that a run within the two days could have.
    functions.backfill.scheduled().await;
    sleep(HOUR).await;
    let clusters: Vec<_> = clusters
        .iter()
        .map(|cluster| (cluster.arn.id().clone(), cluster.first))
        .collect();
    parts.judge.end(&clusters, Day::of(World::now()).minus(2));
}

fn cluster(world: &World, number: usize, responses: &Responses) -> Arc<Cluster> {
    let name = format!("cluster-{number}");
    let arn = format!("arn:aws:eks:us-east-1:111122223333:cluster/{name}");
    let first = Day::of(World::now()).minus(2 + u32::try_from(world.below(3)).unwrap_or(0));
    let generated = GeneratedCluster {
        name,
        account: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        currency: "USD".to_owned(),
        containers: 2 + world.below(4),
        seed: u64::try_from(world.below(1 << 30)).unwrap_or(0),
        first,
        last: first,
    };
    Arc::new(Cluster {
        arn: arn.parse().expect("an ARN"),
        source: Arc::new(Source::new(world, generated, responses)),
        first,
        was_far_off: Mutex::new(false),
    })
}

/// Judges what is written, and sends its events.
async fn deliver(parts: Arc<Parts>, functions: Arc<Functions>, mut written: mpsc::UnboundedReceiver<Written>) {
    while let Some(written) = written.recv().await {
        parts.judge.written(&written);
        if let Some(function) = functions.of(&parts.judge.prefixes, &written.key) {
            parts.spawn(Arc::clone(function).deliver(written.key));
        }
    }
}

/// A cluster's CronJob: a run each morning.
async fn cron_job(parts: Arc<Parts>, cluster: Arc<Cluster>) {
    sleep(HOUR * 4 + parts.world.seconds(0.0, 2400.0)).await;
    for _ in 0..FAULTY_DAYS + QUIET_DAYS {
        let (of_job, of_cluster) = (Arc::clone(&parts), Arc::clone(&cluster));
        parts.spawn(async move {
            for pod in 0..PODS {
                if pod > 0 {
                    sleep(Duration::from_secs(10 << pod)).await;
                }
                if run_exporter(&of_job, &of_cluster, pod).await {
                    break;
                }
            }
        });
        sleep(DAY).await;
    }
}

/// Runs an exporter; whether it succeeded.
async fn run_exporter(parts: &Arc<Parts>, cluster: &Cluster, pod: u32) -> bool {
    let world = &parts.world;
    let clock = clock(world, cluster);
    let mut source = SourceSettings::read(
        &mut Reader::new(|name| (name == "KUBECOST_API_ENDPOINT").then(|| "http://source.simulated".to_owned())),
        &mut Vec::new(),
    )
    .expect("settings");
    source.transport = Transport::InProcess(cluster.source.clone());
    let name = format!("exporter {} pod {pod}", cluster.arn.id().name());
    let exporter = Exporter {
        cluster: cluster.arn.clone(),
        source,
        period: PeriodSettings::read(&mut Reader::new(|_| None)),
        plan_wait: Duration::from_secs(120),
        store: parts.store(&name),
        prefixes: parts.judge.prefixes.clone(),
        clock: Arc::new(clock),
    };
    world.note(format!("{name} starts, {clock:?}"));
    let awaits = world.happens(Fault::ExporterKilled).then(|| world.below(600));
    let ended = Mortal::new(exporter.run(None, &Days::Planned, &NoProgress), awaits).await;
    match ended {
        None => {
            world.note(format!("{name} is killed"));
            false
        }
        Some(Err(error)) => {
            world.note(format!("{name} fails: {error}"));
            false
        }
        Some(Ok(summary)) => {
            world.note(format!("{name} ends: {summary}"));
            for (day, _) in summary.collected() {
                let manifest = parts.judge.prefixes.manifest(cluster.arn.id(), &summary.run, day);
                if parts.bucket.get(&manifest).is_none() {
                    world.violation(format!("{name} has collected {day}, and {manifest} is not there"));
                }
            }
            summary.is_success()
        }
    }
}

/// The clock of a pod.
fn clock(world: &World, cluster: &Cluster) -> ProgramClock {
    if !world.happens(Fault::ClockWrong) {
        return ProgramClock::default();
    }
    let mut was_far_off = cluster.was_far_off.lock().unwrap_or_else(PoisonError::into_inner);
    let far = [
        TimeDelta::hours(26),
        TimeDelta::days(30),
        TimeDelta::hours(-26),
        TimeDelta::days(-10),
    ];
    let near = [-50, -20, 20, 50].map(TimeDelta::minutes);
    let off = if !*was_far_off && world.below(3) == 0 {
        *was_far_off = true;
        far[world.below(4)]
    } else {
        near[world.below(4)]
    };
    match world.below(2) {
        0 => ProgramClock { off, jump: None },
        _ => ProgramClock {
            off: TimeDelta::zero(),
            jump: Some((
                World::now() + TimeDelta::seconds(i64::try_from(world.below(120)).unwrap_or(0)),
                off,
            )),
        },
    }
}

/// The schedule: an audit and a comparison every six hours.
async fn schedule(parts: Arc<Parts>, functions: Arc<Functions>, clusters: Arc<Vec<Arc<Cluster>>>) {
    let ids: Vec<_> = clusters.iter().map(|cluster| cluster.arn.id().clone()).collect();
    sleep(Duration::from_secs(1800)).await;
    loop {
        if parts.world.happens(Fault::ObjectDeleted) {
            parts.delete_an_object();
        }
        if parts.world.happens(Fault::AuditSkipped) {
            parts.world.note("the schedule does nothing".to_owned());
        } else {
            let (before, began) = (parts.state(), World::now());
            if functions.backfill.scheduled().await && parts.state() == before {
                parts.judge.audited(&ids, began);
            }
            functions.crawler.scheduled().await;
        }
        sleep(HOUR * 6).await;
    }
}

impl Parts {
    fn delete_an_object(&self) {
        let table = ["lake/", "assets/"][self.world.below(2)];
        let objects = self.bucket.below(table);
        if let Some((key, _)) = objects.get(self.world.below(objects.len())) {
            self.world.note(format!("somebody deletes {key}"));
            self.bucket.remove(key);
        }
    }

    /// Changes when an audit may have seen something else than the judge sees after it.
    fn state(&self) -> (u64, usize) {
        let prefixes = &self.judge.prefixes;
        let of_programs = |key: &str| prefixes.parse_lake(key).is_some();
        let lake = self
            .bucket
            .below("lake/")
            .iter()
            .filter(|(key, _)| of_programs(key))
            .count();
        (self.world.injected(Fault::S3BadRead), lake)
    }
}
