//! Why a run ends before its first day.

use store::StoreError;

use crate::{
    certificate::CertificateError,
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
    #[error("the inventory could not be written: {0}")]
    Store(#[from] StoreError),
}

impl RunError {
    /// Whether the run ended early.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self, Self::Source(SourceError::Stopped { .. }))
    }
}
