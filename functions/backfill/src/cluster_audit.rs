//! The audit of one cluster.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    audit::{
        AuditedCluster, ComputedTotals, Finding, Gap, ImprovableDay, LastRun, LostDay, PartialDay, SetName, StuckSet,
        ThinnerDay,
    },
    day::Day,
    documents::AssetsState,
    run::RunId,
    state::{ClusterState, ObjectVersion},
};
use seams::bugs::{Bug, is_planted};
use settings::rows::MOST_BACKFILL_DAYS;
use store::{Condition, StoreError};

use crate::{
    history::{Histories, Known},
    inventory::{self, Available},
    known, last_run,
    policy::{Availability, DayHistory, DayStatus, Programs},
    redelivery::{REDELIVERED, is_due, redeliver},
    settings::Settings,
    staged::{ClusterObjects, Quarantined, Staged},
};

pub(crate) struct ClusterAudit<'a> {
    pub(crate) objects: ClusterObjects<'a>,
    pub(crate) settings: &'a Settings,
    pub(crate) now: DateTime<Utc>,
    /// When the cluster's plan was last written; `None` if it was never given one.
    pub(crate) plan: Option<DateTime<Utc>>,
    /// When the cluster was marked as retired.
    pub(crate) retired: Option<DateTime<Utc>>,
    /// When the last complete audit began.
    pub(crate) previous: Option<DateTime<Utc>>,
}

/// What is known of a cluster before the lake is listed.
pub(crate) struct Begun {
    staged: Staged,
    /// What the newest inventory says; `None` where there is none, or where it is rejected.
    available: Option<Available>,
    state: ClusterState,
    /// Writes the state unless another audit has written it.
    condition: Condition,
    /// The oldest day that is audited.
    pub(crate) first_day: Day,
}

impl ClusterAudit<'_> {
    /// Reads what the cluster has staged and its state; `None` if it is retired.
    pub(crate) async fn begin(&self, finding: &mut Finding) -> Result<Option<Begun>, StoreError> {
        let staged = self.objects.staged().await?;
        if self.is_retired(&staged) {
            finding.retired = true;
            return Ok(None);
        }
        let (state, condition) = known::load(self.objects).await?;
        let available = self.available(&staged, finding).await?;
        Ok(Some(Begun {
            first_day: self.first_day(available.as_ref(), &state),
            staged,
            available,
            state,
            condition,
        }))
    }

    pub(crate) async fn run(
        &self,
        begun: Begun,
        lake: &BTreeMap<Day, ObjectVersion>,
        assets: &BTreeSet<Day>,
        quarantined: &Quarantined,
        finding: &mut Finding,
    ) -> Result<(), StoreError> {
        let Begun {
            staged,
            available,
            state: before,
            condition,
            first_day,
        } = begun;
        let mut state = before.clone();
        self.read(&mut state, lake, &staged, quarantined, first_day).await?;
        let last_run = last_run::read(self.objects, &staged, state.last_run.as_ref()).await?;
        state.last_run = last_run.clone().filter(|run| run.outcome.is_some());
        finding.audited = self.in_short(lake, last_run);

        let known = Known {
            state: &state,
            staged: &staged,
            quarantined,
            now: self.now,
        };
        let programs = known.programs(available.as_ref().and_then(|available| available.producer.clone()));
        let histories = self.histories(&known, available.as_ref(), first_day);
        finding.quarantined = known
            .quarantined(&histories)
            .into_iter()
            .map(|(date, run)| SetName { date, run })
            .collect();
        finding.stuck = self.redeliver_stuck(&histories).await?;
        finding.assets_missing = self.redeliver_without_assets(&state, assets).await?;
        self.improvable_days(&state, available.as_ref(), &histories, &programs, finding);
        let is_collecting = staged
            .newest_inventory
            .is_some_and(|(_, written_at)| self.now - written_at < self.settings.policy.in_flight);
        if available.is_some() && !is_collecting {
            self.missing_days(&histories, &programs, finding);
        }
        if available.is_some() {
            self.remember_gaps(&mut state, is_collecting, &histories);
        }
        finding.lost = self.lost_days(&state);
        self.silence(&mut state, finding);
        self.failure(&mut state, finding);
        if state != before {
            let key = self.objects.prefixes.cluster_state(self.objects.cluster);
            if !self.objects.store.put_document_if(&key, &state, &condition).await? {
                tracing::warn!(
                    cluster = %self.objects.cluster,
                    "state document not written: another audit has written it in the meantime"
                );
            }
        }
        Ok(())
    }

    /// Whether someone marked the cluster as gone, and it has sent no inventory since. Each inventory leads to a plan,
    /// which does not expire.
    fn is_retired(&self, staged: &Staged) -> bool {
        let inventory = staged.newest_inventory.map(|(_, written_at)| written_at);
        self.retired
            .is_some_and(|retired| retired >= self.plan.max(inventory).unwrap_or(retired))
    }

    /// `AUDIT_PERIOD_DAYS` ago, or earlier: where the source has older days, and where it had days that the lake lacks.
    /// A day that is lost is reported for `AUDIT_PERIOD_DAYS`.
    fn first_day(&self, available: Option<&Available>, state: &ClusterState) -> Day {
        let today = Day::of(self.now);
        let period = self.settings.audit_period_days;
        let in_period = today.minus(period);
        let Some(available) = available else {
            return in_period;
        };
        let is_reported = |lost: &Day| {
            let found_at = state.lost.get(lost);
            found_at.is_none_or(|found_at| self.now - *found_at <= TimeDelta::days(period.into()))
        };
        let gap = state.gaps.iter().copied().find(is_reported);
        let oldest = available.days().next().into_iter().chain(gap).chain([in_period]).min();
        oldest
            .unwrap_or(in_period)
            .max(today.minus(MOST_BACKFILL_DAYS.max(period)))
    }

    /// Brings the state up to date with what was listed.
    async fn read(
        &self,
        state: &mut ClusterState,
        lake: &BTreeMap<Day, ObjectVersion>,
        staged: &Staged,
        quarantined: &Quarantined,
        first_day: Day,
    ) -> Result<(), StoreError> {
        let unknown = known::unknown_lake_objects(state, lake);
        known::read_lake_objects(self.objects, state, unknown, self.now).await?;
        let (now, restate_age) = (self.now, self.settings.policy.restate_age);
        let is_young = |day: Day| now - day.end() < restate_age;
        let unknown = known::unknown_sets(state, staged, quarantined, |day| day >= first_day, is_young);
        known::read_sets(self.objects, state, unknown).await
    }

    /// What the newest inventory says; `None` where there is none, or where it is rejected.
    async fn available(&self, staged: &Staged, finding: &mut Finding) -> Result<Option<Available>, StoreError> {
        let Some((run, written_at)) = staged.newest_inventory else {
            return Ok(None);
        };
        finding.newest_inventory = Some(written_at);
        match inventory::read(self.objects, run, self.now).await? {
            Ok(available) => {
                finding.unlisted.clone_from(&available.unlisted);
                Ok(Some(available))
            }
            Err(rejection) => {
                tracing::error!(cluster = %self.objects.cluster, %run, "inventory rejected: {rejection}");
                finding.refused = Some(rejection.to_string());
                Ok(None)
            }
        }
    }

    fn histories(&self, known: &Known<'_>, available: Option<&Available>, first_day: Day) -> Histories {
        let mut days: BTreeSet<Day> = known.staged.sets.keys().copied().collect();
        days.extend(known.state.lake.keys());
        days.extend(known.state.gaps.iter());
        days.extend(known.state.lost.keys());
        days.extend(available.into_iter().flat_map(Available::days));
        let wanted = days.into_iter().filter(|day| *day >= first_day);
        let histories = wanted.map(|day| {
            // Without an inventory nothing is known to be out of reach.
            let availability = available.map_or(Availability::Assumed, |available| available.of(day));
            (day, known.day_history(day, availability))
        });
        histories.collect()
    }

    /// The days that the lake lacks. While a run may still be collecting, a missing day is not yet a gap.
    fn missing_days(&self, histories: &Histories, programs: &Programs, finding: &mut Finding) {
        for (date, history) in histories {
            match history.status(self.now, &self.settings.policy) {
                DayStatus::Missing if is_planted(Bug::TriedGapUnreported) && !history.attempts.is_empty() => {}
                DayStatus::Missing => finding.gaps.push(Gap {
                    date: *date,
                    next_attempt: history.next_attempt(self.now, programs),
                }),
                DayStatus::Uncollected => finding.uncollected.push(*date),
                DayStatus::Present | DayStatus::InFlight | DayStatus::Lost | DayStatus::NoData => {}
            }
        }
    }

    /// Remembers which days the source had and the lake lacks, and which of them are lost.
    fn remember_gaps(&self, state: &mut ClusterState, is_collecting: bool, histories: &Histories) {
        let status = |history: &DayHistory| history.status(self.now, &self.settings.policy);
        let gaps = histories.iter().filter(|(_, history)| match status(history) {
            DayStatus::Missing if is_collecting => history.known_gap,
            DayStatus::Missing => history.availability == Availability::Observed || history.known_gap,
            DayStatus::InFlight => history.known_gap,
            // Still known, so that it stays lost.
            DayStatus::Lost => history.known_gap,
            DayStatus::Present | DayStatus::Uncollected | DayStatus::NoData => false,
        });
        state.gaps = gaps.map(|(day, _)| *day).collect();
        let lost = histories
            .iter()
            .filter(|(_, history)| status(history) == DayStatus::Lost);
        state.lost = lost
            .map(|(day, _)| (*day, state.lost.get(day).copied().unwrap_or(self.now)))
            .collect();
    }

    fn is_new(&self, found_at: DateTime<Utc>) -> bool {
        self.previous.is_none_or(|previous| found_at > previous)
    }

    fn lost_days(&self, state: &ClusterState) -> Vec<LostDay> {
        let lost = state.lost.iter().map(|(date, found_at)| LostDay {
            date: *date,
            found_at: *found_at,
            new: self.is_new(*found_at),
        });
        let lost: Vec<LostDay> = lost.collect();
        for LostDay { date, .. } in lost.iter().filter(|lost| lost.new) {
            tracing::error!(
                cluster = %self.objects.cluster, %date,
                "day lost: the source had it and no longer has it, and it is not in the lake"
            );
        }
        lost
    }

    /// A cluster that was given a plan and sends no inventory is silent. One that was only ever collected by hand never
    /// sent any.
    fn silence(&self, state: &mut ClusterState, finding: &mut Finding) {
        finding.silent = match finding.newest_inventory {
            Some(written_at) => self.now - written_at >= self.settings.silent_after,
            None => self.plan.is_some(),
        };
        state.silent_since = finding.silent.then(|| state.silent_since.unwrap_or(self.now));
        finding.newly_silent = state.silent_since.is_some_and(|since| self.is_new(since));
        if finding.newly_silent {
            tracing::error!(
                cluster = %self.objects.cluster, newest_inventory = ?finding.newest_inventory,
                "cluster is silent: no inventory for SILENT_HOURS"
            );
        }
    }

    /// Coverage and the last run. Clusters that cannot be audited have neither.
    fn in_short(&self, lake: &BTreeMap<Day, ObjectVersion>, last_run: Option<LastRun>) -> AuditedCluster {
        AuditedCluster {
            cluster: self.objects.cluster.arn_or_id(),
            days: u64::try_from(lake.len()).unwrap_or(u64::MAX),
            first_day: lake.keys().next().copied(),
            last_day: lake.keys().next_back().copied(),
            last_run,
        }
    }

    /// A cluster whose last run collected nothing is named in each audit, and counted as new by the first.
    fn failure(&self, state: &mut ClusterState, finding: &mut Finding) {
        let failing = finding.audited.last_run.clone().filter(LastRun::has_failed);
        state.failing_since = failing.is_some().then(|| state.failing_since.unwrap_or(self.now));
        finding.newly_failing = state.failing_since.is_some_and(|since| self.is_new(since));
        if let Some(run) = &failing {
            let error = run.error.as_ref();
            tracing::error!(
                cluster = %self.objects.cluster, run = %run.run, version = run.producer, new = finding.newly_failing,
                class = error.map(|error| error.class.to_string()), error = error.map(|error| &error.message),
                "the cluster's last run failed: it collected nothing"
            );
        }
        finding.failing = failing;
    }

    /// The days of the lake that a later set may improve, and what else their records say.
    fn improvable_days(
        &self,
        state: &ClusterState,
        available: Option<&Available>,
        histories: &Histories,
        programs: &Programs,
        finding: &mut Finding,
    ) {
        for (date, history) in histories {
            let Some(lake) = state.lake.get(date) else {
                continue;
            };
            let day = ImprovableDay {
                date: *date,
                collected_again: available.is_some() && history.availability != Availability::OutOfReach,
                next_attempt: history.next_attempt(self.now, programs),
            };
            for thinner in history.thinner() {
                let content = known::content(state, *date, thinner.run);
                finding.thinner.push(ThinnerDay {
                    day,
                    run: thinner.run,
                    message: content.and_then(|content| content.thinner.clone()).unwrap_or_default(),
                });
            }
            let Some(record) = &lake.record else {
                continue;
            };
            if !record.partial.is_empty() {
                finding.partial.push(PartialDay {
                    day,
                    share: record.share,
                    reasons: record.partial.clone(),
                    confirmed: has_same_share_twice(state, *date, record.share),
                });
            }
            if record.assets == AssetsState::Unavailable {
                finding.assets_unavailable.push(day);
            }
            if record.computed_totals > 0 {
                finding.computed_totals.push(ComputedTotals {
                    date: *date,
                    rows: record.computed_totals,
                });
            }
        }
        confirm_by_others(&mut finding.partial);
    }

    /// Redelivers the sets that never became Parquet.
    async fn redeliver_stuck(&self, histories: &Histories) -> Result<Vec<StuckSet>, StoreError> {
        let cluster = self.objects.cluster;
        let mut stuck = Vec::new();
        for (date, history) in histories {
            for set in history.overdue(self.now, &self.settings.policy) {
                if is_planted(Bug::StuckNotRedelivered) {
                    continue;
                }
                let (date, run) = (*date, set.run);
                let is_newest = history.newest().is_some_and(|newest| newest.run == run);
                if is_planted(Bug::OnlyNewestRedelivered) && !is_newest {
                    continue;
                }
                let redelivered = self.redeliver(date, run).await?;
                if redelivered {
                    tracing::warn!(%cluster, %date, %run, "set never became Parquet: redelivered");
                } else {
                    tracing::error!(
                        %cluster, %date, %run,
                        "set never became Parquet: not redelivered now, since RETRY_LIMIT is reached, but once a day; or its manifest is gone"
                    );
                }
                stuck.push(StuckSet {
                    set: SetName { date, run },
                    redelivered,
                });
            }
        }
        Ok(stuck)
    }

    /// Redelivers the sets that are days of the lake and whose objects in the table of assets are missing. Days from
    /// before there was that table say nothing of such an object.
    async fn redeliver_without_assets(
        &self,
        state: &ClusterState,
        assets: &BTreeSet<Day>,
    ) -> Result<Vec<StuckSet>, StoreError> {
        let cluster = self.objects.cluster;
        let mut missing = Vec::new();
        for (date, object) in &state.lake {
            let scope = object.record.as_ref().and_then(|record| record.asset_scope);
            let is_there = assets.contains(date) || is_planted(Bug::MissingAssetsIgnored);
            let (Some(run), Some(_), false) = (object.run, scope, is_there) else {
                continue;
            };
            let redelivered = self.redeliver(*date, run).await?;
            if redelivered {
                tracing::warn!(%cluster, %date, %run, "the day's assets are missing: set redelivered");
            } else {
                tracing::error!(
                    %cluster, %date, %run,
                    "the day's assets are missing: not redelivered now, since RETRY_LIMIT is reached, but once a day; or its manifest is gone"
                );
            }
            missing.push(StuckSet {
                set: SetName { date: *date, run },
                redelivered,
            });
        }
        Ok(missing)
    }

    /// Redelivers a set if that is due. Returns whether it did.
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
        let age = self.now - head.modified.unwrap_or(self.now);
        if !is_due(count, age, self.settings.policy.retry_limit) {
            return Ok(false);
        }
        redeliver(store, &key, count.saturating_add(1)).await
    }
}

/// How far two observed shares of one day may differ and still count as the same, and of different days.
const SAME_SHARE: f64 = 0.02;
const SIMILAR_SHARE: f64 = 0.05;

fn are_close(one: Option<f64>, other: Option<f64>, difference: f64) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() <= difference,
        (one, other) => one == other,
    }
}

/// Whether two sets of a day are partial with the share that the lake has: the source observes no more of it.
fn has_same_share_twice(state: &ClusterState, day: Day, share: Option<f64>) -> bool {
    let sets = state.sets.get(&day).into_iter().flat_map(BTreeMap::values);
    sets.filter(|set| !set.partial.is_empty() && are_close(set.share, share, SAME_SHARE))
        .count()
        >= 2
}

/// A cluster that is scaled to zero every night has partial days all the time. Two confirmed days confirm others of a
/// similar share for the same reasons.
fn confirm_by_others(days: &mut [PartialDay]) {
    let confirmed: Vec<PartialDay> = days.iter().filter(|day| day.confirmed).cloned().collect();
    for day in days.iter_mut() {
        let similar = confirmed
            .iter()
            .filter(|other| other.reasons == day.reasons && are_close(other.share, day.share, SIMILAR_SHARE));
        day.confirmed |= similar.count() >= 2;
    }
}

#[cfg(test)]
mod tests;
