//! What an audit has to report, from what the bucket has.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    audit::{AuditReport, Finding},
    cluster::ClusterId,
    day::Day,
    documents::{self, Inventory},
    keys::{StagingKey, StagingObject},
    record::LakeMetadata,
};

use crate::{
    bucket::Stored,
    judge::Judge,
    sets::{DaySets, Set},
};

/// A set younger than this is on its way, as with the default of `IN_FLIGHT_MINUTES`, with some minutes for the audit.
const IN_FLIGHT: TimeDelta = TimeDelta::minutes(60 + 5);

impl Judge {
    /// An audit has reported while nothing else wrote.
    pub(crate) fn audited(&self, clusters: &[ClusterId], began: DateTime<Utc>) {
        let Some(report) = self.report() else {
            return self.world.violation("there is no report after an audit".to_owned());
        };
        let first = Day::of(began).minus(report.period_days);
        for cluster in clusters {
            let finding = report
                .findings
                .iter()
                .find(|finding| finding.cluster == cluster.arn_or_id() || finding.cluster == cluster.to_string());
            self.gaps(cluster, began, first, finding);
            self.stuck(cluster, began, first, finding);
        }
    }

    pub(crate) fn report(&self) -> Option<AuditReport> {
        let stored = self.bucket.get(&self.prefixes.audit_report())?;
        documents::read(&stored.body).ok()
    }

    fn staged(&self, cluster: &ClusterId) -> Vec<(StagingKey, Stored)> {
        let below = self.bucket.below(&self.prefixes.staging_of(cluster));
        let parsed = below
            .into_iter()
            .filter_map(|(key, stored)| Some((self.prefixes.parse_staging(&key)?, stored)));
        parsed.collect()
    }

    /// Each day that the source was seen to have and the lake lacks is a gap, and no other.
    fn gaps(&self, cluster: &ClusterId, began: DateTime<Utc>, first: Day, finding: Option<&Finding>) {
        let staged = self.staged(cluster);
        let inventories = staged.iter().filter(|(key, _)| key.object == StagingObject::Inventory);
        let newest = inventories
            .clone()
            .filter(|(key, stored)| !key.run.is_ahead_of(stored.modified.max(began)))
            .max_by_key(|(key, _)| key.run);
        let inventory = newest.and_then(|(_, stored)| documents::read::<Inventory>(&stored.body).ok());
        let Some(inventory) = inventory else { return };
        if inventories
            .into_iter()
            .any(|(_, stored)| began - stored.modified < IN_FLIGHT)
        {
            // It is collecting.
            return;
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
        let gaps: Vec<Day> = finding.map_or(Vec::new(), |finding| finding.gaps.iter().map(|gap| gap.date).collect());
        for day in inventory.observed.unwrap_or_default() {
            let is_in_lake = self.bucket.get(&self.prefixes.lake_object(cluster, day)).is_some();
            let is_in_flight = written.get(&day).is_some_and(|modified| began - *modified < IN_FLIGHT);
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

    /// Each set that transform never handled and that may be better than what the lake has is stuck.
    fn stuck(&self, cluster: &ClusterId, began: DateTime<Utc>, first: Day, finding: Option<&Finding>) {
        let listed = finding.map_or(&[][..], |finding| &finding.stuck);
        for (day, sets) in self.sets.of_cluster(cluster) {
            if day < first || sets.is_running() {
                continue;
            }
            for set in sets.with_data() {
                let is_overdue = !set.is_open() && !set.is_handled && began - set.written_at >= IN_FLIGHT;
                let is_listed = listed
                    .iter()
                    .any(|stuck| (stuck.set.date, stuck.set.run) == (day, set.run));
                if is_overdue && !is_listed && self.may_be_better(cluster, day, set, &sets) {
                    self.world.violation(format!(
                        "the audit does not list the set of {day} of {cluster} by {}, which was never converted",
                        set.run
                    ));
                }
            }
        }
    }

    /// Whether a set that was never handled may be better than the lake's day, as far as anybody can know.
    fn may_be_better(&self, cluster: &ClusterId, day: Day, set: &Set, sets: &DaySets) -> bool {
        let prefixes = &self.prefixes;
        let is_reported = [
            prefixes.quarantine(cluster, &set.run, day),
            prefixes.thinner(cluster, &set.run, day),
        ];
        if is_reported.iter().any(|key| self.bucket.get(key).is_some()) {
            return false;
        }
        let Some(stored) = self.bucket.get(&prefixes.lake_object(cluster, day)) else {
            return true;
        };
        let LakeMetadata { run, record, .. } = LakeMetadata::of(&stored.metadata);
        let (Some(run), Some(record)) = (run, record) else {
            return false;
        };
        let is_clear = sets.get(run).is_some_and(|lake| !lake.is_open());
        let holds_more = || set.quantities.unwrap_or_default().exceeds(&record.best);
        is_clear && set.run != run && (set.run > run || holds_more())
    }
}
