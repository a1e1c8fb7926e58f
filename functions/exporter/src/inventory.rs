//! The days that the source still has.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use contract::{
    day::{Day, Window},
    documents::SourceKind,
};
use response::{Allocation, RowKind};
use table::{MINUTES, Property, TOTAL_COST};

use crate::{
    settings::SourceSettings,
    source::{Client, SourceError, query, retry},
};

/// The days of a period, oldest first.
pub(crate) struct AvailableDays {
    /// Those that may be collected.
    pub(crate) days: Vec<Day>,
    /// Those of them that the source was seen to have. The others are assumed.
    pub(crate) observed: BTreeSet<Day>,
    /// Ids of clusters that the source has, and that no list names.
    pub(crate) unlisted: Vec<String>,
}

impl AvailableDays {
    pub(crate) fn assumed(period: &[Day]) -> Self {
        Self {
            days: period.to_vec(),
            observed: BTreeSet::new(),
            unlisted: Vec::new(),
        }
    }

    pub(crate) fn observed(observed: BTreeSet<Day>) -> Self {
        Self {
            days: observed.iter().copied().collect(),
            observed,
            unlisted: Vec::new(),
        }
    }
}

/// The days of a period that the source has.
///
/// Kubecost is queried for one row a day, which is cheap. OpenCost would compute all days again for that: the whole
/// period is assumed, and a day without data is found out when it is collected. The same applies where Kubecost's
/// response cannot be used.
pub(crate) async fn available_days(
    client: &Client,
    settings: &SourceSettings,
    kind: SourceKind,
    period: &[Day],
) -> AvailableDays {
    let (Some(first), Some(last)) = (period.first(), period.last()) else {
        return AvailableDays::assumed(period);
    };
    if kind == SourceKind::Opencost {
        return AvailableDays::assumed(period);
    }
    let window = Window {
        start: first.start(),
        end: last.end(),
    };
    let query = async || query_days(client, settings, kind, window).await;
    match retry::with_retries(settings, query, SourceError::is_transient).await {
        Ok(found) => {
            let observed: BTreeSet<Day> = period.iter().copied().filter(|day| found.contains(day)).collect();
            if observed.is_empty() {
                tracing::warn!(%window, "the source has no data for any day of the period: collecting each of them");
                return AvailableDays::assumed(period);
            }
            AvailableDays::observed(observed)
        }
        Err(error) => {
            tracing::warn!(%error, "cannot query the days of the source: using the whole period");
            AvailableDays::assumed(period)
        }
    }
}

/// The clusters that a source has rows of in a period, by their ids, with the days of each.
///
/// OpenCost computes what is asked for, for all clusters: it is queried for the newest day only, for the ids.
///
/// # Errors
/// When the source cannot be queried, or its response cannot be used.
pub(crate) async fn clusters(
    client: &Client,
    settings: &SourceSettings,
    kind: SourceKind,
    period: &[Day],
) -> Result<BTreeMap<String, BTreeSet<Day>>, SourceError> {
    let (Some(first), Some(last)) = (period.first(), period.last()) else {
        return Ok(BTreeMap::new());
    };
    let first = match kind {
        SourceKind::Kubecost => first,
        SourceKind::Opencost => last,
    };
    let window = Window {
        start: first.start(),
        end: last.end(),
    };
    let query = query::days(kind, window, None, settings.idle);
    let read = async || {
        let mut clusters: BTreeMap<String, BTreeSet<Day>> = BTreeMap::new();
        let on_row = |_: u32, _: &str, row: &Allocation<'_>| {
            let id = match row.property(Property::Cluster) {
                "" if row.kind() == RowKind::Workload => &*row.name,
                id => id,
            };
            if let Some(day) = day_of(row).filter(|day| !id.is_empty() && period.contains(day)) {
                clusters.entry(id.to_owned()).or_default().insert(day);
            }
            Ok(())
        };
        client.allocations(&query, settings, on_row).await?;
        Ok::<_, SourceError>(clusters)
    };
    retry::with_retries(settings, read, SourceError::is_transient).await
}

async fn query_days(
    client: &Client,
    settings: &SourceSettings,
    kind: SourceKind,
    window: Window,
) -> Result<BTreeSet<Day>, SourceError> {
    let query = query::days(kind, window, settings.filter.as_deref(), settings.idle);
    let mut days = BTreeSet::new();
    let on_row = |_: u32, _: &str, row: &Allocation<'_>| {
        days.extend(day_of(row));
        Ok(())
    };
    client.allocations(&query, settings, on_row).await?;
    Ok(days)
}

/// The day that a row is of, if it says that the source has data: at the edge of retention there are rows without
/// minutes and costs.
pub(crate) fn day_of(row: &Allocation<'_>) -> Option<Day> {
    let number = |index| row.number(index).unwrap_or(0.0);
    let has_data = number(MINUTES) > 0.0 || number(TOTAL_COST) != 0.0;
    let start = row.window_start.filter(|_| has_data)?;
    DateTime::from_timestamp_millis(start).map(Day::of)
}
