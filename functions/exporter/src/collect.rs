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
use store::{Store, StoreError, UploadError};

use crate::{
    part::{self, PartError, Received},
    progress::Progress,
    settings::SourceSettings,
    source::{AllocationQuery, Client, Query, SourceError, client::Patience, query, retry},
    tally::{DayRange, DaySet, Keys, Refusal, Tally},
};

/// What became of a day.
pub type DayResult = Result<Collected, DayError>;

/// A day that is in the bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Collected {
    /// Rows; 0 where the source has no data for the day.
    pub rows: u64,
    /// What they cost in all, in the source's currency.
    pub total_cost: f64,
    /// Bytes that the source sent.
    pub raw_bytes: u64,
    /// Bytes in the bucket.
    pub bytes: u64,
}

/// Why a day is not in the bucket.
#[derive(Debug, thiserror::Error)]
pub enum DayError {
    /// An answer did not get through.
    #[error(transparent)]
    Part(#[from] PartError),
    /// The manifest could not be written.
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
pub struct Collector<'a> {
    /// The source.
    pub client: &'a Client,
    /// How it is asked.
    pub settings: &'a SourceSettings,
    /// What is known of it.
    pub source: &'a SourceInfo,
    /// The bucket.
    pub store: &'a Store,
    /// Its prefixes.
    pub prefixes: &'a Prefixes,
    /// Whose costs are collected.
    pub cluster: &'a ClusterArn,
    /// The run.
    pub run: RunId,
    /// The days that the run may collect.
    pub range: DayRange,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Whether containers are to be asked for by naming all that identifies one; remembered from the first day on.
    pub explicit: AtomicBool,
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
    /// Collects one day.
    ///
    /// # Errors
    /// When anything fails; the day has no manifest then.
    pub async fn day(&self, day: Day, progress: &dyn Progress) -> DayResult {
        let allocations = self.allocations(day, progress).await?;
        let mut parts = allocations.parts;
        if !parts.is_empty() {
            parts.extend(self.assets(day, progress).await?);
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
        Ok(Collected {
            rows: manifest.rows,
            total_cost: manifest.total_cost,
            raw_bytes: manifest.parts.iter().map(|part| part.raw_bytes).sum(),
            bytes: manifest.parts.iter().map(|part| part.bytes).sum(),
        })
    }

    async fn allocations(&self, day: Day, progress: &dyn Progress) -> Result<Allocations, DayError> {
        let explicit = self.explicit.load(Ordering::Relaxed);
        match self.pages(day, explicit, progress).await? {
            Ok(allocations) => Ok(allocations),
            Err(Refusal::NotContainers(reason)) if !explicit => {
                tracing::warn!(%day, reason, "asking again with an explicit aggregation that keeps pod and container");
                let why = match self.pages(day, true, progress).await {
                    Ok(Ok(allocations)) => {
                        self.explicit.store(true, Ordering::Relaxed);
                        return Ok(allocations);
                    }
                    Ok(Err(refusal)) => refuse(refusal),
                    Err(DayError::Part(PartError::Source(error))) => error.into(),
                    Err(error) => return Err(error),
                };
                Err(SourceError::Refused(format!("{reason}; asked again with an explicit aggregation: {why}")).into())
            }
            Err(refusal) => Err(refuse(refusal)),
        }
    }

    /// Asks for all pages, or for the whole where there are none to be.
    async fn pages(
        &self,
        day: Day,
        explicit: bool,
        progress: &dyn Progress,
    ) -> Result<Result<Allocations, Refusal>, DayError> {
        let question = AllocationQuery {
            kind: self.source.kind,
            aggregation: self.settings.aggregation,
            explicit,
            filter: self.settings.filter.as_deref(),
        };
        let mut allocations = Allocations {
            query: question.query(day.window(), None).describe(),
            ..Allocations::default()
        };
        let mut seen = Keys::default();
        let mut number = 1;
        let mut offset = 0;
        loop {
            let page = self.settings.page_size.map(|limit| (offset, limit));
            let query = question.query(day.window(), page);
            let (received, tally) = self.allocation_page(day, number, &query, &seen, progress).await?;
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
            let DaySet {
                set,
                rows: day_rows,
                total_cost,
                warnings,
            } = match tally.day_set(day, self.range) {
                Ok(day_set) => day_set,
                Err(refusal) => {
                    received.discard().await;
                    return Ok(Err(refusal));
                }
            };
            for warning in warnings {
                tracing::warn!(%day, warning, "an odd answer");
            }
            allocations.rows += day_rows;
            allocations.total_cost += total_cost;
            allocations
                .parts
                .push(received.store(PartKind::Allocation, day_rows, set).await?);
            match self.settings.page_size {
                // More than asked for: the source does not know pages, and this was all.
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
        seen: &Keys,
        progress: &dyn Progress,
    ) -> Result<(Received, Tally), DayError> {
        let patience = Patience {
            time: self.settings.allocation_read_timeout,
            setting: "KUBECOST_ALLOCATION_API_READ_TIMEOUT",
        };
        self.repeated(async || {
            let key = self.prefixes.allocation_part(self.cluster.id(), &self.run, day, number);
            let mut tally = Tally::following(self.settings.aggregation, seen);
            let received = part::receive(
                self.client,
                query,
                patience,
                self.store,
                key,
                &mut |entry| tally.add(entry),
                &|bytes| progress.received(day, bytes),
            )
            .await?;
            Ok((received, tally))
        })
        .await
    }

    /// The nodes; `None` where the source has no such API.
    async fn assets(&self, day: Day, progress: &dyn Progress) -> Result<Option<Part>, DayError> {
        let received = match self.asset_answer(day, true, progress).await {
            // Sources of other versions spell the filter in other ways; without it there is more to read, and no less
            // to find.
            Err(DayError::Part(PartError::Source(error))) if error.refuses_the_query() => {
                self.asset_answer(day, false, progress).await
            }
            other => other,
        };
        match received {
            Ok(received) => {
                let rows = received.envelope.entries;
                Ok(Some(received.store(PartKind::Assets, rows, None).await?))
            }
            Err(DayError::Part(PartError::Source(SourceError::Status { status: 404, url, .. }))) => {
                tracing::warn!(%day, url, "the source has no assets API: columns of nodes will be filled from labels");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn asset_answer(&self, day: Day, filtered: bool, progress: &dyn Progress) -> Result<Received, DayError> {
        let patience = Patience {
            time: self.settings.assets_read_timeout,
            setting: "KUBECOST_ASSETS_API_READ_TIMEOUT",
        };
        let query = query::nodes(self.source.kind, day.window(), filtered);
        self.repeated(async || {
            let key = self.prefixes.assets_part(self.cluster.id(), &self.run, day, 1);
            let on_bytes = |bytes| progress.received(day, bytes);
            part::receive(
                self.client,
                &query,
                patience,
                self.store,
                key,
                &mut |_| Ok(()),
                &on_bytes,
            )
            .await
        })
        .await
    }

    /// What S3 fails at the SDK has tried again already.
    async fn repeated<T>(&self, attempt: impl AsyncFnMut() -> Result<T, PartError>) -> Result<T, DayError> {
        let is_passing = |error: &PartError| matches!(error, PartError::Source(error) if error.is_passing());
        let result = retry::repeated(self.settings, attempt, is_passing).await;
        result.map_err(DayError::from)
    }
}

fn refuse(refusal: Refusal) -> DayError {
    let (Refusal::NotContainers(reason) | Refusal::Wrong(reason)) = refusal;
    SourceError::Refused(reason).into()
}

/// What is wrong with a page that follows another.
enum Misplaced {
    /// It is the first page again: the source does not know pages, and the first was all.
    PagesIgnored,
    /// Rows of pages before are on it: the order changed between the two, so that others are on neither.
    Repeated(String),
}

fn misplaced(number: u32, page: &Tally, seen: &Keys) -> Option<Misplaced> {
    let common = page.keys().common(seen);
    if number == 2 && common == seen.len() && common == page.keys().len() {
        (common > 0).then_some(Misplaced::PagesIgnored)
    } else if common > 0 {
        Some(Misplaced::Repeated(format!(
            "{common} rows of page {number} were on a page before: the source's order changed between them (PAGE_SIZE); the next run tries again"
        )))
    } else {
        None
    }
}
