//! Why a run ends before its first day.

use contract::day::Window;
use store::StoreError;

use crate::{
    certificate::CertificateError,
    settings::OPENCOST_NEEDS_DAYS,
    source::{CurrencyError, SourceError},
};

/// Why a run collected nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Currency(#[from] CurrencyError),
    /// A cluster of the list that the source does not have.
    #[error(
        "the source has no cluster {ids}: correct its id in SOURCE_CLUSTERS, or remove it if it is gone; the source has {found}"
    )]
    NotAtSource { ids: String, found: String },
    /// All days of a source are wanted that does not say which days it has.
    #[error("BACKFILL_PERIOD_DAYS {OPENCOST_NEEDS_DAYS}")]
    NeedsDays,
    /// All days of the source are wanted, and the query for them failed.
    #[error(
        "BACKFILL_PERIOD_DAYS is all, and the query for the days of the source failed: {0}; if it fails each time, set a number of days"
    )]
    UnknownDays(SourceError),
    /// All days of the source are wanted, and it has none.
    #[error(
        "the source has no data for any complete day of {window}: check that it has collected metrics for a whole day, and SOURCE_FILTER"
    )]
    NoDays { window: Window },
    #[error("the inventory could not be written: {0}")]
    Store(#[from] StoreError),
}

impl RunError {
    /// Whether the run ended early.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(
            self,
            Self::Source(SourceError::Stopped { .. }) | Self::UnknownDays(SourceError::Stopped { .. })
        )
    }
}
