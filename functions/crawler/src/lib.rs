//! The crawler function: makes sure that the catalog knows each partition that the lake has.
//!
//! It is started by the arrival of a Parquet object: mostly the partition is known already, and nothing is to be done.
//! And by the schedule, when it compares all partitions of the lake with the catalog's, so that none is forgotten: not
//! one that arrived while a crawl was on its way, nor one whose event was lost.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use contract::{
    events::ObjectCreated,
    keys::{Area, LakePartition},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use lambda::{BoxError, Function};
use store::{Store, StoreError};
use tokio::sync::Mutex;

pub mod catalog;
pub mod glue;
pub mod settings;

use catalog::{Catalog, CatalogError, Start};
use settings::{Mode, Settings};

/// How many folders are listed at the same time.
const LISTINGS: usize = 16;

/// The function, with what it needs.
pub struct Crawler {
    settings: Settings,
    store: Store,
    catalog: Arc<dyn Catalog>,
    /// Partitions seen in the catalog by this process: a partition receives one object for each cluster and day.
    known: Mutex<HashSet<LakePartition>>,
}

/// What the comparison of lake and catalog found and did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// Partitions of the lake that the catalog did not know.
    pub missing: BTreeSet<LakePartition>,
    /// Partitions of the catalog that have no object in the lake.
    pub gone: BTreeSet<LakePartition>,
    /// What came of starting the crawler, where it was to be started.
    pub crawl: Option<Start>,
}

/// Why the function failed, so that it is to be called again.
#[derive(Debug, thiserror::Error)]
pub enum CrawlerError {
    /// The bucket.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Crawler {
    /// The function over a bucket and a catalog.
    pub fn new(settings: Settings, store: Store, catalog: Arc<dyn Catalog>) -> Self {
        Self {
            settings,
            store,
            catalog,
            known: Mutex::new(HashSet::new()),
        }
    }

    /// Makes sure that the catalog knows a partition, or will once the crawler has run.
    ///
    /// # Errors
    /// On a passing failure of the catalog.
    pub async fn ensure(&self, partition: LakePartition) -> Result<(), CatalogError> {
        // Held throughout: of many events that arrive at once, one asks the catalog and the others find the answer.
        let mut known = self.known.lock().await;
        if known.contains(&partition) {
            return Ok(());
        }
        if self.catalog.knows(&partition).await? {
            known.insert(partition);
            return Ok(());
        }
        match &self.settings.mode {
            Mode::None => {}
            Mode::Register => {
                self.catalog.register(std::slice::from_ref(&partition)).await?;
                tracing::info!(%partition, "registered");
                known.insert(partition);
            }
            Mode::Crawler { crawler } => {
                let start = self.catalog.start_crawler(crawler).await?;
                // The crawl that begins now finds it; one that ran already may have passed it by. The schedule looks
                // again in any case.
                if start == Start::Started {
                    known.insert(partition.clone());
                }
                tracing::info!(%partition, crawler, ?start, "a partition that the catalog does not know");
            }
        }
        Ok(())
    }

    /// Compares all partitions of the lake with the catalog's, and mends the difference. A crawler is started once for
    /// all of them; what it leaves, as when it is running already, the next comparison finds.
    ///
    /// # Errors
    /// On a passing failure of the bucket or the catalog.
    pub async fn compare(&self) -> Result<Comparison, CrawlerError> {
        if self.settings.mode == Mode::None {
            return Ok(Comparison::default());
        }
        // The catalog first: a partition that is registered meanwhile is then found in the lake, not taken for one that
        // is gone.
        let in_catalog = self.catalog.partitions().await?;
        let in_lake = self.partitions_of_the_lake(&in_catalog).await?;
        let mut comparison = Comparison {
            missing: in_lake.difference(&in_catalog).cloned().collect(),
            gone: in_catalog.difference(&in_lake).cloned().collect(),
            crawl: None,
        };
        match &self.settings.mode {
            Mode::Crawler { crawler } if !comparison.missing.is_empty() => {
                comparison.crawl = Some(self.catalog.start_crawler(crawler).await?);
            }
            Mode::Register => {
                let list = |set: &BTreeSet<LakePartition>| set.iter().cloned().collect::<Vec<_>>();
                self.catalog.register(&list(&comparison.missing)).await?;
                self.catalog.forget(&list(&comparison.gone)).await?;
            }
            Mode::Crawler { .. } | Mode::None => {}
        }
        *self.known.lock().await = in_lake.intersection(&in_catalog).cloned().collect();
        tracing::info!(
            in_lake = in_lake.len(),
            in_catalog = in_catalog.len(),
            missing = comparison.missing.len(),
            gone = comparison.gone.len(),
            crawl = ?comparison.crawl,
            "compared the lake's partitions with the catalog's"
        );
        Ok(comparison)
    }

    /// The partitions of the lake. Folders are listed and not objects, so that the work grows with accounts, regions
    /// and years, and not with clusters or days. Of a month that the catalog does not know, objects tell whether it has
    /// any of the table.
    async fn partitions_of_the_lake(
        &self,
        in_catalog: &BTreeSet<LakePartition>,
    ) -> Result<BTreeSet<LakePartition>, StoreError> {
        let prefixes = &self.settings.prefixes;
        let mut folders = vec![prefixes.of(Area::Lake).to_owned()];
        for _ in ["account_id", "region", "year", "month"] {
            let below: Vec<Vec<String>> = stream::iter(folders)
                .map(async |folder| self.store.list(folder).folders().prefixes().await)
                .buffer_unordered(LISTINGS)
                .try_collect()
                .await?;
            folders = below.into_iter().flatten().collect();
        }
        let partitions = folders
            .into_iter()
            .filter_map(|folder| Some((prefixes.parse_partition(&folder)?, folder)));
        stream::iter(partitions)
            .map(async |(partition, folder)| {
                let is_one = in_catalog.contains(&partition) || self.has_objects_of_the_table(folder).await?;
                Ok(is_one.then_some(partition))
            })
            .buffer_unordered(LISTINGS)
            .try_filter_map(async |partition| Ok(partition))
            .try_collect()
            .await
    }

    async fn has_objects_of_the_table(&self, folder: String) -> Result<bool, StoreError> {
        let prefixes = &self.settings.prefixes;
        let mut listing = self.store.list(folder);
        while let Some(page) = listing.next_page().await? {
            if page
                .objects
                .iter()
                .any(|object| prefixes.parse_lake(&object.key).is_some())
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[async_trait]
impl Function for Crawler {
    fn name(&self) -> &'static str {
        "crawler"
    }

    fn bucket(&self) -> &str {
        &self.settings.bucket
    }

    async fn object_created(&self, object: ObjectCreated) -> Result<(), BoxError> {
        match self.settings.prefixes.parse_lake(&object.key) {
            Some((cluster, day)) if self.settings.mode != Mode::None => {
                Ok(self.ensure(LakePartition::of(cluster.account_region(), day)).await?)
            }
            _ => {
                tracing::debug!(
                    key = object.key,
                    "not an object of the table, or no catalog to tell: ignored"
                );
                Ok(())
            }
        }
    }

    async fn schedule(&self) -> Result<(), BoxError> {
        self.compare().await?;
        Ok(())
    }
}
