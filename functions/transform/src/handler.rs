//! From an event to an object of the lake.

use std::collections::BTreeSet;

use async_trait::async_trait;
use contract::{
    events::ObjectCreated,
    keys::{StagingKey, StagingObject},
};
use lambda::{BoxError, Function};
use response::Verdict;
use seams::bugs::{Bug, is_planted};

use crate::{
    decision::{Decision, decide},
    error::{ConvertDayError, Fault, TransformError},
    function::{Found, Target, Transform, arriving},
    outcome::{TransformOutcome, not_written, report},
    stream,
    write::Conversion,
};

/// How often a day is converted, in total, if other runs write it or its assets in the meantime.
const ATTEMPTS: u32 = 8;

impl Transform {
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
        if let Err(ConvertDayError::Fault(fault)) = &result
            && !is_planted(Bug::OneBadReadQuarantines)
        {
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
            Err(ConvertDayError::Fault(fault)) => {
                self.mend_assets(&target).await?;
                self.quarantine(&target, fault).await?
            }
        };
        let milliseconds = (self.clock.now() - began).num_milliseconds();
        report(&target, &outcome, milliseconds);
        Ok(outcome)
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
                let read = stream::read(self.converting, &self.store, &set).await?;
                if read.verdict.is_no_data() {
                    return Ok(TransformOutcome::Empty);
                }
                measured = Some(Box::new(read.verdict));
                continue;
            }
            // Where the lake keeps what it has, its assets are to be there as well.
            let mended = match decision.day {
                Some(_) => None,
                None => found.without_its_assets(arriving.run, &self.assets_fingerprint),
            };
            let day = decision.day.as_ref().or(mended.as_ref());
            let conversion = match day {
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
            let run = day.map(|day| day.run);
            match conversion {
                Conversion::Written(outcome) => {
                    self.report_thinner(target, &decision, run).await?;
                    return Ok(if run == Some(arriving.run) {
                        outcome
                    } else {
                        not_written(&decision, arriving.run)
                    });
                }
                Conversion::NoData if is_day => return Ok(TransformOutcome::Empty),
                Conversion::NoData => gone.extend(run),
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

    /// Writes the assets of the lake's own set again, where a set that is given up has written its own before.
    async fn mend_assets(&self, target: &Target) -> Result<(), TransformError> {
        let found = self.in_lake(target, &BTreeSet::new()).await?;
        let Some(day) = found.without_its_assets(target.staging.run, &self.assets_fingerprint) else {
            return Ok(());
        };
        match self.write_other(target, &day, found).await {
            Err(ConvertDayError::Error(error)) => Err(error),
            // Another run has written them meanwhile, or they cannot be had any more.
            Ok(_) | Err(ConvertDayError::Fault(_)) => Ok(()),
        }
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
