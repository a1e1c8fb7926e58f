//! The backfill function: compares the days that each cluster's source has with those in the lake, and writes the plan
//! of what is to be collected.
//!
//! An inventory's arrival starts it: it plans for that cluster within seconds, since the exporter waits. The schedule
//! starts it too, to audit all clusters ([`audit`]). A document is accepted only if it agrees with its key.

use std::sync::Arc;

use async_trait::async_trait;
use contract::{
    audit::AuditReport,
    clock::Clock,
    events::ObjectCreated,
    keys::{StagingKey, StagingObject},
};
use lambda::{BoxError, Function, metrics::MetricSink};
use store::{Store, StoreError};

pub mod audit;
mod cluster_audit;
mod history;
mod inventory;
mod known;
mod last_run;
mod policy;
pub mod redelivery;
mod report;
pub mod settings;
pub mod staged;

use inventory::InventoryRejection;
use settings::Settings;
use staged::ClusterObjects;

pub struct Backfill {
    settings: Settings,
    store: Store,
    clock: Arc<dyn Clock>,
    metrics: Arc<dyn MetricSink>,
}

impl Backfill {
    pub fn new(settings: Settings, store: Store, clock: Arc<dyn Clock>, metrics: Arc<dyn MetricSink>) -> Self {
        Self {
            settings,
            store,
            clock,
            metrics,
        }
    }

    /// Audits all clusters: writes the report, delivers stuck sets again, and emits metrics.
    pub async fn audit(&self) -> Result<AuditReport, StoreError> {
        let report = audit::audit(&self.store, &self.settings, self.clock.now()).await?;
        self.store
            .put_document(&self.settings.prefixes.audit_report(), &report)
            .await?;
        report::emit(&report, &self.settings.bucket, &*self.metrics, &*self.clock);
        tracing::info!(
            clusters = report.clusters,
            gap_days = report.gap_days,
            oldest_gap_days = report.oldest_gap_days,
            uncollected_days = report.uncollected_days,
            lost_days = report.lost_days,
            partial_days = report.partial_days,
            thinner_sets = report.thinner_sets,
            assets_unavailable_days = report.assets_unavailable_days,
            silent_clusters = report.silent_clusters,
            newly_silent_clusters = report.newly_silent_clusters,
            retired_clusters = report.retired_clusters,
            failing_clusters = report.failing_clusters,
            newly_failing_clusters = report.newly_failing_clusters,
            stuck_sets = report.stuck_sets,
            redelivered_sets = report.redelivered_sets,
            quarantined_sets = report.quarantined_sets,
            refused_documents = report.refused_documents,
            failed_clusters = report.failed_clusters,
            "wrote audit report"
        );
        Ok(report)
    }

    async fn write_plan(&self, StagingKey { cluster, run, .. }: &StagingKey) -> Result<(), StoreError> {
        let Self { settings, store, .. } = self;
        let objects = ClusterObjects {
            store,
            prefixes: &settings.prefixes,
            cluster,
        };
        let now = self.clock.now();
        let available = match inventory::read(objects, *run, now).await? {
            Ok(available) => available,
            Err(InventoryRejection::Gone) => {
                tracing::warn!(%cluster, %run, "no plan written: the inventory was deleted or has expired");
                return Ok(());
            }
            Err(rejection) => {
                tracing::error!(%cluster, %run, "inventory rejected: {rejection}");
                return Ok(());
            }
        };
        let Some(plan) = inventory::plan(objects, settings, *run, &available, now).await? else {
            tracing::warn!(%cluster, %run, "no plan written: a newer run has staged an inventory");
            return Ok(());
        };
        if !inventory::write_plan(objects, &plan).await? {
            tracing::warn!(%cluster, %run, "no plan written: the plan of a newer run is there");
            return Ok(());
        }
        tracing::info!(%cluster, %run, available = available.days().count(), planned = plan.days.len(), "wrote plan");
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
            Some(key) if key.object == StagingObject::Inventory => Ok(self.write_plan(&key).await?),
            _ => {
                tracing::debug!(key = object.key, "ignored an object that is not an inventory");
                Ok(())
            }
        }
    }

    async fn schedule(&self) -> Result<(), BoxError> {
        let report = self.audit().await?;
        if report.failed_clusters > 0 {
            return Err(format!(
                "{} of {} clusters could not be audited: the audit report says why",
                report.failed_clusters, report.clusters
            )
            .into());
        }
        Ok(())
    }
}
