//! Where objects lie in the bucket.
//!
//! Builders and parsers of the same keys stand side by side; a property test holds them together. No other code makes
//! or reads a key.

use std::fmt;

use crate::{cluster::ClusterId, day::Day, run::RunId};

/// The prefixes of the bucket. Each ends with `/`; none contains another, so that an event's prefix filter is
/// unambiguous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    staging: String,
    plans: String,
    lake: String,
    quarantine: String,
    reports: String,
}

/// Names one of the bucket's prefixes; each has a setting of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Area {
    /// Raw responses, inventories and manifests.
    Staging,
    /// Plans of the backfill function.
    Plans,
    /// Parquet.
    Lake,
    /// Reasons why a day could not be converted.
    Quarantine,
    /// Reports of the scheduled audit.
    Reports,
}

impl Area {
    /// All areas.
    pub const ALL: [Self; 5] = [Self::Staging, Self::Plans, Self::Lake, Self::Quarantine, Self::Reports];

    /// The environment variable that sets the area's prefix.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Staging => "STAGING_PREFIX",
            Self::Plans => "PLANS_PREFIX",
            Self::Lake => "LAKE_PREFIX",
            Self::Quarantine => "QUARANTINE_PREFIX",
            Self::Reports => "REPORTS_PREFIX",
        }
    }

    /// The prefix where none is set.
    pub const fn default_prefix(self) -> &'static str {
        match self {
            Self::Staging => "staging/",
            Self::Plans => "plans/",
            Self::Lake => "lake/",
            Self::Quarantine => "quarantine/",
            Self::Reports => "reports/",
        }
    }
}

impl Default for Prefixes {
    fn default() -> Self {
        let prefix = |area: Area| area.default_prefix().to_owned();
        Self {
            staging: prefix(Area::Staging),
            plans: prefix(Area::Plans),
            lake: prefix(Area::Lake),
            quarantine: prefix(Area::Quarantine),
            reports: prefix(Area::Reports),
        }
    }
}

/// What an object below the staging prefix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StagingObject {
    /// The days that a run's source can answer for.
    Inventory,
    /// A day's set is complete.
    Manifest(Day),
    /// One page of a day's allocation response, or its assets response.
    Part(Day),
}

/// A key below the staging prefix, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagingKey {
    /// Whose it is.
    pub cluster: ClusterId,
    /// The run that wrote it.
    pub run: RunId,
    /// What it is.
    pub object: StagingObject,
}

impl Prefixes {
    /// Prefixes as configured: a trailing `/` is added where it lacks, an empty text keeps the default.
    ///
    /// # Errors
    /// All faults, each with its area: characters that keys should not have, or a prefix that contains another.
    pub fn new(configured: impl Fn(Area) -> Option<String>) -> Result<Self, Vec<(Area, PrefixError)>> {
        let mut faults = Vec::new();
        let mut read = |area: Area| {
            let text = configured(area).unwrap_or_default();
            let text = text.trim();
            if text.is_empty() {
                return area.default_prefix().to_owned();
            }
            let prefix = format!("{}/", text.trim_end_matches('/'));
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=".contains(&byte);
            if prefix.starts_with('/')
                || !prefix.bytes().all(plain)
                || prefix
                    .split('/')
                    .rev()
                    .skip(1)
                    .any(|segment| matches!(segment, "" | "." | ".."))
            {
                faults.push((area, PrefixError::Form(text.to_owned())));
            }
            prefix
        };
        let prefixes = Self {
            staging: read(Area::Staging),
            plans: read(Area::Plans),
            lake: read(Area::Lake),
            quarantine: read(Area::Quarantine),
            reports: read(Area::Reports),
        };
        for area in Area::ALL {
            for other in Area::ALL {
                if area != other && prefixes.of(area).starts_with(prefixes.of(other)) {
                    faults.push((area, PrefixError::Contained { other: other.setting() }));
                }
            }
        }
        if faults.is_empty() { Ok(prefixes) } else { Err(faults) }
    }

    /// The prefix of an area, with its trailing `/`.
    pub fn of(&self, area: Area) -> &str {
        match area {
            Area::Staging => &self.staging,
            Area::Plans => &self.plans,
            Area::Lake => &self.lake,
            Area::Quarantine => &self.quarantine,
            Area::Reports => &self.reports,
        }
    }

    /// Everything that one cluster stages: the prefix that its parent role may write below.
    pub fn staging_of(&self, cluster: &ClusterId) -> String {
        format!("{}{cluster}/", self.staging)
    }

    /// Everything that one run stages.
    pub fn run(&self, cluster: &ClusterId, run: &RunId) -> String {
        format!("{}{cluster}/{run}/", self.staging)
    }

    /// `<run>/inventory.json`: the days that the source can answer for.
    pub fn inventory(&self, cluster: &ClusterId, run: &RunId) -> String {
        format!("{}{INVENTORY}", self.run(cluster, run))
    }

    /// Everything that one run stages for a day.
    pub fn set(&self, cluster: &ClusterId, run: &RunId, day: Day) -> String {
        format!("{}{day}/", self.run(cluster, run))
    }

    /// `<run>/<date>/allocation-NNNN.json.zst`: one page of the allocation response, counted from 1.
    pub fn allocation_part(&self, cluster: &ClusterId, run: &RunId, day: Day, page: u32) -> String {
        format!("{}allocation-{page:04}{PART}", self.set(cluster, run, day))
    }

    /// `<run>/<date>/assets.json.zst`: the assets response.
    pub fn assets(&self, cluster: &ClusterId, run: &RunId, day: Day) -> String {
        format!("{}assets{PART}", self.set(cluster, run, day))
    }

    /// `<run>/<date>/manifest.json`: written last; its arrival means that the day's set is complete.
    pub fn manifest(&self, cluster: &ClusterId, run: &RunId, day: Day) -> String {
        format!("{}{MANIFEST}", self.set(cluster, run, day))
    }

    /// `<cluster>/plan.json`: what the cluster's exporter is to collect.
    pub fn plan(&self, cluster: &ClusterId) -> String {
        format!("{}{cluster}/plan.json", self.plans)
    }

    /// The Hive partition that contains a cluster's day.
    pub fn partition(&self, cluster: &ClusterId, day: Day) -> String {
        format!("{}{}", self.lake, Partition::of(cluster, day))
    }

    /// The one Parquet object of a cluster's day.
    pub fn lake_object(&self, cluster: &ClusterId, day: Day) -> String {
        format!("{}{day}_{}{PARQUET}", self.partition(cluster, day), cluster.name())
    }

    /// Why a run's day could not be converted.
    pub fn quarantine(&self, cluster: &ClusterId, run: &RunId, day: Day) -> String {
        format!("{}{day}.json", self.quarantine_run(cluster, run))
    }

    /// All quarantined days of a run.
    pub fn quarantine_run(&self, cluster: &ClusterId, run: &RunId) -> String {
        format!("{}{run}/", self.quarantine_of(cluster))
    }

    /// All quarantined days of a cluster.
    pub fn quarantine_of(&self, cluster: &ClusterId) -> String {
        format!("{}{cluster}/", self.quarantine)
    }

    /// The newest report of the scheduled audit.
    pub fn audit_report(&self) -> String {
        format!("{}audit.json", self.reports)
    }

    /// Reads a key below the staging prefix; `None` for anything that the product does not write there.
    pub fn parse_staging(&self, key: &str) -> Option<StagingKey> {
        let (cluster, rest) = split_cluster(key.strip_prefix(&self.staging)?)?;
        let (run, rest) = rest.split_once('/')?;
        let object = match rest.split_once('/') {
            None if rest == INVENTORY => StagingObject::Inventory,
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

    /// Reads the key of a cluster's day in the lake; `None` for anything else, among them a file whose date is in
    /// another partition.
    pub fn parse_lake(&self, key: &str) -> Option<(ClusterId, Day)> {
        let rest = key.strip_prefix(&self.lake)?.strip_prefix("account_id=")?;
        let (account, rest) = rest.split_once("/region=")?;
        let (region, rest) = rest.split_once("/year=")?;
        let (_partition, name) = rest.rsplit_once('/')?;
        let (day, cluster) = name.strip_suffix(PARQUET)?.split_once('_')?;
        let cluster = ClusterId::new(account, region, cluster).ok()?;
        let day = day.parse().ok()?;
        (self.lake_object(&cluster, day) == key).then_some((cluster, day))
    }

    /// Reads the folder of a Hive partition; `None` for anything else.
    pub fn parse_partition(&self, folder: &str) -> Option<Partition> {
        let path = folder.strip_prefix(&self.lake)?;
        let (account_id, rest) = path.strip_prefix("account_id=")?.split_once("/region=")?;
        let (region, rest) = rest.split_once("/year=")?;
        let (year, month) = rest.strip_suffix('/')?.split_once("/month=")?;
        let first: Day = format!("{year}-{month}-01").parse().ok()?;
        // The name is no part of a partition: any will do.
        let partition = Partition::of(&ClusterId::new(account_id, region, "any").ok()?, first);
        (partition.to_string() == path).then_some(partition)
    }

    /// Reads the key of a quarantined day.
    pub fn parse_quarantine(&self, key: &str) -> Option<(ClusterId, RunId, Day)> {
        let (cluster, rest) = split_cluster(key.strip_prefix(&self.quarantine)?)?;
        let (run, day) = rest.strip_suffix(".json")?.split_once('/')?;
        Some((cluster, run.parse().ok()?, day.parse().ok()?))
    }
}

/// The name of the document that completes a day's set.
pub const MANIFEST: &str = "manifest.json";
/// The name of the document that lists a source's days.
pub const INVENTORY: &str = "inventory.json";
/// The metadata of the lake's objects that names the run whose data they have.
pub const RUN_METADATA: &str = "run";
/// How the names of the lake's objects end.
pub const PARQUET: &str = ".snappy.parquet";
const PART: &str = ".json.zst";

fn is_part(name: &str) -> bool {
    name.strip_suffix(PART).is_some_and(|stem| {
        stem == "assets"
            || stem
                .strip_prefix("allocation-")
                .is_some_and(|page| page.len() >= 4 && page.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// `<account>/<region>/<cluster>/<rest>`.
fn split_cluster(key: &str) -> Option<(ClusterId, &str)> {
    let mut segments = key.splitn(4, '/');
    let cluster = ClusterId::new(segments.next()?, segments.next()?, segments.next()?).ok()?;
    Some((cluster, segments.next()?))
}

/// Partition values of a key in the lake: what Glue knows a partition by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    /// The cluster's account, 12 digits.
    pub account_id: String,
    /// The cluster's region.
    pub region: String,
    /// Four digits.
    pub year: String,
    /// Two digits.
    pub month: String,
}

impl Partition {
    /// The partition that contains a cluster's day.
    pub fn of(cluster: &ClusterId, day: Day) -> Self {
        let date = day.date();
        Self {
            account_id: cluster.account().to_owned(),
            region: cluster.region().to_owned(),
            year: date.format("%Y").to_string(),
            month: date.format("%m").to_string(),
        }
    }

    /// The values in the order of the table's partition keys: account_id, region, year, month.
    pub fn values(&self) -> [&str; 4] {
        [&self.account_id, &self.region, &self.year, &self.month]
    }
}

/// Reads as the partition's path below the lake prefix.
impl fmt::Display for Partition {
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

/// Why a prefix cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// Characters or segments that keys should not have.
    #[error("'{0}' is not a key prefix: use letters, digits, '-', '_', '.', '=' and '/', and no empty segment")]
    Form(String),
    /// Is within another area, whose events would also match this one.
    #[error("is within the prefix of {other}: choose prefixes that do not contain one another")]
    Contained {
        /// The setting of the containing prefix.
        other: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use proptest::prelude::*;

    fn cluster() -> impl Strategy<Value = ClusterId> {
        (
            "[0-9]{12}",
            "(us|eu|ap)-(east|south|central)-[1-9]",
            "[A-Za-z0-9][A-Za-z0-9_-]{0,99}",
        )
            .prop_map(|(account, region, name)| ClusterId::new(&account, &region, &name).unwrap())
    }

    fn day() -> impl Strategy<Value = Day> {
        (0_i64..4_000_000_000).prop_map(|seconds| Day::of(DateTime::from_timestamp(seconds, 0).unwrap()))
    }

    fn run() -> impl Strategy<Value = RunId> {
        (0_i64..4_000_000_000).prop_map(|seconds| RunId::new(DateTime::from_timestamp(seconds, 0).unwrap()))
    }

    proptest! {
        #[test]
        fn parsers_undo_builders(cluster in cluster(), day in day(), run in run(), page in 1_u32..20_000) {
            let prefixes = Prefixes::default();
            let staged = |object| Some(StagingKey { cluster: cluster.clone(), run, object });
            prop_assert_eq!(prefixes.parse_staging(&prefixes.inventory(&cluster, &run)), staged(StagingObject::Inventory));
            prop_assert_eq!(prefixes.parse_staging(&prefixes.manifest(&cluster, &run, day)), staged(StagingObject::Manifest(day)));
            prop_assert_eq!(prefixes.parse_staging(&prefixes.assets(&cluster, &run, day)), staged(StagingObject::Part(day)));
            prop_assert_eq!(prefixes.parse_staging(&prefixes.allocation_part(&cluster, &run, day, page)), staged(StagingObject::Part(day)));
            prop_assert_eq!(prefixes.parse_lake(&prefixes.lake_object(&cluster, day)), Some((cluster.clone(), day)));
            prop_assert_eq!(prefixes.parse_quarantine(&prefixes.quarantine(&cluster, &run, day)), Some((cluster.clone(), run, day)));
            let partition = Partition::of(&cluster, day);
            prop_assert_eq!(prefixes.parse_partition(&prefixes.partition(&cluster, day)), Some(partition));
        }

        #[test]
        fn no_key_is_read_that_would_not_be_written(key in "(staging|lake|quarantine|plans)/[a-z0-9=/._-]{0,80}") {
            let prefixes = Prefixes::default();
            prop_assert_eq!(prefixes.parse_staging(&key), None);
            prop_assert_eq!(prefixes.parse_lake(&key), None);
        }
    }

    #[test]
    fn keys_read_as_documented() {
        let prefixes = Prefixes::default();
        let cluster = ClusterId::new("111122223333", "us-east-1", "cluster-one").unwrap();
        let run = "019aaaaa-0000-7000-8000-000000000001".parse().unwrap();
        let day = "2026-11-20".parse().unwrap();
        insta::assert_snapshot!(
            [
                prefixes.inventory(&cluster, &run),
                prefixes.allocation_part(&cluster, &run, day, 1),
                prefixes.assets(&cluster, &run, day),
                prefixes.manifest(&cluster, &run, day),
                prefixes.plan(&cluster),
                prefixes.lake_object(&cluster, day),
                prefixes.quarantine(&cluster, &run, day),
                prefixes.audit_report(),
            ]
            .join("\n"),
            @r"
        staging/111122223333/us-east-1/cluster-one/019aaaaa-0000-7000-8000-000000000001/inventory.json
        staging/111122223333/us-east-1/cluster-one/019aaaaa-0000-7000-8000-000000000001/2026-11-20/allocation-0001.json.zst
        staging/111122223333/us-east-1/cluster-one/019aaaaa-0000-7000-8000-000000000001/2026-11-20/assets.json.zst
        staging/111122223333/us-east-1/cluster-one/019aaaaa-0000-7000-8000-000000000001/2026-11-20/manifest.json
        plans/111122223333/us-east-1/cluster-one/plan.json
        lake/account_id=111122223333/region=us-east-1/year=2026/month=11/2026-11-20_cluster-one.snappy.parquet
        quarantine/111122223333/us-east-1/cluster-one/019aaaaa-0000-7000-8000-000000000001/2026-11-20.json
        reports/audit.json
        "
        );
    }

    #[test]
    fn a_file_in_the_wrong_partition_is_not_a_day() {
        let key = "lake/account_id=111122223333/region=us-east-1/year=2026/month=10/2026-11-20_a.snappy.parquet";
        assert_eq!(Prefixes::default().parse_lake(key), None);
    }

    #[test]
    fn faulty_prefixes_are_reported_together() {
        let faults = Prefixes::new(|area| match area {
            Area::Staging => Some("lake/staging".to_owned()),
            Area::Plans => Some("a b".to_owned()),
            Area::Reports => Some("../up".to_owned()),
            _ => None,
        })
        .unwrap_err();
        let areas: Vec<Area> = faults.iter().map(|(area, _)| *area).collect();
        assert_eq!(areas, [Area::Plans, Area::Reports, Area::Staging]);
        let prefixes = Prefixes::new(|area| (area == Area::Lake).then(|| "finance/costs".to_owned())).unwrap();
        assert_eq!(prefixes.of(Area::Lake), "finance/costs/");
    }
}
