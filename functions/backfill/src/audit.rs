//! The scheduled audit of all clusters: gaps, sets that never became Parquet, clusters gone silent. It writes
//! no plan: a plan answers the run that asks for it, and nobody would read one written hours later.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use contract::{
    audit::{AuditReport, Finding, SetName, StuckSet},
    cluster::{AccountRegion, ClusterId},
    day::Day,
    documents,
    keys::{Area, Prefixes, QuarantineKey, QuarantineObject},
    run::RunId,
};
use futures_util::{StreamExt, stream};
use store::{Store, StoreError};

use crate::{
    inventory,
    policy::{DayState, Outcome},
    report,
    settings::Settings,
    staged::{ClusterObjects, Quarantined, Staged},
};

/// The metadata of a manifest that counts how often an audit had it delivered again.
pub const REDELIVERED: &str = "redelivered";

/// What all clusters of one account and region have in the lake and in quarantine: listed once for all of them.
#[derive(Debug, Default)]
struct Neighbourhood {
    /// When each cluster's objects were written, by cluster name and day.
    lake: HashMap<String, BTreeMap<Day, DateTime<Utc>>>,
    /// Each cluster's days in quarantine.
    quarantined: HashMap<String, Quarantined>,
}

/// Looks at all clusters that have staged something or were ever given a plan. A cluster that cannot be looked at is
/// reported and keeps no other from being looked at.
///
/// # Errors
/// When the clusters themselves cannot be listed.
pub async fn audit(store: &Store, settings: &Settings, now: DateTime<Utc>) -> Result<AuditReport, StoreError> {
    let mut report = report::begin(now, settings.audit_period_days);
    for (place, clusters) in clusters(store, &settings.prefixes).await? {
        tracing::debug!(%place, clusters = clusters.len(), "auditing");
        let listed = Neighbourhood::list(store, settings, &place, now).await;
        let listed = &listed;
        let mut findings = stream::iter(clusters)
            .map(async |cluster| {
                let mut finding = report::no_finding(&cluster);
                let audit = ClusterAudit {
                    objects: ClusterObjects {
                        store,
                        prefixes: &settings.prefixes,
                        cluster: &cluster,
                    },
                    settings,
                    now,
                };
                let audited = match listed {
                    Ok(neighbourhood) => audit
                        .run(neighbourhood, &mut finding)
                        .await
                        .map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                if let Err(error) = audited {
                    tracing::error!(%cluster, %error, "a cluster could not be audited");
                    finding.failed = Some(error);
                }
                finding
            })
            .buffered(settings.audit_concurrency);
        while let Some(finding) = findings.next().await {
            report::add(&mut report, finding);
        }
    }
    Ok(report)
}

/// All clusters, by `account/region`: those that staged something that has not expired, and those that have a plan.
async fn clusters(
    store: &Store,
    prefixes: &Prefixes,
) -> Result<BTreeMap<AccountRegion, BTreeSet<ClusterId>>, StoreError> {
    let mut found: BTreeMap<AccountRegion, BTreeSet<ClusterId>> = BTreeMap::new();
    for area in [Area::Staging, Area::Plans] {
        let root = prefixes.of(area);
        for account in store.list(root).folders().prefixes().await? {
            for region in store.list(account).folders().prefixes().await? {
                for folder in store.list(&region).folders().prefixes().await? {
                    if let Some(cluster) = prefixes.parse_cluster_folder(area, &folder) {
                        let clusters = found.entry(cluster.account_region().clone()).or_default();
                        clusters.insert(cluster);
                    } else {
                        tracing::warn!(folder, "not a cluster's folder: ignored");
                    }
                }
            }
        }
    }
    Ok(found)
}

impl Neighbourhood {
    async fn list(
        store: &Store,
        settings: &Settings,
        place: &AccountRegion,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let prefixes = &settings.prefixes;
        let mut neighbourhood = Self::default();
        let first = Day::of(now).minus(settings.audit_period_days);
        for (partition, start_after) in prefixes.lake_listings(place, first, Day::of(now)) {
            let mut listing = store.list(&partition).start_after(start_after);
            while let Some(page) = listing.next_page().await? {
                for object in page.objects {
                    if let Some((cluster, day)) = prefixes.parse_lake(&object.key) {
                        let days = neighbourhood.lake.entry(cluster.name().to_owned()).or_default();
                        days.insert(day, object.modified);
                    }
                }
            }
        }
        let mut listing = store.list(prefixes.quarantine_in(place));
        while let Some(page) = listing.next_page().await? {
            for object in page.objects {
                if let Some(QuarantineKey {
                    cluster,
                    run,
                    day,
                    object,
                }) = prefixes.parse_quarantine(&object.key)
                    && object == QuarantineObject::Fault
                    && day >= first
                {
                    let days = neighbourhood.quarantined.entry(cluster.name().to_owned()).or_default();
                    days.insert((day, run));
                }
            }
        }
        Ok(neighbourhood)
    }
}

/// The audit of one cluster.
struct ClusterAudit<'a> {
    objects: ClusterObjects<'a>,
    settings: &'a Settings,
    now: DateTime<Utc>,
}

impl ClusterAudit<'_> {
    async fn run(&self, neighbourhood: &Neighbourhood, finding: &mut Finding) -> Result<(), StoreError> {
        let ClusterObjects { cluster, .. } = self.objects;
        let none_in_lake = BTreeMap::new();
        let none_quarantined = Quarantined::new();
        let lake = neighbourhood.lake.get(cluster.name()).unwrap_or(&none_in_lake);
        let quarantined = neighbourhood
            .quarantined
            .get(cluster.name())
            .unwrap_or(&none_quarantined);
        let staged = self.objects.staged().await?;

        finding.newest_inventory = staged.newest_inventory.map(|(_, written_at)| written_at);
        finding.silent = finding
            .newest_inventory
            .is_none_or(|written_at| self.now - written_at >= self.settings.silent_after);
        finding.quarantined = quarantined
            .iter()
            .filter(|(day, run)| !is_mended(*day, *run, lake, &staged))
            .map(|(date, run)| SetName { date: *date, run: *run })
            .collect();

        let states = self.day_states(lake, &staged, quarantined).await?;
        finding.stuck = self.stuck(&states).await?;
        if let Some((run, written_at)) = staged.newest_inventory {
            let is_collecting = self.now - written_at < self.settings.policy.in_flight;
            self.gaps(run, is_collecting, &states, finding).await?;
        }
        Ok(())
    }

    /// The state of each day of the audit's period that is staged or in the lake.
    async fn day_states(
        &self,
        lake: &BTreeMap<Day, DateTime<Utc>>,
        staged: &Staged,
        quarantined: &Quarantined,
    ) -> Result<BTreeMap<Day, DayState>, StoreError> {
        let first = Day::of(self.now).minus(self.settings.audit_period_days);
        let days: BTreeSet<Day> = staged
            .sets
            .keys()
            .chain(lake.keys())
            .copied()
            .filter(|day| *day >= first)
            .collect();
        let mut states = BTreeMap::new();
        for day in days {
            let in_lake = lake.get(&day).copied();
            let reads = self.settings.policy.retry_limit;
            let state = self.objects.day_state(day, in_lake, staged, quarantined, reads).await?;
            states.insert(day, state);
        }
        Ok(states)
    }

    /// Compares the newest inventory with what there is. While its run may still be collecting, what is missing is no
    /// gap yet.
    async fn gaps(
        &self,
        run: RunId,
        is_collecting: bool,
        states: &BTreeMap<Day, DayState>,
        finding: &mut Finding,
    ) -> Result<(), StoreError> {
        let available = match inventory::read(self.objects, run, self.now).await? {
            Ok(days) => days,
            Err(refusal) => {
                tracing::error!(cluster = %self.objects.cluster, %refusal, "an inventory is not believed");
                finding.refused = Some(refusal.to_string());
                return Ok(());
            }
        };
        if is_collecting {
            return Ok(());
        }
        let unknown = DayState::default();
        let policy = &self.settings.policy;
        let first = Day::of(self.now).minus(self.settings.audit_period_days);
        finding.gaps = available
            .into_iter()
            .filter(|day| *day >= first)
            .filter_map(|day| {
                let state = states.get(&day).unwrap_or(&unknown);
                report::gap(day, state.standing(self.now, policy))
            })
            .collect();
        Ok(())
    }

    /// Finds the sets that never became Parquet, and has them delivered again.
    async fn stuck(&self, states: &BTreeMap<Day, DayState>) -> Result<Vec<StuckSet>, StoreError> {
        let cluster = self.objects.cluster;
        let mut stuck = Vec::new();
        for (date, state) in states {
            let newest = state.attempts.iter().max_by_key(|attempt| attempt.run);
            let Some(newest) = newest.filter(|attempt| attempt.outcome == Outcome::Open) else {
                continue;
            };
            if self.now - newest.written_at < self.settings.policy.in_flight {
                continue;
            }
            if let Some(written_at) = state.in_lake {
                // Written after the set arrived: it is in there. Else only the object itself knows whose data it has.
                if written_at >= newest.written_at {
                    continue;
                }
                if self.objects.lake_run(*date).await?.is_some_and(|run| run >= newest.run) {
                    continue;
                }
                // The source had no data when it was asked again: the lake keeps what it has.
                if self.objects.is_empty(*date, newest.run).await? {
                    continue;
                }
            }
            let set = SetName {
                date: *date,
                run: newest.run,
            };
            let redelivered = self.redeliver(&set).await?;
            tracing::warn!(%cluster, date = %date, run = %set.run, redelivered, "a set never became Parquet");
            stuck.push(StuckSet { set, redelivered });
        }
        Ok(stuck)
    }

    /// Has a set delivered again, a bounded number of times: its manifest is written once more as it is, so that S3
    /// itself sends its event, by whatever way the bucket's events are configured to go.
    async fn redeliver(&self, set: &SetName) -> Result<bool, StoreError> {
        let ClusterObjects {
            store,
            prefixes,
            cluster,
        } = self.objects;
        let key = prefixes.manifest(cluster, &set.run, set.date);
        let Some(head) = store.head(&key).await? else {
            return Ok(false);
        };
        let before: u32 = head
            .metadata
            .get(REDELIVERED)
            .and_then(|count| count.parse().ok())
            .unwrap_or(0);
        if before >= self.settings.policy.retry_limit {
            return Ok(false);
        }
        redeliver(store, &key, before + 1).await
    }
}

/// Writes a manifest once more as it is, so that S3 sends its event again. `false` where there is no such manifest any
/// more.
///
/// # Errors
/// When S3 refuses or fails.
pub async fn redeliver(store: &Store, key: &str, count: u32) -> Result<bool, StoreError> {
    let Some(bytes) = store.get_bytes(key, documents::MAX_BYTES).await? else {
        return Ok(false);
    };
    let metadata = [(REDELIVERED, count.to_string())];
    store.put_json_with(key, bytes, &metadata).await.map(|()| true)
}

/// Whether a day in quarantine is in the lake after all, or was collected again by a later run.
fn is_mended(day: Day, run: RunId, lake: &BTreeMap<Day, DateTime<Utc>>, staged: &Staged) -> bool {
    let written = |staged: &Staged| {
        staged
            .sets_of(day)
            .iter()
            .find(|set| set.run == run)
            .map(|set| set.written_at)
    };
    let later_set = staged.sets_of(day).iter().any(|set| set.run > run);
    match (lake.get(&day), written(staged)) {
        (Some(in_lake), Some(set)) => *in_lake > set || later_set,
        (Some(_), None) => true,
        (None, _) => later_set,
    }
}
