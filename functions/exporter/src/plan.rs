//! Waiting for the plan.

use std::{collections::BTreeSet, time::Duration};

use contract::{
    day::Day,
    documents::{Plan, PlannedDay},
    run::RunId,
};
use store::Store;
use tokio::time::Instant;

/// How long to wait before the first look, and between looks at most. The plan is usually there within seconds.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// Waits for the plan that answers a run; `None` where there is none in time. The exporter may not list the bucket, so
/// S3 answers 403 and not 404 for a key that is not there yet: both mean "not yet" until the wait ends.
pub async fn wait(store: &Store, key: &str, run: RunId, limit: Duration) -> Option<Plan> {
    let end = Instant::now() + limit;
    let mut delay = FIRST_DELAY.min(limit);
    let mut obstacle = "there is none".to_owned();
    loop {
        match store.get_document::<Plan>(key).await {
            Ok(Some(plan)) if plan.run == run => return Some(plan),
            Ok(Some(plan)) => obstacle = format!("there is only the one of run {}", plan.run),
            Ok(None) => {}
            Err(error) => obstacle = error.to_string(),
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            tracing::warn!(key, obstacle, waited = limit.as_secs(), "no plan came");
            return None;
        }
        tokio::time::sleep(delay.min(left)).await;
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

/// The days of a plan that are this run's to collect, newest first: a plan is believed only where it agrees with the
/// inventory.
pub fn agreed(plan: Plan, available: &[Day]) -> Vec<PlannedDay> {
    let available: BTreeSet<Day> = available.iter().copied().collect();
    let (mut days, others): (Vec<PlannedDay>, Vec<PlannedDay>) = plan
        .days
        .into_iter()
        .partition(|planned| available.contains(&planned.date));
    if !others.is_empty() {
        tracing::warn!(
            days = others.len(),
            "the plan names days that the inventory does not: left out"
        );
    }
    days.sort_by_key(|planned| std::cmp::Reverse(planned.date));
    days.dedup_by_key(|planned| planned.date);
    days
}
