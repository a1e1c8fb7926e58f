//! What a day's rows add up to while they stream by, and whether they are the response to the query.
//!
//! A source that does not understand a question, or has lost a part of the day, rarely says so: it sends something
//! else. Exporter and transform add each row to a [`Tally`], and both decide by [`Tally::verdict`]: what the exporter
//! stores, transform can convert.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use contract::{
    coverage::{Coverage, PartialReason},
    day::Day,
    quantities::Quantities,
    units::count,
};
use table::{Property, TOTAL_COST, number_name};

use crate::{Aggregation, Allocation, Sum, aggregation::SpecialRows, value::excerpt, windows};

mod keys;
mod set;

use keys::{Keys, Noted};
use set::SetTally;

/// How many sets a response may have. A day has one, or one for each hour or less.
const MOST_SETS: usize = 400;
/// How many clusters are remembered, for the message.
const MOST_CLUSTERS: usize = 20;

/// The longest id of a cluster, in bytes, with room to spare; of a longer text the beginning is remembered.
const LONGEST_CLUSTER: usize = 1024;

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// The day.
    pub day: Day,
    /// What a row is; `None` where that is not known, as for sets of older exporters.
    pub aggregation: Option<Aggregation>,
    /// The ids of the cluster at the source that are accepted; empty: any, but only one.
    pub clusters: Vec<String>,
}

/// Why a response is not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Rows lack what identifies a container: to be asked for in another way.
    #[error("{0}")]
    NotContainers(String),
    /// It is not the response to the question, or counts something twice.
    #[error("{0}")]
    Wrong(String),
    /// No row has a field with a cost: it is a response of another API, such as carbon estimates.
    #[error("none of the {rows} rows has a field with a cost: this is not a response of the allocation API")]
    NoCosts {
        /// The rows.
        rows: u64,
    },
}

/// What a response that answers the question says of its day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdict {
    /// The index of the day's set; `None`: all sets are the day's.
    pub set: Option<u32>,
    /// Rows of the day.
    pub rows: u64,
    /// The sum of their total costs, in the source's currency.
    pub total_cost: f64,
    /// The sum of each number over these rows, by its index in [`table`]; empty where there are no rows.
    pub sums: Vec<Sum>,
    /// What workload rows add up to.
    pub quantities: Quantities,
    /// What rows say was observed of the day. `node_minutes` is for the assets to say.
    pub coverage: Coverage,
    /// Why the day is partial, as far as the rows' windows say.
    pub partial: Vec<PartialReason>,
    /// Rows whose total cost was computed from its parts.
    pub computed_totals: u64,
    /// Rows whose total cost disagrees with its parts.
    pub disagreeing_totals: u64,
    /// Rows of another day, which are left out.
    pub rows_left_out: u64,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Whether any row has a cost.
    has_cost: bool,
}

impl Verdict {
    /// Whether the source has no data for the day: no rows, or rows without any cost and without any workload minute.
    pub fn is_no_data(&self) -> bool {
        self.rows == 0 || (!self.has_cost && self.quantities.is_nothing())
    }
}

/// The rows of a response, or of all its pages.
#[derive(Debug, Clone)]
pub struct Tally {
    day: Day,
    /// From when to when the day is.
    bounds: (i64, i64),
    aggregation: Option<Aggregation>,
    /// Those that have rows.
    sets: BTreeMap<u32, SetTally>,
    clusters: BTreeSet<String>,
    keys: Keys,
    /// The first key that came twice within a set.
    repeated_key: Option<String>,
    has_unknown_keys: bool,
    special: SpecialRows,
}

impl Tally {
    /// A tally of a response to a query for a day. It finds a key that comes twice if the keys are in order, as both
    /// sources write them, or among the first 114,688 rows; else see [`Tally::has_unknown_keys`].
    pub fn new(day: Day, aggregation: Option<Aggregation>) -> Self {
        Self {
            day,
            bounds: windows::bounds(day),
            aggregation,
            sets: BTreeMap::new(),
            clusters: BTreeSet::new(),
            keys: Keys::new(),
            repeated_key: None,
            has_unknown_keys: false,
            special: SpecialRows::new(),
        }
    }

    /// As [`Tally::new`], but it finds a key that comes twice among all rows, and needs 8 bytes for each of the others.
    pub fn of_all_keys(day: Day, aggregation: Option<Aggregation>) -> Self {
        let mut tally = Self::new(day, aggregation);
        tally.keys.remember_all();
        tally
    }

    /// What the rows are aggregated by, where that is known.
    pub fn aggregation(&self) -> Option<Aggregation> {
        self.aggregation
    }

    /// The ids of clusters that rows name, the first of them.
    pub fn clusters(&self) -> &BTreeSet<String> {
        &self.clusters
    }

    /// A tally of a page that follows this one's; merged with [`Tally::add_page`].
    #[must_use]
    pub fn next_page(&self) -> Self {
        Self {
            keys: self.keys.next(),
            ..Self::new(self.day, self.aggregation)
        }
    }

    /// Notes a row. Gives whether it belongs to the day; a row of another day is left out.
    ///
    /// # Errors
    /// When the response has more sets than any that is asked for.
    pub fn add(&mut self, set: u32, key: &str, row: &Allocation<'_>) -> Result<bool, String> {
        self.note_key(set, key)?;
        let tally = self.sets.entry(set).or_default();
        if !tally.place(self.bounds, row) {
            return Ok(false);
        }
        tally.sum(key, row);
        let cluster = row.property(Property::Cluster);
        if !cluster.is_empty() && self.clusters.len() < MOST_CLUSTERS && !self.clusters.contains(cluster) {
            let is_id = cluster.len() <= LONGEST_CLUSTER;
            self.clusters
                .insert(if is_id { cluster.to_owned() } else { excerpt(cluster) });
        }
        if self.special.has(key, &row.name) {
            return Ok(true);
        }
        tally.ordinary += 1;
        tally.nameless |= row.name.is_empty() && key.is_empty();
        if self.aggregation.is_some_and(|aggregation| !aggregation.identifies(row)) {
            tally.lacking += 1;
            tally.lacking_key.get_or_insert_with(|| excerpt(key));
        }
        tally.observe(row);
        Ok(true)
    }

    /// Notes a row that cannot be read.
    ///
    /// # Errors
    /// As [`Tally::add`].
    pub fn add_unreadable(&mut self, set: u32, key: &str, fault: &dyn std::fmt::Display) -> Result<(), String> {
        self.note_key(set, key)?;
        let tally = self.sets.entry(set).or_default();
        tally.rows += 1;
        tally.unreadable += 1;
        tally.fault.get_or_insert_with(|| fault.to_string());
        Ok(())
    }

    fn note_key(&mut self, set: u32, key: &str) -> Result<(), String> {
        if !self.sets.contains_key(&set) && self.sets.len() >= MOST_SETS {
            return Err(format!(
                "the response has more than {MOST_SETS} sets, and one day was asked for"
            ));
        }
        match self.keys.note(set, key) {
            Noted::New => {}
            Noted::Repeated => {
                self.repeated_key.get_or_insert_with(|| excerpt(key));
            }
            Noted::Unknown => self.has_unknown_keys = true,
        }
        Ok(())
    }

    /// Whether a key beyond the first 114,688 was out of order, so that it may be one that came before. Only
    /// [`Tally::of_all_keys`] can say.
    pub fn has_unknown_keys(&self) -> bool {
        self.has_unknown_keys
    }

    /// Rows over all sets, those of other days included.
    pub fn rows(&self) -> u64 {
        self.sets.values().map(|set| set.rows + set.rows_outside).sum()
    }

    /// The rows of the largest set: how far a page reaches where a source limits each set.
    pub fn rows_of_largest_set(&self) -> u64 {
        let rows = self.sets.values().map(|set| set.rows + set.rows_outside);
        rows.max().unwrap_or(0)
    }

    /// The sum of a number over the rows of the day in all sets, by its index in the table.
    pub fn sum(&self, number: usize) -> f64 {
        self.sets.values().map(|set| set.sums[number].value()).sum()
    }

    /// How many keys of this tally are also in another.
    pub fn keys_in_common(&self, other: &Self) -> usize {
        self.keys.in_common(&other.keys)
    }

    /// How many different keys there are.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// The days that the response has rows for, by their windows' start.
    pub fn days(&self) -> impl Iterator<Item = Day> {
        let windows = self.sets.values().flat_map(|set| [set.window, set.outside]);
        windows.flatten().filter_map(|(start, _)| time(start).map(Day::of))
    }

    /// Adds the rows of a page that was begun with [`Tally::next_page`].
    pub fn add_page(&mut self, page: Self) {
        for (index, set) in page.sets {
            self.sets.entry(index).or_default().merge(set);
        }
        self.clusters.extend(page.clusters);
        self.keys.add(page.keys);
        self.repeated_key = self.repeated_key.take().or(page.repeated_key);
        self.has_unknown_keys |= page.has_unknown_keys;
    }

    /// Decides whether the rows are the whole response to the question, and which part of the response is the day's.
    ///
    /// # Errors
    /// When they are not to be stored.
    pub fn verdict(&mut self, expected: &Expectation) -> Result<Verdict, Refusal> {
        if self.sets.is_empty() {
            return Ok(Verdict::default());
        }
        if let Some(key) = &self.repeated_key {
            return Err(Refusal::Wrong(format!(
                "the row '{key}' comes twice in a set, so that its costs would count twice: the source's store may be corrupt; restart or rebuild it"
            )));
        }
        if self.keys.list_repeats() {
            return Err(Refusal::Wrong(
                "two rows of a set have the same key, so that their costs would count twice: the source's store may be corrupt; restart or rebuild it".to_owned(),
            ));
        }
        let (set, mut warnings) = windows::choose(self.day, &self.windows()).map_err(Refusal::Wrong)?;
        let chosen = || {
            self.sets
                .iter()
                .filter(move |(index, _)| set.is_none_or(|set| set == **index))
                .map(|(_, set)| set)
        };
        let mut sum = SetTally::default();
        for tally in chosen() {
            sum.merge(tally.clone());
        }
        let intervals = chosen().filter_map(|set| set.window).collect();
        let gap = windows::uncovered(self.day, intervals).map_err(Refusal::Wrong)?;
        self.check_rows(&sum, &mut warnings)?;
        self.check_clusters(expected)?;
        check_sums(&sum)?;

        let mut partial = Vec::new();
        if let Some(gap) = gap {
            partial.push(PartialReason::Windows);
            warnings.push(gap);
        }
        if sum.rows_outside > 0 {
            if sum.overlapping {
                partial.push(PartialReason::RowsLeftOut);
            }
            let window = sum
                .outside
                .map(|(start, end)| windows::describe(start, end))
                .unwrap_or_default();
            warnings.push(format!(
                "left out {} not of the day, one of them of {window}",
                count(sum.rows_outside, "row")
            ));
        }
        if let Some(key) = &sum.disagreeing_key {
            warnings.push(format!(
                "kept the source's total of {} where it disagrees with its parts, such as '{key}'",
                count(sum.disagreeing_totals, "row")
            ));
        }
        if sum.computed_totals > 0 {
            warnings.push(format!(
                "computed the total cost of {} without one from its parts",
                count(sum.computed_totals, "row")
            ));
        }
        Ok(Verdict {
            set,
            rows: sum.rows,
            total_cost: sum.sums[TOTAL_COST].value(),
            sums: sum.sums.to_vec(),
            quantities: sum.quantities,
            coverage: Coverage {
                first_start: sum.observed.and_then(|(first, _)| time(first)),
                last_end: sum.observed.and_then(|(_, last)| time(last)),
                node_minutes: None,
            },
            partial,
            computed_totals: sum.computed_totals,
            disagreeing_totals: sum.disagreeing_totals,
            rows_left_out: sum.rows_outside,
            warnings,
            has_cost: sum.has_cost,
        })
    }

    fn windows(&self) -> Vec<windows::SetWindow> {
        let window = |(index, set): (&u32, &SetTally)| windows::SetWindow {
            index: *index,
            inside: set.rows,
            outside: set.rows_outside,
            other_window: set.outside,
        };
        self.sets.iter().map(window).collect()
    }

    fn check_rows(&self, sum: &SetTally, warnings: &mut Vec<String>) -> Result<(), Refusal> {
        if let Some(fault) = &sum.fault {
            return Err(Refusal::Wrong(format!(
                "{} of {} rows cannot be read: {fault}",
                sum.unreadable, sum.rows
            )));
        }
        if let Some(key) = &sum.costless_key {
            if sum.rows_with_cost == 0 {
                return Err(Refusal::NoCosts { rows: sum.rows });
            }
            warnings.push(format!(
                "found {} with minutes and no field with a cost, such as '{key}'",
                count(sum.costless, "row")
            ));
        }
        let Some(aggregation) = self.aggregation else {
            return Ok(());
        };
        let word = aggregation.as_str();
        let SetTally {
            rows,
            ordinary,
            lacking,
            ..
        } = sum;
        let promised: Vec<String> = aggregation
            .promises()
            .iter()
            .map(|property| format!("{property:?}").to_lowercase())
            .collect();
        let promised = promised.join(" or ");
        if sum.nameless && *rows == 1 {
            return Err(Refusal::Wrong(format!(
                "the source sent one row without a name: it does not know the aggregation '{word}' (set by AGGREGATION)"
            )));
        }
        if *lacking == 0 {
            return Ok(());
        }
        let message = format!(
            "an aggregation by {word} was asked for, and {lacking} of {ordinary} rows lack {promised}, among them '{}'",
            sum.lacking_key.as_deref().unwrap_or_default()
        );
        if lacking * 2 <= *ordinary {
            warnings.push(message);
            return Ok(());
        }
        Err(match aggregation {
            Aggregation::Container => Refusal::NotContainers(format!("{message}: the source merged them")),
            _ => Refusal::Wrong(format!("{message}: check AGGREGATION and the source's version")),
        })
    }

    fn check_clusters(&self, expected: &Expectation) -> Result<(), Refusal> {
        let names =
            |ids: &mut dyn Iterator<Item = &String>| ids.map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
        let found = names(&mut self.clusters.iter());
        if expected.clusters.is_empty() {
            if self.clusters.len() < 2 {
                return Ok(());
            }
            return Err(Refusal::Wrong(format!(
                "the rows are of {} clusters: {found}. Set SOURCE_FILTER to one of them, such as cluster:\"{}\"; or list in SOURCE_CLUSTER_IDS the ids that this cluster has had",
                self.clusters.len(),
                self.clusters.first().map(String::as_str).unwrap_or_default()
            )));
        }
        let mut others = self
            .clusters
            .iter()
            .filter(|id| !expected.clusters.contains(id))
            .peekable();
        if others.peek().is_none() {
            return Ok(());
        }
        Err(Refusal::Wrong(format!(
            "rows of {} were asked for, and rows of {} came: check SOURCE_FILTER, or list all ids of this cluster in SOURCE_CLUSTER_IDS",
            names(&mut expected.clusters.iter()),
            names(&mut others)
        )))
    }
}

fn check_sums(sum: &SetTally) -> Result<(), Refusal> {
    for (index, total) in sum.sums.iter().enumerate() {
        if !total.value().is_finite() {
            return Err(Refusal::Wrong(format!(
                "the sum of {} over the rows is not a finite number: a row holds a number that is too large to be real",
                number_name(index)
            )));
        }
    }
    let Quantities {
        minutes,
        core_hours,
        ram_byte_hours,
        ..
    } = sum.quantities;
    if [minutes, core_hours, ram_byte_hours].iter().all(|sum| sum.is_finite()) {
        Ok(())
    } else {
        Err(Refusal::Wrong(
            "minutes, core-hours or byte-hours of the workload rows add up to a number that is not finite".to_owned(),
        ))
    }
}

fn time(milliseconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(milliseconds)
}

#[cfg(test)]
mod tests;
