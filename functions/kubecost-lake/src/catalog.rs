//! A catalog of partitions in one file, instead of Glue.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, ErrorKind, Write},
    path::PathBuf,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contract::keys::LakePartition;
use crawler::catalog::{Catalog, CatalogError, CrawlerStart};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

/// The file's name in the bucket's directory: of the table of allocations, and of that of assets.
pub const FILE: &str = "catalog.json";
/// As [`FILE`].
pub const ASSETS_FILE: &str = "catalog-assets.json";

/// The partitions, each with its mark.
type Partitions = BTreeMap<LakePartition, Option<DateTime<Utc>>>;

/// A partition in the file: account, region, year, month, and its mark if it has one.
#[derive(Serialize, Deserialize)]
struct Entry(
    String,
    String,
    String,
    String,
    #[serde(default, skip_serializing_if = "Option::is_none")] Option<DateTime<Utc>>,
);

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

    /// The partitions. A file that is damaged, as after a power failure, counts as absent: the crawler registers what
    /// the lake has.
    fn read(&self) -> io::Result<Partitions> {
        let json = match std::fs::read(&self.file) {
            Ok(json) => json,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Partitions::new()),
            Err(error) => return Err(error),
        };
        let entries: Vec<Entry> = serde_json::from_slice(&json).unwrap_or_else(|error| {
            tracing::warn!(file = %self.file.display(), %error, "the catalog is damaged: writing it again");
            Vec::new()
        });
        let partition = |Entry(account_id, region, year, month, empty_since)| {
            let partition = LakePartition {
                account_id,
                region,
                year,
                month,
            };
            (partition, empty_since)
        };
        Ok(entries.into_iter().map(partition).collect())
    }

    async fn change(&self, change: impl FnOnce(&mut Partitions)) -> Result<(), CatalogError> {
        let _changing = self.change.lock().await;
        let mut partitions = self.read()?;
        change(&mut partitions);
        let entries: Vec<Entry> = partitions
            .into_iter()
            .map(|(partition, empty_since)| {
                let LakePartition {
                    account_id,
                    region,
                    year,
                    month,
                } = partition;
                Entry(account_id, region, year, month, empty_since)
            })
            .collect();
        let json = serde_json::to_vec_pretty(&entries).map_err(io::Error::from)?;
        let unfinished = self.file.with_extension("json.unfinished");
        // A new file, so that no link is followed.
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        File::create_new(&unfinished)?.write_all(&json)?;
        std::fs::rename(&unfinished, &self.file)?;
        Ok(())
    }
}

#[async_trait]
impl Catalog for LocalCatalog {
    async fn contains(&self, partition: &LakePartition) -> Result<bool, CatalogError> {
        Ok(self.read()?.contains_key(partition))
    }

    async fn partitions(&self) -> Result<Partitions, CatalogError> {
        Ok(self.read()?)
    }

    async fn register(&self, partitions: &[LakePartition]) -> Result<(), CatalogError> {
        if partitions.is_empty() {
            return Ok(());
        }
        self.change(|known| {
            for partition in partitions {
                known.entry(partition.clone()).or_default();
            }
        })
        .await
    }

    async fn mark(&self, partitions: &[LakePartition], empty_since: Option<DateTime<Utc>>) -> Result<(), CatalogError> {
        if partitions.is_empty() {
            return Ok(());
        }
        self.change(|known| {
            for partition in partitions {
                known.entry(partition.clone()).and_modify(|mark| *mark = empty_since);
            }
        })
        .await
    }

    async fn remove(&self, partitions: &[LakePartition]) -> Result<(), CatalogError> {
        if partitions.is_empty() {
            return Ok(());
        }
        self.change(|known| known.retain(|partition, _| !partitions.contains(partition)))
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
