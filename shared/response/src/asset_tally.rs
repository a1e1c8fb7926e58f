//! What a day's assets add up to while they stream by, and whether they are the day's, once.

use std::{
    collections::{BTreeSet, HashSet},
    hash::{BuildHasher, RandomState},
};

use contract::day::Day;
use table::ASSET_NUMBERS;

use crate::{Asset, Sum, value::excerpt, windows};

/// How many keys are remembered, to find one that comes twice: 16 MiB at most.
const MOST_KEYS: usize = 900_000;
/// How many windows are remembered: a day has one, or one for each hour or less.
const MOST_WINDOWS: usize = 400;

/// The assets of a response.
#[derive(Debug, Clone)]
pub struct AssetTally {
    day: Day,
    hasher: RandomState,
    keys: HashSet<u64>,
    /// The first key that came twice for one window.
    repeated_key: Option<String>,
    /// The windows of assets of the day.
    windows: BTreeSet<(i64, i64)>,
    rows: u64,
    rows_left_out: u64,
    other_window: Option<(i64, i64)>,
    without_total: u64,
    sums: [Sum; ASSET_NUMBERS.len()],
}

/// What an assets response that answers the question says of its day.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetVerdict {
    /// Assets of the day.
    pub rows: u64,
    /// Assets of another day, which are left out.
    pub rows_left_out: u64,
    /// The sum of each number over the assets of the day, by its index in [`ASSET_NUMBERS`].
    pub sums: [Sum; ASSET_NUMBERS.len()],
    /// What a person should know.
    pub warnings: Vec<String>,
}

impl AssetTally {
    /// A tally of a response to a query for a day.
    pub fn new(day: Day) -> Self {
        Self {
            day,
            hasher: RandomState::new(),
            keys: HashSet::new(),
            repeated_key: None,
            windows: BTreeSet::new(),
            rows: 0,
            rows_left_out: 0,
            other_window: None,
            without_total: 0,
            sums: [Sum::default(); ASSET_NUMBERS.len()],
        }
    }

    /// Notes an asset. Gives whether it belongs to the day; one of another day is left out. One without a window does.
    pub fn add(&mut self, set: u32, key: &str, asset: &Asset<'_>) -> bool {
        let (start, end) = windows::bounds(self.day);
        let window = asset.window_start.zip(asset.window_end);
        if let Some(window) = window
            && !(start <= window.0 && window.0 <= window.1 && window.1 <= end)
        {
            self.rows_left_out += 1;
            self.other_window.get_or_insert(window);
            return false;
        }
        let window = window.unwrap_or((start, end));
        if self.keys.len() < MOST_KEYS && !self.keys.insert(self.hasher.hash_one((set, window, key))) {
            self.repeated_key.get_or_insert_with(|| excerpt(key));
        }
        if self.windows.len() < MOST_WINDOWS {
            self.windows.insert(window);
        }
        self.rows += 1;
        for (index, sum) in self.sums.iter_mut().enumerate() {
            sum.add(asset.number(index).unwrap_or(0.0));
        }
        self.without_total += u64::from(asset.total_cost().is_none());
        true
    }

    /// Decides whether the assets are the day's, each of them once.
    ///
    /// # Errors
    /// When they are of another time, when one comes twice, when two windows overlap, or when a sum is not finite.
    pub fn verdict(&self) -> Result<AssetVerdict, String> {
        if let Some(key) = &self.repeated_key {
            return Err(format!(
                "the asset '{key}' comes twice, so that its costs would count twice"
            ));
        }
        if let (0, Some((start, end))) = (self.rows, self.other_window) {
            return Err(format!(
                "the window {} was asked for, and the assets are of {}",
                self.day.window(),
                windows::describe(start, end)
            ));
        }
        let mut warnings = Vec::new();
        if self.rows > 0 {
            let windows = self.windows.iter().copied().collect();
            warnings.extend(windows::uncovered(self.day, windows)?.map(|gap| format!("assets: {gap}")));
        }
        if let Some(index) = self.sums.iter().position(|sum| !sum.value().is_finite()) {
            return Err(format!(
                "the sum of {} over the assets is not finite",
                ASSET_NUMBERS[index]
            ));
        }
        if let Some((start, end)) = self.other_window {
            warnings.push(format!(
                "{} assets are not of the day and were left out, one of them of {}",
                self.rows_left_out,
                windows::describe(start, end)
            ));
        }
        if self.without_total > 0 {
            warnings.push(format!("{} assets have no total cost", self.without_total));
        }
        Ok(AssetVerdict {
            rows: self.rows,
            rows_left_out: self.rows_left_out,
            sums: self.sums,
            warnings,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AssetParser;

    fn tally(assets: &[(u32, &str, &str, f64)]) -> Result<AssetVerdict, String> {
        let mut tally = AssetTally::new("2026-11-20".parse().unwrap());
        for (set, key, window, cost) in assets {
            let (start, end) = window.split_once('/').unwrap();
            let json = format!(
                r#"{{"type":"Disk","window":{{"start":"2026-11-{start}:00Z","end":"2026-11-{end}:00Z"}},"totalCost":{cost:e}}}"#
            );
            let mut parser = AssetParser::new();
            tally.add(*set, key, &parser.parse(key, &json).unwrap().unwrap());
        }
        tally.verdict()
    }

    const DAY: &str = "20T00:00/21T00:00";

    #[test]
    fn assets_of_the_day_are_summed_and_those_of_another_left_out() {
        let verdict = tally(&[
            (0, "a", DAY, 1.5),
            (0, "b", DAY, 2.0),
            (0, "a", "19T00:00/20T00:00", 9.0),
        ])
        .unwrap();
        assert_eq!((verdict.rows, verdict.rows_left_out), (2, 1));
        assert_eq!(verdict.sums[table::ASSET_TOTAL_COST].value(), 3.5);
        assert!(
            verdict.warnings[0].starts_with("1 assets are not of the day"),
            "{:?}",
            verdict.warnings
        );
        let none = tally(&[]).unwrap();
        assert_eq!((none.rows, none.warnings), (0, vec![]));
    }

    #[test]
    fn halves_of_a_day_are_one_day_and_a_missing_half_is_said() {
        let halves = [(0, "a", "20T00:00/20T12:00", 1.0), (1, "a", "20T12:00/21T00:00", 1.0)];
        assert_eq!(tally(&halves).unwrap().warnings, Vec::<String>::new());
        let warnings = tally(&halves[..1]).unwrap().warnings;
        assert!(warnings[0].contains("is missing"), "{warnings:?}");
    }

    #[test]
    fn assets_without_a_total_cost_are_counted() {
        let mut tally = AssetTally::new("2026-11-20".parse().unwrap());
        let mut parser = AssetParser::new();
        for (key, json) in [
            ("a", r#"{"type":"Disk"}"#),
            ("b", r#"{"type":"Disk","totalCost":2}"#),
            ("c", r#"{"type":"Disk"}"#),
        ] {
            assert!(tally.add(0, key, &parser.parse(key, json).unwrap().unwrap()));
        }
        let verdict = tally.verdict().unwrap();
        assert_eq!(verdict.rows, 3);
        assert_eq!(verdict.warnings, ["2 assets have no total cost"]);
    }

    #[test]
    fn no_asset_counts_twice_and_no_other_time_counts_as_the_day() {
        for (assets, message) in [
            (&[(0, "a", DAY, 1.0), (0, "a", DAY, 1.0)][..], "'a' comes twice"),
            (&[(0, "a", DAY, 1.0), (1, "a", "20T00:00/20T12:00", 1.0)], "overlap"),
            (
                &[(0, "a", "20T05:00/21T05:00", 1.0)],
                "the assets are of 2026-11-20T05:00:00Z",
            ),
            (&[(0, "a", DAY, f64::MAX), (0, "b", DAY, f64::MAX)], "not finite"),
        ] {
            let fault = tally(assets).unwrap_err();
            assert!(fault.contains(message), "{fault}");
        }
    }
}
