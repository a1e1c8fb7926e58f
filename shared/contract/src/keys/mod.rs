//! The keys of the bucket's objects.
//!
//! Builders and parsers of the same keys stand side by side; property tests hold them together. No other code makes or
//! parses a key.

use std::fmt;

use crate::{
    cluster::{AccountRegion, ClusterId},
    day::Day,
    run::RunId,
};

mod prefixes;
#[cfg(test)]
mod tests;

pub use prefixes::{Area, PrefixError, Prefixes};

/// What an object below the staging prefix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StagingObject {
    /// The days that a run's source still has.
    Inventory,
    /// How a run ended.
    RunReport,
    /// A day's set is complete.
    Manifest(Day),
    /// One page of a day's allocation response, or its assets response.
    Part(Day),
}

/// A parsed key below the staging prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagingKey {
    /// The cluster that it belongs to.
    pub cluster: ClusterId,
    /// The run that wrote it.
    pub run: RunId,
    /// What it is.
    pub object: StagingObject,
}

/// What an object below the plans prefix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanObject {
    /// What the cluster's exporter is to collect.
    Plan,
    /// The cluster is gone.
    Retired,
}

/// What an object below the quarantine prefix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QuarantineObject {
    /// Why a run's day could not be converted.
    Fault,
    /// Why a run's day did not replace the fuller one in the lake.
    Thinner,
}

/// A parsed key below the quarantine prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineKey {
    /// The cluster that it belongs to.
    pub cluster: ClusterId,
    /// The run whose set it is about.
    pub run: RunId,
    /// The day.
    pub day: Day,
    /// What it is.
    pub object: QuarantineObject,
}

impl Prefixes {
    /// Everything that one cluster stages: the prefix that its parent role may write below.
    pub fn staging_of(&self, cluster: &ClusterId) -> String {
        format!("{}{cluster}/", self.of(Area::Staging))
    }

    /// Everything that one run stages.
    pub fn run(&self, cluster: &ClusterId, run: &RunId) -> String {
        format!("{}{cluster}/{run}/", self.of(Area::Staging))
    }

    /// `<run>/inventory.json`: the days that the source still has.
    pub fn inventory(&self, cluster: &ClusterId, run: &RunId) -> String {
        format!("{}{INVENTORY}", self.run(cluster, run))
    }

    /// `<run>/run.json`: how the run ended.
    pub fn run_report(&self, cluster: &ClusterId, run: &RunId) -> String {
        format!("{}{RUN_REPORT}", self.run(cluster, run))
    }

    /// Everything that one run stages for a day.
    pub fn set(&self, cluster: &ClusterId, run: &RunId, day: Day) -> String {
        format!("{}{day}/", self.run(cluster, run))
    }

    /// `<run>/<date>/allocation-NNNN.json.zst`: one page of the allocation response. The numbers of a day's parts rise
    /// from 1, also over repeated requests, so that no key is written twice.
    pub fn allocation_part(&self, cluster: &ClusterId, run: &RunId, day: Day, number: u32) -> String {
        format!("{}{ALLOCATION}{number:04}{PART}", self.set(cluster, run, day))
    }

    /// `<run>/<date>/assets-NNNN.json.zst`: the assets response, numbered as pages of allocations are.
    pub fn assets_part(&self, cluster: &ClusterId, run: &RunId, day: Day, number: u32) -> String {
        format!("{}{ASSETS}{number:04}{PART}", self.set(cluster, run, day))
    }

    /// `<run>/<date>/manifest.json`: written last; its arrival means that the day's set is complete.
    pub fn manifest(&self, cluster: &ClusterId, run: &RunId, day: Day) -> String {
        format!("{}{MANIFEST}", self.set(cluster, run, day))
    }

    /// `<cluster>/check.json`: what `exporter check` writes, to see whether it may. No program reads it, and it is no
    /// key of [`Prefixes::parse_staging`].
    pub fn check(&self, cluster: &ClusterId) -> String {
        format!("{}{CHECK}", self.staging_of(cluster))
    }

    /// `<cluster>/plan.json`: what the cluster's exporter is to collect.
    pub fn plan(&self, cluster: &ClusterId) -> String {
        format!("{}{cluster}/{PLAN}", self.of(Area::Plans))
    }

    /// `<cluster>/retired.json`: the cluster is gone. It is beside the plan, where no lifecycle rule deletes it.
    pub fn retired(&self, cluster: &ClusterId) -> String {
        format!("{}{cluster}/{RETIRED}", self.of(Area::Plans))
    }

    /// Parses a key below the plans prefix; `None` for anything that the product does not write there.
    pub fn parse_plan(&self, key: &str) -> Option<(ClusterId, PlanObject)> {
        let (cluster, name) = split_cluster(key.strip_prefix(self.of(Area::Plans))?)?;
        match name {
            PLAN => Some((cluster, PlanObject::Plan)),
            RETIRED => Some((cluster, PlanObject::Retired)),
            _ => None,
        }
    }

    /// The Hive partition of the days of a month, of all clusters of an account and region.
    fn partition_in(&self, table: Area, account_region: &AccountRegion, day: Day) -> String {
        format!("{}{}", self.of(table), LakePartition::of(account_region, day))
    }

    /// What to list to find the days from `first` to `last` in the lake, of all clusters of an account and region: each
    /// partition, and the key after which to begin. The last partition may have days after `last`, too.
    pub fn lake_listings(&self, account_region: &AccountRegion, first: Day, last: Day) -> Vec<(String, String)> {
        self.listings(Area::Lake, account_region, first, last)
    }

    /// As [`Prefixes::lake_listings`], of the table of assets.
    pub fn assets_listings(&self, account_region: &AccountRegion, first: Day, last: Day) -> Vec<(String, String)> {
        self.listings(Area::Assets, account_region, first, last)
    }

    fn listings(&self, table: Area, account_region: &AccountRegion, first: Day, last: Day) -> Vec<(String, String)> {
        let mut partitions: Vec<String> = Day::range(first, last)
            .map(|day| self.partition_in(table, account_region, day))
            .collect();
        partitions.dedup();
        // Names of objects begin with the date.
        let with_start = |partition| {
            let after = format!("{partition}{first}");
            (partition, after)
        };
        partitions.into_iter().map(with_start).collect()
    }

    /// The one Parquet object of a cluster's day.
    pub fn lake_object(&self, cluster: &ClusterId, day: Day) -> String {
        self.object(Area::Lake, cluster, day)
    }

    /// The one Parquet object of the assets of a cluster's day.
    pub fn assets_object(&self, cluster: &ClusterId, day: Day) -> String {
        self.object(Area::Assets, cluster, day)
    }

    fn object(&self, table: Area, cluster: &ClusterId, day: Day) -> String {
        format!(
            "{}{day}_{}{PARQUET}",
            self.partition_in(table, cluster.account_region(), day),
            cluster.name()
        )
    }

    /// Why a run's day could not be converted.
    pub fn quarantine(&self, cluster: &ClusterId, run: &RunId, day: Day) -> String {
        format!("{}{day}.json", self.quarantine_run(cluster, run))
    }

    /// `<run>/<date>.thinner.json`: why a run's day did not replace the fuller one in the lake.
    pub fn thinner(&self, cluster: &ClusterId, run: &RunId, day: Day) -> String {
        format!("{}{day}{THINNER}", self.quarantine_run(cluster, run))
    }

    /// All quarantined days of a run.
    pub fn quarantine_run(&self, cluster: &ClusterId, run: &RunId) -> String {
        format!("{}{run}/", self.quarantine_of(cluster))
    }

    /// All quarantined days of a cluster.
    pub fn quarantine_of(&self, cluster: &ClusterId) -> String {
        format!("{}{cluster}/", self.of(Area::Quarantine))
    }

    /// All quarantined days of all clusters of an account and region.
    pub fn quarantine_in(&self, account_region: &AccountRegion) -> String {
        format!("{}{account_region}/", self.of(Area::Quarantine))
    }

    /// The report of the newest scheduled audit.
    pub fn audit_report(&self) -> String {
        format!("{}audit.json", self.of(Area::Reports))
    }

    /// `<cluster>/state.json`: what the last audit knew of a cluster's days.
    pub fn cluster_state(&self, cluster: &ClusterId) -> String {
        format!("{}{cluster}/state.json", self.of(Area::Reports))
    }

    /// Parses the folder of a cluster below the prefix of staging, plans or quarantine; `None` for anything else.
    pub fn parse_cluster_folder(&self, area: Area, folder: &str) -> Option<ClusterId> {
        let (cluster, rest) = split_cluster(folder.strip_prefix(self.of(area))?)?;
        rest.is_empty().then_some(cluster)
    }

    /// Parses a key below the staging prefix; `None` for anything that the product does not write there.
    pub fn parse_staging(&self, key: &str) -> Option<StagingKey> {
        let (cluster, rest) = split_cluster(key.strip_prefix(self.of(Area::Staging))?)?;
        let (run, rest) = rest.split_once('/')?;
        let object = match rest.split_once('/') {
            None if rest == INVENTORY => StagingObject::Inventory,
            None if rest == RUN_REPORT => StagingObject::RunReport,
            None => return None,
            Some((day, name)) => {
                let day = day.parse().ok()?;
                if name == MANIFEST {
                    StagingObject::Manifest(day)
                } else if is_part(name) {
                    StagingObject::Part(day)
                } else {
                    return None;
                }
            }
        };
        Some(StagingKey {
            cluster,
            run: run.parse().ok()?,
            object,
        })
    }

    /// Parses the key of a cluster's day in the lake; `None` for anything else, such as a file whose date belongs to
    /// another partition.
    pub fn parse_lake(&self, key: &str) -> Option<(ClusterId, Day)> {
        self.parse_object(Area::Lake, key)
    }

    /// Parses the key of the assets of a cluster's day, as [`Prefixes::parse_lake`] does.
    pub fn parse_assets(&self, key: &str) -> Option<(ClusterId, Day)> {
        self.parse_object(Area::Assets, key)
    }

    fn parse_object(&self, table: Area, key: &str) -> Option<(ClusterId, Day)> {
        let rest = key.strip_prefix(self.of(table))?.strip_prefix("account_id=")?;
        let (account, rest) = rest.split_once("/region=")?;
        let (region, rest) = rest.split_once("/year=")?;
        let (_partition, name) = rest.rsplit_once('/')?;
        let (day, cluster) = name.strip_suffix(PARQUET)?.split_once('_')?;
        let cluster = ClusterId::new(account, region, cluster).ok()?;
        let day = day.parse().ok()?;
        (self.object(table, &cluster, day) == key).then_some((cluster, day))
    }

    /// Parses the folder of a Hive partition of a table, [`Area::Lake`] or [`Area::Assets`]; `None` for anything else.
    pub fn parse_partition(&self, table: Area, folder: &str) -> Option<LakePartition> {
        let path = folder.strip_prefix(self.of(table))?;
        let (account_id, rest) = path.strip_prefix("account_id=")?.split_once("/region=")?;
        let (region, rest) = rest.split_once("/year=")?;
        let (year, month) = rest.strip_suffix('/')?.split_once("/month=")?;
        let first: Day = format!("{year}-{month}-01").parse().ok()?;
        let partition = LakePartition::of(&AccountRegion::new(account_id, region).ok()?, first);
        (partition.to_string() == path).then_some(partition)
    }

    /// Parses the key of a quarantined day; `None` for anything else.
    pub fn parse_quarantine(&self, key: &str) -> Option<QuarantineKey> {
        let (cluster, rest) = split_cluster(key.strip_prefix(self.of(Area::Quarantine))?)?;
        let (run, name) = rest.split_once('/')?;
        let (day, object) = match name.strip_suffix(THINNER) {
            Some(day) => (day, QuarantineObject::Thinner),
            None => (name.strip_suffix(".json")?, QuarantineObject::Fault),
        };
        Some(QuarantineKey {
            cluster,
            run: run.parse().ok()?,
            day: day.parse().ok()?,
            object,
        })
    }
}

/// The metadata of the lake's objects that names the run whose data they have.
pub const RUN_METADATA: &str = "run";
const CHECK: &str = "check.json";
const PLAN: &str = "plan.json";
const RETIRED: &str = "retired.json";
const MANIFEST: &str = "manifest.json";
const RUN_REPORT: &str = "run.json";
const INVENTORY: &str = "inventory.json";
const PARQUET: &str = ".snappy.parquet";
const THINNER: &str = ".thinner.json";
const ALLOCATION: &str = "allocation-";
const ASSETS: &str = "assets-";
const PART: &str = ".json.zst";
/// The name of the assets in sets of older exporters.
const UNNUMBERED_ASSETS: &str = "assets.json.zst";

fn is_part(name: &str) -> bool {
    let is_number = |text: &str| text.parse().is_ok_and(|number: u32| format!("{number:04}") == text);
    name == UNNUMBERED_ASSETS
        || name
            .strip_suffix(PART)
            .and_then(|stem| stem.strip_prefix(ALLOCATION).or_else(|| stem.strip_prefix(ASSETS)))
            .is_some_and(is_number)
}

/// `<account>/<region>/<cluster>/<rest>`.
fn split_cluster(key: &str) -> Option<(ClusterId, &str)> {
    let mut segments = key.splitn(4, '/');
    let cluster = ClusterId::new(segments.next()?, segments.next()?, segments.next()?).ok()?;
    Some((cluster, segments.next()?))
}

/// Partition values of a key in the lake, or among the assets: what Glue knows a partition by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LakePartition {
    /// The account, 12 digits.
    pub account_id: String,
    /// The region.
    pub region: String,
    /// Four digits.
    pub year: String,
    /// Two digits.
    pub month: String,
}

impl LakePartition {
    /// The partition of a day, of all clusters of an account and region.
    pub fn of(account_region: &AccountRegion, day: Day) -> Self {
        let date = day.date();
        Self {
            account_id: account_region.account().to_owned(),
            region: account_region.region().to_owned(),
            year: date.format("%Y").to_string(),
            month: date.format("%m").to_string(),
        }
    }

    /// The values in the order of the table's partition keys: account_id, region, year, month.
    pub fn values(&self) -> [&str; 4] {
        [&self.account_id, &self.region, &self.year, &self.month]
    }
}

/// Formats as the partition's path below the table's prefix.
impl fmt::Display for LakePartition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            account_id,
            region,
            year,
            month,
        } = self;
        write!(
            formatter,
            "account_id={account_id}/region={region}/year={year}/month={month}/"
        )
    }
}
