//! A catalog of partitions in one file, instead of Glue.

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind},
    path::PathBuf,
};

use async_trait::async_trait;
use contract::keys::LakePartition;
use crawler::catalog::{Catalog, CatalogError, CrawlerStart};
use tokio::sync::Mutex;

/// The file's name in the bucket's directory: of the table of allocations, and of that of assets.
pub const FILE: &str = "catalog.json";
/// As [`FILE`].
pub const ASSETS_FILE: &str = "catalog-assets.json";

/// The catalog. Only one process uses it: the bucket's directory is locked.
#[derive(Debug)]
pub struct LocalCatalog {
    file: PathBuf,
    change: Mutex<()>,
}

impl LocalCatalog {
    /// A catalog in this file, which need not exist yet.
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            change: Mutex::new(()),
        }
    }

    fn read(&self) -> io::Result<BTreeSet<LakePartition>> {
        match std::fs::read(&self.file) {
            Ok(json) => {
                let partitions: BTreeSet<[String; 4]> = serde_json::from_slice(&json)?;
                Ok(partitions
                    .into_iter()
                    .map(|[account_id, region, year, month]| LakePartition {
                        account_id,
                        region,
                        year,
                        month,
                    })
                    .collect())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeSet::new()),
            Err(error) => Err(error),
        }
    }

    async fn change(&self, change: impl FnOnce(&mut BTreeSet<LakePartition>)) -> Result<(), CatalogError> {
        let _changing = self.change.lock().await;
        let mut partitions = self.read()?;
        change(&mut partitions);
        let values: Vec<[&str; 4]> = partitions.iter().map(LakePartition::values).collect();
        let json = serde_json::to_vec_pretty(&values).map_err(io::Error::from)?;
        let unfinished = self.file.with_extension("json.unfinished");
        std::fs::write(&unfinished, json)?;
        std::fs::rename(&unfinished, &self.file)?;
        Ok(())
    }
}

#[async_trait]
impl Catalog for LocalCatalog {
    async fn contains(&self, partition: &LakePartition) -> Result<bool, CatalogError> {
        Ok(self.read()?.contains(partition))
    }

    async fn partitions(&self) -> Result<BTreeSet<LakePartition>, CatalogError> {
        Ok(self.read()?)
    }

    async fn register(&self, partitions: &[LakePartition]) -> Result<(), CatalogError> {
        if partitions.is_empty() {
            return Ok(());
        }
        self.change(|known| known.extend(partitions.iter().cloned())).await
    }

    async fn remove(&self, partitions: &[LakePartition]) -> Result<(), CatalogError> {
        if partitions.is_empty() {
            return Ok(());
        }
        self.change(|known| known.retain(|partition| !partitions.contains(partition)))
            .await
    }

    /// There is no crawler: the local host runs in the mode that registers partitions.
    async fn start_crawler(&self, crawler: &str) -> Result<CrawlerStart, CatalogError> {
        Err(CatalogError::Request {
            operation: "StartCrawler",
            object: crawler.to_owned(),
            reason: "this catalog has no crawlers: set CATALOG_MODE=register".to_owned(),
        })
    }
}
