//! From an event to an object of the lake.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use contract::{
    clock::Clock,
    day::Day,
    documents::Manifest,
    events::ObjectCreated,
    keys::{RUN_METADATA, StagingKey, StagingObject},
    record::{DayRecord, RECORD_METADATA},
    run::RunId,
};
use lambda::{BoxError, Function};
use response::Verdict;
use store::{Condition, Store, StoreError};

use crate::{
    Settings,
    checked_manifest::CheckedManifest,
    decision::{Arriving, Decision, InLake, decide},
    error::{ConvertDayError, Fault, TransformError},
    fingerprint::fingerprint,
    outcome::{TransformOutcome, not_written, report},
    stream,
    write::Conversion,
};

/// How often a day is converted, in total, if other runs write it in the meantime.
const ATTEMPTS: u32 = 5;
/// The object's metadata that names the conversion and the columns, see [`fingerprint`].
pub(crate) const TABLE_METADATA: &str = "table";

pub struct Transform {
    pub(crate) settings: Settings,
    pub(crate) fingerprint: String,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A set by its manifest's key.
pub(crate) struct Target {
    pub(crate) manifest_key: String,
    pub(crate) staging: StagingKey,
    pub(crate) day: Day,
    pub(crate) lake_key: String,
}

/// What the lake has of the day, and the condition that it still has that.
pub(crate) struct Found {
    pub(crate) object: Option<InLake>,
    pub(crate) condition: Condition,
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
        let Some((staging, day)) = self
            .settings
            .prefixes
            .parse_staging(key)
            .and_then(|staging| match staging.object {
                StagingObject::Manifest(day) => Some((staging, day)),
                _ => None,
            })
        else {
            return Err(TransformError::NotAManifest { key: key.to_owned() });
        };
        let target = self.target(staging, day);
        let began = self.clock.now();
        let mut result = self.convert_day(&target).await;
        if let Err(ConvertDayError::Fault(fault)) = &result {
            tracing::warn!(
                key,
                reason = fault.reason(),
                "reading the set again before it is quarantined: {fault}"
            );
            result = self.convert_day(&target).await;
        }
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(ConvertDayError::Error(error)) => return Err(error),
            Err(ConvertDayError::Fault(fault)) => self.quarantine(&target, fault).await?,
        };
        let milliseconds = (self.clock.now() - began).num_milliseconds();
        report(&target, &outcome, milliseconds);
        Ok(outcome)
    }

    pub(crate) fn target(&self, staging: StagingKey, day: Day) -> Target {
        let prefixes = &self.settings.prefixes;
        Target {
            manifest_key: prefixes.manifest(&staging.cluster, &staging.run, day),
            lake_key: prefixes.lake_object(&staging.cluster, day),
            staging,
            day,
        }
    }

    async fn convert_day(&self, target: &Target) -> Result<TransformOutcome, ConvertDayError> {
        let set = self.read_manifest(target).await?;
        if target.day.end() > self.clock.now() {
            return Err(Fault::NotEnded { end: target.day.end() }.into());
        }
        if set.manifest.is_empty() {
            return Ok(TransformOutcome::Empty);
        }
        // What the rows add up to, once they were read. Until then the manifest's quantities count; a set is kept out
        // of the lake only by what was measured.
        let mut measured: Option<Box<Verdict>> = None;
        // Runs whose sets are no longer staged.
        let mut gone = BTreeSet::new();
        let mut attempt = 0;
        while attempt < ATTEMPTS {
            let found = self.in_lake(target, &gone).await?;
            let arriving = arriving(target, &set, measured.as_deref());
            let decision = decide(found.object.as_ref(), &arriving, self.settings.tolerance);
            let is_day = decision.day.as_ref().is_some_and(|day| day.run == arriving.run);
            if decision.is_compared && measured.is_none() && !is_day {
                let read = stream::read(&self.store, &set).await?;
                if read.verdict.is_no_data() {
                    return Ok(TransformOutcome::Empty);
                }
                measured = Some(Box::new(read.verdict));
                continue;
            }
            let conversion = match &decision.day {
                Some(day) if is_day => self.write(target, &set, day, found, measured.as_deref()).await?,
                Some(day) if !gone.contains(&day.run) => match self.write_other(target, day, found).await? {
                    Some(conversion) => conversion,
                    None => {
                        gone.insert(day.run);
                        continue;
                    }
                },
                _ => return self.kept(target, &found, &decision).await,
            };
            match conversion {
                Conversion::Written(outcome) => {
                    self.report_thinner(target, &decision, decision.day.as_ref().map(|day| day.run))
                        .await?;
                    return Ok(if is_day {
                        outcome
                    } else {
                        not_written(&decision, arriving.run)
                    });
                }
                Conversion::NoData if is_day => return Ok(TransformOutcome::Empty),
                Conversion::NoData => gone.extend(decision.day.map(|day| day.run)),
                Conversion::Differs(verdict) => {
                    attempt += 1;
                    measured = Some(verdict);
                }
                Conversion::Contended => {
                    attempt += 1;
                    tracing::info!(
                        key = target.lake_key,
                        "the day was written by another run in the meantime: trying again"
                    );
                }
            }
        }
        Err(TransformError::Contended {
            key: target.lake_key.clone(),
            attempts: ATTEMPTS,
        }
        .into())
    }

    pub(crate) async fn read_manifest(&self, target: &Target) -> Result<CheckedManifest, ConvertDayError> {
        let (manifest, head) = match self
            .store
            .get_document_with_head::<Manifest>(&target.manifest_key)
            .await
        {
            Ok(manifest) => manifest.ok_or(Fault::ManifestMissing)?,
            Err(error) if error.is_permanent() => {
                return Err(Fault::ManifestUnreadable(error.to_string()).into());
            }
            Err(error) => return Err(error.into()),
        };
        Ok(CheckedManifest::check(
            manifest,
            &head,
            &target.staging,
            target.day,
            &self.settings.prefixes,
        )?)
    }

    /// What the lake has of the day, without alternatives that are gone.
    async fn in_lake(&self, target: &Target, gone: &BTreeSet<RunId>) -> Result<Found, StoreError> {
        let Some(head) = self.store.head(&target.lake_key).await? else {
            return Ok(Found {
                object: None,
                condition: Condition::IfAbsent,
            });
        };
        let metadata = |name| head.metadata.get(name).map(String::as_str);
        let run = metadata(RUN_METADATA).and_then(|run| run.parse::<RunId>().ok());
        let is_ahead = run
            .zip(head.modified)
            .is_some_and(|(run, written_at)| run.is_ahead_of(written_at));
        if is_ahead {
            tracing::warn!(
                key = target.lake_key,
                "the run in the lake has an id of the future, since its clock was ahead: it counts as older than any other"
            );
        }
        let mut record = DayRecord::from_metadata(metadata(RECORD_METADATA));
        if let Some(record) = &mut record {
            record
                .alternatives
                .retain(|alternative| !gone.contains(&alternative.run));
        }
        Ok(Found {
            object: Some(InLake {
                run,
                is_ahead,
                is_current: metadata(TABLE_METADATA) == Some(self.fingerprint.as_str()),
                record,
            }),
            condition: Condition::IfMatch(head.etag),
        })
    }

    /// The lake keeps what it has.
    async fn kept(
        &self,
        target: &Target,
        found: &Found,
        decision: &Decision,
    ) -> Result<TransformOutcome, ConvertDayError> {
        let lake_run = found.object.as_ref().and_then(|object| object.run);
        self.report_thinner(target, decision, lake_run).await?;
        let StagingKey { cluster, run, .. } = &target.staging;
        if lake_run != Some(*run) {
            let lake_run = lake_run.map(|run| run.to_string());
            tracing::info!(%cluster, %run, date = %target.day, lake_run, "the lake keeps another run's data");
        }
        Ok(not_written(decision, *run))
    }
}

pub(crate) fn arriving(target: &Target, set: &CheckedManifest, measured: Option<&Verdict>) -> Arriving {
    Arriving {
        run: target.staging.run,
        question: set.manifest.question_fingerprint(),
        quantities: set.quantities(measured),
        is_forced: set.is_forced,
    }
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
