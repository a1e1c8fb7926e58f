//! The costs that the script draws and filters: of each day, with as many names as fit.

use std::collections::{BTreeMap, BTreeSet};

use report::{
    Cubes,
    daily::{Daily, daily},
    table::{Cell, Table},
};
use serde_json::{Value, json};

use crate::words::json_for_script;

/// How many names a filter offers at most, by each attempt to fit them into the page.
const NAMES: [usize; 9] = [100, 70, 50, 35, 20, 10, 5, 2, 1];

/// The label of the names that are not listed.
const OTHER: &str = "(other)";

/// The data, and the costs that the page's tables of days show.
pub(crate) struct Data {
    /// JSON that may stand within a `script` element.
    pub(crate) json: String,
    pub(crate) daily: Daily,
}

/// The most data for charts and filters that a page contains.
pub const MAX_DATA_BYTES: usize = 400 * 1024;

/// The data of a page, of at most [`MAX_DATA_BYTES`].
pub(crate) fn data(cubes: &Cubes, idle: &Table, efficiency: &Table) -> Data {
    let mut last = None;
    for most in NAMES {
        let daily = daily(cubes, most);
        let json = json_for_script(&document(&daily, idle, efficiency).to_string());
        let fits = json.len() <= MAX_DATA_BYTES;
        last = Some(Data { json, daily });
        if fits {
            break;
        }
    }
    last.unwrap_or_else(|| Data {
        json: "{}".to_owned(),
        daily: Daily::default(),
    })
}

/// A number with 8 digits that count: the error of a sum is below a millionth of its parts' magnitudes.
fn number(number: f64) -> Value {
    if number == 0.0 {
        return json!(0);
    }
    let text = format!("{number:.7e}");
    text.parse::<f64>().map_or(Value::Null, |short| {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 8 digits")]
        if short.fract() == 0.0 && short.abs() < 1e8 {
            json!(short as i64)
        } else {
            json!(short)
        }
    })
}

fn document(daily: &Daily, idle: &Table, efficiency: &Table) -> Value {
    let place = |index: Option<usize>, names: &[String]| index.unwrap_or(names.len());
    let series: Vec<Value> = daily
        .series
        .iter()
        .map(|series| {
            let first = series.costs.iter().position(Option::is_some).unwrap_or_default();
            let last = series.costs.iter().rposition(Option::is_some).unwrap_or_default();
            let costs = series.costs.get(first..=last).unwrap_or_default();
            json!([
                series.currency,
                place(series.cluster, &daily.clusters),
                series.kind,
                place(series.namespace, &daily.namespaces),
                place(series.team, &daily.teams),
                first,
                costs
                    .iter()
                    .map(|cost| number(cost.unwrap_or_default()))
                    .collect::<Vec<_>>(),
            ])
        })
        .collect();
    // Which days a cluster has costs of in a currency: the days that a rate is of.
    let mut days: BTreeMap<(usize, usize), BTreeSet<usize>> = BTreeMap::new();
    for series in &daily.series {
        let known = days
            .entry((series.currency, place(series.cluster, &daily.clusters)))
            .or_default();
        let has = series.costs.iter().enumerate().filter(|(_, cost)| cost.is_some());
        known.extend(has.map(|(day, _)| day));
    }
    let absent: Vec<Value> = days
        .into_iter()
        .map(|((currency, cluster), has)| {
            let absent: Vec<usize> = (0..daily.days.len()).filter(|day| !has.contains(day)).collect();
            json!([currency, cluster, absent])
        })
        .collect();
    let names = |names: &[String]| -> Vec<String> { names.iter().cloned().chain([OTHER.to_owned()]).collect() };
    json!({
        "days": daily.days.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "currencies": daily.currencies,
        "clusters": names(&daily.clusters),
        "kinds": daily.kinds,
        "namespaces": names(&daily.namespaces),
        "teams": names(&daily.teams),
        "series": series,
        "absent": absent,
        "idle": sums(daily, idle, false, ["node_cost", "idle_cost"]),
        "efficiency": sums(daily, efficiency, true, ["cost", "unused_cost"]),
    })
}

/// Sums of two columns by currency, cluster and, where wanted, namespace.
fn sums(daily: &Daily, table: &Table, by_namespace: bool, columns: [&str; 2]) -> Vec<Value> {
    let text = |row: &[Cell], column: &str| -> String {
        let cell = table.column(column).and_then(|column| row.get(column));
        cell.map(Cell::text).unwrap_or_default().to_owned()
    };
    let index = |names: &[String], name: &str| names.iter().position(|known| known == name).unwrap_or(names.len());
    let mut sums: BTreeMap<(usize, usize, usize), [f64; 2]> = BTreeMap::new();
    for row in &table.rows {
        let key = (
            index(&daily.currencies, &text(row, "currency")),
            index(&daily.clusters, &text(row, "cluster_id")),
            if by_namespace {
                index(&daily.namespaces, &text(row, "namespace"))
            } else {
                0
            },
        );
        let sum = sums.entry(key).or_default();
        for (sum, column) in sum.iter_mut().zip(columns) {
            let cell = table.column(column).and_then(|column| row.get(column));
            *sum += cell.and_then(Cell::number).unwrap_or_default();
        }
    }
    sums.into_iter()
        .map(|((currency, cluster, namespace), [one, other])| {
            json!([currency, cluster, namespace, number(one), number(other)])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let numbers = [0.0, 12.0, 0.123_456_789_01, -1_234.567_890_1, 1e-7];
        let texts = numbers.map(|value| number(value).to_string());
        assert_eq!(texts, ["0", "12", "0.12345679", "-1234.5679", "1e-7"]);
    }
}
