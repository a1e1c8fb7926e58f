//! Writing a set as the lake's object of its day.

use contract::{
    keys::{RUN_METADATA, StagingKey},
    quantities::Quantities,
    record::{DayRecord, RECORD_METADATA, TABLE_METADATA},
};
use response::Verdict;
use store::UploadError;

use crate::{
    assets::AssetsOutcome,
    checked_manifest::CheckedManifest,
    convert::RecordOf,
    decision::{Arriving, Placement, decide},
    error::ConvertDayError,
    function::{Conditions, Found, Target, Transform, arriving},
    outcome::TransformOutcome,
    stream,
};

/// What came of converting a set.
pub(crate) enum Conversion {
    Written(TransformOutcome),
    /// The set has no data.
    NoData,
    /// Another run wrote the day in the meantime.
    Contended,
    /// The object was begun with facts that are not those of the rows.
    Differs(Box<Verdict>),
}

impl Transform {
    /// Converts the set that arrived and makes it the day.
    pub(crate) async fn write(
        &self,
        target: &Target,
        set: &CheckedManifest,
        day: &Placement,
        found: Found,
        measured: Option<&Verdict>,
    ) -> Result<Conversion, ConvertDayError> {
        let (run, tolerance) = (target.staging.run, self.settings.tolerance);
        let record_of: RecordOf = {
            let (set, in_lake) = (set.clone(), found.object);
            let arriving = arriving(target, &set, None);
            Box::new(move |verdict| {
                let arriving = Arriving {
                    quantities: set.quantities(Some(verdict)),
                    ..arriving
                };
                let day = decide(in_lake.as_ref(), &arriving, tolerance).day?;
                (day.run == run).then(|| set.record(Some(verdict), &day))
            })
        };
        tracing::info!(key = target.lake_key, %run, reason = day.reason, "writing the day");
        self.convert(target, set, set.record(measured, day), record_of, found.conditions)
            .await
    }

    /// Converts another set than the one that arrived: the lake's own, to record the best that is known of the day, or
    /// one that is the day again. `None` if it cannot be converted any more.
    pub(crate) async fn write_other(
        &self,
        arrived: &Target,
        day: &Placement,
        found: Found,
    ) -> Result<Option<Conversion>, ConvertDayError> {
        let staging = StagingKey {
            run: day.run,
            ..arrived.staging.clone()
        };
        let target = self.target(staging, arrived.day);
        let StagingKey { cluster, run, .. } = &target.staging;
        tracing::info!(%cluster, %run, date = %target.day, reason = day.reason, "converting an earlier set of the day");
        let mut converted = self.convert_as(&target, day, found.conditions.clone()).await;
        if let Err(ConvertDayError::Fault(_)) = converted {
            // One bad read is no reason to give it up.
            converted = self.convert_as(&target, day, found.conditions).await;
        }
        match converted {
            Ok(conversion) => Ok(Some(conversion)),
            // Its manifest or a part is gone, or it was replaced by something else.
            Err(ConvertDayError::Fault(fault)) => {
                tracing::warn!(
                    %cluster, %run, date = %target.day, reason = fault.reason(),
                    "an earlier set of the day cannot be converted any more: {fault}"
                );
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Converts a set that is the day, whatever it holds.
    async fn convert_as(
        &self,
        target: &Target,
        day: &Placement,
        conditions: Conditions,
    ) -> Result<Conversion, ConvertDayError> {
        let set = self.read_manifest(target).await?;
        let record = |set: &CheckedManifest, verdict: Option<&Verdict>, day: &Placement| {
            set.record(verdict, &at_least(day, set.quantities(verdict)))
        };
        let record_of = || -> RecordOf {
            let (set, day) = (set.clone(), day.clone());
            Box::new(move |verdict| Some(record(&set, Some(verdict), &day)))
        };
        let first = record(&set, None, day);
        match self
            .convert(target, &set, first, record_of(), conditions.clone())
            .await?
        {
            Conversion::Differs(verdict) => {
                let measured = record(&set, Some(&verdict), day);
                self.convert(target, &set, measured, record_of(), conditions).await
            }
            conversion => Ok(conversion),
        }
    }

    /// Streams a set into the lake's object. S3 takes metadata before the first part, so the record is what is known
    /// before; if the rows add up to something else and a part was sent, nothing is written.
    async fn convert(
        &self,
        target: &Target,
        set: &CheckedManifest,
        record: DayRecord,
        record_of: RecordOf,
        conditions: Conditions,
    ) -> Result<Conversion, ConvertDayError> {
        let mut upload = self
            .store
            .upload(&target.lake_key)
            .metadata(RUN_METADATA, target.staging.run.to_string())
            .metadata(TABLE_METADATA, &self.fingerprint)
            .metadata(RECORD_METADATA, record.to_metadata())
            .content_type("application/vnd.apache.parquet")
            .condition(conditions.day)
            .begin();
        let written = stream::write(
            self.converting,
            &self.store,
            set,
            &self.settings.layout,
            record_of,
            &mut upload,
        );
        let converted = match written.await {
            Ok(converted) => converted,
            Err(error) => {
                upload.abort().await;
                return Err(error);
            }
        };
        if converted.has_unknown_keys
            && let Err(error) = stream::read(self.converting, &self.store, set).await
        {
            upload.abort().await;
            return Err(error);
        }
        // What the lake has from before the source lost the day is kept.
        if converted.verdict.is_no_data() {
            upload.abort().await;
            return Ok(Conversion::NoData);
        }
        let agrees = converted
            .record
            .is_some_and(|measured| measured == record || upload.set_metadata(RECORD_METADATA, measured.to_metadata()));
        if !agrees {
            upload.abort().await;
            return Ok(Conversion::Differs(Box::new(converted.verdict)));
        }
        // The day's own object decides whether the day is current: its assets come first.
        let cover = converted.cover.unwrap_or_default();
        match self.write_assets(target, set, cover, conditions.assets).await {
            Ok(AssetsOutcome::Done) => {}
            Ok(AssetsOutcome::Contended) => {
                upload.abort().await;
                return Ok(Conversion::Contended);
            }
            Err(error) => {
                upload.abort().await;
                return Err(error);
            }
        }
        match upload.finish().await {
            Ok(uploaded) => Ok(Conversion::Written(TransformOutcome::Written {
                rows: converted.verdict.rows,
                total_cost: converted.verdict.total_cost,
                bytes: uploaded.bytes,
                raw_bytes: converted.raw_bytes,
            })),
            Err(UploadError::ConditionFailed { .. }) => Ok(Conversion::Contended),
            Err(UploadError::Store(error)) => Err(error.into()),
        }
    }
}

/// A placement whose best is at least what the set itself holds.
fn at_least(day: &Placement, quantities: Quantities) -> Placement {
    Placement {
        best: day.best.max(quantities),
        ..day.clone()
    }
}
