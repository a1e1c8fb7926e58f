//! A thousand inventories within ten minutes: how much work a plan is for the real function, and whether Lambda's queue
//! of events, in simulated time, gives each exporter its plan while it waits.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_sdk_s3::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef},
    error::BoxError,
};
use backfill::Backfill;
use contract::{clock::SystemClock, documents::Plan, events::ObjectCreated, keys::Prefixes, run::RunId};
use lambda::{Function, metrics::LogOnly};
use local_bucket::{BUCKET_NAME, LocalBucket};
use settings::{Reader, rows};
use store::{Store, session};

use crate::support::{arn, days, inventory, now, run, source, start};

/// The clusters, and the time within which their inventories arrive.
const CLUSTERS: usize = 1_000;
const ARRIVE_WITHIN: f64 = 600.0;
/// The pipeline module's default of `functions.backfill.reserved_concurrency`.
const RESERVED_CONCURRENCY: usize = 10;
/// S3's usual response takes 20 to 40 ms, and a small function has a share of a CPU. The plan's requests are counted as
/// if none were made at the same time as another.
const SECONDS_OF_REQUEST: f64 = 0.05;
/// A start of the function, the first request with its handshake, and reading its role's credentials.
const SECONDS_OF_START: f64 = 0.8;

/// Counts requests.
#[derive(Debug, Clone, Default)]
struct Requests(Arc<AtomicUsize>);

impl Intercept for Requests {
    fn name(&self) -> &'static str {
        "requests"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Makes the plan of an inventory by the real function; gives how many requests it made.
async fn requests_of_a_plan() -> usize {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    // Two runs: some days were collected twice.
    let source = source("shop", &days()).await;
    for _ in 0..2 {
        run(&host, "shop", &source).await;
    }
    host.stop().await;
    let (bucket, _events) = LocalBucket::serve(directory.path(), |_| false).await.unwrap();
    let requests = Requests::default();
    let config = session::s3_client(&bucket.sdk_config()).config().to_builder();
    let client = Client::from_conf(config.interceptor(requests.clone()).build());
    let store = Store::new(client, BUCKET_NAME);
    let (prefixes, run) = (Prefixes::default(), RunId::new(now()));
    let key = prefixes.inventory(arn("shop").id(), &run);
    store.put_document(&key, &inventory("shop", run)).await.unwrap();
    let settings = backfill::settings::Settings::read(Reader::new(|name| {
        (name == "S3_BUCKET_NAME").then(|| BUCKET_NAME.to_owned())
    }));
    let backfill = Backfill::new(
        settings.unwrap(),
        store.clone(),
        Arc::new(SystemClock),
        Arc::new(LogOnly),
    );
    let object = ObjectCreated {
        bucket: BUCKET_NAME.to_owned(),
        key,
    };
    let before = requests.0.load(Ordering::Relaxed);
    backfill.object_created(object).await.unwrap();
    let made = requests.0.load(Ordering::Relaxed) - before;
    let plan: Plan = store
        .get_document(&prefixes.plan(arn("shop").id()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(plan.run, run);
    made
}

/// When each event's invocation has ended, in seconds after its arrival. As Lambda does with asynchronous events: one
/// that finds no free execution is tried again after 1, 2, 4 … seconds, 5 minutes at most.
fn ended_after(arrivals: &[f64], executions: usize, duration: f64) -> Vec<f64> {
    const LONGEST_WAIT: f64 = 300.0;
    // Times in milliseconds, since they are ordered: the next attempt, how often the event was tried, and its number.
    let milliseconds = |seconds: f64| (seconds * 1e3) as u64;
    let mut attempts: BinaryHeap<Reverse<(u64, u32, usize)>> = BinaryHeap::new();
    attempts.extend(
        arrivals
            .iter()
            .enumerate()
            .map(|(event, at)| Reverse((milliseconds(*at), 0, event))),
    );
    let mut busy_until: BinaryHeap<Reverse<u64>> = BinaryHeap::new();
    let mut ended = vec![0.0; arrivals.len()];
    while let Some(Reverse((at, tries, event))) = attempts.pop() {
        while busy_until.peek().is_some_and(|Reverse(end)| *end <= at) {
            busy_until.pop();
        }
        if busy_until.len() < executions {
            let end = at + milliseconds(duration);
            busy_until.push(Reverse(end));
            ended[event] = end as f64 / 1e3 - arrivals[event];
        } else {
            let wait = f64::from(2_u32.saturating_pow(tries)).min(LONGEST_WAIT);
            attempts.push(Reverse((at + milliseconds(wait), tries + 1, event)));
        }
    }
    ended
}

#[tokio::test]
async fn a_thousand_exporters_get_their_plans_while_they_wait() {
    let requests = requests_of_a_plan().await;
    assert!(requests <= 60, "a plan takes {requests} requests");
    let duration = SECONDS_OF_START + requests as f64 * SECONDS_OF_REQUEST;
    let plan_wait: f64 = rows::PLAN_WAIT.default.parse().unwrap();
    let mut random = fastrand::Rng::with_seed(16);
    let mut worst: f64 = 0.0;
    for _ in 0..20 {
        let arrivals: Vec<f64> = (0..CLUSTERS).map(|_| random.f64() * ARRIVE_WITHIN).collect();
        let ended = ended_after(&arrivals, RESERVED_CONCURRENCY, duration);
        worst = ended.into_iter().fold(worst, f64::max);
    }
    println!("{requests} requests, {duration:.1} s for each plan; the longest wait is {worst:.1} s of {plan_wait} s");
    assert!(
        worst < plan_wait / 2.0,
        "{requests} requests, {duration} s each: an exporter waits {worst} s"
    );
    // The simulation shows a queue that is too long.
    let at_once = ended_after(&[0.0; CLUSTERS], RESERVED_CONCURRENCY, duration);
    assert!(at_once.into_iter().fold(0.0, f64::max) > plan_wait);
}
