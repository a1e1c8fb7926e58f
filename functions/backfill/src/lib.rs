//! The backfill function: compares what each cluster's source can answer for with what the lake has, and writes the
//! plan of what is to be collected.
//!
//! It is started by an inventory's arrival, and answers with that cluster's plan within seconds, since the exporter
//! waits for it; and by the schedule, when it audits all clusters ([`audit`]). What a document says is believed only
//! where it agrees with the key that it arrived under.

use std::sync::Arc;

use async_trait::async_trait;
use contract::{
    audit::AuditReport,
    clock::Clock,
    events::ObjectCreated,
    keys::{StagingKey, StagingObject},
};
use lambda::{BoxError, Function, metrics::MetricSink};
use store::Store;

pub mod audit;
pub mod inventory;
pub mod policy;
mod report;
pub mod settings;
pub mod staged;

use inventory::Refusal;
use settings::Settings;
use staged::ClusterObjects;

/// The function, with what it needs.
pub struct Backfill {
    settings: Settings,
    store: Store,
    clock: Arc<dyn Clock>,
    metrics: Arc<dyn MetricSink>,
}

impl Backfill {
    /// The function over a bucket.
    pub fn new(settings: Settings, store: Store, clock: Arc<dyn Clock>, metrics: Arc<dyn MetricSink>) -> Self {
        Self {
            settings,
            store,
            clock,
            metrics,
        }
    }

    /// Audits all clusters: writes the report, has stuck sets delivered again, and counts in metrics.
    ///
    /// # Errors
    /// When S3 refuses or fails for more than single clusters.
    pub async fn audit(&self) -> Result<AuditReport, store::StoreError> {
        let report = audit::audit(&self.store, &self.settings, self.clock.now()).await?;
        self.store
            .put_document(&self.settings.prefixes.audit_report(), &report)
            .await?;
        report::emit(&report, &self.settings.bucket, &*self.metrics, &*self.clock);
        tracing::info!(
            clusters = report.clusters,
            gap_days = report.gap_days,
            oldest_gap_days = report.oldest_gap_days,
            silent_clusters = report.silent_clusters,
            stuck_sets = report.stuck_sets,
            redelivered_sets = report.redelivered_sets,
            quarantined_sets = report.quarantined_sets,
            refused_documents = report.refused_documents,
            failed_clusters = report.failed_clusters,
            "audited"
        );
        Ok(report)
    }

    async fn answer(&self, StagingKey { cluster, run, .. }: &StagingKey) -> Result<(), store::StoreError> {
        let Self { settings, store, .. } = self;
        let objects = ClusterObjects {
            store,
            prefixes: &settings.prefixes,
            cluster,
        };
        let now = self.clock.now();
        let days = match inventory::read(objects, *run, now).await? {
            Ok(days) => days,
            Err(Refusal::Gone) => {
                tracing::warn!(%cluster, %run, "the inventory is gone: nothing to plan");
                return Ok(());
            }
            Err(refusal) => {
                tracing::error!(%cluster, %run, %refusal, "the inventory is not believed: no plan");
                return Ok(());
            }
        };
        let Some(plan) = inventory::plan(objects, settings, *run, &days, now).await? else {
            tracing::warn!(%cluster, %run, "a newer run has asked for the plan: this one's is not written");
            return Ok(());
        };
        store.put_document(&settings.prefixes.plan(cluster), &plan).await?;
        tracing::info!(%cluster, %run, available = days.len(), planned = plan.days.len(), "planned");
        Ok(())
    }
}

#[async_trait]
impl Function for Backfill {
    fn name(&self) -> &'static str {
        "backfill"
    }

    fn bucket(&self) -> &str {
        &self.settings.bucket
    }

    async fn object_created(&self, object: ObjectCreated) -> Result<(), BoxError> {
        match self.settings.prefixes.parse_staging(&object.key) {
            Some(key) if key.object == StagingObject::Inventory => Ok(self.answer(&key).await?),
            _ => {
                tracing::debug!(key = object.key, "not an inventory: ignored");
                Ok(())
            }
        }
    }

    async fn schedule(&self) -> Result<(), BoxError> {
        let report = self.audit().await?;
        if report.failed_clusters > 0 {
            return Err(format!("{} clusters could not be audited", report.failed_clusters).into());
        }
        Ok(())
    }
}
