//! What a simulation is judged by: the promises about days, sets and reports, from what the bucket has.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    audit::AuditReport,
    cluster::ClusterId,
    day::Day,
    documents::{self, Inventory, Manifest, PartKind},
    keys::{LakePartition, Prefixes, StagingKey, StagingObject},
    quantities::{Quantities, Tolerance},
    run::RunId,
};

use crate::{
    bucket::{Bucket, Stored, Written},
    catalog::SimulatedCatalog,
    lake::{self, run_of},
    source::Responses,
    world::World,
};

/// A set younger than this is on its way, as with the default of `IN_FLIGHT_MINUTES`.
const IN_FLIGHT: TimeDelta = TimeDelta::minutes(60);
/// After so many redeliveries a set is only reported, as with the default of `RETRY_LIMIT`.
const MOST_REDELIVERIES: &str = "3";

/// A set with data that is staged.
struct Set {
    run: RunId,
    quantities: Quantities,
    has_assets: bool,
    /// Whether it may be the day and need not: its run was ahead, or it was redelivered as often as that is done.
    is_open: bool,
}

pub(crate) struct Judge {
    pub(crate) world: World,
    pub(crate) bucket: Bucket,
    pub(crate) responses: Responses,
    pub(crate) prefixes: Prefixes,
    pub(crate) lake_catalog: Arc<SimulatedCatalog>,
    pub(crate) assets_catalog: Arc<SimulatedCatalog>,
}

fn tolerance() -> Tolerance {
    Tolerance::percent(10)
}

impl Judge {
    /// The sets with data of a cluster's day, oldest first.
    fn sets(&self, cluster: &ClusterId, day: Day) -> Vec<Set> {
        let manifests = self.staged(cluster).into_iter().filter_map(|(key, stored)| {
            (key.object == StagingObject::Manifest(day)).then_some(())?;
            let manifest: Manifest = documents::read(&stored.body).ok()?;
            let (run, redelivered) = (key.run, stored.metadata.get("redelivered"));
            // A run of the future is never a day.
            let counts = !manifest.parts.is_empty() && !run.is_ahead_of(World::now());
            counts.then(|| Set {
                run,
                quantities: manifest.facts.quantities.unwrap_or_default(),
                has_assets: manifest.parts.iter().any(|part| part.kind == PartKind::Assets),
                is_open: self.is_ahead(cluster, run) || redelivered.is_some_and(|count| count == MOST_REDELIVERIES),
            })
        });
        let mut sets: Vec<Set> = manifests.collect();
        sets.sort_by_key(|set| set.run);
        sets
    }

    /// Whether the run's clock was ahead when it began. Manifests are written again, inventories are not.
    fn is_ahead(&self, cluster: &ClusterId, run: RunId) -> bool {
        let inventory = self.bucket.get(&self.prefixes.inventory(cluster, &run));
        inventory.is_none_or(|inventory| run.is_ahead_of(inventory.modified))
    }

    fn staged(&self, cluster: &ClusterId) -> Vec<(StagingKey, Stored)> {
        let below = self.bucket.below(&self.prefixes.staging_of(cluster));
        let parsed = below
            .into_iter()
            .filter_map(|(key, stored)| Some((self.prefixes.parse_staging(&key)?, stored)));
        parsed.collect()
    }

    /// An object was written.
    pub(crate) fn written(&self, written: &Written) {
        let key = &written.key;
        if let Some((cluster, day)) = self.prefixes.parse_assets(key) {
            return lake::check(&self.world, &self.responses, written, cluster.name(), day, true);
        }
        let Some((cluster, day)) = self.prefixes.parse_lake(key) else {
            return;
        };
        lake::check(&self.world, &self.responses, written, cluster.name(), day, false);
        let sets = self.sets(&cluster, day);
        let find = |stored: &Stored| {
            let run = run_of(stored)?;
            sets.iter().find(|set| set.run == run)
        };
        let Some(now) = find(&written.now) else {
            return self.world.violation(format!("{key} is of no set that is staged"));
        };
        let Some(before) = written.before.as_ref().and_then(find) else {
            return;
        };
        if now.is_open || before.is_open {
            return;
        }
        if now.quantities.loss(&before.quantities, tolerance()).is_some() {
            self.world
                .violation(format!("{key}: a thinner set replaced a fuller one"));
        }
        let best = best(&sets);
        if now.run < before.run && before.quantities.loss(&best, tolerance()).is_none() {
            self.world
                .violation(format!("{key}: an older set replaced a newer one that lost nothing"));
        }
    }

    /// An audit has reported while nothing else wrote.
    pub(crate) fn audited(&self, clusters: &[ClusterId], began: DateTime<Utc>) {
        let Some(report) = self.report() else {
            return self.world.violation("there is no report after an audit".to_owned());
        };
        let first = Day::of(began).minus(report.period_days);
        for cluster in clusters {
            let staged = self.staged(cluster);
            let inventories = staged.iter().filter(|(key, _)| key.object == StagingObject::Inventory);
            let newest = inventories
                .filter(|(key, stored)| !key.run.is_ahead_of(stored.modified.max(began)))
                .max_by_key(|(key, _)| key.run);
            let Some((_, stored)) = newest else { continue };
            let Ok(inventory) = documents::read::<Inventory>(&stored.body) else {
                continue;
            };
            let is_collecting = staged.iter().any(|(key, stored)| {
                key.object == StagingObject::Inventory && began - stored.modified < IN_FLIGHT + TimeDelta::minutes(5)
            });
            if is_collecting {
                continue;
            }
            let written: BTreeMap<Day, DateTime<Utc>> = staged
                .iter()
                .filter_map(|(key, stored)| match key.object {
                    StagingObject::Manifest(day) => Some((day, stored.modified)),
                    _ => None,
                })
                .fold(BTreeMap::new(), |mut newest, (day, modified)| {
                    let known = newest.entry(day).or_insert(modified);
                    *known = modified.max(*known);
                    newest
                });
            let finding = report
                .findings
                .iter()
                .find(|finding| finding.cluster == cluster.arn_or_id() || finding.cluster == cluster.to_string());
            let gaps: Vec<Day> =
                finding.map_or(Vec::new(), |finding| finding.gaps.iter().map(|gap| gap.date).collect());
            for day in inventory.observed.unwrap_or_default() {
                let is_in_lake = self.bucket.get(&self.prefixes.lake_object(cluster, day)).is_some();
                let is_in_flight = written
                    .get(&day)
                    .is_some_and(|modified| began - *modified < IN_FLIGHT + TimeDelta::minutes(5));
                let is_expected = day >= first && !is_in_lake && !is_in_flight;
                if is_expected && !gaps.contains(&day) {
                    self.world
                        .violation(format!("the audit does not list the gap {day} of {cluster}"));
                }
                if is_in_lake && gaps.contains(&day) {
                    self.world
                        .violation(format!("the audit lists {day} of {cluster}, which is in the lake"));
                }
            }
        }
    }

    fn report(&self) -> Option<AuditReport> {
        let stored = self.bucket.get(&self.prefixes.audit_report())?;
        documents::read(&stored.body).ok()
    }

    /// Two days after the last fault: everything is there, and nothing is reported.
    pub(crate) fn end(&self, clusters: &[(ClusterId, Day)], last: Day) {
        for (cluster, first) in clusters {
            for day in Day::range(*first, last) {
                self.day(cluster, day);
            }
        }
        let Some(report) = self.report() else {
            return self.world.violation("there is no audit report".to_owned());
        };
        for (what, number) in [
            ("gaps", report.gap_days),
            ("uncollected days", report.uncollected_days),
            ("lost days", report.lost_days),
            ("days without their object of assets", report.assets_missing_days),
            ("clusters that could not be audited", report.failed_clusters),
        ] {
            if number > 0 {
                self.world.violation(format!("the last audit reports {number} {what}"));
            }
        }
    }

    fn day(&self, cluster: &ClusterId, day: Day) {
        let key = self.prefixes.lake_object(cluster, day);
        let Some(stored) = self.bucket.get(&key) else {
            return self
                .world
                .violation(format!("{key} is missing two days after the last fault"));
        };
        let partition = LakePartition::of(cluster.account_region(), day);
        if !self.lake_catalog.all().contains_key(&partition) {
            self.world.violation(format!("the catalog lacks {partition}"));
        }
        let sets = self.sets(cluster, day);
        let run = run_of(&stored);
        let expected: Vec<RunId> = [true, false]
            .into_iter()
            .filter_map(|with_open| newest_whole(&sets, with_open))
            .collect();
        if !run.is_some_and(|run| expected.contains(&run)) {
            let known: Vec<String> = sets
                .iter()
                .map(|set| {
                    format!(
                        "{} {:.0} minutes{}",
                        set.run,
                        set.quantities.minutes,
                        if set.is_open { ", open" } else { "" }
                    )
                })
                .collect();
            self.world.violation(format!(
                "{key} is {run:?}, and the newest set that lost nothing is {expected:?}, of {}",
                known.join("; ")
            ));
        }
        let Some(set) = run.and_then(|run| sets.iter().find(|set| set.run == run)) else {
            return;
        };
        let of_assets = self.bucket.get(&self.prefixes.assets_object(cluster, day));
        if set.has_assets && of_assets.as_ref().and_then(run_of) != run {
            self.world.violation(format!("{key} has not the assets of its own set"));
        }
        if of_assets.is_some() && !self.assets_catalog.all().contains_key(&partition) {
            self.world.violation(format!("the catalog of assets lacks {partition}"));
        }
    }
}

fn best(sets: &[Set]) -> Quantities {
    sets.iter()
        .map(|set| set.quantities)
        .fold(Quantities::default(), Quantities::max)
}

/// The newest set that lost nothing against the best of all.
fn newest_whole(sets: &[Set], with_open: bool) -> Option<RunId> {
    let counted: Vec<&Set> = sets.iter().filter(|set| with_open || !set.is_open).collect();
    let best = counted
        .iter()
        .map(|set| set.quantities)
        .fold(Quantities::default(), Quantities::max);
    let whole = counted
        .iter()
        .filter(|set| set.quantities.loss(&best, tolerance()).is_none());
    whole.map(|set| set.run).max()
}
