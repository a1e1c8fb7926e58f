//! What the pages of a source are of: rows as they were when the first page was asked for.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use contract::day::Day;
use serde_json::Value;

/// A row with its key.
pub(crate) type Row = (String, Value);

/// Rows of one moment.
#[derive(Debug)]
struct Listing {
    rows: Vec<Row>,
    /// The same with the name of their response.
    named: Vec<Row>,
}

/// The listings of each day, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Listings(Mutex<BTreeMap<Day, Vec<Listing>>>);

impl Listings {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Day, Vec<Listing>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a listing. Equal rows are the same response: nobody could tell them apart.
    pub(crate) fn begin(&self, day: Day, rows: Vec<Row>, name: impl FnOnce(Vec<Row>) -> Vec<Row>) {
        let mut all = self.all();
        let listings = all.entry(day).or_default();
        match listings.iter().position(|known| known.rows == rows) {
            Some(known) => {
                let known = listings.remove(known);
                listings.push(known);
            }
            None => {
                let named = name(rows.clone());
                listings.push(Listing { rows, named });
            }
        }
    }

    fn newest(&self, day: Day, of: impl FnOnce(&Listing) -> Vec<Row>) -> Vec<Row> {
        let all = self.all();
        all.get(&day)
            .and_then(|listings| listings.last())
            .map(of)
            .unwrap_or_default()
    }

    /// The rows of the newest listing; none where there is no listing.
    pub(crate) fn rows(&self, day: Day) -> Vec<Row> {
        self.newest(day, |listing| listing.rows.clone())
    }

    /// So many of them from a row on, with the name of their response.
    pub(crate) fn page(&self, day: Day, from: usize, count: usize) -> Vec<Row> {
        self.newest(day, |listing| {
            listing.named.iter().skip(from).take(count).cloned().collect()
        })
    }
}
