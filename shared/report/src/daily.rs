//! The costs of each day by cluster, namespace and team at once, with the names that cost most and all others as one:
//! as much as a page can hold. Sums by any of them, or by several, are those of the question `cost_per_day`.

use std::collections::{BTreeMap, BTreeSet};

use contract::day::Day;

use crate::{
    cube::{Cubes, SeriesKey},
    names::Id,
};

/// The costs of each day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Daily {
    /// The days that the lake has, in order.
    pub days: Vec<Day>,
    /// The currencies, by name.
    pub currencies: Vec<String>,
    /// The clusters that cost most, as the view's `cluster_id` spells them; the most expensive first.
    pub clusters: Vec<String>,
    /// The kinds of rows, by name.
    pub kinds: Vec<String>,
    /// The namespaces that cost most; the most expensive first.
    pub namespaces: Vec<String>,
    /// The teams that cost most; the most expensive first.
    pub teams: Vec<String>,
    /// The costs.
    pub series: Vec<Series>,
}

/// The costs of what has one currency, cluster, kind, namespace and team.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The index of the currency.
    pub currency: usize,
    /// The index of the cluster; `None` for all others.
    pub cluster: Option<usize>,
    /// The index of the kind.
    pub kind: usize,
    /// The index of the namespace; `None` for all others.
    pub namespace: Option<usize>,
    /// The index of the team; `None` for all others.
    pub team: Option<usize>,
    /// The cost of each day, in the currency; `None` where there is no row.
    pub costs: Vec<Option<f64>>,
}

/// The indices of a series' currency, cluster, kind, namespace and team.
type Place = (usize, Option<usize>, usize, Option<usize>, Option<usize>);

/// The `most` names that cost most. Costs in different currencies are not compared: what counts is the largest share of
/// a currency's costs.
fn largest<K: Ord + Copy>(
    costs: &[(&SeriesKey, f64)],
    totals: &BTreeMap<Id, f64>,
    most: usize,
    name: impl Fn(&SeriesKey) -> K,
) -> Vec<K> {
    let mut sums: BTreeMap<(K, Id), f64> = BTreeMap::new();
    for (key, cost) in costs {
        *sums.entry((name(key), key.currency)).or_default() += cost;
    }
    let mut shares: BTreeMap<K, f64> = BTreeMap::new();
    for ((name, currency), cost) in sums {
        let total = totals.get(&currency).copied().unwrap_or_default();
        let share = if total > 0.0 { cost.abs() / total } else { 0.0 };
        let known = shares.entry(name).or_default();
        *known = known.max(share);
    }
    let mut names: Vec<(K, f64)> = shares.into_iter().collect();
    // By number where the shares are equal, so that the same lake gives the same page.
    names.sort_by(|one, other| other.1.total_cmp(&one.1));
    names.truncate(most);
    names.into_iter().map(|(name, _)| name).collect()
}

/// Adds up a lake's costs by at most `most` clusters, namespaces and teams each.
pub fn daily(cubes: &Cubes, most: usize) -> Daily {
    let costs: Vec<(&SeriesKey, f64)> = cubes
        .series
        .iter()
        .map(|(key, costs)| (key, costs.iter().filter(|cost| !cost.is_nan()).sum()))
        .collect();
    let mut totals: BTreeMap<Id, f64> = BTreeMap::new();
    for (key, cost) in &costs {
        *totals.entry(key.currency).or_default() += cost.abs();
    }
    let clusters = largest(&costs, &totals, most, |key| key.cluster);
    let namespaces = largest(&costs, &totals, most, |key| key.namespace);
    let teams = largest(&costs, &totals, most, |key| key.team);
    let named = |ids: BTreeSet<Id>| {
        let mut ids: Vec<Id> = ids.into_iter().collect();
        ids.sort_by(|one, other| cubes.names.text(*one).cmp(cubes.names.text(*other)));
        ids
    };
    let currencies = named(cubes.series.keys().map(|key| key.currency).collect());
    let kinds = named(cubes.series.keys().map(|key| key.kind).collect());
    let index = |ids: &[Id], id: Id| ids.iter().position(|known| *known == id);
    let mut sums: BTreeMap<Place, Vec<Option<f64>>> = BTreeMap::new();
    for (key, costs) in &cubes.series {
        let place = (
            index(&currencies, key.currency).unwrap_or_default(),
            index(&clusters, key.cluster),
            index(&kinds, key.kind).unwrap_or_default(),
            index(&namespaces, key.namespace),
            index(&teams, key.team),
        );
        let sums = sums.entry(place).or_insert_with(|| vec![None; cubes.days.len()]);
        for (sum, cost) in sums.iter_mut().zip(costs).filter(|(_, cost)| !cost.is_nan()) {
            *sum = Some(sum.unwrap_or_default() + cost);
        }
    }
    let texts = |ids: &[Id]| ids.iter().map(|id| cubes.names.text(*id).to_owned()).collect();
    Daily {
        days: cubes.days.clone(),
        currencies: texts(&currencies),
        clusters: clusters.iter().map(|id| cubes.cluster(*id).text().to_owned()).collect(),
        kinds: texts(&kinds),
        namespaces: texts(&namespaces),
        teams: texts(&teams),
        series: sums
            .into_iter()
            .map(|((currency, cluster, kind, namespace, team), costs)| Series {
                currency,
                cluster,
                kind,
                namespace,
                team,
                costs,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cube::Row;

    fn cubes() -> Cubes {
        let mut cubes = Cubes {
            days: vec!["2026-11-20".parse().unwrap(), "2026-11-21".parse().unwrap()],
            clusters: vec![contract::cluster::ClusterId::new("111122223333", "eu-west-1", "one").unwrap()],
            ..Cubes::default()
        };
        let kinds = cubes.kinds();
        for (currency, namespace, day, cost) in [
            ("USD", "big", 0, 10.0),
            ("USD", "middle", 1, 4.0),
            ("USD", "small", 0, 1.0),
            ("USD", "smaller", 0, 0.5),
            ("JPY", "yen", 1, 1000.0),
        ] {
            let row = Row {
                kind: kinds.workload,
                currency: cubes.names.id(currency),
                namespace: cubes.names.id(namespace),
                total_cost: cost,
                ..Row::default()
            };
            cubes.add(0, day, &row, kinds);
        }
        cubes
    }

    #[test]
    fn names_that_cost_little_are_one_and_currencies_are_not_compared() {
        let daily = daily(&cubes(), 3);
        assert_eq!(daily.namespaces, ["yen", "big", "middle"]);
        assert_eq!(daily.currencies, ["JPY", "USD"]);
        let other: Vec<_> = daily
            .series
            .iter()
            .filter(|series| series.namespace.is_none())
            .collect();
        assert_eq!(other.len(), 1);
        assert_eq!(other[0].costs, [Some(1.5), None]);
    }

    #[test]
    fn sums_are_the_same_however_many_names_there_are() {
        let total = |most| -> f64 {
            let daily = daily(&cubes(), most);
            daily.series.iter().flat_map(|series| &series.costs).flatten().sum()
        };
        assert_eq!([0, 1, 2, 100].map(total), [1015.5; 4]);
        assert_eq!(daily(&Cubes::default(), 100), Daily::default());
    }
}
