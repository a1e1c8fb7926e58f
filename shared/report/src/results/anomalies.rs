//! Days on which a namespace cost unusually much or little.

use std::collections::BTreeMap;

use contract::day::Day;

use super::{WEEK, columns};
use crate::{
    cube::Cubes,
    names::Id,
    table::{Cell, Table},
};

/// How many days before a day it is compared with.
const BEFORE: u32 = 14;
/// With fewer of them there is nothing to compare with.
const AT_LEAST: usize = 7;
/// Scales the median absolute deviation to a standard deviation, and how many of them are unusual.
const LIMIT: f64 = 5.0 * 1.4826;
/// A difference that is not larger interests nobody: in units of the currency, and as a share of the median, since
/// weekends differ by some percent from other days.
const LEAST: f64 = 1.0;
const LEAST_SHARE: f64 = 0.1;

pub(super) fn anomalies(cubes: &Cubes) -> Table {
    let names = ["currency", "cluster_id", "namespace", "day", "cost", "median", "mad"];
    let mut table = Table::new("anomalies", columns(&names), Vec::new());
    let Some(newest) = cubes.newest() else {
        return table;
    };
    let mut daily: BTreeMap<(Id, Id, Id), BTreeMap<Day, f64>> = BTreeMap::new();
    for (key, day, cost) in cubes.daily() {
        let days = daily.entry((key.currency, key.cluster, key.namespace)).or_default();
        *days.entry(day).or_default() += cost;
    }
    let mut found = Vec::new();
    for ((currency, cluster, namespace), days) in &daily {
        for (day, cost) in days.range(newest.minus(WEEK - 1)..) {
            let before: Vec<f64> = days.range(day.minus(BEFORE)..*day).map(|(_, cost)| *cost).collect();
            if before.len() < AT_LEAST {
                continue;
            }
            let median = median(before.clone());
            let deviations = before.iter().map(|cost| (cost - median).abs()).collect();
            let mad = self::median(deviations);
            let distance = (cost - median).abs();
            if distance > LIMIT * mad && distance > LEAST_SHARE * median.abs() && distance > LEAST {
                let row = vec![
                    cubes.text(*currency),
                    cubes.cluster(*cluster),
                    cubes.text(*namespace),
                    Cell::Text(day.to_string()),
                    Cell::Number(*cost),
                    Cell::Number(median),
                    Cell::Number(mad),
                ];
                found.push((distance, row));
            }
        }
    }
    found.sort_by(|one, other| other.0.total_cmp(&one.0));
    table.rows = found.into_iter().map(|(_, row)| row).collect();
    table
}

/// The middle of some numbers: the mean of the two in the middle where they are even. 0 for none.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let at = |index: usize| numbers.get(index).copied().unwrap_or_default();
    match numbers.len() {
        0 => 0.0,
        length => f64::midpoint(at((length - 1) / 2), at(length / 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]).to_bits(), 2.0_f64.to_bits());
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]).to_bits(), 2.5_f64.to_bits());
        assert_eq!(median(Vec::new()).to_bits(), 0.0_f64.to_bits());
    }
}
