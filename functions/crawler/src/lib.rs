//! The crawler function: makes sure that the catalog has each partition of the lake, of both tables.
//!
//! The arrival of a Parquet object starts it; most of the time the catalog has its partition already. The schedule
//! starts it too: it then compares all partitions of the lake with the catalog's, and so finds those that arrived
//! during a crawl or whose event was lost. A partition without objects is removed by the second comparison in a row
//! that finds none, at least an hour after the first, or at once if a person says so.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contract::{
    clock::Clock,
    events::{ObjectCreated, REMOVE_GONE_PARTITIONS},
    keys::{Area, LakePartition},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use lambda::{BoxError, Function};
use store::{Store, StoreError};
use tokio::sync::Mutex;

pub mod catalog;
mod changes;
#[cfg(feature = "function")]
pub mod glue;
pub mod settings;

use catalog::{Catalog, CatalogError, CrawlerStart};
use changes::Changes;
use settings::{Mode, Settings};

pub use changes::Removal;

/// How many folders are listed at the same time.
const LISTINGS: usize = 16;

pub struct Crawler {
    settings: Settings,
    store: Store,
    tables: [Table; 2],
    clock: Arc<dyn Clock>,
}

/// The catalogs of the two tables.
pub struct Catalogs {
    /// Of the table of allocations.
    pub lake: Arc<dyn Catalog>,
    /// Of the table of assets.
    pub assets: Arc<dyn Catalog>,
}

struct Table {
    area: Area,
    catalog: Arc<dyn Catalog>,
    /// Partitions that this process has seen in the catalog: each receives an object for every cluster and day.
    known: Mutex<HashSet<LakePartition>>,
}

impl Table {
    fn new(area: Area, catalog: Arc<dyn Catalog>) -> Self {
        Self {
            area,
            catalog,
            known: Mutex::new(HashSet::new()),
        }
    }
}

/// A lake that lists nothing forgets nothing: a wrong prefix looks the same.
#[derive(Debug, thiserror::Error)]
#[error(
    "the lake lists no partition below '{prefix}', and the catalog has {partitions}: none was removed; check {setting}, or send the function the event '{REMOVE_GONE_PARTITIONS}' if the lake was emptied on purpose"
)]
pub struct EmptyLake {
    setting: &'static str,
    prefix: String,
    partitions: usize,
}

impl Crawler {
    pub fn new(settings: Settings, store: Store, catalogs: Catalogs, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings,
            store,
            tables: [
                Table::new(Area::Lake, catalogs.lake),
                Table::new(Area::Assets, catalogs.assets),
            ],
            clock,
        }
    }

    /// Registers a partition that the catalog lacks, and then starts the crawler in the mode that has one.
    async fn ensure_in_catalog(&self, table: &Table, partition: LakePartition) -> Result<(), CatalogError> {
        // Held throughout, so that of many events at once only one queries the catalog.
        let mut known = table.known.lock().await;
        if known.contains(&partition) {
            return Ok(());
        }
        if table.catalog.contains(&partition).await? {
            known.insert(partition);
            return Ok(());
        }
        table.catalog.register(std::slice::from_ref(&partition)).await?;
        tracing::info!(table = ?table.area, %partition, "registered partition");
        known.insert(partition);
        drop(known);
        self.start_crawler().await?;
        Ok(())
    }

    /// Starts the crawler in the mode that has one. A crawl that is already running is enough: the partitions are
    /// registered, and the crawler has its own schedule as well.
    async fn start_crawler(&self) -> Result<Option<CrawlerStart>, CatalogError> {
        let Mode::Crawler { crawler } = &self.settings.mode else {
            return Ok(None);
        };
        // One crawler has both tables as targets.
        let [table, _] = &self.tables;
        let start = table.catalog.start_crawler(crawler).await?;
        tracing::info!(crawler, ?start, "requested a crawl");
        Ok(Some(start))
    }

    /// Compares all partitions of the lake with the catalog's and corrects the catalog. If any was missing, starts the
    /// crawler once, in the mode that has one.
    pub async fn compare(&self, removal: Removal) -> Result<(), BoxError> {
        if self.settings.mode == Mode::None {
            return Ok(());
        }
        let mut missing = 0;
        // A table whose comparison fails does not keep the other from being compared.
        let mut failure = None;
        for table in &self.tables {
            match self.compare_table(table, removal).await {
                Ok(registered) => missing += registered,
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if missing > 0 {
            self.start_crawler().await?;
        }
        failure.map_or(Ok(()), Err)
    }

    /// Compares the partitions of one table; gives how many the catalog lacked.
    async fn compare_table(&self, table: &Table, removal: Removal) -> Result<usize, BoxError> {
        // The catalog is read first, so that a partition registered meanwhile is then found in the lake and not taken
        // for one whose data is gone.
        let in_catalog = table.catalog.partitions().await?;
        let in_lake = self.partitions_in_lake(table.area, &in_catalog).await?;
        if in_lake.is_empty() && !in_catalog.is_empty() && removal == Removal::Confirmed {
            return Err(EmptyLake {
                setting: table.area.setting(),
                prefix: self.settings.prefixes.of(table.area).to_owned(),
                partitions: in_catalog.len(),
            }
            .into());
        }
        let now = self.clock.now();
        let changes = Changes::between(&in_lake, &in_catalog, now, removal);
        table.catalog.register(&changes.missing).await?;
        table.catalog.mark(&changes.filled, None).await?;
        table.catalog.mark(&changes.emptied, Some(now)).await?;
        for partition in &changes.emptied {
            tracing::warn!(
                table = ?table.area,
                %partition,
                "the lake has no object of this partition: a comparison at least an hour from now that finds none removes it from the catalog"
            );
        }
        table.catalog.remove(&changes.gone).await?;
        for partition in &changes.gone {
            tracing::warn!(table = ?table.area, %partition, "removed a partition, since the lake has no object of it");
        }
        *table.known.lock().await = in_lake.iter().cloned().collect();
        tracing::info!(
            table = ?table.area,
            in_lake = in_lake.len(),
            in_catalog = in_catalog.len(),
            missing = changes.missing.len(),
            emptied = changes.emptied.len(),
            filled = changes.filled.len(),
            gone = changes.gone.len(),
            "compared the partitions of lake and catalog"
        );
        Ok(changes.missing.len())
    }

    /// The partitions of a table. Folders are listed rather than objects, so that the work grows with accounts,
    /// regions and months, not with clusters or days. Only in a month that the catalog lacks are objects listed, to see
    /// whether any belongs to the table.
    async fn partitions_in_lake(
        &self,
        table: Area,
        in_catalog: &BTreeMap<LakePartition, Option<DateTime<Utc>>>,
    ) -> Result<BTreeSet<LakePartition>, StoreError> {
        let prefixes = &self.settings.prefixes;
        let mut folders = vec![prefixes.of(table).to_owned()];
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
            .filter_map(|folder| Some((prefixes.parse_partition(table, &folder)?, folder)));
        stream::iter(partitions)
            .map(async |(partition, folder)| {
                let exists = in_catalog.contains_key(&partition) || self.has_objects(table, folder).await?;
                Ok(exists.then_some(partition))
            })
            .buffer_unordered(LISTINGS)
            .try_filter_map(async |partition| Ok(partition))
            .try_collect()
            .await
    }

    async fn has_objects(&self, table: Area, folder: String) -> Result<bool, StoreError> {
        let mut listing = self.store.list(folder);
        while let Some(page) = listing.next_page().await? {
            if page
                .objects
                .iter()
                .any(|object| self.parse(table, &object.key).is_some())
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The partition of an object of a table; `None` for any other object.
    fn parse(&self, table: Area, key: &str) -> Option<LakePartition> {
        let prefixes = &self.settings.prefixes;
        let (cluster, day) = match table {
            Area::Assets => prefixes.parse_assets(key)?,
            _ => prefixes.parse_lake(key)?,
        };
        Some(LakePartition::of(cluster.account_region(), day))
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
        let mut tables = self.tables.iter();
        let found = tables.find_map(|table| Some((table, self.parse(table.area, &object.key)?)));
        match found {
            Some((table, partition)) if self.settings.mode != Mode::None => {
                Ok(self.ensure_in_catalog(table, partition).await?)
            }
            Some(_) => Ok(()),
            None => {
                tracing::debug!(key = object.key, "ignored an object that is not part of a table");
                Ok(())
            }
        }
    }

    async fn schedule(&self) -> Result<(), BoxError> {
        self.compare(Removal::Confirmed).await
    }

    async fn remove_gone_partitions(&self) -> Result<(), BoxError> {
        self.compare(Removal::AtOnce).await
    }
}
