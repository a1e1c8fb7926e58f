//! The days that the source still has.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use contract::{
    day::{Day, Window},
    documents::SourceKind,
};
use response::{Allocation, RowKind};
use table::{MINUTES, Property, TOTAL_COST};

use crate::{
    run_error::RunError,
    settings::{PeriodSettings, SourceSettings},
    source::{Client, SourceError, query, retry},
};

/// The days that a run looks for.
pub(crate) struct Period {
    /// Oldest first.
    pub(crate) days: Vec<Day>,
    /// Whether all days that the source has are wanted. The period is then only what it is queried for.
    pub(crate) all: bool,
}

impl Period {
    pub(crate) fn new(settings: &PeriodSettings, now: DateTime<Utc>) -> Self {
        Self {
            days: settings.complete_days(now),
            all: settings.days.is_none(),
        }
    }

    /// Refuses all days of a source that does not say which days it has.
    pub(crate) fn check(&self, kind: SourceKind) -> Result<(), RunError> {
        if self.all && kind == SourceKind::Opencost {
            return Err(RunError::NeedsDays);
        }
        Ok(())
    }

    /// From the start of the first day to the end of the last; `None` without days.
    pub(crate) fn window(&self) -> Option<Window> {
        Some(Window {
            start: self.days.first()?.start(),
            end: self.days.last()?.end(),
        })
    }
}

/// The days that a source has or may have, oldest first.
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
/// response cannot be used. Where all days of the source are wanted, none is assumed.
///
/// # Errors
/// Where all days are wanted, and it is not known which they are.
pub(crate) async fn available_days(
    client: &Client,
    settings: &SourceSettings,
    kind: SourceKind,
    period: &Period,
) -> Result<AvailableDays, RunError> {
    period.check(kind)?;
    let Some(window) = period.window().filter(|_| kind == SourceKind::Kubecost) else {
        return Ok(AvailableDays::assumed(&period.days));
    };
    let query = async || query_days(client, settings, kind, window).await;
    match retry::with_retries(settings, query, SourceError::is_transient).await {
        Ok(found) => {
            let observed: BTreeSet<Day> = period.days.iter().copied().filter(|day| found.contains(day)).collect();
            if !observed.is_empty() {
                return Ok(AvailableDays::observed(observed));
            }
            if period.all {
                return Err(RunError::NoDays { window });
            }
            tracing::warn!(%window, "the source has no data for any day of the period: collecting each of them");
        }
        Err(error) if period.all => return Err(RunError::UnknownDays(error)),
        Err(error) => tracing::warn!(%error, "cannot query the days of the source: using the whole period"),
    }
    Ok(AvailableDays::assumed(&period.days))
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
    period: &Period,
) -> Result<BTreeMap<String, BTreeSet<Day>>, SourceError> {
    let newest = period.days.last().map(|day| day.window());
    let window = match kind {
        SourceKind::Kubecost => period.window(),
        SourceKind::Opencost => newest,
    };
    let Some(window) = window else {
        return Ok(BTreeMap::new());
    };
    let query = query::days(kind, window, None, settings.idle);
    let read = async || {
        let mut clusters: BTreeMap<String, BTreeSet<Day>> = BTreeMap::new();
        let on_row = |_: u32, _: &str, row: &Allocation<'_>| {
            let id = match row.property(Property::Cluster) {
                "" if row.kind() == RowKind::Workload => &*row.name,
                id => id,
            };
            if let Some(day) = day_of(row).filter(|day| !id.is_empty() && period.days.contains(day)) {
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
