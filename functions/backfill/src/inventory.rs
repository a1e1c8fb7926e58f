//! An inventory arrived: its cluster's exporter is waiting for a plan.

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
    policy::{self, DayHistory},
    settings::Settings,
    staged::ClusterObjects,
};

/// How many days of an inventory are considered, the newest: no source keeps more than a year.
const MAX_DAYS: usize = 400;

/// How many days are looked up at the same time.
const LOOK_UPS: usize = 8;

/// Why an inventory gets no plan. Delivering it again changes nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InventoryRejection {
    #[error("it was deleted or has expired")]
    Gone,
    #[error(transparent)]
    Unreadable(StoreError),
    /// Only the cluster's own role can write below its key, so the key is trusted and the document is not.
    #[error("it contradicts its key: {0}")]
    ContradictsKey(String),
}

/// Reads an inventory and accepts it only if it agrees with its key. Returns its days in order, each once, none of them
/// in the future. The outer error is transient.
pub(crate) async fn read(
    objects: ClusterObjects<'_>,
    run: RunId,
    now: DateTime<Utc>,
) -> Result<Result<Vec<Day>, InventoryRejection>, StoreError> {
    let ClusterObjects {
        store,
        prefixes,
        cluster,
    } = objects;
    let inventory: Inventory = match store.get_document(&prefixes.inventory(cluster, &run)).await {
        Ok(Some(inventory)) => inventory,
        Ok(None) => return Ok(Err(InventoryRejection::Gone)),
        Err(error) if error.is_permanent() => return Ok(Err(InventoryRejection::Unreadable(error))),
        Err(error) => return Err(error),
    };
    Ok(accept(inventory, cluster, run, now))
}

fn accept(
    inventory: Inventory,
    cluster: &ClusterId,
    run: RunId,
    now: DateTime<Utc>,
) -> Result<Vec<Day>, InventoryRejection> {
    if inventory.cluster.id() != cluster {
        return Err(InventoryRejection::ContradictsKey(format!(
            "it names cluster {}, its key names {cluster}; check the exporter's CLUSTER_ID in that cluster",
            inventory.cluster.id()
        )));
    }
    if inventory.run != run {
        return Err(InventoryRejection::ContradictsKey(format!(
            "it names run {}, its key names {run}",
            inventory.run
        )));
    }
    let days: BTreeSet<Day> = inventory.days.into_iter().filter(|day| day.end() <= now).collect();
    let older = days.len().saturating_sub(MAX_DAYS);
    Ok(days.into_iter().skip(older).collect())
}

/// Makes the plan for a run, looking up each of its days in the lake by its exact key. `None` if a newer run has staged
/// an inventory since: each cluster has one plan, and the newer run waits for its own, so that late events do no harm.
pub(crate) async fn plan(
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
    let histories: Vec<(Day, DayHistory)> = stream::iter(days.iter().copied())
        .map(async |day| {
            let head = store.head(&prefixes.lake_object(cluster, day)).await?;
            let in_lake = head.map(|head| head.modified.unwrap_or(now));
            let history = objects
                .day_history(day, in_lake, &staged, &quarantined, policy.retry_limit)
                .await?;
            Ok::<_, StoreError>((day, history))
        })
        .buffer_unordered(LOOK_UPS)
        .try_collect()
        .await?;
    let days = policy::plan(histories.iter().map(|(day, history)| (*day, history)), now, policy);
    Ok(Some(Plan {
        run,
        created_at: now,
        days,
    }))
}

#[cfg(test)]
mod tests {
    use contract::documents::{SourceInfo, SourceKind};

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-24T05:00:00Z".parse().unwrap()
    }

    fn cluster(name: &str) -> ClusterId {
        ClusterId::new("111122223333", "us-east-1", name).unwrap()
    }

    fn inventory(run: RunId, days: impl IntoIterator<Item = u32>) -> Inventory {
        Inventory {
            run,
            cluster: cluster("shop").arn().unwrap(),
            created_at: now(),
            source: SourceInfo {
                kind: SourceKind::Kubecost,
                version: None,
            },
            days: days.into_iter().map(|age| Day::of(now()).minus(age)).collect(),
            observed: None,
        }
    }

    #[test]
    fn an_inventory_of_another_cluster_or_run_is_rejected_and_the_message_names_both() {
        let (run, other) = (RunId::new(now()), RunId::new(now()));
        let rejection = accept(inventory(run, [1]), &cluster("cart"), run, now()).unwrap_err();
        assert_eq!(
            rejection.to_string(),
            "it contradicts its key: it names cluster 111122223333/us-east-1/shop, its key names \
             111122223333/us-east-1/cart; check the exporter's CLUSTER_ID in that cluster"
        );
        let rejection = accept(inventory(other, [1]), &cluster("shop"), run, now()).unwrap_err();
        assert_eq!(
            rejection.to_string(),
            format!("it contradicts its key: it names run {other}, its key names {run}")
        );
    }

    #[test]
    fn days_are_sorted_unique_over_and_at_most_400() {
        let run = RunId::new(now());
        let days = |ages: &[u32]| accept(inventory(run, ages.iter().copied()), &cluster("shop"), run, now()).unwrap();
        let day = |age| Day::of(now()).minus(age);
        // Today is not over yet.
        assert_eq!(days(&[1, 3, 0, 1]), [day(3), day(1)]);
        let many: Vec<u32> = (1..=500).collect();
        let kept = days(&many);
        assert_eq!((kept.len(), kept[0], kept[399]), (400, day(400), day(1)));
    }
}
