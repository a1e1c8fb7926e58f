//! Waiting for the plan.

use std::{collections::BTreeSet, time::Duration};

use contract::{
    day::Day,
    documents::{Plan, PlannedDay},
    run::RunId,
};
use seams::time;
use store::Store;

/// How long to wait before the first attempt, and between attempts at most. The plan usually arrives within seconds.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// Waits for the plan of a run; `None` where none arrives in time. The exporter may not list the bucket, so that S3
/// returns 403 and not 404 for a missing key: both mean "not yet" until the wait ends.
pub(crate) async fn wait(store: &Store, key: &str, run: RunId, limit: Duration) -> Option<Plan> {
    let end = time::now() + limit;
    let mut delay = FIRST_DELAY.min(limit);
    let mut reason = "there is no plan".to_owned();
    loop {
        match store.get_document::<Plan>(key).await {
            Ok(Some(plan)) if plan.run == run => return Some(plan),
            Ok(Some(plan)) => reason = format!("the plan is of run {}", plan.run),
            Ok(None) => {}
            Err(error) => reason = error.to_string(),
        }
        let left = end.saturating_duration_since(time::now());
        if left.is_zero() {
            tracing::warn!(key, reason, waited_seconds = limit.as_secs(), "no plan received");
            return None;
        }
        time::sleep(delay.min(left)).await;
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

/// The days of a plan to collect, newest first. A plan is accepted only for days of the inventory.
pub(crate) fn agreed(plan: Plan, available: &[Day]) -> Vec<PlannedDay> {
    let available: BTreeSet<Day> = available.iter().copied().collect();
    let (mut days, others): (Vec<PlannedDay>, Vec<PlannedDay>) = plan
        .days
        .into_iter()
        .partition(|planned| available.contains(&planned.date));
    if !others.is_empty() {
        tracing::warn!(
            days = others.len(),
            "ignored planned days that are not in the inventory"
        );
    }
    days.sort_by_key(|planned| std::cmp::Reverse(planned.date));
    days.dedup_by_key(|planned| planned.date);
    days
}
