//! What a source says that a whole day adds up to.
//!
//! It rounds each number of each row, so that the sums of rows may differ from its own sums, and from one aggregation
//! to another.

use contract::{day::Day, documents::SourceKind};
use response::Tally;
use table::{CPU_CORE_HOURS, RAM_BYTE_HOURS, TOTAL_COST};

use crate::{
    settings::SourceSettings,
    source::{Client, SourceError, kind, query, retry},
};

/// By how much each row may change a sum: sources round to five decimals.
const ROUNDING: f64 = 5e-6;
/// By how much a sum may differ in any case, relative to itself.
const RELATIVE: f64 = 1e-9;

/// The numbers whose sums are compared, by their index among the table's numbers, with a name for people.
pub const COMPARED: [(usize, &str); 3] = [
    (TOTAL_COST, "total cost"),
    (CPU_CORE_HOURS, "CPU core-hours"),
    (RAM_BYTE_HOURS, "RAM byte-hours"),
];

/// Whether two sums are the same within the source's rounding. `rows`: of both together.
pub fn agree(one: f64, other: f64, rows: u64) -> bool {
    let tolerance = (ROUNDING * rows as f64).max(RELATIVE * other.abs());
    let difference = (one - other).abs();
    difference.is_finite() && difference <= tolerance
}

/// The source's own sums of a day, which it adds up to one row by cluster, and one for what is idle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceTotals {
    /// Rows of the response; 0 where the source has no data for the day.
    pub rows: u64,
    /// The sums of [`COMPARED`], in its order.
    pub sums: [f64; COMPARED.len()],
}

/// Queries a source for its own sums of days. `private_ca`: the PEM text of the only CA to trust; public ones where
/// `None`.
///
/// # Errors
/// When the source cannot be reached or recognised. A day that fails has its own error.
pub async fn of_days(
    settings: &SourceSettings,
    private_ca: Option<&[u8]>,
    days: &[Day],
    mut on_day: impl FnMut(Day),
) -> Result<Vec<(Day, Result<SourceTotals, SourceError>)>, SourceError> {
    let client = Client::new(settings, private_ca)?;
    let kind = kind::of(&client, settings).await?;
    let mut totals = Vec::with_capacity(days.len());
    for day in days {
        let query = async || whole_day(&client, settings, kind, *day).await;
        let tally = retry::with_retries(settings, query, SourceError::is_transient).await;
        let total = tally.map(|tally| SourceTotals {
            rows: tally.rows(),
            sums: COMPARED.map(|(number, _)| tally.sum(number)),
        });
        totals.push((*day, total));
        on_day(*day);
    }
    Ok(totals)
}

/// The cheap request for the sums of a day.
pub(crate) async fn whole_day(
    client: &Client,
    settings: &SourceSettings,
    kind: SourceKind,
    day: Day,
) -> Result<Tally, SourceError> {
    let query = query::days(kind, day.window(), settings.filter.as_deref(), settings.idle);
    let mut tally = Tally::new(day, None);
    client
        .allocations(&query, settings, |set, key, row| tally.add(set, key, row).map(|_| ()))
        .await?;
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_agree_within_the_rounding_of_each_row() {
        for (one, other, rows, expected) in [
            (1.0, 1.0, 0, true),
            (1.0, 1.000_049, 10, true),
            (1.0, 1.000_051, 10, false),
            (1e15, 1e15 + 1e5, 1, true),
            (1e15, 1e15 + 1e7, 1, false),
            (f64::NAN, 1.0, 1_000_000, false),
            (1.0, f64::INFINITY, 1_000_000, false),
        ] {
            assert_eq!(agree(one, other, rows), expected, "{one} {other} {rows}");
        }
    }
}
