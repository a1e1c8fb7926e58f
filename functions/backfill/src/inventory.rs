//! An inventory arrived: its cluster's exporter waits for a plan.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use contract::{
    cluster::ClusterId,
    day::Day,
    documents::{Inventory, Plan},
    run::RunId,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use store::StoreError;

use crate::{
    policy::{self, DayState},
    settings::Settings,
    staged::ClusterObjects,
};

/// How many days of an inventory are looked at, the newest: no source keeps more than a year.
const MAX_DAYS: usize = 400;

/// How many days are looked up at the same time.
const LOOK_UPS: usize = 8;

/// Why an inventory is not answered. None of these is healed by another delivery.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is gone, deleted or expired.
    #[error("the inventory is gone")]
    Gone,
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(StoreError),
    /// It claims to be another cluster's than its key says, which only its own cluster's role can write below.
    #[error(
        "the inventory claims to be of {claimed}, its key says {key}: check the exporter's CLUSTER_ID in that cluster"
    )]
    OtherCluster {
        /// What the document says.
        claimed: ClusterId,
        /// What the key says.
        key: ClusterId,
    },
    /// It claims to be another run's than its key says.
    #[error("the inventory claims to be of run {claimed}, its key says {key}")]
    OtherRun {
        /// What the document says.
        claimed: RunId,
        /// What the key says.
        key: RunId,
    },
}

/// Reads an inventory and believes it only where it agrees with its key. The days come back in order, once each, and
/// none of them in the future.
///
/// # Errors
/// When S3 refuses or fails. The inner result tells why an inventory is not answered.
pub async fn read(
    objects: ClusterObjects<'_>,
    run: RunId,
    now: DateTime<Utc>,
) -> Result<Result<Vec<Day>, Refusal>, StoreError> {
    let ClusterObjects {
        store,
        prefixes,
        cluster,
    } = objects;
    let inventory: Inventory = match store.get_document(&prefixes.inventory(cluster, &run)).await {
        Ok(Some(inventory)) => inventory,
        Ok(None) => return Ok(Err(Refusal::Gone)),
        Err(error) if error.is_permanent() => return Ok(Err(Refusal::Unreadable(error))),
        Err(error) => return Err(error),
    };
    if inventory.cluster.id() != cluster {
        let (claimed, key) = (inventory.cluster.id().clone(), cluster.clone());
        return Ok(Err(Refusal::OtherCluster { claimed, key }));
    }
    if inventory.run != run {
        return Ok(Err(Refusal::OtherRun {
            claimed: inventory.run,
            key: run,
        }));
    }
    let days: BTreeSet<Day> = inventory.days.into_iter().filter(|day| day.end() <= now).collect();
    let older = days.len().saturating_sub(MAX_DAYS);
    Ok(Ok(days.into_iter().skip(older).collect()))
}

/// Makes the plan that answers a run, looking up each of its days in the lake by its exact key. `None` where a newer
/// run has written an inventory since: each cluster has one plan, and the newer run waits for its own. So events that
/// come late do no harm.
///
/// # Errors
/// When S3 refuses or fails.
pub async fn plan(
    objects: ClusterObjects<'_>,
    settings: &Settings,
    run: RunId,
    days: &[Day],
    now: DateTime<Utc>,
) -> Result<Option<Plan>, StoreError> {
    let ClusterObjects {
        store,
        prefixes,
        cluster,
    } = objects;
    let policy = &settings.policy;
    let staged = objects.staged().await?;
    if staged.newest_inventory.is_some_and(|(newest, _)| newest > run) {
        return Ok(None);
    }
    let quarantined = objects.quarantined().await?;
    let states: Vec<(Day, DayState)> = stream::iter(days.iter().copied())
        .map(async |day| {
            let head = store.head(&prefixes.lake_object(cluster, day)).await?;
            let in_lake = head.map(|head| head.modified.unwrap_or(now));
            let state = objects
                .day_state(day, in_lake, &staged, &quarantined, policy.retry_limit)
                .await?;
            Ok::<_, StoreError>((day, state))
        })
        .buffer_unordered(LOOK_UPS)
        .try_collect()
        .await?;
    let days = policy::plan(states.iter().map(|(day, state)| (*day, state)), now, policy);
    Ok(Some(Plan {
        run,
        created_at: now,
        days,
    }))
}
