//! One day, from the source into the bucket: allocations, assets, and last the manifest.

use std::sync::atomic::{AtomicBool, Ordering};

use contract::{
    clock::Clock,
    cluster::ClusterArn,
    day::Day,
    documents::{Manifest, Part, PartKind, SetFacts, SourceInfo},
    keys::Prefixes,
    run::RunId,
};
use response::Entry;
use store::{Store, StoreError, UploadError};

use crate::{
    part::{self, PartError, ReceivedPart},
    settings::SourceSettings,
    source::{AllocationQuery, Client, Query, ReadTimeout, SourceError, query, retry},
    tally::{DayRange, RowKeys, SelectedSet, Tally, TallyError},
};

/// What is in the bucket of a day.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectedDay {
    /// 0 where the source has no data for the day.
    pub rows: u64,
    /// In the source's currency.
    pub total_cost: f64,
    /// Bytes that the source sent.
    pub raw_bytes: u64,
    /// Bytes in the bucket.
    pub bytes: u64,
}

/// Why a day is not in the bucket.
#[derive(Debug, thiserror::Error)]
pub enum DayError {
    #[error(transparent)]
    Part(#[from] PartError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<UploadError> for DayError {
    fn from(error: UploadError) -> Self {
        Self::Part(error.into())
    }
}

impl From<SourceError> for DayError {
    fn from(error: SourceError) -> Self {
        Self::Part(error.into())
    }
}

/// Collects days of one run.
pub(crate) struct Collector<'a> {
    pub(crate) client: &'a Client,
    pub(crate) settings: &'a SourceSettings,
    pub(crate) source: &'a SourceInfo,
    pub(crate) store: &'a Store,
    pub(crate) prefixes: &'a Prefixes,
    pub(crate) cluster: &'a ClusterArn,
    pub(crate) run: RunId,
    /// The days that the run may collect.
    pub(crate) range: DayRange,
    pub(crate) clock: &'a dyn Clock,
    /// Whether queries name all properties that identify a container: set by the first day that needs it.
    pub(crate) explicit_aggregation: AtomicBool,
}

/// The stored pages of a day's allocations.
#[derive(Debug, Default)]
struct Allocations {
    parts: Vec<Part>,
    query: String,
    rows: u64,
    total_cost: f64,
}

impl Collector<'_> {
    /// Collects one day. After an error the day has no manifest.
    pub(crate) async fn day(&self, day: Day) -> Result<CollectedDay, DayError> {
        let allocations = self.allocations(day).await?;
        let mut parts = allocations.parts;
        if !parts.is_empty() {
            parts.extend(self.assets(day).await?);
        }
        let id = self.cluster.id();
        let manifest = Manifest {
            run: self.run,
            cluster: self.cluster.clone(),
            date: day,
            window: day.window(),
            created_at: self.clock.now(),
            source: self.source.clone(),
            query: allocations.query,
            facts: SetFacts::default(),
            rows: allocations.rows,
            total_cost: allocations.total_cost,
            parts,
        };
        self.store
            .put_document(&self.prefixes.manifest(id, &self.run, day), &manifest)
            .await?;
        Ok(CollectedDay {
            rows: manifest.rows,
            total_cost: manifest.total_cost,
            raw_bytes: manifest.parts.iter().map(|part| part.raw_bytes).sum(),
            bytes: manifest.parts.iter().map(|part| part.bytes).sum(),
        })
    }

    async fn allocations(&self, day: Day) -> Result<Allocations, DayError> {
        let explicit_aggregation = self.explicit_aggregation.load(Ordering::Relaxed);
        match self.pages(day, explicit_aggregation).await? {
            Ok(allocations) => Ok(allocations),
            Err(TallyError::NotContainers(reason)) if !explicit_aggregation => {
                tracing::warn!(%day, reason, "querying again with an explicit aggregation that keeps pod and container");
                let why = match self.pages(day, true).await {
                    Ok(Ok(allocations)) => {
                        self.explicit_aggregation.store(true, Ordering::Relaxed);
                        return Ok(allocations);
                    }
                    Ok(Err(refusal)) => refuse(refusal),
                    Err(DayError::Part(PartError::Source(error))) => error.into(),
                    Err(error) => return Err(error),
                };
                Err(SourceError::Refused(format!("{reason}; queried again with an explicit aggregation: {why}")).into())
            }
            Err(refusal) => Err(refuse(refusal)),
        }
    }

    /// All pages; one page where `PAGE_SIZE` is 0.
    async fn pages(&self, day: Day, explicit_aggregation: bool) -> Result<Result<Allocations, TallyError>, DayError> {
        let template = AllocationQuery {
            kind: self.source.kind,
            aggregation: self.settings.aggregation,
            explicit_aggregation,
            filter: self.settings.filter.as_deref(),
        };
        let mut allocations = Allocations {
            query: template.query(day.window(), None).describe(),
            ..Allocations::default()
        };
        let mut seen = RowKeys::default();
        let mut number = 1;
        let mut offset = 0;
        loop {
            let page = self.settings.page_size.map(|limit| (offset, limit));
            let query = template.query(day.window(), page);
            let (received, tally) = self.allocation_page(day, number, &query, &seen).await?;
            let rows = tally.rows();
            if let Some(reason) = misplaced(number, &tally, &seen) {
                received.discard().await;
                match reason {
                    Misplaced::PagesIgnored => return Ok(Ok(allocations)),
                    Misplaced::Repeated(reason) => return Err(SourceError::Refused(reason).into()),
                }
            }
            if rows == 0 {
                received.discard().await;
                return Ok(Ok(allocations));
            }
            let SelectedSet {
                set,
                rows: day_rows,
                total_cost,
                warnings,
            } = match tally.select_set(day, self.range) {
                Ok(select_set) => select_set,
                Err(refusal) => {
                    received.discard().await;
                    return Ok(Err(refusal));
                }
            };
            for warning in warnings {
                tracing::warn!(%day, warning, "unexpected response");
            }
            allocations.rows += day_rows;
            allocations.total_cost += total_cost;
            allocations
                .parts
                .push(received.store(PartKind::Allocation, day_rows, set).await?);
            match self.settings.page_size {
                // Another number of rows: the last page, or the source does not know pages.
                Some(limit) if rows == u64::from(limit.get()) => {}
                _ => return Ok(Ok(allocations)),
            }
            offset += rows;
            number += 1;
            seen.extend(tally.into_keys());
        }
    }

    async fn allocation_page(
        &self,
        day: Day,
        number: u32,
        query: &Query,
        seen: &RowKeys,
    ) -> Result<(ReceivedPart, Tally), DayError> {
        let read_timeout = ReadTimeout::of_allocations(self.settings);
        self.with_retries(async || {
            let key = self.prefixes.allocation_part(self.cluster.id(), &self.run, day, number);
            let mut tally = Tally::following(self.settings.aggregation, seen);
            let on_row = &mut |entry: &Entry<'_>| tally.add(entry);
            let received = part::receive(self.client, query, read_timeout, self.store, key, on_row).await?;
            Ok((received, tally))
        })
        .await
    }

    /// The nodes; `None` where the source has no such API.
    async fn assets(&self, day: Day) -> Result<Option<Part>, DayError> {
        let received = match self.asset_part(day, true).await {
            // Versions of sources spell the filter differently; without it there is more to read, but nothing is missing.
            Err(DayError::Part(PartError::Source(error))) if error.refuses_the_query() => {
                self.asset_part(day, false).await
            }
            other => other,
        };
        match received {
            Ok(received) => {
                let rows = received.envelope.entries;
                Ok(Some(received.store(PartKind::Assets, rows, None).await?))
            }
            Err(DayError::Part(PartError::Source(SourceError::Status { status: 404, url, .. }))) => {
                tracing::warn!(%day, url, "the source has no assets API: node columns are filled from labels");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn asset_part(&self, day: Day, filtered: bool) -> Result<ReceivedPart, DayError> {
        let read_timeout = ReadTimeout::of_assets(self.settings);
        let query = query::nodes(self.source.kind, day.window(), filtered);
        self.with_retries(async || {
            let key = self.prefixes.assets_part(self.cluster.id(), &self.run, day, 1);
            part::receive(self.client, &query, read_timeout, self.store, key, &mut |_| Ok(())).await
        })
        .await
    }

    /// Errors of S3 are not retried here: the SDK has done so.
    async fn with_retries<T>(&self, attempt: impl AsyncFnMut() -> Result<T, PartError>) -> Result<T, DayError> {
        let is_transient = |error: &PartError| matches!(error, PartError::Source(error) if error.is_transient());
        let result = retry::with_retries(self.settings, attempt, is_transient).await;
        result.map_err(DayError::from)
    }
}

fn refuse(refusal: TallyError) -> DayError {
    let (TallyError::NotContainers(reason) | TallyError::Wrong(reason)) = refusal;
    SourceError::Refused(reason).into()
}

/// A page that does not continue the pages before.
enum Misplaced {
    /// It is the first page again: the source does not know pages, and the first has all rows.
    PagesIgnored,
    /// It repeats rows: the order changed between two requests, so that other rows are on no page.
    Repeated(String),
}

fn misplaced(number: u32, page: &Tally, seen: &RowKeys) -> Option<Misplaced> {
    let common = page.keys().common(seen);
    if number == 2 && common == seen.len() && common == page.keys().len() {
        (common > 0).then_some(Misplaced::PagesIgnored)
    } else if common > 0 {
        Some(Misplaced::Repeated(format!(
            "page {number} repeats {common} rows of earlier pages: the source's order changed between requests (PAGE_SIZE); the next run collects the day again"
        )))
    } else {
        None
    }
}
