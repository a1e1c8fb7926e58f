//! The Glue catalog.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_glue::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{
        BatchUpdatePartitionRequestEntry, ErrorDetail, Partition, PartitionInput, PartitionValueList, StorageDescriptor,
    },
};
use chrono::{DateTime, SecondsFormat, Utc};
use contract::keys::LakePartition;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::catalog::{Catalog, CatalogError, CrawlerStart};

/// The most partitions that Glue takes in one `BatchCreatePartition`.
const CREATE_BATCH: usize = 100;
/// The most partitions that Glue takes in one `BatchUpdatePartition`.
const UPDATE_BATCH: usize = 100;
/// The most partitions that Glue takes in one `BatchDeletePartition`.
const DELETE_BATCH: usize = 25;
/// How many partitions are read at the same time.
const READS: usize = 8;
/// The parameter of a partition that is its mark.
const EMPTY_SINCE: &str = "kubecost-lake.empty-since";

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

    async fn partition(&self, partition: &LakePartition) -> Result<Option<Partition>, CatalogError> {
        let result = self
            .client
            .get_partition()
            .database_name(&self.database)
            .table_name(&self.table)
            .set_partition_values(Some(values(partition)))
            .send()
            .await;
        match result {
            Ok(output) => Ok(output.partition),
            // Glue returns the same error if the table does not exist: registering or crawling then reports it.
            Err(error) if error.code() == Some("EntityNotFoundException") => Ok(None),
            Err(error) => Err(call("GetPartition", self.name(), &error)),
        }
    }

    /// Fails if a batch request failed for any partition, except with the harmless code.
    fn check_batch<'a>(
        &self,
        operation: &'static str,
        harmless: &str,
        errors: impl IntoIterator<Item = (&'a [String], Option<&'a ErrorDetail>)>,
    ) -> Result<(), CatalogError> {
        let failures: Vec<String> = errors
            .into_iter()
            .filter_map(|(values, detail)| {
                let code = detail.and_then(ErrorDetail::error_code).unwrap_or("no code");
                let message = detail.and_then(ErrorDetail::error_message).unwrap_or("no message");
                (code != harmless).then(|| format!("{}: {code}: {message}", values.join("/")))
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
        Ok(self.partition(partition).await?.is_some())
    }

    async fn partitions(&self) -> Result<BTreeMap<LakePartition, Option<DateTime<Utc>>>, CatalogError> {
        let mut pages = self
            .client
            .get_partitions()
            .database_name(&self.database)
            .table_name(&self.table)
            .exclude_column_schema(true)
            .into_paginator()
            .send();
        let mut partitions = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call("GetPartitions", self.name(), &error))?;
            for partition in page.partitions.unwrap_or_default() {
                let mark = empty_since(&partition);
                let values = partition.values.unwrap_or_default();
                match <[String; 4]>::try_from(values) {
                    Ok([account_id, region, year, month]) => {
                        let partition = LakePartition {
                            account_id,
                            region,
                            year,
                            month,
                        };
                        partitions.insert(partition, mark);
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
            let errors = output.errors().iter();
            let errors = errors.map(|error| (error.partition_values(), error.error_detail()));
            self.check_batch("BatchCreatePartition", "AlreadyExistsException", errors)?;
        }
        Ok(())
    }

    async fn mark(&self, partitions: &[LakePartition], empty_since: Option<DateTime<Utc>>) -> Result<(), CatalogError> {
        let failed =
            |error: aws_sdk_glue::error::BuildError| failed("BatchUpdatePartition", self.name(), error.to_string());
        for batch in partitions.chunks(UPDATE_BATCH) {
            // An update replaces the whole partition, so that it is read first.
            let found: Vec<Option<Partition>> = stream::iter(batch.to_vec())
                .map(async |partition| self.partition(&partition).await)
                .buffer_unordered(READS)
                .try_collect()
                .await?;
            let entries = found
                .into_iter()
                .flatten()
                .map(|partition| marked(partition, empty_since).map_err(failed))
                .collect::<Result<Vec<_>, _>>()?;
            if entries.is_empty() {
                continue;
            }
            let output = self
                .client
                .batch_update_partition()
                .database_name(&self.database)
                .table_name(&self.table)
                .set_entries(Some(entries))
                .send()
                .await
                .map_err(|error| call("BatchUpdatePartition", self.name(), &error))?;
            let errors = output.errors().iter();
            let errors = errors.map(|error| (error.partition_value_list(), error.error_detail()));
            self.check_batch("BatchUpdatePartition", "EntityNotFoundException", errors)?;
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
            let errors = output.errors().iter();
            let errors = errors.map(|error| (error.partition_values(), error.error_detail()));
            self.check_batch("BatchDeletePartition", "EntityNotFoundException", errors)?;
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

/// A partition's mark. One that cannot be read is none: the partition is marked again.
fn empty_since(partition: &Partition) -> Option<DateTime<Utc>> {
    let text = partition.parameters()?.get(EMPTY_SINCE)?;
    Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
}

/// The update of a partition that sets or removes its mark and leaves the rest as it is.
fn marked(
    partition: Partition,
    empty_since: Option<DateTime<Utc>>,
) -> Result<BatchUpdatePartitionRequestEntry, aws_sdk_glue::error::BuildError> {
    let mut parameters = partition.parameters.unwrap_or_default();
    match empty_since {
        Some(since) => parameters.insert(EMPTY_SINCE.to_owned(), since.to_rfc3339_opts(SecondsFormat::Secs, true)),
        None => parameters.remove(EMPTY_SINCE),
    };
    let input = PartitionInput::builder()
        .set_values(partition.values.clone())
        .set_last_access_time(partition.last_access_time)
        .set_storage_descriptor(partition.storage_descriptor)
        .set_parameters(Some(parameters))
        .set_last_analyzed_time(partition.last_analyzed_time)
        .build();
    BatchUpdatePartitionRequestEntry::builder()
        .set_partition_value_list(partition.values)
        .partition_input(input)
        .build()
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
