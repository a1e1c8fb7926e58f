//! The state of a lake: which clusters and days it has, and what is missing or wrong.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    cluster::ClusterId,
    coverage::PartialReason,
    currency,
    day::Day,
    documents::AssetsState,
    keys::{Area, Prefixes, QuarantineObject, RUN_METADATA},
    record::{DayRecord, LakeMetadata, footer},
    run::RunId,
};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    file::{Footer, parquet_error},
    lake::{Lake, LakeError},
    namespaces::{self, NamespaceCosts},
    results::columns,
    table::{Cell, Table},
    units::moment,
};

/// How many objects are asked for at the same time.
const CONCURRENCY: usize = 16;

/// A cluster's part of the lake.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClusterStatus {
    /// Its days.
    pub days: BTreeSet<Day>,
    /// Days between the first and the last that the lake lacks.
    pub gaps: BTreeSet<Day>,
    /// Days that are partial by their own record, with the reasons.
    pub partial: BTreeMap<Day, String>,
    /// Days of which a set was quarantined and no later one is in the lake, with the reason.
    pub quarantined: BTreeMap<Day, String>,
    /// Days whose fuller set was kept against a thinner one.
    pub thinner: BTreeSet<Day>,
    /// Days without the node assets.
    pub without_assets: BTreeSet<Day>,
    /// Rows whose total the source left out.
    pub computed_totals: u64,
    /// Fields that the table has no column for.
    pub unknown_fields: u64,
    /// The newest run whose data is in the lake.
    pub newest_run: Option<RunId>,
    /// All rows.
    pub rows: u64,
    /// The size of the files.
    pub bytes: u64,
    /// The total cost by currency.
    pub cost: BTreeMap<String, f64>,
    /// What assets cost that no allocation of the days contains, by currency.
    pub uncovered: BTreeMap<String, f64>,
    /// The total cost by currency and namespace; empty unless it was asked for.
    pub namespaces: NamespaceCosts,
}

/// The state of a lake.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// The clusters.
    pub clusters: BTreeMap<ClusterId, ClusterStatus>,
    /// Objects below the table's prefix that are no day of a cluster: queries fail on them.
    pub foreign: Vec<String>,
}

/// The run whose data the lake has of a day.
type Runs = BTreeMap<(ClusterId, Day), Option<RunId>>;

/// A cost in a footer.
fn cost(footer: &Footer, key: &str) -> Option<f64> {
    footer.value(key)?.parse().ok()
}

fn currency(footer: &Footer) -> String {
    footer.value(footer::CURRENCY).unwrap_or(currency::ASSUMED).to_owned()
}

/// What one object says.
struct ObjectStatus {
    cluster: ClusterId,
    day: Day,
    bytes: u64,
    rows: u64,
    cost: f64,
    currency: String,
    unknown_fields: u64,
    run: Option<RunId>,
    record: Option<DayRecord>,
    namespaces: NamespaceCosts,
}

impl Status {
    /// Reads the footers and metadata of all objects, and the documents of quarantined sets.
    ///
    /// # Errors
    /// When the lake cannot be read, or an object is no Parquet file.
    pub async fn read(lake: &Lake) -> Result<Self, LakeError> {
        Self::read_objects(lake, false).await
    }

    /// Reads the same, and three columns of each day for the costs of the namespaces.
    ///
    /// # Errors
    /// When the lake cannot be read, or an object is no Parquet file with costs.
    pub async fn read_with_namespaces(lake: &Lake) -> Result<Self, LakeError> {
        Self::read_objects(lake, true).await
    }

    async fn read_objects(lake: &Lake, with_namespaces: bool) -> Result<Self, LakeError> {
        let prefixes = Prefixes::default();
        let mut status = Self::default();
        let mut wanted = Vec::new();
        for object in lake.list(prefixes.of(Area::Lake)).await? {
            match prefixes.parse_lake(&object.key) {
                Some((cluster, day)) => wanted.push((cluster, day, object)),
                None => status.foreign.push(object.key),
            }
        }
        let read = wanted.into_iter().map(|(cluster, day, object)| async move {
            let footer = Footer::read(lake, &object.key, object.bytes).await?;
            let head = lake.head(&object.key).await?.unwrap_or_default();
            let LakeMetadata { run, record, .. } = LakeMetadata::of(&head.metadata);
            let unknown_fields = footer.value(footer::UNKNOWN_FIELDS);
            let namespaces = if with_namespaces {
                namespaces::of_file(lake, &object.key, &footer).await?
            } else {
                NamespaceCosts::new()
            };
            Ok::<_, LakeError>(ObjectStatus {
                cluster,
                day,
                bytes: object.bytes,
                rows: footer.rows(),
                cost: cost(&footer, footer::TOTAL_COST).unwrap_or(f64::NAN),
                currency: currency(&footer),
                unknown_fields: unknown_fields.and_then(|text| text.parse().ok()).unwrap_or(0),
                run: run.or_else(|| footer.value(RUN_METADATA)?.parse().ok()),
                record,
                namespaces,
            })
        });
        let objects: Vec<ObjectStatus> = stream::iter(read).buffered(CONCURRENCY).try_collect().await?;
        let mut runs = Runs::new();
        for object in objects {
            runs.insert((object.cluster.clone(), object.day), object.run);
            status.clusters.entry(object.cluster.clone()).or_default().add(object);
        }
        for cluster in status.clusters.values_mut() {
            if let (Some(first), Some(last)) = (cluster.days.first(), cluster.days.last()) {
                let all = Day::range(*first, *last);
                cluster.gaps = all.filter(|day| !cluster.days.contains(day)).collect();
            }
        }
        status.add_assets(lake, &prefixes, &runs).await?;
        status.add_quarantine(lake, &prefixes, &runs).await?;
        Ok(status)
    }

    async fn add_assets(&mut self, lake: &Lake, prefixes: &Prefixes, runs: &Runs) -> Result<(), LakeError> {
        let mut wanted = Vec::new();
        for object in lake.list(prefixes.of(Area::Assets)).await? {
            match prefixes.parse_assets(&object.key) {
                // The allocations decide whether a day is there.
                Some(of) if runs.contains_key(&of) => wanted.push((of.0, object)),
                Some(_) => {}
                None => self.foreign.push(object.key),
            }
        }
        let read = wanted.into_iter().map(|(cluster, object)| async move {
            let footer = Footer::read(lake, &object.key, object.bytes).await?;
            let cost = cost(&footer, footer::UNCOVERED_COST).ok_or_else(|| {
                let reason = format!("the footer's '{}' is missing or no number", footer::UNCOVERED_COST);
                parquet_error(&object.key, &reason)
            })?;
            Ok::<_, LakeError>((cluster, currency(&footer), cost))
        });
        let read: Vec<_> = stream::iter(read).buffered(CONCURRENCY).try_collect().await?;
        for (cluster, currency, cost) in read {
            let uncovered = &mut self.clusters.entry(cluster).or_default().uncovered;
            *uncovered.entry(currency).or_default() += cost;
        }
        Ok(())
    }

    async fn add_quarantine(&mut self, lake: &Lake, prefixes: &Prefixes, runs: &Runs) -> Result<(), LakeError> {
        for object in lake.list(prefixes.of(Area::Quarantine)).await? {
            let Some(quarantined) = prefixes.parse_quarantine(&object.key) else {
                continue;
            };
            let in_lake = runs
                .get(&(quarantined.cluster.clone(), quarantined.day))
                .copied()
                .flatten();
            // A later run, or the same one after it was converted again, has replaced it.
            if in_lake.is_some_and(|run| run >= quarantined.run) {
                continue;
            }
            let cluster = self.clusters.entry(quarantined.cluster).or_default();
            match quarantined.object {
                QuarantineObject::Thinner => {
                    cluster.thinner.insert(quarantined.day);
                }
                QuarantineObject::Fault => {
                    let document = lake.document::<contract::documents::Quarantine>(&object.key).await?;
                    let reason = document.map(|document| document.reason).unwrap_or_default();
                    cluster.quarantined.insert(quarantined.day, reason);
                }
            }
        }
        Ok(())
    }

    /// Whether nothing is missing and nothing is wrong. A lake without days is not complete.
    pub fn is_complete(&self) -> bool {
        let is_complete = |cluster: &ClusterStatus| {
            !cluster.days.is_empty()
                && cluster.gaps.is_empty()
                && cluster.partial.is_empty()
                && cluster.quarantined.is_empty()
        };
        !self.clusters.is_empty() && self.foreign.is_empty() && self.clusters.values().all(is_complete)
    }

    /// One row for each cluster and currency.
    pub fn table(&self) -> Table {
        let names = [
            "cluster_id",
            "first_day",
            "last_day",
            "days",
            "missing_days",
            "partial_days",
            "quarantined_days",
            "newest_run",
            "rows",
            "currency",
            "cost",
            "uncovered_cost",
        ];
        let rows = self.clusters.iter().flat_map(|(id, cluster)| {
            let text = |day: Option<&Day>| Cell::Text(day.map(Day::to_string).unwrap_or_default());
            let mut currencies: BTreeSet<&str> = cluster.cost.keys().map(String::as_str).collect();
            if currencies.is_empty() {
                currencies.insert("");
            }
            currencies.into_iter().map(move |currency| {
                let cost = |costs: &BTreeMap<String, f64>| match costs.get(currency) {
                    Some(cost) if cost.is_nan() => Cell::Null,
                    cost => Cell::Number(cost.copied().unwrap_or_default()),
                };
                vec![
                    Cell::Text(id.to_string()),
                    text(cluster.days.first()),
                    text(cluster.days.last()),
                    Cell::count(cluster.days.len()),
                    Cell::count(cluster.gaps.len()),
                    Cell::count(cluster.partial.len()),
                    Cell::count(cluster.quarantined.len()),
                    Cell::Text(cluster.newest_run.map_or_else(String::new, |run| moment(run.began()))),
                    Cell::Number(cluster.rows as f64),
                    Cell::Text(currency.to_owned()),
                    cost(&cluster.cost),
                    cost(&cluster.uncovered),
                ]
            })
        });
        Table::new("status", columns(&names), rows.collect())
    }

    /// What is missing or wrong, one row for each day.
    pub fn findings(&self) -> Table {
        let mut rows = Vec::new();
        for (id, cluster) in &self.clusters {
            let mut add = |day: &Day, finding: &str, reason: &str| {
                rows.push(vec![
                    Cell::Text(id.to_string()),
                    Cell::Text(day.to_string()),
                    Cell::Text(finding.to_owned()),
                    Cell::Text(reason.to_owned()),
                ]);
            };
            for day in &cluster.gaps {
                add(day, "missing", "the lake has days before and after it");
            }
            for (day, reason) in &cluster.partial {
                add(day, "partial", reason);
            }
            for (day, reason) in &cluster.quarantined {
                add(day, "quarantined", reason);
            }
            for day in &cluster.thinner {
                add(day, "kept", "a later set has less of the day and did not replace it");
            }
            for day in &cluster.without_assets {
                add(day, "without assets", "node columns come from labels");
            }
        }
        for key in &self.foreign {
            let texts = ["", "", "foreign file", key.as_str()];
            rows.push(texts.map(|text| Cell::Text(text.to_owned())).to_vec());
        }
        Table::new("findings", columns(&["cluster_id", "day", "finding", "reason"]), rows)
    }
}

impl ClusterStatus {
    fn add(&mut self, object: ObjectStatus) {
        self.days.insert(object.day);
        self.rows += object.rows;
        self.bytes += object.bytes;
        self.unknown_fields += object.unknown_fields;
        self.newest_run = self.newest_run.max(object.run);
        *self.cost.entry(object.currency).or_default() += object.cost;
        for (currency, namespaces) in object.namespaces {
            let sums = self.namespaces.entry(currency).or_default();
            for (namespace, cost) in namespaces {
                *sums.entry(namespace).or_default() += cost;
            }
        }
        if let Some(record) = object.record {
            self.computed_totals += record.computed_totals;
            if !record.partial.is_empty() {
                self.partial.insert(object.day, PartialReason::list(&record.partial));
            }
            if record.assets == AssetsState::Unavailable {
                self.without_assets.insert(object.day);
            }
        }
    }
}
