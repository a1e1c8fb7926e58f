//! What a simulation is judged by: the promises about days and sets, from what the bucket has.

use std::sync::Arc;

use contract::{
    cluster::ClusterId,
    day::Day,
    keys::{LakePartition, Prefixes, StagingObject},
    run::RunId,
};

use crate::{
    bucket::{Bucket, Stored, Written},
    catalog::SimulatedCatalog,
    lake::{self, run_of},
    responses::Responses,
    sets::{DaySets, Set, Sets, best, newest_whole, tolerance},
    world::World,
};

pub(crate) struct Judge {
    pub(crate) world: World,
    pub(crate) bucket: Bucket,
    pub(crate) sets: Sets,
    pub(crate) responses: Responses,
    pub(crate) prefixes: Prefixes,
    pub(crate) lake_catalog: Arc<SimulatedCatalog>,
    pub(crate) assets_catalog: Arc<SimulatedCatalog>,
}

impl Judge {
    /// The set that a manifest completes.
    fn set_of(&self, key: &str) -> Option<(ClusterId, Day, RunId)> {
        let staged = self.prefixes.parse_staging(key)?;
        match staged.object {
            StagingObject::Manifest(day) => Some((staged.cluster, day, staged.run)),
            _ => None,
        }
    }

    /// A function is given an object's event.
    pub(crate) fn begins(&self, key: &str) {
        if let Some((cluster, day, run)) = self.set_of(key) {
            self.sets.begins(&cluster, day, run);
        }
    }

    /// A function and its retries have ended.
    pub(crate) fn ends(&self, key: &str, is_handled: bool) {
        if let Some((cluster, day, run)) = self.set_of(key) {
            self.sets.ends(&cluster, day, run, is_handled);
            self.settled(&cluster, day);
        }
    }

    /// Somebody deletes an object of a table.
    pub(crate) fn deletes(&self, key: &str) {
        if let Some((cluster, day)) = self.prefixes.parse_lake(key) {
            self.sets.deleted(cluster, day);
        }
        self.bucket.remove(key);
    }

    /// An object was written.
    pub(crate) fn written(&self, written: &Written) {
        let key = &written.key;
        if let Some((cluster, day, run)) = self.set_of(key) {
            self.sets.staged(cluster, day, run, written);
        } else if let Some((cluster, day)) = self.prefixes.parse_assets(key) {
            lake::check(&self.world, &self.responses, written, cluster.name(), day, true);
            self.settled(&cluster, day);
        } else if let Some((cluster, day)) = self.prefixes.parse_lake(key) {
            lake::check(&self.world, &self.responses, written, cluster.name(), day, false);
            self.replaced(&cluster, day, written);
            self.settled(&cluster, day);
        }
    }

    /// No write of a day makes it worse.
    fn replaced(&self, cluster: &ClusterId, day: Day, written: &Written) {
        let key = &written.key;
        let sets = self.sets.of(cluster, day);
        let sets = sets.with_data();
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
        let (Some(is), Some(was)) = (now.quantities, before.quantities) else {
            return;
        };
        if now.is_open() || before.is_open() {
            return;
        }
        if is.loss(&was, tolerance()).is_some() {
            self.world
                .violation(format!("{key}: a thinner set replaced a fuller one"));
        }
        if now.run < before.run && was.loss(&best(&sets), tolerance()).is_none() {
            self.world
                .violation(format!("{key}: an older set replaced a newer one that lost nothing"));
        }
    }

    /// When nothing of a day is on its way, it is the newest whole one of the sets that transform has handled, in
    /// whatever order they came, and its assets are its own.
    fn settled(&self, cluster: &ClusterId, day: Day) {
        let sets = self.sets.of(cluster, day);
        if !sets.is_settled() || !self.is_well_read(cluster, day, &sets) {
            return;
        }
        let key = self.prefixes.lake_object(cluster, day);
        let lake = self.bucket.get(&key).as_ref().and_then(run_of);
        let with_data = sets.with_data();
        let handled: Vec<&Set> = with_data
            .into_iter()
            .filter(|set| set.is_handled || lake == Some(set.run))
            .collect();
        let expected = newest_whole(&handled);
        if expected.is_some() && lake != expected {
            self.world.violation(format!(
                "{key} is {lake:?}, and the newest set that was handled and lost nothing is {expected:?}, of {}",
                listed(&handled)
            ));
        }
        let assets = self.bucket.get(&self.prefixes.assets_object(cluster, day));
        let Some((run, assets)) = lake.zip(assets) else {
            return;
        };
        if sets.get(run).is_some_and(|set| set.has_assets) && run_of(&assets) != lake {
            self.world
                .violation(format!("{key} is {run}, and its assets are {:?}", run_of(&assets)));
        }
    }

    /// Whether no bad read kept a set of the day from being converted. One that is not judged may be quarantined, too.
    fn is_well_read(&self, cluster: &ClusterId, day: Day, sets: &DaySets) -> bool {
        sets.with_data().iter().all(|set| {
            let is_excused = set.is_open() && self.is_quarantined(cluster, day, set);
            !is_excused && !self.may_be_given_up(cluster, day, set)
        })
    }

    /// Whether a set was read badly so often that it may be quarantined: at the second time.
    fn may_be_given_up(&self, cluster: &ClusterId, day: Day, set: &Set) -> bool {
        self.world.bad_reads(&self.prefixes.set(cluster, &set.run, day)) >= 2
    }

    fn is_quarantined(&self, cluster: &ClusterId, day: Day, set: &Set) -> bool {
        let key = self.prefixes.quarantine(cluster, &set.run, day);
        self.bucket.get(&key).is_some()
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
        let sets = self.sets.of(cluster, day);
        let run = run_of(&stored);
        let all = sets.with_data();
        let sure: Vec<&Set> = all
            .iter()
            .copied()
            .filter(|set| !set.is_open() && !self.is_quarantined(cluster, day, set))
            .collect();
        for set in all.iter().filter(|set| !set.is_open()) {
            if self.is_quarantined(cluster, day, set) && !self.may_be_given_up(cluster, day, set) {
                self.world.violation(format!(
                    "{key}: the set of {} was quarantined after fewer than two bad reads",
                    set.run
                ));
            }
        }
        let expected = [newest_whole(&all), newest_whole(&sure)];
        let is_expected = expected.contains(&run) || expected.contains(&None);
        if run.is_none() || !is_expected {
            self.world.violation(format!(
                "{key} is {run:?}, and the newest set that lost nothing is {expected:?}, of {}",
                listed(&all)
            ));
        }
        let Some(set) = run.and_then(|run| sets.get(run)) else {
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

/// Sets for people.
fn listed(sets: &[&Set]) -> String {
    let name = |set: &&Set| {
        let quantities = set.quantities.unwrap_or_default();
        format!(
            "{} {:.0} minutes, {:.2} core-hours, {:.1} GiB-hours{}",
            set.run,
            quantities.minutes,
            quantities.core_hours,
            quantities.ram_byte_hours / f64::from(1 << 30),
            if set.is_open() { ", open" } else { "" }
        )
    };
    sets.iter().map(name).collect::<Vec<_>>().join("; ")
}
