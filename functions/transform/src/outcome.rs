//! What came of a set, and who is informed of it.

use contract::{
    documents::{Quarantine, ThinnerSet},
    keys::StagingKey,
    run::RunId,
};
use store::StoreError;

use crate::{
    decision::{Decision, Thinner},
    error::{Fault, TransformError},
    function::{Target, Transform},
};

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
    /// The lake has the same run's data with the current columns, or another run's that is newer or fuller.
    AlreadyCurrent,
    /// The set lost something against the best that is known of the day. The lake keeps what it has; a document below
    /// the quarantine prefix says what was lost.
    Thinner { message: String },
    /// The source had no data for the day.
    Empty,
    /// The day can never be converted; the reason is written below the quarantine prefix.
    Quarantined { reason: &'static str },
}

impl Transform {
    /// Writes why sets are not the day.
    pub(crate) async fn report_thinner(
        &self,
        target: &Target,
        decision: &Decision,
        lake_run: Option<RunId>,
    ) -> Result<(), StoreError> {
        let (cluster, prefixes) = (&target.staging.cluster, &self.settings.prefixes);
        for Thinner { run, quantities, loss } in &decision.thinner {
            let document = ThinnerSet {
                run: *run,
                cluster: cluster.arn_or_id(),
                date: target.day,
                created_at: self.clock.now(),
                manifest: prefixes.manifest(cluster, run, target.day),
                lake_run,
                quantities: *quantities,
                best: decision.best,
                message: loss.to_string(),
            };
            let key = prefixes.thinner(cluster, run, target.day);
            self.store.put_document(&key, &document).await?;
            tracing::warn!(
                %cluster, %run, date = %target.day, document = key,
                "thinner set: the lake keeps a fuller set of the day: {loss}"
            );
        }
        Ok(())
    }

    pub(crate) async fn quarantine(&self, target: &Target, fault: Fault) -> Result<TransformOutcome, TransformError> {
        let StagingKey { cluster, run, .. } = &target.staging;
        let document = Quarantine {
            run: *run,
            cluster: cluster.arn_or_id(),
            date: target.day,
            created_at: self.clock.now(),
            manifest: target.manifest_key.clone(),
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
}

/// The outcome of a set that is not the day.
pub(crate) fn not_written(decision: &Decision, run: RunId) -> TransformOutcome {
    match decision.thinner.iter().find(|thinner| thinner.run == run) {
        Some(thinner) => TransformOutcome::Thinner {
            message: thinner.loss.to_string(),
        },
        None => TransformOutcome::AlreadyCurrent,
    }
}

pub(crate) fn report(target: &Target, outcome: &TransformOutcome, milliseconds: i64) {
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
            tracing::info!(%cluster, %run, %date, "nothing to do: the lake has this set's data, or a newer or fuller set's");
        }
        TransformOutcome::Empty => {
            tracing::info!(%cluster, %run, %date, "the source has no data for the day");
        }
        // Already logged, with the reason.
        TransformOutcome::Thinner { .. } | TransformOutcome::Quarantined { .. } => {}
    }
}
