//! What is noted of an answer's rows while they stream by: how many, what they cost, and whether they are what was
//! asked for.
//!
//! A source that does not understand a question rarely says so: it answers something else. Here it is noticed before it
//! is stored as if it were right.

use std::{collections::BTreeMap, hash::BuildHasher};

use contract::day::{Day, Window};
use response::{Entry, RowParser, Sum};
use table::{Property, TOTAL_COST};

use crate::settings::Aggregation;

/// How many sets an answer may have. A day has one.
const MOST_SETS: usize = 400;

/// Parts of the names of rows that belong to no container, pod or controller, and cost all the same.
const SPECIAL: [&str; 4] = ["__idle__", "__unmounted__", "-unmounted-pvcs", "__unallocated__"];

/// Which days a run collects: an answer about another of them would count that one twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DayRange {
    /// The earliest.
    pub(crate) first: Day,
    /// The latest.
    pub(crate) last: Day,
}

/// The rows of one page, or of a whole answer.
#[derive(Debug)]
pub(crate) struct Tally {
    aggregation: Aggregation,
    parser: RowParser,
    sets: BTreeMap<u32, SetTally>,
    keys: RowKeys,
}

/// The rows of one set.
#[derive(Debug, Default, Clone, PartialEq)]
struct SetTally {
    rows: u64,
    total_cost: Sum,
    window: Option<(i64, i64)>,
    /// Rows that are not special, and those of them that have what they are aggregated by.
    ordinary: u64,
    identified: u64,
    unreadable: u64,
    fault: Option<String>,
    nameless: bool,
}

/// The part of an answer that is the day's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SelectedSet {
    /// The index of the set; `None`: the whole answer is the day's.
    pub(crate) set: Option<u32>,
    /// Rows.
    pub(crate) rows: u64,
    /// The sum of their `totalCost`.
    pub(crate) total_cost: f64,
    /// What a person should know of it.
    pub(crate) warnings: Vec<String>,
}

/// Why an answer is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TallyError {
    /// Rows lack what identifies a container: to be asked for in another way.
    NotContainers(String),
    /// It is not the answer to the question.
    Wrong(String),
}

impl Tally {
    /// A tally of an answer that is asked for by an aggregation.
    pub(crate) fn new(aggregation: Aggregation) -> Self {
        Self {
            aggregation,
            parser: RowParser::new(),
            sets: BTreeMap::new(),
            keys: RowKeys::default(),
        }
    }

    /// Notes a row. What a row cannot be read for is for transform to say, in quarantine, with the row kept; only an
    /// answer none of whose rows can be read is refused.
    ///
    /// # Errors
    /// When the answer has more sets than any that is asked for.
    pub(crate) fn add(&mut self, entry: &Entry<'_>) -> Result<(), String> {
        if !self.sets.contains_key(&entry.set) && self.sets.len() >= MOST_SETS {
            return Err(format!(
                "the answer has more than {MOST_SETS} sets, and one was asked for"
            ));
        }
        self.keys.add(entry.key);
        let set = self.sets.entry(entry.set).or_default();
        set.rows += 1;
        let row = match self.parser.parse(entry.key, entry.value) {
            Ok(row) => row,
            Err(error) => {
                set.unreadable += 1;
                set.fault.get_or_insert_with(|| error.to_string());
                return Ok(());
            }
        };
        set.total_cost.add(row.number(TOTAL_COST).unwrap_or(0.0));
        if set.window.is_none() {
            set.window = row.window_start.zip(row.window_end);
        }
        let special = SPECIAL
            .iter()
            .any(|mark| row.name.contains(mark) || entry.key.contains(mark));
        if !special {
            let has = |property| !row.property(property).is_empty();
            set.ordinary += 1;
            set.identified += u64::from(match self.aggregation {
                Aggregation::Container => has(Property::Container) && has(Property::Pod),
                Aggregation::Pod => has(Property::Pod),
                Aggregation::Namespace => has(Property::Namespace),
                Aggregation::Controller => has(Property::Controller),
                Aggregation::ControllerKind => has(Property::ControllerKind),
                Aggregation::Node => has(Property::Node),
                Aggregation::Cluster => has(Property::Cluster),
            });
            set.nameless |= row.name.is_empty() && entry.key.is_empty();
        }
        Ok(())
    }

    /// Rows, over all sets.
    pub(crate) fn rows(&self) -> u64 {
        self.sets.values().map(|set| set.rows).sum()
    }

    /// The keys of the rows, for comparison with the next page.
    pub(crate) fn into_keys(self) -> RowKeys {
        self.keys
    }

    /// The keys of the rows.
    pub(crate) fn keys(&self) -> &RowKeys {
        &self.keys
    }

    /// The days that the answer has rows for, by their windows' start.
    pub(crate) fn days(&self) -> impl Iterator<Item = Day> {
        self.sets.values().filter_map(|set| {
            let window = set.window.and_then(Window::from_milliseconds)?;
            Some(Day::of(window.start))
        })
    }

    /// Decides which part of the answer is the day's.
    ///
    /// # Errors
    /// When the answer is not one to the question.
    pub(crate) fn select_set(&self, day: Day, range: DayRange) -> Result<SelectedSet, TallyError> {
        let (set, warning) = self.choose(day, range).map_err(TallyError::Wrong)?;
        let chosen = || {
            self.sets
                .iter()
                .filter(|(index, _)| set.is_none_or(|set| set == **index))
        };
        for (_, tally) in chosen() {
            self.check(tally)?;
        }
        let mut warnings: Vec<String> = warning.into_iter().collect();
        if let Some((
            _,
            SetTally {
                unreadable,
                fault: Some(fault),
                ..
            },
        )) = chosen().find(|(_, tally)| tally.unreadable > 0)
        {
            warnings.push(format!(
                "{unreadable} rows cannot be read, so that the day will be quarantined: {fault}"
            ));
        }
        Ok(SelectedSet {
            set,
            rows: chosen().map(|(_, tally)| tally.rows).sum(),
            total_cost: chosen().map(|(_, tally)| tally.total_cost.value()).sum(),
            warnings,
        })
    }

    fn choose(&self, day: Day, range: DayRange) -> Result<(Option<u32>, Option<String>), String> {
        let bounds = day.window().milliseconds();
        let is_inside = |tally: &SetTally| {
            tally
                .window
                .is_none_or(|(start, end)| start >= bounds.0 && end <= bounds.1)
        };
        let inside: Vec<u32> = self
            .sets
            .iter()
            .filter(|(_, tally)| is_inside(tally))
            .map(|(index, _)| *index)
            .collect();
        match inside.as_slice() {
            inside if inside.len() == self.sets.len() => Ok((None, None)),
            [only] => {
                let others = self.sets.len() - 1;
                Ok((
                    Some(*only),
                    Some(format!(
                        "the answer has {others} sets of other days, which are left out"
                    )),
                ))
            }
            [] if self.sets.len() == 1 => self.other_window(day, range).map(|warning| (None, Some(warning))),
            _ => Err(format!(
                "one day was asked for, and the answer has {} sets, {} of them of that day",
                self.sets.len(),
                inside.len()
            )),
        }
    }

    /// One set of another window than asked for: as from a recording that is served for any window. To take it for the
    /// day would count another day of the run twice, if it is one.
    fn other_window(&self, day: Day, range: DayRange) -> Result<String, String> {
        let window = self
            .sets
            .values()
            .find_map(|tally| tally.window)
            .and_then(Window::from_milliseconds);
        let Some(window) = window else {
            return Err("the rows' windows are no times".to_owned());
        };
        let other = Day::range(range.first, range.last)
            .find(|other| *other != day && window.start < other.end() && window.end > other.start());
        match other {
            Some(other) => Err(format!(
                "the window {} was asked for, and the rows are of {window}, which would count {other} twice",
                day.window()
            )),
            None => Ok(format!(
                "the window {} was asked for, and the rows are of {window}",
                day.window()
            )),
        }
    }

    fn check(&self, tally: &SetTally) -> Result<(), TallyError> {
        let SetTally {
            rows,
            ordinary,
            identified,
            unreadable,
            fault,
            nameless,
            ..
        } = tally;
        if unreadable == rows
            && let Some(fault) = fault
        {
            return Err(TallyError::Wrong(format!(
                "none of the {rows} rows can be read: {fault}"
            )));
        }
        let aggregation = self.aggregation.as_str();
        if self.aggregation == Aggregation::Container {
            if identified * 2 < *ordinary {
                return Err(TallyError::NotContainers(format!(
                    "containers were asked for, and {} of {ordinary} rows lack pod or container: the source merged them",
                    ordinary - identified
                )));
            }
        } else if *nameless && *rows == 1 {
            return Err(TallyError::Wrong(format!(
                "the source answered one row without a name: it does not know the aggregation '{aggregation}' (set by AGGREGATION)"
            )));
        } else if *ordinary > 0 && *identified == 0 {
            return Err(TallyError::Wrong(format!(
                "an aggregation by {aggregation} was asked for, and no row has that property"
            )));
        }
        Ok(())
    }
}

/// The keys of rows, as hashes.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowKeys {
    hasher: std::hash::RandomState,
    hashes: std::collections::HashSet<u64>,
}

/// How many keys are kept, whatever the source sends: 16 MiB at most.
const MOST_KEYS: usize = 900_000;

impl RowKeys {
    fn add(&mut self, key: &str) {
        if self.hashes.len() < MOST_KEYS {
            self.hashes.insert(self.hasher.hash_one(key));
        }
    }

    /// Adds those of a page whose tally followed these.
    pub(crate) fn extend(&mut self, page: Self) {
        let room = MOST_KEYS.saturating_sub(self.hashes.len());
        self.hashes.extend(page.hashes.into_iter().take(room));
    }

    pub(crate) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// How many of these are among others.
    pub(crate) fn common(&self, others: &Self) -> usize {
        self.hashes.intersection(&others.hashes).count()
    }
}

impl Tally {
    /// A tally of a page whose keys can be compared with those of the pages before.
    pub(crate) fn following(aggregation: Aggregation, seen: &RowKeys) -> Self {
        Self {
            keys: RowKeys {
                hasher: seen.hasher.clone(),
                ..RowKeys::default()
            },
            ..Self::new(aggregation)
        }
    }
}
