//! The Glue catalog.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_glue::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{ErrorDetail, PartitionError, PartitionInput, PartitionValueList, StorageDescriptor},
};
use contract::keys::LakePartition;

use crate::catalog::{Catalog, CatalogError, CrawlerStart};

/// The most partitions that Glue takes in one `BatchCreatePartition`.
const CREATE_BATCH: usize = 100;
/// The most partitions that Glue takes in one `BatchDeletePartition`.
const DELETE_BATCH: usize = 25;

/// One table in Glue.
#[derive(Debug, Clone)]
pub struct GlueCatalog {
    client: Client,
    database: String,
    table: String,
}

impl GlueCatalog {
    pub fn new(client: Client, database: impl Into<String>, table: impl Into<String>) -> Self {
        Self {
            client,
            database: database.into(),
            table: table.into(),
        }
    }

    fn name(&self) -> String {
        format!("{}.{}", self.database, self.table)
    }

    /// The table's columns, formats and location.
    async fn storage_descriptor(&self) -> Result<StorageDescriptor, CatalogError> {
        let output = self
            .client
            .get_table()
            .database_name(&self.database)
            .name(&self.table)
            .send()
            .await
            .map_err(|error| call("GetTable", self.name(), &error))?;
        output.table.and_then(|table| table.storage_descriptor).ok_or_else(|| {
            let reason = "the table has no storage descriptor, so it is not a table of files";
            failed("GetTable", self.name(), reason.to_owned())
        })
    }

    /// Fails if a batch request failed for any partition, except with the harmless code.
    fn check_batch<'a>(
        &self,
        operation: &'static str,
        harmless: &str,
        errors: impl IntoIterator<Item = &'a PartitionError>,
    ) -> Result<(), CatalogError> {
        let failures: Vec<String> = errors
            .into_iter()
            .filter_map(|error| {
                let detail = error.error_detail();
                let code = detail.and_then(ErrorDetail::error_code).unwrap_or("no code");
                let message = detail.and_then(ErrorDetail::error_message).unwrap_or("no message");
                (code != harmless).then(|| format!("{}: {code}: {message}", error.partition_values().join("/")))
            })
            .collect();
        match failures.as_slice() {
            [] => Ok(()),
            [first, ..] => {
                let reason = format!("{} partitions failed, first {first}", failures.len());
                Err(failed(operation, self.name(), reason))
            }
        }
    }
}

#[async_trait]
impl Catalog for GlueCatalog {
    async fn contains(&self, partition: &LakePartition) -> Result<bool, CatalogError> {
        let result = self
            .client
            .get_partition()
            .database_name(&self.database)
            .table_name(&self.table)
            .set_partition_values(Some(values(partition)))
            .send()
            .await;
        match result {
            Ok(_) => Ok(true),
            // Glue returns the same error if the table does not exist: registering or crawling then reports it.
            Err(error) if error.code() == Some("EntityNotFoundException") => Ok(false),
            Err(error) => Err(call("GetPartition", self.name(), &error)),
        }
    }

    async fn partitions(&self) -> Result<BTreeSet<LakePartition>, CatalogError> {
        let mut pages = self
            .client
            .get_partitions()
            .database_name(&self.database)
            .table_name(&self.table)
            .exclude_column_schema(true)
            .into_paginator()
            .send();
        let mut partitions = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call("GetPartitions", self.name(), &error))?;
            for partition in page.partitions.unwrap_or_default() {
                let values = partition.values.unwrap_or_default();
                match <[String; 4]>::try_from(values) {
                    Ok([account_id, region, year, month]) => {
                        partitions.insert(LakePartition {
                            account_id,
                            region,
                            year,
                            month,
                        });
                    }
                    Err(values) => tracing::warn!(?values, "ignored a partition whose keys are not the table's"),
                }
            }
        }
        Ok(partitions)
    }

    async fn register(&self, partitions: &[LakePartition]) -> Result<(), CatalogError> {
        if partitions.is_empty() {
            return Ok(());
        }
        let descriptor = self.storage_descriptor().await?;
        let root = descriptor.location.clone().unwrap_or_default();
        for batch in partitions.chunks(CREATE_BATCH) {
            let inputs = batch.iter().map(|partition| {
                let location = format!("{}/{partition}", root.trim_end_matches('/'));
                let mut descriptor = descriptor.clone();
                descriptor.location = Some(location);
                PartitionInput::builder()
                    .set_values(Some(values(partition)))
                    .storage_descriptor(descriptor)
                    .build()
            });
            let output = self
                .client
                .batch_create_partition()
                .database_name(&self.database)
                .table_name(&self.table)
                .set_partition_input_list(Some(inputs.collect()))
                .send()
                .await
                .map_err(|error| call("BatchCreatePartition", self.name(), &error))?;
            self.check_batch("BatchCreatePartition", "AlreadyExistsException", output.errors())?;
        }
        Ok(())
    }

    async fn remove(&self, partitions: &[LakePartition]) -> Result<(), CatalogError> {
        for batch in partitions.chunks(DELETE_BATCH) {
            let lists = batch
                .iter()
                .map(|partition| {
                    PartitionValueList::builder()
                        .set_values(Some(values(partition)))
                        .build()
                })
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| failed("BatchDeletePartition", self.name(), error.to_string()))?;
            let output = self
                .client
                .batch_delete_partition()
                .database_name(&self.database)
                .table_name(&self.table)
                .set_partitions_to_delete(Some(lists))
                .send()
                .await
                .map_err(|error| call("BatchDeletePartition", self.name(), &error))?;
            self.check_batch("BatchDeletePartition", "EntityNotFoundException", output.errors())?;
        }
        Ok(())
    }

    async fn start_crawler(&self, crawler: &str) -> Result<CrawlerStart, CatalogError> {
        match self.client.start_crawler().name(crawler).send().await {
            Ok(_) => Ok(CrawlerStart::Started),
            Err(error) if error.code() == Some("CrawlerRunningException") => Ok(CrawlerStart::AlreadyRunning),
            Err(error) => Err(call("StartCrawler", crawler.to_owned(), &error)),
        }
    }
}

fn values(partition: &LakePartition) -> Vec<String> {
    partition.values().map(str::to_owned).to_vec()
}

fn call<E, R>(operation: &'static str, object: String, error: &SdkError<E, R>) -> CatalogError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    failed(operation, object, store::message(error))
}

fn failed(operation: &'static str, object: String, reason: String) -> CatalogError {
    CatalogError::Request {
        operation,
        object,
        reason,
    }
}
