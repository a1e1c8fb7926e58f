//! The days that the source still has.

use std::collections::BTreeSet;

use contract::{
    day::{Day, Window},
    documents::SourceKind,
};
use response::{Entry, Scanner};

use crate::{
    settings::{Aggregation, SourceSettings},
    source::{Client, ReadTimeout, SourceError, query},
    tally::Tally,
};

/// The days of a period that the source has, oldest first.
///
/// Kubecost is queried for one row a day, which is cheap. OpenCost would compute all days again for that: the whole
/// period counts as available, and a day without data is found out when it is collected. The same applies where
/// Kubecost's response cannot be used.
pub(crate) async fn available_days(
    client: &Client,
    settings: &SourceSettings,
    kind: SourceKind,
    period: &[Day],
) -> Vec<Day> {
    let (Some(first), Some(last)) = (period.first(), period.last()) else {
        return Vec::new();
    };
    if kind == SourceKind::Opencost {
        return period.to_vec();
    }
    let window = Window {
        start: first.start(),
        end: last.end(),
    };
    match query_days(client, settings, kind, window).await {
        Ok(days) => {
            let available: Vec<Day> = period.iter().copied().filter(|day| days.contains(day)).collect();
            if available.is_empty() {
                tracing::warn!(%window, "the source has no data for any day of the period: collecting each of them");
                return period.to_vec();
            }
            available
        }
        Err(error) => {
            tracing::warn!(%error, "cannot query the days of the source: using the whole period");
            period.to_vec()
        }
    }
}

async fn query_days(
    client: &Client,
    settings: &SourceSettings,
    kind: SourceKind,
    window: Window,
) -> Result<BTreeSet<Day>, SourceError> {
    let query = query::days(kind, window, settings.filter.as_deref());
    let mut response = client.get(&query, ReadTimeout::of_allocations(settings)).await?;
    let mut scanner = Scanner::new();
    let mut tally = Tally::new(Aggregation::Cluster);
    while let Some(chunk) = response.chunk().await? {
        scanner
            .feed(&chunk, &mut |entry: Entry<'_>| tally.add(&entry))
            .map_err(|error| SourceError::of_feed(response.url(), error))?;
    }
    let url = response.url().to_owned();
    scanner.finish().map_err(|fault| SourceError::Response { url, fault })?;
    Ok(tally.days().collect())
}
