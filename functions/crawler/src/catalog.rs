//! The catalog, as this function needs it: Glue, or what stands in for it in the local host.

use std::collections::BTreeSet;

use async_trait::async_trait;
use contract::keys::LakePartition;

/// A catalog of one table's partitions.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// Whether the catalog knows a partition.
    ///
    /// # Errors
    /// On a passing failure, or where the table is not there.
    async fn knows(&self, partition: &LakePartition) -> Result<bool, CatalogError>;

    /// All partitions that the catalog knows.
    ///
    /// # Errors
    /// As [`Catalog::knows`].
    async fn partitions(&self) -> Result<BTreeSet<LakePartition>, CatalogError>;

    /// Makes partitions known, with the table's columns and formats. Those that are known already stay as they are.
    ///
    /// # Errors
    /// As [`Catalog::knows`]; some of the partitions may be known then.
    async fn register(&self, partitions: &[LakePartition]) -> Result<(), CatalogError>;

    /// Has partitions forgotten. Those that are not known are no error.
    ///
    /// # Errors
    /// As [`Catalog::knows`]; some of the partitions may be forgotten then.
    async fn forget(&self, partitions: &[LakePartition]) -> Result<(), CatalogError>;

    /// Starts a crawler.
    ///
    /// # Errors
    /// On a passing failure, or where there is no such crawler.
    async fn start_crawler(&self, crawler: &str) -> Result<Start, CatalogError>;
}

/// What came of starting a crawler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It runs now.
    Started,
    /// It ran already. It may have passed over what is new, so the schedule looks again.
    AlreadyRunning,
}

/// What went wrong with the catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Glue refused or failed, or could not be reached.
    #[error("{operation} of {object} failed: {message}")]
    Call {
        /// The operation of the API.
        operation: &'static str,
        /// The table or crawler.
        object: String,
        /// The error's code and message.
        message: String,
    },
    /// Glue did part of what was asked.
    #[error("{operation} of {object} failed for {failed} partitions, first {first}")]
    Partial {
        /// The operation of the API.
        operation: &'static str,
        /// The table.
        object: String,
        /// How many failed.
        failed: usize,
        /// The first of them and why.
        first: String,
    },
    /// The catalog's own storage failed.
    #[error("the catalog cannot be read or written: {0}")]
    Storage(#[from] std::io::Error),
}
