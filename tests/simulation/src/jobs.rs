//! The exporters: a CronJob for each source, and people who collect a day by hand.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use contract::{
    cluster::{ClusterArn, ClusterId},
    day::Day,
    run::RunId,
};
use exporter::{
    Days, Exporter, InProcess, NoProgress, RunSummary, SharedSource, Transport,
    settings::{PeriodSettings, SourceCluster, SourceClusters, SourceSettings},
};
use kubecost_lake::simulator::generated::GeneratedCluster;
use seams::time::{Simulated, sleep};
use settings::Reader;

use crate::{
    functions::Mortal,
    hub::Hub,
    parts::{DAY, FAULTY_DAYS, HOUR, Parts, QUIET_DAYS},
    responses::Responses,
    source::Source,
    world::{Fault, ProgramClock, World},
};

/// How often a Job starts its pod at most.
const PODS: u32 = 3;

/// A CronJob with its source.
pub(crate) struct Job {
    name: String,
    /// Several, where one source answers for many.
    pub(crate) clusters: Vec<ClusterArn>,
    source: Arc<dyn InProcess>,
    page_size: Option<NonZeroU32>,
    /// The first day that the source has.
    pub(crate) first: Day,
    /// Whether the clock of a run was wrong by hours: once at most, since such runs count as failed attempts.
    was_far_off: Mutex<bool>,
}

/// The CronJobs of some clusters: one each, or one of all where they have one source.
pub(crate) fn jobs(world: &World, responses: &Responses) -> Vec<Arc<Job>> {
    let is_shared = world.below(3) == 0;
    let clusters = world.below(2) + if is_shared { 2 } else { 1 };
    let first = Day::of(World::now()).minus(2 + u32::try_from(world.below(3)).unwrap_or(0));
    let page_size = || match world.below(3) {
        0 => NonZeroU32::new(2 + u32::try_from(world.below(6)).unwrap_or(0)),
        _ => None,
    };
    let new = |clusters: Vec<ClusterArn>, source: Arc<dyn InProcess>, page_size| {
        Arc::new(Job {
            name: clusters.iter().map(|arn| arn.id().name()).collect::<Vec<_>>().join("+"),
            clusters,
            source,
            page_size,
            first,
            was_far_off: Mutex::new(false),
        })
    };
    if is_shared {
        let page_size = page_size();
        let all = (0..clusters).map(|number| cluster(world, number, first, responses, page_size.is_some()));
        let (arns, sources) = all.unzip();
        return vec![new(arns, Arc::new(Hub::new(world, sources)), page_size)];
    }
    let own = |number| {
        let page_size = page_size();
        let (arn, source) = cluster(world, number, first, responses, page_size.is_some());
        new(vec![arn], source, page_size)
    };
    (0..clusters).map(own).collect()
}

fn cluster(
    world: &World,
    number: usize,
    first: Day,
    responses: &Responses,
    has_pages: bool,
) -> (ClusterArn, Arc<Source>) {
    let name = format!("cluster-{number}");
    let arn = format!("arn:aws:eks:us-east-1:111122223333:cluster/{name}");
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
    let source = Source::new(world, generated, responses, has_pages);
    (arn.parse().expect("an ARN"), Arc::new(source))
}

/// A run each morning.
pub(crate) async fn each_morning(parts: Arc<Parts>, job: Arc<Job>) {
    sleep(HOUR * 4 + parts.world.seconds(0.0, 2400.0)).await;
    for _ in 0..FAULTY_DAYS + QUIET_DAYS {
        let (of_run, job) = (Arc::clone(&parts), Arc::clone(&job));
        parts.spawn(async move {
            for pod in 0..PODS {
                if pod > 0 {
                    sleep(Duration::from_secs(10 << pod)).await;
                }
                if run(&of_run, &job, &format!("pod {pod}"), &Days::Planned).await {
                    break;
                }
            }
        });
        sleep(DAY).await;
    }
}

/// Somebody collects a day by hand, and somebody else the same day at the same time or soon after.
pub(crate) async fn by_hand(parts: Arc<Parts>, job: Arc<Job>) {
    let world = &parts.world;
    for day in 0..FAULTY_DAYS {
        // Yesterday before the CronJob does it, or one of the last days after that.
        let (wait, age) = match world.below(2) {
            0 => (world.seconds(1.0, 3.9), 1),
            _ => (world.seconds(5.0, 22.0), 1 + u32::try_from(world.below(3)).unwrap_or(0)),
        };
        sleep((DAY * day + wait * 3600).saturating_sub(Simulated::elapsed())).await;
        if !world.happens(Fault::CollectedByHand) {
            continue;
        }
        let date = Day::of(World::now()).minus(age);
        for number in 0..3 + world.below(2) {
            let wait = world.seconds(0.0, [2.0, 60.0][world.below(2)]);
            let (of_run, job) = (Arc::clone(&parts), Arc::clone(&job));
            parts.spawn(async move {
                sleep(wait).await;
                run(&of_run, &job, &format!("by hand {number}"), &Days::Given(vec![date])).await;
            });
        }
    }
}

/// Runs an exporter; whether it succeeded.
async fn run(parts: &Arc<Parts>, job: &Job, number: &str, days: &Days) -> bool {
    let world = &parts.world;
    let clock = clock(world, job);
    let name = format!("exporter {} {number}", job.name);
    let mut source = SourceSettings::read(
        &mut Reader::new(|name| (name == "KUBECOST_API_ENDPOINT").then(|| "http://source.simulated".to_owned())),
        &mut Vec::new(),
    )
    .expect("settings");
    source.transport = Transport::InProcess(Arc::clone(&job.source));
    source.page_size = job.page_size;
    let store = parts.store(&name);
    let exporter = |cluster: ClusterArn| Exporter {
        cluster,
        source: source.clone(),
        period: PeriodSettings::read(&mut Reader::new(|_| None)),
        plan_wait: Duration::from_secs(120),
        store: store.clone(),
        prefixes: parts.judge.prefixes.clone(),
        clock: Arc::new(clock),
    };
    world.note(format!("{name} starts, {clock:?}"));
    let awaits = world.happens(Fault::ExporterKilled).then(|| world.below(600));
    let collected = |cluster: &ClusterArn, summary: &RunSummary| {
        for (day, _) in summary.collected() {
            has_collected(parts, &name, cluster.id(), &summary.run, day);
        }
    };
    let ended = match &*job.clusters {
        [cluster] => {
            let exporter = exporter(cluster.clone());
            let ended = Mortal::new(exporter.run(None, days, &NoProgress), awaits).await;
            ended.map(|ended| {
                ended.map(|summary| {
                    collected(cluster, &summary);
                    (summary.to_string(), summary.is_success())
                })
            })
        }
        many => {
            let listed = many.iter().map(|arn| SourceCluster {
                ids: vec![arn.id().name().to_owned()],
                arn: arn.clone(),
            });
            let shared = SharedSource::new(SourceClusters::new(listed).expect("clusters"), exporter);
            let ended = Mortal::new(shared.run(None, days), awaits).await;
            ended.map(|ended| {
                ended.map(|summary| {
                    for (cluster, own) in &summary.clusters {
                        own.iter().for_each(|own| collected(cluster, own));
                    }
                    (summary.to_string(), summary.is_success())
                })
            })
        }
    };
    let (how, is_success) = match ended {
        None => ("is killed".to_owned(), false),
        Some(Err(error)) => (format!("fails: {error}"), false),
        Some(Ok((summary, is_success))) => (format!("ends: {summary}"), is_success),
    };
    world.note(format!("{name} {how}"));
    is_success
}

/// What a run says that it has collected is there.
fn has_collected(parts: &Parts, name: &str, cluster: &ClusterId, run: &RunId, day: Day) {
    let manifest = parts.judge.prefixes.manifest(cluster, run, day);
    if parts.bucket.get(&manifest).is_none() {
        parts
            .world
            .violation(format!("{name} has collected {day}, and {manifest} is not there"));
    }
}

/// The clock of a pod.
fn clock(world: &World, job: &Job) -> ProgramClock {
    if !world.happens(Fault::ClockWrong) {
        return ProgramClock::default();
    }
    let mut was_far_off = job.was_far_off.lock().unwrap_or_else(PoisonError::into_inner);
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
