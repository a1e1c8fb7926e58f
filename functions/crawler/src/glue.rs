//! The Glue catalog.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_glue::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{ErrorDetail, PartitionInput, PartitionValueList, StorageDescriptor},
};
use contract::keys::LakePartition;

use crate::catalog::{Catalog, CatalogError, Start};

/// How many partitions one call of `BatchCreatePartition` takes.
const CREATE_BATCH: usize = 100;
/// How many partitions one call of `BatchDeletePartition` takes.
const DELETE_BATCH: usize = 25;

/// One table in Glue.
#[derive(Debug, Clone)]
pub struct GlueCatalog {
    client: Client,
    database: String,
    table: String,
}

impl GlueCatalog {
    /// A table that a client reaches.
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

    /// The table's storage descriptor: columns, formats, and the location that partitions lie below.
    async fn storage_descriptor(&self) -> Result<StorageDescriptor, CatalogError> {
        let output = self
            .client
            .get_table()
            .database_name(&self.database)
            .name(&self.table)
            .send()
            .await
            .map_err(|error| call("GetTable", self.name(), &error))?;
        output
            .table
            .and_then(|table| table.storage_descriptor)
            .ok_or_else(|| CatalogError::Call {
                operation: "GetTable",
                object: self.name(),
                message: "the table has no storage descriptor, so it is not a table over files".to_owned(),
            })
    }

    fn partial<'a>(
        &self,
        operation: &'static str,
        harmless: &str,
        errors: impl IntoIterator<Item = (Option<&'a [String]>, Option<&'a ErrorDetail>)>,
    ) -> Result<(), CatalogError> {
        let failures: Vec<String> = errors
            .into_iter()
            .filter(|(_, detail)| detail.and_then(ErrorDetail::error_code) != Some(harmless))
            .map(|(values, detail)| {
                let code = detail.and_then(ErrorDetail::error_code).unwrap_or("no code");
                let message = detail.and_then(ErrorDetail::error_message).unwrap_or("no message");
                format!("{}: {code}: {message}", values.unwrap_or_default().join("/"))
            })
            .collect();
        match failures.first() {
            None => Ok(()),
            Some(first) => Err(CatalogError::Partial {
                operation,
                object: self.name(),
                failed: failures.len(),
                first: first.clone(),
            }),
        }
    }
}

#[async_trait]
impl Catalog for GlueCatalog {
    async fn knows(&self, partition: &LakePartition) -> Result<bool, CatalogError> {
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
            // Glue gives the same error where the table itself is not there: a crawl or a registration will tell.
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
                    Err(values) => tracing::warn!(?values, "a partition with other keys than the table's: ignored"),
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
            let errors = output.errors();
            let details = errors
                .iter()
                .map(|error| (error.partition_values.as_deref(), error.error_detail()));
            self.partial("BatchCreatePartition", "AlreadyExistsException", details)?;
        }
        Ok(())
    }

    async fn forget(&self, partitions: &[LakePartition]) -> Result<(), CatalogError> {
        for batch in partitions.chunks(DELETE_BATCH) {
            let mut lists = Vec::with_capacity(batch.len());
            for partition in batch {
                let list = PartitionValueList::builder()
                    .set_values(Some(values(partition)))
                    .build()
                    .map_err(|error| call_message("BatchDeletePartition", self.name(), error.to_string()))?;
                lists.push(list);
            }
            let output = self
                .client
                .batch_delete_partition()
                .database_name(&self.database)
                .table_name(&self.table)
                .set_partitions_to_delete(Some(lists))
                .send()
                .await
                .map_err(|error| call("BatchDeletePartition", self.name(), &error))?;
            let errors = output.errors();
            let details = errors
                .iter()
                .map(|error| (error.partition_values.as_deref(), error.error_detail()));
            self.partial("BatchDeletePartition", "EntityNotFoundException", details)?;
        }
        Ok(())
    }

    async fn start_crawler(&self, crawler: &str) -> Result<Start, CatalogError> {
        match self.client.start_crawler().name(crawler).send().await {
            Ok(_) => Ok(Start::Started),
            Err(error) if error.code() == Some("CrawlerRunningException") => Ok(Start::AlreadyRunning),
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
    call_message(operation, object, store::message(error))
}

fn call_message(operation: &'static str, object: String, message: String) -> CatalogError {
    CatalogError::Call {
        operation,
        object,
        message,
    }
}
