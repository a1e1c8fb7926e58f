//! The catalog as this function needs it: Glue, or a file in the local host.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contract::keys::LakePartition;

/// The partitions of one table.
#[async_trait]
pub trait Catalog: Send + Sync {
    async fn contains(&self, partition: &LakePartition) -> Result<bool, CatalogError>;

    /// All partitions, each with its mark: when a comparison first found no object of it in the lake.
    async fn partitions(&self) -> Result<BTreeMap<LakePartition, Option<DateTime<Utc>>>, CatalogError>;

    /// Creates partitions with the table's columns and formats. Those that exist stay as they are. After an error some
    /// may have been created.
    async fn register(&self, partitions: &[LakePartition]) -> Result<(), CatalogError>;

    /// Sets the mark of partitions, or removes it, ignoring those that do not exist. After an error some may have been
    /// changed.
    async fn mark(&self, partitions: &[LakePartition], empty_since: Option<DateTime<Utc>>) -> Result<(), CatalogError>;

    /// Deletes partitions, ignoring those that do not exist. After an error some may have been deleted.
    async fn remove(&self, partitions: &[LakePartition]) -> Result<(), CatalogError>;

    async fn start_crawler(&self, crawler: &str) -> Result<CrawlerStart, CatalogError>;
}

/// The result of starting a Glue crawler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrawlerStart {
    Started,
    /// A crawl is in progress. It may miss what is new.
    AlreadyRunning,
}

/// A request to the catalog failed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("{operation} for {object} failed: {reason}")]
    Request {
        operation: &'static str,
        /// The table or crawler.
        object: String,
        reason: String,
    },
    #[error("the catalog's file cannot be read or written: {0}")]
    File(#[from] std::io::Error),
}
