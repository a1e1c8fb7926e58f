//! One day, from the source into the bucket: allocations, assets, and last the manifest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    clock::Clock,
    cluster::ClusterArn,
    coverage::PartialReason,
    currency::Currency,
    day::Day,
    documents::{AssetScope, AssetSet, AssetsState, Manifest, Part, PartKind, Question, SetFacts, SourceInfo},
    keys::Prefixes,
    run::RunId,
};
use response::{AssetParser, AssetTally, AssetVerdict, Entry, NodeMinutes, Refusal, Verdict};
use store::{Store, StoreError, UploadError};
use table::ASSET_TOTAL_COST;
use tokio::sync::OnceCell;

use crate::{
    part::{self, PartError, ReceivedPart},
    settings::SourceSettings,
    source::{Client, CurrencyError, ReadTimeout, SourceError, currency, query, retry},
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
    /// Why the day is not whole; empty where it is.
    pub partial: Vec<PartialReason>,
    /// The observed share of the day, 0 to 1, if the source says it.
    pub share: Option<f64>,
    pub assets: AssetsState,
    /// Whether the source was seen to have the day before it was collected.
    pub observed: bool,
}

/// Why a day is not in the bucket.
#[derive(Debug, thiserror::Error)]
pub enum DayError {
    #[error("the day ends at {end}: collect it when it has ended")]
    NotEnded { end: DateTime<Utc> },
    #[error("not collected, since the source timed out on {days} days of this run: it may be overloaded")]
    SourceOverloaded { days: usize },
    #[error(transparent)]
    Currency(#[from] CurrencyError),
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

impl DayError {
    fn source(&self) -> Option<&SourceError> {
        match self {
            Self::Part(PartError::Source(error)) => Some(error),
            Self::Currency(error) => error.source_error(),
            _ => None,
        }
    }

    /// Whether the source still computes what was asked for: to ask again would double its load.
    pub(crate) fn is_timeout(&self) -> bool {
        self.source().is_some_and(SourceError::is_timeout)
    }

    /// Whether the run ended before the day was collected.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.source(), Some(SourceError::Stopped { .. }))
    }

    /// Whether the day may succeed later in the same run.
    pub(crate) fn is_transient(&self) -> bool {
        self.source().is_some_and(SourceError::is_transient) && !self.is_timeout()
    }
}

/// Collects days of one run.
pub(crate) struct Collector<'a> {
    pub(crate) client: &'a Client,
    pub(crate) settings: &'a SourceSettings,
    pub(crate) source: &'a SourceInfo,
    /// The currency of all costs; not set while the source could not be queried for it.
    pub(crate) currency: &'a OnceCell<Currency>,
    pub(crate) store: &'a Store,
    pub(crate) prefixes: &'a Prefixes,
    pub(crate) cluster: &'a ClusterArn,
    pub(crate) run: RunId,
    pub(crate) clock: &'a dyn Clock,
    /// How long after its end a day counts as complete.
    pub(crate) settle: TimeDelta,
    /// The days that the source was seen to have.
    pub(crate) observed: &'a BTreeSet<Day>,
    /// Whether queries name all properties that identify a container: set by the first day that needs it.
    pub(crate) explicit_aggregation: &'a AtomicBool,
    /// Days on which the source timed out.
    pub(crate) timeouts: AtomicUsize,
    /// The number of each day's newest part. Numbers rise over repeated requests, so that no key is written twice.
    pub(crate) part_numbers: Mutex<BTreeMap<Day, u32>>,
}

/// The stored pages of a day's allocations; no parts where the source has no data.
#[derive(Debug, Default)]
pub(crate) struct Allocations {
    pub(crate) parts: Vec<Part>,
    pub(crate) query: String,
    pub(crate) verdict: Verdict,
}

/// The stored assets.
#[derive(Debug, Default)]
struct Assets {
    part: Option<Part>,
    state: AssetsState,
    set: Option<AssetSet>,
    node_minutes: Option<f64>,
    warnings: Vec<String>,
}

/// A response with assets that are the day's, each once, before it is stored.
struct ReceivedAssets {
    part: ReceivedPart,
    verdict: AssetVerdict,
    nodes: NodeMinutes,
}

impl Collector<'_> {
    /// Collects one day. After an error the day has no manifest.
    pub(crate) async fn day(&self, day: Day) -> Result<CollectedDay, DayError> {
        let now = self.clock.now();
        if day.end() > now {
            return Err(DayError::NotEnded { end: day.end() });
        }
        // No day is stored without it.
        self.currency
            .get_or_try_init(|| currency::of_source(self.client, self.settings, self.source.kind, false))
            .await?;
        let Allocations {
            mut parts,
            query,
            verdict,
        } = self.allocations(day).await?;
        let assets = if parts.is_empty() {
            Assets::default()
        } else {
            self.assets(day).await?
        };
        let facts = self.facts(day, now, &verdict, &assets);
        for warning in &facts.warnings {
            tracing::warn!(%day, warning, "unexpected response");
        }
        parts.extend(assets.part);
        let manifest = Manifest {
            run: self.run,
            cluster: self.cluster.clone(),
            date: day,
            window: day.window(),
            created_at: self.clock.now(),
            source: self.source.clone(),
            query,
            rows: verdict.rows,
            total_cost: verdict.total_cost,
            parts,
            facts,
        };
        let key = self.prefixes.manifest(self.cluster.id(), &self.run, day);
        self.store.create_document(&key, &manifest).await?;
        let Manifest {
            rows,
            total_cost,
            parts,
            facts,
            ..
        } = manifest;
        Ok(CollectedDay {
            rows,
            total_cost,
            raw_bytes: parts.iter().map(|part| part.raw_bytes).sum(),
            bytes: parts.iter().map(|part| part.bytes).sum(),
            share: facts.coverage.and_then(|coverage| coverage.share(day)),
            partial: facts.partial,
            assets: facts.assets,
            observed: facts.observed,
        })
    }

    /// What the manifest says of the set besides.
    fn facts(&self, day: Day, now: DateTime<Utc>, verdict: &Verdict, assets: &Assets) -> SetFacts {
        let mut coverage = verdict.coverage;
        coverage.node_minutes = assets.node_minutes;
        let mut partial = verdict.partial.clone();
        if verdict.rows > 0 && coverage.is_partial(day) {
            partial.push(PartialReason::Observed);
        }
        if now - day.end() < self.settle {
            partial.push(PartialReason::NotSettled);
        }
        SetFacts {
            question: Some(Question {
                aggregation: self.settings.aggregation.as_str().to_owned(),
                filter: self.settings.filter.clone(),
                idle: self.settings.idle,
            }),
            clusters: self.settings.clusters.clone(),
            quantities: Some(verdict.quantities),
            coverage: Some(coverage),
            partial,
            assets: assets.state,
            asset_set: assets.set,
            observed: self.observed.contains(&day),
            currency: self.currency.get().cloned(),
            computed_totals: verdict.computed_totals,
            disagreeing_totals: verdict.disagreeing_totals,
            rows_left_out: verdict.rows_left_out,
            warnings: [&verdict.warnings[..], &assets.warnings].concat(),
            producer: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }
    }

    async fn allocations(&self, day: Day) -> Result<Allocations, DayError> {
        let explicit_aggregation = self.explicit_aggregation.load(Ordering::Relaxed);
        match self.pages(day, explicit_aggregation).await? {
            Ok(allocations) => Ok(allocations),
            Err(Refusal::NotContainers(reason)) if !explicit_aggregation => {
                tracing::warn!(%day, reason, "querying again with an explicit aggregation that keeps pod and container");
                let why = match self.pages(day, true).await {
                    Ok(Ok(allocations)) => {
                        self.explicit_aggregation.store(true, Ordering::Relaxed);
                        return Ok(allocations);
                    }
                    Ok(Err(refusal)) => refused(refusal),
                    Err(DayError::Part(PartError::Source(error))) => error.into(),
                    Err(error) => return Err(error),
                };
                Err(SourceError::Refused(format!("{reason}; queried again with an explicit aggregation: {why}")).into())
            }
            Err(refusal) => Err(refused(refusal)),
        }
    }

    /// All assets, or nodes alone where the source gives no others. Where it gives none, the day is stored all the
    /// same: columns of nodes are filled from labels, and the day is collected again.
    async fn assets(&self, day: Day) -> Result<Assets, DayError> {
        let error = match self.assets_of(day, AssetScope::All).await {
            Ok(received) => return Self::store_assets(day, AssetScope::All, received, None).await,
            Err(DayError::Part(PartError::Source(error))) => error,
            Err(error) => return Err(error),
        };
        if error.is_of_the_response() {
            let nodes = if error.is_transient() {
                // The source was asked often enough.
                self.receive_assets(day, AssetScope::Nodes)
                    .await
                    .map_err(DayError::from)
            } else {
                self.assets_of(day, AssetScope::Nodes).await
            };
            match nodes {
                Ok(received) => {
                    let warning = format!("only nodes among the assets, so that the bill lacks the others: {error}");
                    return Self::store_assets(day, AssetScope::Nodes, received, Some(warning)).await;
                }
                Err(DayError::Part(PartError::Source(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Assets {
            state: AssetsState::Unavailable,
            warnings: vec![format!(
                "assets unavailable, node columns are filled from labels: {error}"
            )],
            ..Assets::default()
        })
    }

    async fn store_assets(
        day: Day,
        scope: AssetScope,
        ReceivedAssets { part, verdict, nodes }: ReceivedAssets,
        warning: Option<String>,
    ) -> Result<Assets, DayError> {
        let mut warnings: Vec<String> = warning.into_iter().chain(verdict.warnings).collect();
        if verdict.rows == 0 {
            warnings.push("the source has no assets for the day, so that the bill lacks them".to_owned());
        }
        let said = part.envelope.warnings.iter();
        warnings.extend(said.map(|warning| format!("assets: {warning}")));
        Ok(Assets {
            part: Some(part.store(PartKind::Assets, verdict.rows, None).await?),
            state: AssetsState::Stored,
            set: Some(AssetSet {
                scope,
                rows: verdict.rows,
                total_cost: verdict.sums[ASSET_TOTAL_COST].value(),
            }),
            node_minutes: nodes.observed(day),
            warnings,
        })
    }

    async fn assets_of(&self, day: Day, scope: AssetScope) -> Result<ReceivedAssets, DayError> {
        self.with_retries(async || self.receive_assets(day, scope).await).await
    }

    async fn receive_assets(&self, day: Day, scope: AssetScope) -> Result<ReceivedAssets, PartError> {
        let query = query::assets(self.source.kind, day.window(), scope, &self.settings.clusters);
        let number = self.next_part(day);
        let key = self.prefixes.assets_part(self.cluster.id(), &self.run, day, number);
        let (mut parser, mut tally, mut nodes) = (AssetParser::new(), AssetTally::new(day), NodeMinutes::default());
        let rows = &mut |Entry { set, key, value, .. }: Entry<'_>| {
            // What transform could not read is not stored.
            if let Some(asset) = parser.parse(key, value).map_err(|error| error.to_string())?
                && tally.add(set, key, &asset)
            {
                nodes.add(&asset);
            }
            Ok(())
        };
        let read_timeout = ReadTimeout::of_assets(self.settings);
        let part = part::receive(self.client, &query, read_timeout, self.store, key, rows).await?;
        match tally.verdict() {
            Ok(verdict) => Ok(ReceivedAssets { part, verdict, nodes }),
            Err(refusal) => {
                part.discard().await;
                Err(SourceError::Refused(refusal).into())
            }
        }
    }

    pub(crate) fn next_part(&self, day: Day) -> u32 {
        let mut numbers = self.part_numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let number = numbers.entry(day).or_default();
        *number += 1;
        *number
    }

    /// Errors of S3 are not retried here: the SDK has done so. Nor is a timeout: the source still computes the
    /// response.
    pub(crate) async fn with_retries<T>(
        &self,
        attempt: impl AsyncFnMut() -> Result<T, PartError>,
    ) -> Result<T, DayError> {
        let is_transient = |error: &PartError| match error {
            PartError::Source(error) => error.is_transient() && !error.is_timeout(),
            _ => false,
        };
        let result = retry::with_retries(self.settings, attempt, is_transient).await;
        result.map_err(DayError::from)
    }
}

fn refused(refusal: Refusal) -> DayError {
    SourceError::Refused(refusal.to_string()).into()
}
