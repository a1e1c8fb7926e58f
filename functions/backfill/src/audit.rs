//! The scheduled audit of all clusters: gaps, sets that never became Parquet, silent clusters. It writes no plan: a
//! plan is for a run that waits for it, and no run would read one written hours later.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    audit::{AuditReport, Finding, SetName, StuckSet},
    cluster::{AccountRegion, ClusterId},
    day::Day,
    documents,
    keys::{Area, Prefixes, QuarantineObject},
    run::RunId,
};
use futures_util::{StreamExt, stream};
use store::{Store, StoreError};

use crate::{
    inventory,
    policy::{Attempt, DayHistory, SetOutcome},
    report,
    settings::Settings,
    staged::{ClusterObjects, Quarantined, Staged},
};

/// The metadata of a manifest that counts how often audits redelivered it.
const REDELIVERED: &str = "redelivered";

/// Audits all clusters that have staged something or were ever given a plan. A cluster that cannot be audited is
/// reported and does not stop the others; it is an error if the clusters cannot be listed.
pub async fn audit(store: &Store, settings: &Settings, now: DateTime<Utc>) -> Result<AuditReport, StoreError> {
    let mut report = report::begin(now, settings.audit_period_days);
    for (account_region, clusters) in clusters(store, &settings.prefixes).await? {
        tracing::debug!(%account_region, clusters = clusters.len(), "auditing");
        let listing = AccountRegionListing::read(store, settings, &account_region, now).await;
        let listing = &listing;
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
                let audited = match listing {
                    Ok(listing) => audit
                        .run(listing, &mut finding)
                        .await
                        .map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                if let Err(error) = audited {
                    tracing::error!(%cluster, %error, "cluster could not be audited");
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

/// All clusters, by `account/region`: those with staged objects that have not expired, and those with a plan.
async fn clusters(
    store: &Store,
    prefixes: &Prefixes,
) -> Result<BTreeMap<AccountRegion, BTreeSet<ClusterId>>, StoreError> {
    let mut found: BTreeMap<AccountRegion, BTreeSet<ClusterId>> = BTreeMap::new();
    for area in [Area::Staging, Area::Plans] {
        for account in store.list(prefixes.of(area)).folders().prefixes().await? {
            for region in store.list(account).folders().prefixes().await? {
                for folder in store.list(region).folders().prefixes().await? {
                    if let Some(cluster) = prefixes.parse_cluster_folder(area, &folder) {
                        let clusters = found.entry(cluster.account_region().clone()).or_default();
                        clusters.insert(cluster);
                    } else {
                        tracing::warn!(folder, "ignored a folder that is not a cluster's");
                    }
                }
            }
        }
    }
    Ok(found)
}

/// What all clusters of one account and region have in the lake and in quarantine, listed once for all of them.
#[derive(Debug, Default)]
struct AccountRegionListing {
    /// When each cluster's objects were written, by cluster name and day.
    lake: HashMap<String, BTreeMap<Day, DateTime<Utc>>>,
    /// Each cluster's days in quarantine, by cluster name.
    quarantined: HashMap<String, Quarantined>,
}

impl AccountRegionListing {
    async fn read(
        store: &Store,
        settings: &Settings,
        account_region: &AccountRegion,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let prefixes = &settings.prefixes;
        let mut found = Self::default();
        let first = Day::of(now).minus(settings.audit_period_days);
        for (partition, start_after) in prefixes.lake_listings(account_region, first, Day::of(now)) {
            let mut listing = store.list(&partition).start_after(start_after);
            while let Some(page) = listing.next_page().await? {
                for object in page.objects {
                    if let Some((cluster, day)) = prefixes.parse_lake(&object.key) {
                        let days = found.lake.entry(cluster.name().to_owned()).or_default();
                        days.insert(day, object.modified);
                    }
                }
            }
        }
        let mut listing = store.list(prefixes.quarantine_in(account_region));
        while let Some(page) = listing.next_page().await? {
            for object in page.objects {
                if let Some(key) = prefixes.parse_quarantine(&object.key)
                    && key.object == QuarantineObject::Fault
                    && key.day >= first
                {
                    let days = found.quarantined.entry(key.cluster.name().to_owned()).or_default();
                    days.insert((key.day, key.run));
                }
            }
        }
        Ok(found)
    }
}

struct ClusterAudit<'a> {
    objects: ClusterObjects<'a>,
    settings: &'a Settings,
    now: DateTime<Utc>,
}

impl ClusterAudit<'_> {
    async fn run(&self, listing: &AccountRegionListing, finding: &mut Finding) -> Result<(), StoreError> {
        let name = self.objects.cluster.name();
        let (no_days, none_quarantined) = (BTreeMap::new(), Quarantined::new());
        let lake = listing.lake.get(name).unwrap_or(&no_days);
        let quarantined = listing.quarantined.get(name).unwrap_or(&none_quarantined);
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

        let histories = self.day_histories(lake, &staged, quarantined).await?;
        finding.stuck = self.stuck(&histories).await?;
        if let Some((run, written_at)) = staged.newest_inventory {
            let is_collecting = self.now - written_at < self.settings.policy.in_flight;
            self.gaps(run, is_collecting, &histories, finding).await?;
        }
        Ok(())
    }

    fn first_day(&self) -> Day {
        Day::of(self.now).minus(self.settings.audit_period_days)
    }

    /// The history of each day of the audit's period that is staged or in the lake.
    async fn day_histories(
        &self,
        lake: &BTreeMap<Day, DateTime<Utc>>,
        staged: &Staged,
        quarantined: &Quarantined,
    ) -> Result<BTreeMap<Day, DayHistory>, StoreError> {
        let days: BTreeSet<Day> = staged.sets.keys().chain(lake.keys()).copied().collect();
        let mut histories = BTreeMap::new();
        for day in days.into_iter().filter(|day| *day >= self.first_day()) {
            let in_lake = lake.get(&day).copied();
            let reads = self.settings.policy.retry_limit;
            let history = self.objects.day_history(day, in_lake, staged, quarantined, reads);
            histories.insert(day, history.await?);
        }
        Ok(histories)
    }

    /// Compares the newest inventory with what there is. While its run may still be collecting, a missing day is not
    /// yet a gap.
    async fn gaps(
        &self,
        run: RunId,
        is_collecting: bool,
        histories: &BTreeMap<Day, DayHistory>,
        finding: &mut Finding,
    ) -> Result<(), StoreError> {
        let available = match inventory::read(self.objects, run, self.now).await? {
            Ok(days) => days,
            Err(rejection) => {
                tracing::error!(cluster = %self.objects.cluster, %run, "inventory rejected: {rejection}");
                finding.refused = Some(rejection.to_string());
                return Ok(());
            }
        };
        if is_collecting {
            return Ok(());
        }
        let unknown = DayHistory::default();
        finding.gaps = available
            .into_iter()
            .filter(|day| *day >= self.first_day())
            .filter_map(|day| {
                let history = histories.get(&day).unwrap_or(&unknown);
                report::gap(day, history.status(self.now, &self.settings.policy))
            })
            .collect();
        Ok(())
    }

    /// Finds the sets that never became Parquet, and redelivers them.
    async fn stuck(&self, histories: &BTreeMap<Day, DayHistory>) -> Result<Vec<StuckSet>, StoreError> {
        let cluster = self.objects.cluster;
        let mut stuck = Vec::new();
        for (date, history) in histories {
            let Some(newest) = overdue(history, self.now, self.settings.policy.in_flight) else {
                continue;
            };
            if self.is_settled(*date, history.in_lake, newest).await? {
                continue;
            }
            let (date, run) = (*date, newest.run);
            let redelivered = self.redeliver(date, run).await?;
            if redelivered {
                tracing::warn!(%cluster, %date, %run, "set never became Parquet: redelivered");
            } else {
                tracing::error!(
                    %cluster, %date, %run,
                    "set never became Parquet: not redelivered, RETRY_LIMIT is reached or its manifest is gone"
                );
            }
            stuck.push(StuckSet {
                set: SetName { date, run },
                redelivered,
            });
        }
        Ok(stuck)
    }

    /// Whether the lake has the set's data, or rightly keeps other data.
    async fn is_settled(&self, date: Day, in_lake: Option<DateTime<Utc>>, set: &Attempt) -> Result<bool, StoreError> {
        let Some(in_lake) = in_lake else {
            return Ok(false);
        };
        // An object written after the set arrived has the set's data. Of an older one only its metadata names the run.
        Ok(in_lake >= set.written_at
            || self.objects.lake_run(date).await?.is_some_and(|run| run >= set.run)
            // A set without data replaces nothing.
            || self.objects.is_empty(date, set.run).await?)
    }

    /// Redelivers a set unless that was done `RETRY_LIMIT` times. Returns whether it did.
    async fn redeliver(&self, date: Day, run: RunId) -> Result<bool, StoreError> {
        let ClusterObjects {
            store,
            prefixes,
            cluster,
        } = self.objects;
        let key = prefixes.manifest(cluster, &run, date);
        let Some(head) = store.head(&key).await? else {
            return Ok(false);
        };
        let count: u32 = head
            .metadata
            .get(REDELIVERED)
            .and_then(|count| count.parse().ok())
            .unwrap_or(0);
        if count >= self.settings.policy.retry_limit {
            return Ok(false);
        }
        redeliver(store, &key, count + 1).await
    }
}

/// Writes a manifest again as it is, so that S3 itself sends its event, in whatever way the bucket's events are
/// configured. `false` if the manifest no longer exists.
pub async fn redeliver(store: &Store, key: &str, count: u32) -> Result<bool, StoreError> {
    let Some(bytes) = store.get_bytes(key, documents::MAX_BYTES).await? else {
        return Ok(false);
    };
    let metadata = [(REDELIVERED, count.to_string())];
    store.put_json_with(key, bytes, &metadata).await.map(|()| true)
}

/// The newest set of a day if transform should have converted it by now.
fn overdue(history: &DayHistory, now: DateTime<Utc>, in_flight: TimeDelta) -> Option<&Attempt> {
    history
        .newest()
        .filter(|newest| newest.outcome == SetOutcome::Unknown && now - newest.written_at >= in_flight)
}

/// Whether a day in quarantine is in the lake after all, or was collected again by a later run.
fn is_mended(day: Day, run: RunId, lake: &BTreeMap<Day, DateTime<Utc>>, staged: &Staged) -> bool {
    let sets = staged.sets_of(day);
    let set = sets.iter().find(|set| set.run == run);
    match (lake.get(&day), set) {
        // Its manifest has expired.
        (Some(_), None) => true,
        (Some(in_lake), Some(set)) if *in_lake > set.written_at => true,
        _ => sets.iter().any(|set| set.run > run),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staged::StagedSet;

    fn now() -> DateTime<Utc> {
        "2026-11-24T05:00:00Z".parse().unwrap()
    }

    fn hours_ago(hours: i64) -> DateTime<Utc> {
        now() - TimeDelta::hours(hours)
    }

    fn attempt(hours: i64, outcome: SetOutcome) -> Attempt {
        Attempt {
            run: RunId::new(hours_ago(hours)),
            written_at: hours_ago(hours),
            outcome,
        }
    }

    #[test]
    fn only_the_newest_set_can_be_overdue_and_only_if_nothing_is_wrong_with_it() {
        let old = attempt(9, SetOutcome::Unknown);
        let overdue_of = |attempts: &[Attempt]| {
            let history = DayHistory {
                in_lake: None,
                attempts: attempts.to_vec(),
            };
            overdue(&history, now(), TimeDelta::hours(1)).copied()
        };
        assert_eq!(overdue_of(&[]), None);
        assert_eq!(overdue_of(&[old]), Some(old));
        // Exactly as old as the limit.
        let due = attempt(1, SetOutcome::Unknown);
        assert_eq!(overdue_of(&[due, old]), Some(due));
        for newest in [
            attempt(0, SetOutcome::Unknown),
            attempt(5, SetOutcome::Empty),
            attempt(5, SetOutcome::Quarantined),
        ] {
            assert_eq!(overdue_of(&[old, newest]), None, "{newest:?}");
        }
    }

    #[test]
    fn a_quarantined_day_is_mended_by_a_newer_object_in_the_lake_or_by_a_later_set() {
        let day: Day = "2026-11-20".parse().unwrap();
        let [before, run, after] = [9, 8, 7].map(|hours| StagedSet {
            run: RunId::new(hours_ago(hours)),
            written_at: hours_ago(hours),
        });
        let is_mended = |in_lake: Option<i64>, sets: &[StagedSet]| {
            let lake = in_lake.map(|hours| (day, hours_ago(hours))).into_iter().collect();
            let staged = Staged {
                sets: BTreeMap::from([(day, sets.to_vec())]),
                ..Staged::default()
            };
            super::is_mended(day, run.run, &lake, &staged)
        };
        assert!(!is_mended(None, &[before, run]));
        assert!(is_mended(None, &[run, after]));
        assert!(is_mended(Some(7), &[run]));
        // The lake has the older run's data: what was quarantined is still missing from it.
        assert!(!is_mended(Some(8), &[before, run]));
        assert!(is_mended(Some(8), &[run, after]));
        // The staged set has expired: the lake has the day, or nothing is known to have mended it.
        assert!(is_mended(Some(9), &[]));
        assert!(!is_mended(None, &[before]));
    }
}
