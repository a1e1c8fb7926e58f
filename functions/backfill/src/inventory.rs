//! An inventory arrived: its cluster's exporter is waiting for a plan.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use contract::{
    cluster::ClusterId,
    day::Day,
    documents::{Inventory, Plan},
    run::RunId,
};
use settings::rows::MOST_BACKFILL_DAYS;
use store::StoreError;

use crate::{
    history::Known,
    known,
    policy::{self, Availability, DayHistory},
    settings::Settings,
    staged::ClusterObjects,
};

/// How often a plan is written, in total, if others write it in the meantime.
const WRITES: u32 = 5;

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

/// What an inventory says, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Available {
    /// The days that the source has or may have, each once, none of them in the future.
    days: BTreeSet<Day>,
    /// Those of them that it was seen to have.
    observed: BTreeSet<Day>,
    /// Ids of other clusters that the source has.
    pub(crate) unlisted: Vec<String>,
    /// The version of the exporter.
    pub(crate) producer: Option<String>,
}

impl Available {
    /// Oldest first.
    pub(crate) fn days(&self) -> impl Iterator<Item = Day> {
        self.days.iter().copied()
    }

    pub(crate) fn of(&self, day: Day) -> Availability {
        if self.observed.contains(&day) {
            Availability::Observed
        } else if self.days.contains(&day) {
            Availability::Assumed
        } else {
            Availability::OutOfReach
        }
    }
}

/// Reads an inventory and accepts it only if it agrees with its key. The outer error is transient.
pub(crate) async fn read(
    objects: ClusterObjects<'_>,
    run: RunId,
    now: DateTime<Utc>,
) -> Result<Result<Available, InventoryRejection>, StoreError> {
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
) -> Result<Available, InventoryRejection> {
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
    let observed: BTreeSet<Day> = inventory.observed_days().iter().copied().collect();
    let days: BTreeSet<Day> = inventory.days.into_iter().filter(|day| day.end() <= now).collect();
    // The newest, as many as an exporter looks for.
    let older = days.len().saturating_sub(MOST_BACKFILL_DAYS as usize);
    let days: BTreeSet<Day> = days.into_iter().skip(older).collect();
    Ok(Available {
        observed: observed.intersection(&days).copied().collect(),
        days,
        unlisted: inventory.unlisted,
        producer: inventory.producer,
    })
}

/// Makes the plan for a run, looking up each of its days in the lake by its exact key. `None` if a newer run has staged
/// an inventory since: each cluster has one plan, and the newer run waits for its own, so that late events do no harm.
pub(crate) async fn plan(
    objects: ClusterObjects<'_>,
    settings: &Settings,
    run: RunId,
    available: &Available,
    now: DateTime<Utc>,
) -> Result<Option<Plan>, StoreError> {
    let policy = &settings.policy;
    let staged = objects.staged().await?;
    if staged.newest_inventory.is_some_and(|(newest, _)| newest > run) {
        return Ok(None);
    }
    let quarantined = objects.quarantined().await?;
    let (mut state, _) = known::load(objects).await?;
    let days: Vec<Day> = available.days().collect();
    let looked_up = days.iter().map(|day| (*day, None)).collect();
    known::read_lake_objects(objects, &mut state, looked_up, now).await?;
    let is_young = |day: Day| now - day.end() < policy.restate_age;
    let unknown = known::unknown_sets(&mut state, &staged, &quarantined, |day| days.contains(&day), is_young);
    known::read_sets(objects, &mut state, unknown).await?;
    let known = Known {
        state: &state,
        staged: &staged,
        quarantined: &quarantined,
        now,
    };
    let histories: Vec<(Day, DayHistory)> = days
        .iter()
        .map(|day| (*day, known.day_history(*day, available.of(*day))))
        .collect();
    let histories = histories.iter().map(|(day, history)| (*day, history));
    let days = policy::plan(histories, now, policy, &known.programs(available.producer.clone()));
    Ok(Some(Plan {
        run,
        created_at: now,
        days,
    }))
}

/// Writes a plan unless that of a newer run is there; returns whether it did.
pub(crate) async fn write_plan(objects: ClusterObjects<'_>, plan: &Plan) -> Result<bool, StoreError> {
    let key = objects.prefixes.plan(objects.cluster);
    for _ in 0..WRITES {
        let current = objects.store.get_current::<Plan>(&key).await?;
        match current.document {
            // A run of the future wins over none: its clock was ahead.
            Ok(Some(written)) if written.run > plan.run && !written.run.is_ahead_of(plan.created_at) => {
                return Ok(false);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(cluster = %objects.cluster, %error, "replacing a plan that cannot be read"),
        }
        // Someone else may have written a plan since: then look again.
        if objects.store.put_document_if(&key, plan, &current.condition).await? {
            return Ok(true);
        }
    }
    Err(StoreError::Contended { key, attempts: WRITES })
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
            unlisted: Vec::new(),
            observed: None,
            producer: None,
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
    fn days_are_sorted_unique_over_and_at_most_those_of_a_year() {
        let run = RunId::new(now());
        let days = |ages: &[u32]| -> Vec<Day> {
            let accepted = accept(inventory(run, ages.iter().copied()), &cluster("shop"), run, now());
            accepted.unwrap().days().collect()
        };
        let day = |age| Day::of(now()).minus(age);
        // Today is not over yet.
        assert_eq!(days(&[1, 3, 0, 1]), [day(3), day(1)]);
        let many: Vec<u32> = (1..=500).collect();
        let kept = days(&many);
        assert_eq!((kept.len(), kept[0], kept[365]), (366, day(366), day(1)));
    }
}
