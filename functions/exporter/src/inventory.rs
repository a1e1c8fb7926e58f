//! Which days the source can still answer for.

use std::collections::BTreeSet;

use contract::{
    day::{Day, Window},
    documents::SourceKind,
};
use response::{Entry, Scanner};

use crate::{
    settings::{Aggregation, SourceSettings},
    source::{Client, SourceError, client::Patience, query},
    tally::Tally,
};

/// The days of a period that the source has, oldest first.
///
/// Kubecost is asked for a row a day, which is cheap for it. OpenCost would compute all days anew for that, so that its
/// whole period is named: a day that turns out to be without data is known as such afterwards. The same where
/// Kubecost's answer cannot be used.
pub async fn available_days(client: &Client, settings: &SourceSettings, kind: SourceKind, period: &[Day]) -> Vec<Day> {
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
    match ask(client, settings, kind, window).await {
        Ok(days) => {
            let available: Vec<Day> = period.iter().copied().filter(|day| days.contains(day)).collect();
            if available.is_empty() {
                tracing::warn!(%window, "the source has data for none of the period's days; asking for each of them");
                return period.to_vec();
            }
            available
        }
        Err(error) => {
            tracing::warn!(%error, "the source does not tell its days; taking the whole period");
            period.to_vec()
        }
    }
}

async fn ask(
    client: &Client,
    settings: &SourceSettings,
    kind: SourceKind,
    window: Window,
) -> Result<BTreeSet<Day>, SourceError> {
    let patience = Patience {
        time: settings.allocation_read_timeout,
        setting: "KUBECOST_ALLOCATION_API_READ_TIMEOUT",
    };
    let query = query::days(kind, window, settings.filter.as_deref());
    let mut answer = client.get(&query, patience).await?;
    let mut scanner = Scanner::new();
    let mut tally = Tally::new(Aggregation::Cluster);
    while let Some(chunk) = answer.chunk().await? {
        scanner
            .feed(&chunk, &mut |entry: Entry<'_>| tally.add(&entry))
            .map_err(|error| SourceError::of_feed(answer.url(), error))?;
    }
    let url = answer.url().to_owned();
    scanner.finish().map_err(|fault| SourceError::Answer { url, fault })?;
    Ok(tally.days().collect())
}
