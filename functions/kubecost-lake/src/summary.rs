//! A summary of a lake, read back from its Parquet files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::File,
    path::{Path, PathBuf},
};

use arrow_array::{cast::AsArray, types::Float64Type};
use contract::{
    cluster::ClusterId,
    currency::ASSUMED,
    day::Day,
    keys::{Area, Prefixes},
    units::{count, size},
};
use parquet::{
    arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder},
    errors::ParquetError,
};
use store::{Store, StoreError};

const NAMESPACE: &str = "properties.namespace";
const TOTAL_COST: &str = "totalCost";
/// The footer's key of what assets cost that no allocation contains.
const UNCOVERED_COST: &str = "uncovered_cost";
const CURRENCY: &str = "currency";
/// Shown for rows without a namespace.
const NO_NAMESPACE: &str = "(idle and other costs without a namespace)";
/// How many namespaces are shown; the others are summed.
const NAMESPACES: usize = 10;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClusterSummary {
    pub days: BTreeSet<Day>,
    pub rows: u64,
    /// The size of the Parquet files.
    pub bytes: u64,
    /// The sums of `totalCost` by currency and namespace. Costs of files that name no currency are in the assumed one.
    pub costs: BTreeMap<String, BTreeMap<String, f64>>,
    /// What assets cost that no row contains, by currency.
    pub uncovered: BTreeMap<String, f64>,
}

impl ClusterSummary {
    /// The sum of `totalCost` in a currency.
    pub fn total_cost(&self, currency: &str) -> f64 {
        self.costs
            .get(currency)
            .map_or(0.0, |namespaces| namespaces.values().sum())
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct LakeSummary {
    /// The directory of the bucket.
    pub directory: PathBuf,
    pub clusters: BTreeMap<ClusterId, ClusterSummary>,
}

#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{key} cannot be read back: {source}")]
    File { key: String, source: ParquetError },
}

impl LakeSummary {
    pub async fn read(store: &Store, directory: &Path) -> Result<Self, SummaryError> {
        let prefixes = Prefixes::default();
        let mut clusters: BTreeMap<ClusterId, ClusterSummary> = BTreeMap::new();
        for object in store.list(prefixes.of(Area::Lake)).objects().await? {
            let Some((cluster, day)) = prefixes.parse_lake(&object.key) else {
                continue;
            };
            let summary = clusters.entry(cluster).or_default();
            summary.days.insert(day);
            summary.bytes += object.bytes;
            summary
                .add_file(&directory.join(&object.key))
                .map_err(|source| SummaryError::File {
                    key: object.key,
                    source,
                })?;
        }
        for object in store.list(prefixes.of(Area::Assets)).objects().await? {
            let found = prefixes.parse_assets(&object.key);
            let summary = found.and_then(|(cluster, day)| Some((clusters.get_mut(&cluster)?, day)));
            // The allocations decide whether a day is there.
            if let Some((summary, _)) = summary.filter(|(summary, day)| summary.days.contains(day)) {
                let found = uncovered_cost(&directory.join(&object.key));
                let (currency, cost) = found.map_err(|source| SummaryError::File {
                    key: object.key,
                    source,
                })?;
                *summary.uncovered.entry(currency).or_default() += cost;
            }
        }
        Ok(Self {
            directory: directory.to_owned(),
            clusters,
        })
    }
}

/// What the footer of an object with assets says that those cost which no allocation contains, with the currency.
fn uncovered_cost(path: &Path) -> Result<(String, f64), ParquetError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let values = reader.metadata().file_metadata().key_value_metadata();
    let value = |key: &str| {
        let found = values.and_then(|values| values.iter().find(|value| value.key == key));
        found.and_then(|found| found.value.as_deref())
    };
    let cost = value(UNCOVERED_COST).and_then(|cost| cost.parse().ok());
    let cost =
        cost.ok_or_else(|| ParquetError::General(format!("the footer's '{UNCOVERED_COST}' is missing or no number")))?;
    Ok((value(CURRENCY).unwrap_or(ASSUMED).to_owned(), cost))
}

impl ClusterSummary {
    fn add_file(&mut self, path: &Path) -> Result<(), ParquetError> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
        // By position: looked up by name, a dot would mean a nested column.
        let positions = [NAMESPACE, TOTAL_COST, CURRENCY].map(|name| reader.schema().index_of(name));
        let mask = ProjectionMask::roots(reader.parquet_schema(), positions.into_iter().flatten());
        for batch in reader.with_projection(mask).build()? {
            let batch = batch.map_err(|error| ParquetError::General(error.to_string()))?;
            let column = |name: &str| {
                batch
                    .column_by_name(name)
                    .ok_or_else(|| ParquetError::General(format!("the column '{name}' is missing")))
            };
            let (namespaces, costs) = (column(NAMESPACE)?, column(TOTAL_COST)?);
            let (Some(namespaces), Some(costs)) = (
                namespaces.as_string_opt::<i32>(),
                costs.as_primitive_opt::<Float64Type>(),
            ) else {
                return Err(ParquetError::General(format!(
                    "'{NAMESPACE}' or '{TOTAL_COST}' has another type"
                )));
            };
            // Older files lack it.
            let currencies = batch
                .column_by_name(CURRENCY)
                .and_then(|column| column.as_string_opt::<i32>());
            self.rows += batch.num_rows() as u64;
            for row in 0..batch.num_rows() {
                let currency = currencies.map_or("", |currencies| currencies.value(row));
                let currency = if currency.is_empty() { ASSUMED } else { currency };
                let namespace = if namespaces.value(row).is_empty() {
                    NO_NAMESPACE
                } else {
                    namespaces.value(row)
                };
                self.add_cost(currency, namespace, costs.value(row));
            }
        }
        debug_assert!(
            self.costs
                .values()
                .flat_map(BTreeMap::values)
                .all(|cost| cost.is_finite())
        );
        Ok(())
    }

    fn add_cost(&mut self, currency: &str, namespace: &str, cost: f64) {
        let namespaces = match self.costs.get_mut(currency) {
            Some(namespaces) => namespaces,
            None => self.costs.entry(currency.to_owned()).or_default(),
        };
        match namespaces.get_mut(namespace) {
            Some(sum) => *sum += cost,
            None => {
                namespaces.insert(namespace.to_owned(), cost);
            }
        }
    }
}

impl fmt::Display for LakeSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (cluster, summary) in &self.clusters {
            let (first, last) = (summary.days.first(), summary.days.last());
            let range = first
                .zip(last)
                .map(|(first, last)| {
                    if first == last {
                        first.to_string()
                    } else {
                        format!("{first} to {last}")
                    }
                })
                .unwrap_or_default();
            writeln!(formatter, "\n{cluster}")?;
            writeln!(
                formatter,
                "  {} ({range}), {}, {} of Parquet",
                count(summary.days.len() as u64, "day"),
                count(summary.rows, "row"),
                size(summary.bytes)
            )?;
            for (currency, namespaces) in &summary.costs {
                let uncovered = summary.uncovered.get(currency).copied().unwrap_or_default();
                write_costs(formatter, currency, namespaces, uncovered)?;
            }
        }
        let lake = self.directory.join(Prefixes::default().of(Area::Lake));
        let files = lake.join("**").join("*.parquet");
        writeln!(formatter, "\nParquet files: {}", lake.display())?;
        writeln!(
            formatter,
            "Query them:    duckdb -c \"SELECT coalesce(nullif({CURRENCY}, ''), '{ASSUMED}') AS currency, \\\"{NAMESPACE}\\\" AS namespace, round(sum(\\\"{TOTAL_COST}\\\"), 2) AS cost FROM read_parquet('{}', hive_partitioning = true, hive_types_autocast = false, union_by_name = true) GROUP BY ALL ORDER BY cost DESC\"",
            quoted(&files.display().to_string())
        )
    }
}

/// The most expensive namespaces of a currency, the total, and the bill with the assets that no row contains.
fn write_costs(
    formatter: &mut fmt::Formatter<'_>,
    currency: &str,
    namespaces: &BTreeMap<String, f64>,
    uncovered: f64,
) -> fmt::Result {
    let mut sorted: Vec<_> = namespaces.iter().collect();
    sorted.sort_by(|a, b| b.1.total_cmp(a.1));
    let others = sorted.split_off(sorted.len().min(NAMESPACES));
    let width = sorted.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(20);
    for (namespace, cost) in sorted {
        writeln!(formatter, "  {namespace:width$}  {cost:>12.2}")?;
    }
    if !others.is_empty() {
        let sum: f64 = others.iter().map(|(_, cost)| **cost).sum();
        let label = count(others.len() as u64, "other namespace");
        writeln!(formatter, "  {label:width$}  {sum:>12.2}")?;
    }
    let total: f64 = namespaces.values().sum();
    writeln!(formatter, "  {:width$}  {total:>12.2} {currency}", "total cost")?;
    if uncovered != 0.0 {
        let bill = total + uncovered;
        writeln!(
            formatter,
            "  {:width$}  {uncovered:>12.2} {currency}",
            "assets in no row"
        )?;
        writeln!(formatter, "  {:width$}  {bill:>12.2} {currency}", "bill")?;
    }
    Ok(())
}

/// A text within a literal of SQL within double quotes of a shell.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars() {
        match character {
            '\'' => quoted.push('\''),
            '\\' | '"' | '$' | '`' => quoted.push('\\'),
            _ => {}
        }
        quoted.push(character);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_printed_commands_are_quoted() {
        assert_eq!(quoted("/tmp/my lake/**/*.parquet"), "/tmp/my lake/**/*.parquet");
        assert_eq!(quoted(r#"/it's $HOME "a" `b` \c"#), r#"/it''s \$HOME \"a\" \`b\` \\c"#);
    }
}
