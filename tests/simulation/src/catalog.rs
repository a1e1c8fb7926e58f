//! The catalog of partitions, in memory.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contract::keys::LakePartition;
use crawler::catalog::{Catalog, CatalogError, CrawlerStart};
use seams::time::sleep;

use crate::world::{Fault, World};

/// The partitions of one table, each with its mark.
type Partitions = BTreeMap<LakePartition, Option<DateTime<Utc>>>;

pub(crate) struct SimulatedCatalog {
    world: World,
    partitions: Mutex<Partitions>,
}

impl SimulatedCatalog {
    pub(crate) fn new(world: &World) -> Self {
        Self {
            world: world.clone(),
            partitions: Mutex::default(),
        }
    }

    pub(crate) fn all(&self) -> MutexGuard<'_, Partitions> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each request takes time, and fails as often as S3's.
    async fn request(&self, operation: &'static str) -> Result<(), CatalogError> {
        sleep(self.world.seconds(0.01, 0.1)).await;
        if self.world.happens(Fault::S3Refuses) {
            self.world.note(format!("catalog: {operation} fails"));
            return Err(CatalogError::Request {
                operation,
                object: "table".to_owned(),
                reason: "simulated".to_owned(),
            });
        }
        Ok(())
    }
}

#[async_trait]
impl Catalog for SimulatedCatalog {
    async fn contains(&self, partition: &LakePartition) -> Result<bool, CatalogError> {
        self.request("GetPartition").await?;
        Ok(self.all().contains_key(partition))
    }

    async fn partitions(&self) -> Result<Partitions, CatalogError> {
        self.request("GetPartitions").await?;
        Ok(self.all().clone())
    }

    async fn register(&self, partitions: &[LakePartition]) -> Result<(), CatalogError> {
        self.request("BatchCreatePartition").await?;
        for partition in partitions {
            self.all().entry(partition.clone()).or_default();
        }
        Ok(())
    }

    async fn mark(&self, partitions: &[LakePartition], empty_since: Option<DateTime<Utc>>) -> Result<(), CatalogError> {
        self.request("BatchUpdatePartition").await?;
        for partition in partitions {
            self.all()
                .entry(partition.clone())
                .and_modify(|mark| *mark = empty_since);
        }
        Ok(())
    }

    async fn remove(&self, partitions: &[LakePartition]) -> Result<(), CatalogError> {
        self.request("BatchDeletePartition").await?;
        for partition in partitions {
            self.all().remove(partition);
        }
        Ok(())
    }

    async fn start_crawler(&self, _: &str) -> Result<CrawlerStart, CatalogError> {
        Ok(CrawlerStart::Started)
    }
}
