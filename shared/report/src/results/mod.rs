//! Results of the questions, computed from the sums of a lake: the same columns and rows as the SQL files give.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use contract::day::Day;

use crate::{
    cube::{Cubes, SeriesKey},
    names::{EMPTY, Id},
    table::{Cell, Column, Table},
};

mod anomalies;
mod usage;

/// The newest days that are compared with those before them.
pub(crate) const WEEK: u32 = 7;

/// How the columns of each result are shown, by their names in the SQL files.
pub(crate) fn columns(names: &[&'static str]) -> Vec<Column> {
    names.iter().map(|name| Column::of(name)).collect()
}

/// The question that [`share::showback`](crate::share::showback) computes by other rules.
pub const COST_BY_TEAM: &str = "cost_by_team";

/// The questions that are answered here. Others are only SQL.
pub const NAMES: [&str; 16] = [
    "cost_per_day",
    "cost_by_month",
    "forecast",
    "top_movers",
    "cost_by_namespace",
    "cost_by_team",
    "cost_by_workload",
    "efficiency",
    "idle_by_node_group",
    "spot_savings",
    "volumes",
    "load_balancers",
    "gpu",
    "label_coverage",
    "anomalies",
    "data_quality",
];

/// The questions whose results name teams.
pub const BY_TEAM: [&str; 3] = ["cost_per_day", COST_BY_TEAM, "label_coverage"];

/// The result of a question; `None` for one that is not among [`NAMES`].
pub fn result(cubes: &Cubes, name: &str) -> Option<Table> {
    let result = match name {
        "cost_per_day" => cost_per_day,
        "cost_by_month" => cost_by_month,
        "forecast" => forecast,
        "top_movers" => top_movers,
        "cost_by_namespace" => cost_by_namespace,
        "cost_by_team" => cost_by_team,
        "cost_by_workload" => usage::cost_by_workload,
        "efficiency" => usage::efficiency,
        "idle_by_node_group" => usage::idle_by_node_group,
        "spot_savings" => usage::spot_savings,
        "volumes" => usage::volumes,
        "load_balancers" => usage::load_balancers,
        "gpu" => usage::gpu,
        "label_coverage" => label_coverage,
        "anomalies" => anomalies::anomalies,
        "data_quality" => data_quality,
        _ => return None,
    };
    Some(result(cubes))
}

impl Cubes {
    /// Whether there are no days.
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// Whether there are costs, and none of a row with the label that names teams.
    pub fn lacks_label(&self) -> bool {
        !self.series.is_empty() && self.series.keys().all(|key| key.team == EMPTY)
    }

    pub(crate) fn text(&self, id: Id) -> Cell {
        Cell::Text(self.names.text(id).to_owned())
    }

    /// A cluster as the view's `cluster_id` spells it.
    pub(crate) fn cluster(&self, id: Id) -> Cell {
        Cell::Text(
            self.clusters
                .get(id as usize)
                .map(ToString::to_string)
                .unwrap_or_default(),
        )
    }

    pub(crate) fn is(&self, id: Id, text: &str) -> bool {
        self.names.text(id) == text
    }

    /// The newest day of the lake.
    pub(crate) fn newest(&self) -> Option<Day> {
        self.days.last().copied()
    }

    /// All costs, with what they are added up by.
    pub(crate) fn daily(&self) -> impl Iterator<Item = (&SeriesKey, Day, f64)> {
        self.series.iter().flat_map(|(key, costs)| {
            let days = self.days.iter().zip(costs);
            days.filter(|(_, cost)| !cost.is_nan())
                .map(move |(day, cost)| (key, *day, *cost))
        })
    }
}

/// A month, as the SQL files spell it.
fn month(day: Day) -> String {
    day.date().format("%Y-%m").to_string()
}

fn cost_per_day(cubes: &Cubes) -> Table {
    let names = ["day", "currency", "cluster_id", "row_kind", "namespace", "team", "cost"];
    let rows = cubes.daily().map(|(key, day, cost)| {
        vec![
            Cell::Text(day.to_string()),
            cubes.text(key.currency),
            cubes.cluster(key.cluster),
            cubes.text(key.kind),
            cubes.text(key.namespace),
            cubes.text(key.team),
            Cell::Number(cost),
        ]
    });
    Table::new("cost_per_day", columns(&names), rows.collect()).sorted_by_keys()
}

fn cost_by_month(cubes: &Cubes) -> Table {
    let mut sums: BTreeMap<(String, Id, Id), (BTreeSet<Day>, f64)> = BTreeMap::new();
    for (key, day, cost) in cubes.daily() {
        let (days, sum) = sums.entry((month(day), key.currency, key.cluster)).or_default();
        days.insert(day);
        *sum += cost;
    }
    let rows = sums.into_iter().map(|((month, currency, cluster), (days, cost))| {
        vec![
            Cell::Text(month),
            cubes.text(currency),
            cubes.cluster(cluster),
            Cell::count(days.len()),
            Cell::Number(cost),
        ]
    });
    let names = ["month", "currency", "cluster_id", "days", "cost"];
    let mut table = Table::new("cost_by_month", columns(&names), rows.collect()).sorted_by("cost");
    table.rows.sort_by(|one, other| other[0].cmp_text(&one[0]));
    table
}

fn cost_by_namespace(cubes: &Cubes) -> Table {
    let mut sums: BTreeMap<(Id, Id, Id), f64> = BTreeMap::new();
    for (key, _, cost) in cubes.daily() {
        *sums.entry((key.currency, key.cluster, key.namespace)).or_default() += cost;
    }
    let mut totals: BTreeMap<Id, f64> = BTreeMap::new();
    for ((currency, ..), cost) in &sums {
        *totals.entry(*currency).or_default() += cost;
    }
    let rows = sums.iter().map(|((currency, cluster, namespace), cost)| {
        vec![
            cubes.text(*currency),
            cubes.cluster(*cluster),
            cubes.text(*namespace),
            Cell::Number(*cost),
            Cell::ratio(*cost, totals.get(currency).copied().unwrap_or_default()),
        ]
    });
    let names = ["currency", "cluster_id", "namespace", "cost", "share"];
    Table::new("cost_by_namespace", columns(&names), rows.collect()).sorted_by("cost")
}

/// The own and idle costs of the teams of a cluster.
#[derive(Debug, Clone, Copy, Default)]
struct TeamCost {
    own: f64,
    idle: f64,
}

fn cost_by_team(cubes: &Cubes) -> Table {
    let mut clusters: BTreeMap<(Id, Id), BTreeMap<Id, TeamCost>> = BTreeMap::new();
    for (key, _, cost) in cubes.daily() {
        let teams = clusters.entry((key.currency, key.cluster)).or_default();
        let team = teams.entry(key.team).or_default();
        if cubes.is(key.kind, "idle") {
            team.idle += cost;
        } else {
            team.own += cost;
        }
    }
    let mut sums: BTreeMap<(Id, Id), TeamCost> = BTreeMap::new();
    for ((currency, _), teams) in &clusters {
        let weights: f64 = teams.values().map(|team| team.own.max(0.0)).sum();
        let idle: f64 = teams.values().map(|team| team.idle).sum();
        for (team, cost) in teams {
            let sum = sums.entry((*currency, *team)).or_default();
            sum.own += cost.own;
            sum.idle += if weights > 0.0 {
                idle * cost.own.max(0.0) / weights
            } else {
                cost.idle
            };
        }
    }
    let rows = sums.into_iter().map(|((currency, team), cost)| {
        vec![
            cubes.text(currency),
            cubes.text(team),
            Cell::Number(cost.own),
            Cell::Number(cost.idle),
            Cell::Number(cost.own + cost.idle),
        ]
    });
    let names = ["currency", "team", "own_cost", "idle_cost", "cost"];
    Table::new("cost_by_team", columns(&names), rows.collect()).sorted_by("cost")
}

fn forecast(cubes: &Cubes) -> Table {
    let mut table = Table::new(
        "forecast",
        columns(&[
            "month",
            "currency",
            "days",
            "days_in_month",
            "cost",
            "run_rate",
            "forecast",
        ]),
        Vec::new(),
    );
    let Some(newest) = cubes.newest() else {
        return table;
    };
    #[derive(Default)]
    struct Sums {
        week: f64,
        week_days: BTreeSet<Day>,
        month: f64,
        month_days: BTreeSet<Day>,
    }
    let mut sums: BTreeMap<Id, Sums> = BTreeMap::new();
    for (key, day, cost) in cubes.daily() {
        let sums = sums.entry(key.currency).or_default();
        if day > newest.minus(WEEK) {
            sums.week += cost;
            sums.week_days.insert(day);
        }
        if month(day) == month(newest) {
            sums.month += cost;
            sums.month_days.insert(day);
        }
    }
    let days_in_month = days_in_month(newest.date());
    for (currency, sums) in sums {
        // A currency without costs in the newest week or month has no row: there is nothing to go by.
        if sums.week_days.is_empty() || sums.month_days.is_empty() {
            continue;
        }
        let run_rate = sums.week / sums.week_days.len() as f64;
        let rest = f64::from(days_in_month) - sums.month_days.len() as f64;
        table.rows.push(vec![
            Cell::Text(month(newest)),
            cubes.text(currency),
            Cell::count(sums.month_days.len()),
            Cell::Number(f64::from(days_in_month)),
            Cell::Number(sums.month),
            Cell::Number(run_rate),
            Cell::Number(sums.month + run_rate * rest),
        ]);
    }
    table.sorted_by_keys()
}

fn days_in_month(date: NaiveDate) -> u32 {
    let (year, month) = match date.month() {
        12 => (date.year() + 1, 1),
        month => (date.year(), month + 1),
    };
    NaiveDate::from_ymd_opt(year, month, 1)
        .and_then(|first| first.pred_opt())
        .map_or(0, |last| last.day())
}

fn top_movers(cubes: &Cubes) -> Table {
    let names = [
        "currency",
        "cluster_id",
        "namespace",
        "previous_per_day",
        "newest_per_day",
        "change_per_day",
    ];
    let mut table = Table::new("top_movers", columns(&names), Vec::new());
    let Some(newest) = cubes.newest() else {
        return table;
    };
    let week_of = |day: Day| {
        if day > newest.minus(WEEK) {
            Some(1)
        } else {
            (day > newest.minus(2 * WEEK)).then_some(0)
        }
    };
    let mut days: BTreeMap<Id, [BTreeSet<Day>; 2]> = BTreeMap::new();
    let mut sums: BTreeMap<(Id, Id, Id), [f64; 2]> = BTreeMap::new();
    for (key, day, cost) in cubes.daily() {
        if let Some(week) = week_of(day) {
            days.entry(key.cluster).or_default()[week].insert(day);
            sums.entry((key.currency, key.cluster, key.namespace)).or_default()[week] += cost;
        }
    }
    for ((currency, cluster, namespace), costs) in sums {
        let per_day = |week: usize| {
            let days = days.get(&cluster).map_or(0, |weeks| weeks[week].len());
            Cell::ratio(costs[week], days as f64)
        };
        let (previous, newest) = (per_day(0), per_day(1));
        let change = match (&previous, &newest) {
            (Cell::Number(previous), Cell::Number(newest)) => Cell::Number(newest - previous),
            _ => Cell::Null,
        };
        table.rows.push(vec![
            cubes.text(currency),
            cubes.cluster(cluster),
            cubes.text(namespace),
            previous,
            newest,
            change,
        ]);
    }
    table.sorted_by_size("change_per_day")
}

fn label_coverage(cubes: &Cubes) -> Table {
    let mut sums: BTreeMap<(Id, Id, Id), (f64, f64)> = BTreeMap::new();
    for (key, _, cost) in cubes.daily() {
        if cubes.is(key.kind, "idle") {
            continue;
        }
        let (all, without) = sums.entry((key.currency, key.cluster, key.namespace)).or_default();
        *all += cost;
        if cubes.is(key.team, "") {
            *without += cost;
        }
    }
    let rows = sums
        .into_iter()
        .map(|((currency, cluster, namespace), (cost, without))| {
            vec![
                cubes.text(currency),
                cubes.cluster(cluster),
                cubes.text(namespace),
                Cell::Number(cost),
                Cell::Number(without),
            ]
        });
    let names = ["currency", "cluster_id", "namespace", "cost", "cost_without_team"];
    Table::new("label_coverage", columns(&names), rows.collect()).sorted_by("cost_without_team")
}

fn data_quality(cubes: &Cubes) -> Table {
    let rows = cubes.quality.iter().map(|((cluster, currency), quality)| {
        let days: Vec<Day> = cubes
            .days
            .iter()
            .zip(&quality.days)
            .filter(|(_, has)| **has)
            .map(|(day, _)| *day)
            .collect();
        let span = days.first().zip(days.last()).map_or(0, |(first, last)| {
            usize::try_from((last.date() - first.date()).num_days() + 1).unwrap_or(0)
        });
        let text = |day: Option<&Day>| Cell::Text(day.map(Day::to_string).unwrap_or_default());
        vec![
            cubes.cluster(*cluster),
            cubes.text(*currency),
            text(days.first()),
            text(days.last()),
            Cell::count(days.len()),
            Cell::count(span - days.len()),
            Cell::Number(quality.rows as f64),
            Cell::Number(quality.negative_rows as f64),
            Cell::Number(quality.rows_without_minutes as f64),
            Cell::Number(quality.rows_without_instance_type as f64),
            Cell::Number(quality.cost),
        ]
    });
    let names = [
        "cluster_id",
        "currency",
        "first_day",
        "last_day",
        "days",
        "missing_days",
        "row_count",
        "negative_rows",
        "rows_without_minutes",
        "rows_without_instance_type",
        "cost",
    ];
    Table::new("data_quality", columns(&names), rows.collect()).sorted_by_keys()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Unit;

    #[test]
    fn months_have_their_days() {
        let days = |text: &str| days_in_month(text.parse().unwrap());
        assert_eq!(
            [
                days("2026-02-10"),
                days("2024-02-01"),
                days("2026-12-31"),
                days("2026-11-30")
            ],
            [28, 29, 31, 30]
        );
    }

    #[test]
    fn an_empty_lake_has_all_results_and_no_rows() {
        let results = NAMES.map(|name| result(&Cubes::default(), name).unwrap());
        assert!(results.iter().all(|result| result.rows.is_empty()));
        assert!(
            results
                .iter()
                .all(|result| result.columns.iter().any(|column| column.unit == Unit::Money))
        );
    }
}
