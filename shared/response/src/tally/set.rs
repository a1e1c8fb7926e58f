//! The rows of one set of a response, added up.

use contract::quantities::Quantities;
use table::{CPU_CORE_HOURS, MINUTES, NUMBERS, RAM_BYTE_HOURS, TOTAL_COST};

use crate::{Allocation, Sum, TotalCost, value::excerpt};

/// A time from one moment to another: milliseconds since 1970, UTC.
type Interval = (i64, i64);

/// The rows of one set.
#[derive(Debug, Clone)]
pub(super) struct SetTally {
    /// Rows of the day, and rows of another one.
    pub(super) rows: u64,
    pub(super) rows_outside: u64,
    /// A window of a row of another day, and whether any such window overlaps with the day.
    pub(super) outside: Option<Interval>,
    pub(super) overlapping: bool,
    /// From the first window's start to the last window's end, of rows of the day.
    pub(super) window: Option<Interval>,
    pub(super) sums: [Sum; NUMBERS],
    pub(super) quantities: Quantities,
    pub(super) observed: Option<Interval>,
    /// Whether any row has a total cost other than 0.
    pub(super) has_cost: bool,
    /// Rows that have a field with a cost, and rows that ran for minutes and have none, with a key of one.
    pub(super) rows_with_cost: u64,
    pub(super) costless: u64,
    pub(super) costless_key: Option<String>,
    /// Rows that are not special, and those of them that lack what they are aggregated by, with a key of one.
    pub(super) ordinary: u64,
    pub(super) lacking: u64,
    pub(super) lacking_key: Option<String>,
    pub(super) nameless: bool,
    pub(super) unreadable: u64,
    pub(super) fault: Option<String>,
    pub(super) computed_totals: u64,
    pub(super) disagreeing_totals: u64,
    pub(super) disagreeing_key: Option<String>,
}

impl Default for SetTally {
    fn default() -> Self {
        Self {
            rows: 0,
            rows_outside: 0,
            outside: None,
            overlapping: false,
            window: None,
            sums: [Sum::default(); NUMBERS],
            quantities: Quantities::default(),
            observed: None,
            has_cost: false,
            rows_with_cost: 0,
            costless: 0,
            costless_key: None,
            ordinary: 0,
            lacking: 0,
            lacking_key: None,
            nameless: false,
            unreadable: 0,
            fault: None,
            computed_totals: 0,
            disagreeing_totals: 0,
            disagreeing_key: None,
        }
    }
}

impl SetTally {
    /// Counts the row where it belongs; whether that is the day.
    pub(super) fn place(&mut self, day: Interval, row: &Allocation<'_>) -> bool {
        let interval = row.interval();
        match interval {
            Some((start, end)) if !row.is_within(day) => {
                self.rows_outside += 1;
                self.outside.get_or_insert((start, end));
                self.overlapping |= start < day.1 && end > day.0;
                false
            }
            _ => {
                self.rows += 1;
                // Only windows say what the response covers: start and end say what was observed.
                let covered = if row.window_start.is_some() {
                    interval
                } else {
                    Some(day)
                };
                self.window = union(self.window, covered);
                true
            }
        }
    }

    pub(super) fn sum(&mut self, key: &str, row: &Allocation<'_>) {
        for (sum, number) in self.sums.iter_mut().zip(row.numbers()) {
            sum.add(*number);
        }
        self.has_cost |= row.number(TOTAL_COST).is_some_and(|total| total != 0.0);
        if row.has_cost() {
            self.rows_with_cost += 1;
        } else if row.number(MINUTES).is_some_and(|minutes| minutes > 0.0) {
            self.costless += 1;
            self.costless_key.get_or_insert_with(|| excerpt(key));
        }
        match row.total_cost {
            TotalCost::Given => {}
            TotalCost::Computed => self.computed_totals += 1,
            TotalCost::Disagrees => {
                self.disagreeing_totals += 1;
                self.disagreeing_key.get_or_insert_with(|| excerpt(key));
            }
        }
    }

    /// What a workload row says of quantities and of the day's coverage.
    pub(super) fn observe(&mut self, row: &Allocation<'_>) {
        let number = |index| row.number(index).unwrap_or(0.0);
        let minutes = number(MINUTES);
        self.quantities.rows += 1;
        self.quantities.minutes += minutes;
        self.quantities.core_hours += number(CPU_CORE_HOURS);
        self.quantities.ram_byte_hours += number(RAM_BYTE_HOURS);
        // At the edge of retention sources send rows of zero minutes: nothing was observed there.
        if minutes > 0.0 {
            self.observed = union(self.observed, row.start.zip(row.end));
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.rows_outside += other.rows_outside;
        self.outside = self.outside.or(other.outside);
        self.overlapping |= other.overlapping;
        self.window = union(self.window, other.window);
        for (sum, other) in self.sums.iter_mut().zip(other.sums) {
            sum.merge(other);
        }
        self.quantities.rows += other.quantities.rows;
        self.quantities.minutes += other.quantities.minutes;
        self.quantities.core_hours += other.quantities.core_hours;
        self.quantities.ram_byte_hours += other.quantities.ram_byte_hours;
        self.observed = union(self.observed, other.observed);
        self.has_cost |= other.has_cost;
        self.rows_with_cost += other.rows_with_cost;
        self.costless += other.costless;
        self.costless_key = self.costless_key.take().or(other.costless_key);
        self.ordinary += other.ordinary;
        self.lacking += other.lacking;
        self.lacking_key = self.lacking_key.take().or(other.lacking_key);
        self.nameless |= other.nameless;
        self.unreadable += other.unreadable;
        self.fault = self.fault.take().or(other.fault);
        self.computed_totals += other.computed_totals;
        self.disagreeing_totals += other.disagreeing_totals;
        self.disagreeing_key = self.disagreeing_key.take().or(other.disagreeing_key);
    }
}

/// From the earlier start to the later end.
fn union(one: Option<Interval>, other: Option<Interval>) -> Option<Interval> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        (one, other) => one.or(other),
    }
}
