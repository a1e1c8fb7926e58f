//! From an event to an object of the lake.

use std::{cmp::Ordering, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use contract::{
    clock::Clock,
    day::Day,
    documents::{Manifest, Part, Quarantine},
    events::ObjectCreated,
    keys::{RUN_METADATA, StagingKey, StagingObject},
    run::RunId,
};
use lambda::{BoxError, Function};
use store::{Condition, Store, StoreError, Upload, UploadError};
use tokio::sync::mpsc;

use crate::{
    Settings,
    checked_manifest::CheckedManifest,
    convert::{Converted, convert},
    error::{ConvertDayError, ConvertError, Fault, TransformError},
    fingerprint::fingerprint,
    input::Piece,
};

/// How often a day is converted, in total, if other runs write it in the meantime.
const ATTEMPTS: u32 = 5;
/// Pieces of the input that wait for the converting thread: S3's chunks, up to a few hundred kilobytes each.
const INPUT_PIECES: usize = 4;
/// Pieces of the file, 1 MiB each, that wait for the upload.
const OUTPUT_PIECES: usize = 2;
/// The object's metadata that names the conversion and the columns, see [`fingerprint`].
const TABLE_METADATA: &str = "table";

/// The result of handling a manifest.
#[derive(Debug, Clone, PartialEq)]
pub enum TransformOutcome {
    /// The day is in the lake.
    Written {
        rows: u64,
        /// The sum of `totalCost`, in the source's currency.
        total_cost: f64,
        /// The size of the Parquet object.
        bytes: u64,
        /// The size of the responses, uncompressed.
        raw_bytes: u64,
    },
    /// The lake has the same run's data with the current columns, or a newer run's.
    AlreadyCurrent,
    /// The source had no data for the day.
    Empty,
    /// The day can never be converted; the reason is written below the quarantine prefix.
    Quarantined { reason: &'static str },
}

pub struct Transform {
    settings: Settings,
    fingerprint: String,
    store: Store,
    clock: Arc<dyn Clock>,
}

/// A manifest's key, parsed.
struct Target<'a> {
    manifest_key: &'a str,
    staging: StagingKey,
    day: Day,
    lake_key: String,
}

impl Transform {
    pub fn new(settings: Settings, store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            fingerprint: fingerprint(&settings.layout),
            settings,
            store,
            clock,
        }
    }

    /// Converts the set that a manifest completes, by the manifest's key.
    ///
    /// # Errors
    /// When the key is not a manifest's, and on transient errors. Input that can never be converted is an outcome.
    pub async fn transform_manifest(&self, key: &str) -> Result<TransformOutcome, TransformError> {
        let prefixes = &self.settings.prefixes;
        let Some((staging, day)) = prefixes.parse_staging(key).and_then(|staging| match staging.object {
            StagingObject::Manifest(day) => Some((staging, day)),
            _ => None,
        }) else {
            return Err(TransformError::NotAManifest { key: key.to_owned() });
        };
        let lake_key = prefixes.lake_object(&staging.cluster, day);
        let target = Target {
            manifest_key: key,
            staging,
            day,
            lake_key,
        };
        let began = self.clock.now();
        let outcome = match self.convert_day(&target).await {
            Ok(outcome) => outcome,
            Err(ConvertDayError::Error(error)) => return Err(error),
            Err(ConvertDayError::Fault(fault)) => self.quarantine(&target, fault).await?,
        };
        let milliseconds = (self.clock.now() - began).num_milliseconds();
        self.report(&target, &outcome, milliseconds);
        Ok(outcome)
    }

    async fn convert_day(&self, target: &Target<'_>) -> Result<TransformOutcome, ConvertDayError> {
        let set = self.read_manifest(target).await?;
        if set.manifest.is_empty() {
            return Ok(TransformOutcome::Empty);
        }
        for _ in 0..ATTEMPTS {
            let Some(condition) = self.decide(target).await? else {
                return Ok(TransformOutcome::AlreadyCurrent);
            };
            if let Some(outcome) = self.write(target, &set, condition).await? {
                return Ok(outcome);
            }
            tracing::info!(
                key = target.lake_key,
                "the day was written by another run in the meantime: trying again"
            );
        }
        Err(TransformError::Contended {
            key: target.lake_key.clone(),
            attempts: ATTEMPTS,
        }
        .into())
    }

    async fn read_manifest(&self, target: &Target<'_>) -> Result<CheckedManifest, ConvertDayError> {
        let manifest = match self.store.get_document::<Manifest>(target.manifest_key).await {
            Ok(manifest) => manifest.ok_or(Fault::ManifestMissing)?,
            Err(error) if error.is_permanent() => {
                return Err(Fault::ManifestUnreadable(error.to_string()).into());
            }
            Err(error) => return Err(error.into()),
        };
        Ok(CheckedManifest::check(
            manifest,
            &target.staging,
            target.day,
            &self.settings.prefixes,
        )?)
    }

    /// The condition of the write, from what the lake has; `None` if that is as new as this run.
    async fn decide(&self, target: &Target<'_>) -> Result<Option<Condition>, StoreError> {
        let Some(head) = self.store.head(&target.lake_key).await? else {
            return Ok(Some(Condition::IfAbsent));
        };
        let metadata = |name| head.metadata.get(name).map(String::as_str);
        // An object that names no run was not written by this function: any run is newer.
        let written_by = metadata(RUN_METADATA).and_then(|run| run.parse::<RunId>().ok());
        let is_current = written_by.is_some_and(|run| match run.cmp(&target.staging.run) {
            Ordering::Greater => true,
            // The same run again: only other columns or another conversion make another file of it.
            Ordering::Equal => metadata(TABLE_METADATA) == Some(self.fingerprint.as_str()),
            Ordering::Less => false,
        });
        Ok((!is_current).then_some(Condition::IfMatch(head.etag)))
    }

    /// Converts the set and writes it; `None` if the condition no longer holds.
    async fn write(
        &self,
        target: &Target<'_>,
        set: &CheckedManifest,
        condition: Condition,
    ) -> Result<Option<TransformOutcome>, ConvertDayError> {
        let mut upload = self
            .store
            .upload(&target.lake_key)
            .metadata(RUN_METADATA, target.staging.run.to_string())
            .metadata(TABLE_METADATA, &self.fingerprint)
            .content_type("application/vnd.apache.parquet")
            .condition(condition)
            .begin();
        match self.stream(set, &mut upload).await {
            // Parts without rows are the same as no parts. What the lake has from before the source lost the day is
            // kept.
            Ok(Converted { rows: 0, .. }) => {
                upload.abort().await;
                Ok(Some(TransformOutcome::Empty))
            }
            Ok(Converted {
                rows,
                total_cost,
                raw_bytes,
            }) => match upload.finish().await {
                Ok(uploaded) => Ok(Some(TransformOutcome::Written {
                    rows,
                    total_cost,
                    bytes: uploaded.bytes,
                    raw_bytes,
                })),
                Err(UploadError::ConditionFailed { .. }) => Ok(None),
                Err(UploadError::Store(error)) => Err(error.into()),
            },
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    /// Streams the set through the converting thread into the upload, which the caller finishes.
    async fn stream(&self, set: &CheckedManifest, upload: &mut Upload) -> Result<Converted, ConvertDayError> {
        let (input, pieces) = mpsc::channel(INPUT_PIECES);
        let (output, mut file) = mpsc::channel::<Bytes>(OUTPUT_PIECES);
        let parts = set.parts_in_order();
        let converting = {
            let (manifest, parts, layout) = (set.manifest.clone(), parts.clone(), self.settings.layout.clone());
            tokio::task::spawn_blocking(move || convert(&manifest, &parts, &layout, pieces, output))
        };
        // Each side drops its end of the channel when it fails, so that the thread ends as well.
        let feed = async move { feed(&self.store, &parts, input).await };
        let drain = async move {
            while let Some(piece) = file.recv().await {
                upload.write(piece).await?;
            }
            Ok::<_, UploadError>(())
        };
        let (fed, drained) = tokio::join!(feed, drain);
        let converted = converting
            .await
            .map_err(|error| TransformError::Stopped(error.to_string()))?;
        match drained {
            Ok(()) => {}
            Err(UploadError::Store(error)) => return Err(error.into()),
            Err(error) => return Err(TransformError::Stopped(error.to_string()).into()),
        }
        match (converted, fed) {
            (Err(ConvertError::Fault(fault)), _) => Err(fault.into()),
            (_, Err(error)) => Err(error),
            (Ok(converted), Ok(())) => Ok(converted),
            (Err(ConvertError::Closed), Ok(())) => {
                Err(TransformError::Stopped("input and output ended early".to_owned()).into())
            }
        }
    }

    async fn quarantine(&self, target: &Target<'_>, fault: Fault) -> Result<TransformOutcome, TransformError> {
        let StagingKey { cluster, run, .. } = &target.staging;
        let document = Quarantine {
            run: *run,
            cluster: cluster.arn_or_id(),
            date: target.day,
            created_at: self.clock.now(),
            manifest: target.manifest_key.to_owned(),
            reason: fault.reason().to_owned(),
            message: fault.to_string(),
            producer: Some(env!("CARGO_PKG_VERSION").to_owned()),
            table: Some(self.fingerprint.clone()),
        };
        let key = self.settings.prefixes.quarantine(cluster, run, target.day);
        self.store.put_document(&key, &document).await?;
        tracing::error!(
            %cluster, %run, date = %target.day, reason = fault.reason(), quarantined = key, "quarantined the day: {fault}"
        );
        Ok(TransformOutcome::Quarantined { reason: fault.reason() })
    }

    fn report(&self, target: &Target<'_>, outcome: &TransformOutcome, milliseconds: i64) {
        let (StagingKey { cluster, run, .. }, date) = (&target.staging, target.day);
        match outcome {
            TransformOutcome::Written {
                rows,
                total_cost,
                bytes,
                raw_bytes,
            } => {
                tracing::info!(
                    %cluster, %run, %date, rows, total_cost, bytes, raw_bytes, milliseconds, key = target.lake_key, "wrote the day"
                );
            }
            TransformOutcome::AlreadyCurrent => {
                tracing::info!(%cluster, %run, %date, "the lake has this run's data or newer data: nothing to do");
            }
            TransformOutcome::Empty => {
                tracing::info!(%cluster, %run, %date, "the source has no data for the day");
            }
            // Already logged, with the reason.
            TransformOutcome::Quarantined { .. } => {}
        }
    }
}

/// Sends the parts' bytes to the converting thread, one part after the other.
async fn feed(store: &Store, parts: &[Part], input: mpsc::Sender<Piece>) -> Result<(), ConvertDayError> {
    for Part { key, .. } in parts {
        let mut stream = store
            .open(key)
            .await?
            .ok_or_else(|| Fault::PartMissing { key: key.clone() })?;
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| StoreError::Read {
                key: key.clone(),
                source: Box::new(error),
            })?;
            if input.send(Piece::Bytes(chunk)).await.is_err() {
                // The thread has ended, and reports why.
                return Ok(());
            }
        }
        if input.send(Piece::EndOfPart).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

#[async_trait]
impl Function for Transform {
    fn name(&self) -> &'static str {
        "transform"
    }

    fn bucket(&self) -> &str {
        &self.settings.bucket
    }

    async fn object_created(&self, ObjectCreated { key, .. }: ObjectCreated) -> Result<(), BoxError> {
        match self.transform_manifest(&key).await {
            Ok(_) => Ok(()),
            Err(TransformError::NotAManifest { key }) => {
                tracing::debug!(key, "not a manifest: ignored");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}
