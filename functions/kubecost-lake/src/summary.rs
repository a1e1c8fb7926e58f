//! A summary of a lake, for the end of a command.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
};

use contract::{
    cluster::ClusterId,
    currency::ASSUMED,
    day::Day,
    keys::{Area, Prefixes},
    units::{count, size},
};
use report::{
    NamespaceCosts,
    lake::{Lake, LakeError},
    status::Status,
    units::grouped,
};

const NAMESPACE: &str = "properties.namespace";
const TOTAL_COST: &str = "totalCost";
const CURRENCY: &str = "currency";
/// Shown for rows without a namespace.
const NO_NAMESPACE: &str = "(idle and other costs without a namespace)";
/// Such as the cluster's fee and the nodes' own disks.
const OTHER_ASSETS: &str = "other assets (fees, disks)";
/// How many namespaces are shown; the others are summed.
const NAMESPACES: usize = 10;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClusterSummary {
    pub days: BTreeSet<Day>,
    pub rows: u64,
    /// The size of the Parquet files.
    pub bytes: u64,
    /// The sums of `totalCost` by currency and namespace.
    pub costs: NamespaceCosts,
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

impl LakeSummary {
    pub async fn read(directory: PathBuf) -> Result<Self, LakeError> {
        let lake = Lake::directory(&directory)?;
        let clusters = Status::read_with_namespaces(&lake).await?.clusters.into_iter();
        // A cluster of which every set was quarantined has no days.
        let clusters = clusters.filter(|(_, status)| !status.days.is_empty());
        let clusters = clusters.map(|(cluster, status)| {
            let summary = ClusterSummary {
                days: status.days,
                rows: status.rows,
                bytes: status.bytes,
                costs: status.namespaces,
                uncovered: status.uncovered,
            };
            (cluster, summary)
        });
        let clusters = clusters.collect();
        Ok(Self { directory, clusters })
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
    let width = sorted
        .iter()
        .map(|(name, _)| shown(name).len())
        .max()
        .unwrap_or(0)
        .max(OTHER_ASSETS.len());
    for (namespace, cost) in sorted {
        let namespace = shown(namespace);
        writeln!(formatter, "  {namespace:width$}  {:>14}", grouped(*cost, 2))?;
    }
    if !others.is_empty() {
        let sum: f64 = others.iter().map(|(_, cost)| **cost).sum();
        let label = count(others.len() as u64, "other namespace");
        writeln!(formatter, "  {label:width$}  {:>14}", grouped(sum, 2))?;
    }
    let total: f64 = namespaces.values().sum();
    let mut line =
        |label: &str, cost: f64| writeln!(formatter, "  {label:width$}  {:>14} {currency}", grouped(cost, 2));
    line("total cost", total)?;
    if uncovered != 0.0 {
        line(OTHER_ASSETS, uncovered)?;
        line("bill", total + uncovered)?;
    }
    Ok(())
}

/// A namespace as it is shown.
fn shown(namespace: &str) -> &str {
    if namespace.is_empty() { NO_NAMESPACE } else { namespace }
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
