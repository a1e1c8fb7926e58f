//! The scheduled audit of all clusters: gaps, lost and partial days, sets that never became Parquet, silent clusters.
//! It writes no plan: a plan is for a run that waits for it, and no run would read one written hours later.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use contract::{
    audit::{AuditReport, AuditTime, Finding},
    cluster::{AccountRegion, ClusterId},
    day::Day,
    keys::{Area, PlanObject, Prefixes},
    state::ObjectVersion,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use store::{Store, StoreError};
use tokio::sync::Semaphore;

use crate::{
    cluster_audit::{Begun, ClusterAudit},
    report,
    settings::Settings,
    staged::{self, ClusterObjects, Quarantined},
};

/// Audits all clusters that have staged something or were ever given a plan. A cluster that cannot be audited is
/// reported and does not stop the others; it is an error if the clusters cannot be listed. Clusters are audited
/// [`Settings::audit_concurrency`] at a time, whatever their accounts.
pub async fn audit(store: &Store, settings: &Settings, now: DateTime<Utc>) -> Result<AuditReport, StoreError> {
    let previous = previous_report(store, settings).await?;
    let permits = Semaphore::new(settings.audit_concurrency);
    let audit = &Audit {
        store,
        settings,
        now,
        previous,
        permits: &permits,
    };
    let clusters = clusters(store, settings).await?;
    let mut report = report::begin(now, settings.audit_period_days);
    let mut audited = stream::iter(clusters)
        .map(async |(account_region, clusters)| audit.account_region(&account_region, clusters).await)
        .buffered(settings.audit_concurrency);
    while let Some(findings) = audited.next().await {
        for finding in findings {
            report::add(&mut report, finding);
        }
    }
    Ok(report)
}

/// When the last complete audit began. What was found since is new.
async fn previous_report(store: &Store, settings: &Settings) -> Result<Option<DateTime<Utc>>, StoreError> {
    match store.get_document::<AuditTime>(&settings.prefixes.audit_report()).await {
        Ok(previous) => Ok(previous.map(|previous| previous.created_at)),
        Err(error) if error.is_permanent() => {
            tracing::warn!(%error, "the previous audit report cannot be read");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What is known of a cluster before it is audited.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    /// When its plan was last written.
    plan: Option<DateTime<Utc>>,
    /// When it was marked as retired.
    retired: Option<DateTime<Utc>>,
}

/// All clusters, by `account/region`: those with staged objects that have not expired, and those with a plan.
async fn clusters(
    store: &Store,
    settings: &Settings,
) -> Result<BTreeMap<AccountRegion, BTreeMap<ClusterId, Marks>>, StoreError> {
    let Settings {
        prefixes,
        audit_concurrency,
        ..
    } = settings;
    let mut found: BTreeMap<AccountRegion, BTreeMap<ClusterId, Marks>> = BTreeMap::new();
    let mut folders = vec![prefixes.of(Area::Staging).to_owned()];
    for _ in ["account", "region", "cluster"] {
        folders = below(store, folders, *audit_concurrency).await?;
    }
    for folder in folders {
        if let Some(cluster) = prefixes.parse_cluster_folder(Area::Staging, &folder) {
            let clusters = found.entry(cluster.account_region().clone()).or_default();
            clusters.insert(cluster, Marks::default());
        } else {
            tracing::warn!(folder, "ignored a folder that is not a cluster's");
        }
    }
    let mut listing = store.list(prefixes.of(Area::Plans));
    while let Some(page) = listing.next_page().await? {
        for object in page.objects {
            let Some((cluster, kind)) = prefixes.parse_plan(&object.key) else {
                tracing::warn!(key = object.key, "ignored an object that is not a cluster's");
                continue;
            };
            let clusters = found.entry(cluster.account_region().clone()).or_default();
            let marks = clusters.entry(cluster).or_default();
            match kind {
                PlanObject::Plan => marks.plan = Some(object.modified),
                PlanObject::Retired => marks.retired = Some(object.modified),
            }
        }
    }
    Ok(found)
}

/// The folders in some folders.
async fn below(store: &Store, folders: Vec<String>, concurrency: usize) -> Result<Vec<String>, StoreError> {
    let below: Vec<Vec<String>> = stream::iter(folders)
        .map(async |folder| store.list(folder).folders().prefixes().await)
        .buffer_unordered(concurrency)
        .try_collect()
        .await?;
    Ok(below.into_iter().flatten().collect())
}

struct Audit<'a> {
    store: &'a Store,
    settings: &'a Settings,
    now: DateTime<Utc>,
    previous: Option<DateTime<Utc>>,
    /// One for each cluster or account that is read at the same time.
    permits: &'a Semaphore,
}

impl Audit<'_> {
    /// Reads what the clusters have staged, then lists the lake as far back as one of them needs, then audits each.
    async fn account_region(
        &self,
        account_region: &AccountRegion,
        clusters: BTreeMap<ClusterId, Marks>,
    ) -> Vec<Finding> {
        tracing::debug!(%account_region, clusters = clusters.len(), "auditing");
        let begun: Vec<BegunCluster> = stream::iter(clusters)
            .map(async |(cluster, marks)| self.begin(cluster, marks).await)
            .buffered(self.settings.audit_concurrency)
            .collect()
            .await;
        let listing = match begun.iter().filter_map(BegunCluster::first_day).min() {
            Some(first_day) => {
                let _permit = self.permits.acquire().await;
                AccountRegionListing::read(self.store, self.settings, account_region, first_day, self.now).await
            }
            // None of them is audited.
            None => Ok(AccountRegionListing::default()),
        };
        let listing = &listing;
        stream::iter(begun)
            .map(async |cluster| self.cluster(cluster, listing).await)
            .buffered(self.settings.audit_concurrency)
            .collect()
            .await
    }

    async fn begin(&self, cluster: ClusterId, marks: Marks) -> BegunCluster {
        let _permit = self.permits.acquire().await;
        let mut finding = report::no_finding(&cluster);
        let begun = self.audit_of(&cluster, marks).begin(&mut finding).await;
        BegunCluster {
            cluster,
            marks,
            finding,
            begun,
        }
    }

    async fn cluster(
        &self,
        BegunCluster {
            cluster,
            marks,
            mut finding,
            begun,
        }: BegunCluster,
        listing: &Result<AccountRegionListing, StoreError>,
    ) -> Finding {
        let _permit = self.permits.acquire().await;
        let audit = self.audit_of(&cluster, marks);
        if let Err(error) = audit_cluster(&audit, begun, listing, &mut finding).await {
            tracing::error!(%cluster, error, "cluster could not be audited");
            finding.failed = Some(error);
        }
        finding
    }

    fn audit_of<'a>(&'a self, cluster: &'a ClusterId, marks: Marks) -> ClusterAudit<'a> {
        ClusterAudit {
            objects: ClusterObjects {
                store: self.store,
                prefixes: &self.settings.prefixes,
                cluster,
            },
            settings: self.settings,
            now: self.now,
            plan: marks.plan,
            retired: marks.retired,
            previous: self.previous,
        }
    }
}

/// A cluster, and what is known of it before the lake is listed.
struct BegunCluster {
    cluster: ClusterId,
    marks: Marks,
    finding: Finding,
    begun: Result<Option<Begun>, StoreError>,
}

impl BegunCluster {
    /// The oldest day that is audited; `None` if none is.
    fn first_day(&self) -> Option<Day> {
        Some(self.begun.as_ref().ok()?.as_ref()?.first_day)
    }
}

/// Audits a cluster by what the listing has of it. An error is for a person.
async fn audit_cluster(
    audit: &ClusterAudit<'_>,
    begun: Result<Option<Begun>, StoreError>,
    listing: &Result<AccountRegionListing, StoreError>,
    finding: &mut Finding,
) -> Result<(), String> {
    let Some(begun) = begun.map_err(|error| error.to_string())? else {
        return Ok(());
    };
    let listing = listing.as_ref().map_err(ToString::to_string)?;
    let name = audit.objects.cluster.name();
    // The listing may reach further back, for another cluster.
    let is_audited = |day: Day| day >= begun.first_day;
    let lake = listing.lake.get(name).into_iter().flatten();
    let lake = lake.filter(|(day, _)| is_audited(**day));
    let lake = lake.map(|(day, version)| (*day, version.clone())).collect();
    let quarantined = listing.quarantined.get(name).into_iter().flatten();
    let quarantined = quarantined.filter(|((day, _), _)| is_audited(*day));
    let quarantined = quarantined.map(|(set, reported)| (*set, *reported)).collect();
    let no_assets = BTreeSet::new();
    let assets = listing.assets.get(name).unwrap_or(&no_assets);
    let audited = audit.run(begun, &lake, assets, &quarantined, finding).await;
    audited.map_err(|error| error.to_string())
}

/// What all clusters of one account and region have in the lake and in quarantine, listed once for all of them.
#[derive(Debug, Default)]
struct AccountRegionListing {
    /// Each cluster's objects, by cluster name and day.
    lake: HashMap<String, BTreeMap<Day, ObjectVersion>>,
    /// The days that the table of assets has of each cluster, by cluster name.
    assets: HashMap<String, BTreeSet<Day>>,
    /// Each cluster's sets in quarantine, by cluster name.
    quarantined: HashMap<String, Quarantined>,
}

impl AccountRegionListing {
    async fn read(
        store: &Store,
        settings: &Settings,
        account_region: &AccountRegion,
        first: Day,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let prefixes: &Prefixes = &settings.prefixes;
        let mut found = Self::default();
        for (partition, start_after) in prefixes.lake_listings(account_region, first, Day::of(now)) {
            let mut listing = store.list(&partition).start_after(start_after);
            while let Some(page) = listing.next_page().await? {
                for object in page.objects {
                    if let Some((cluster, day)) = prefixes.parse_lake(&object.key) {
                        let version = ObjectVersion {
                            modified: object.modified,
                            bytes: object.bytes,
                            etag: object.etag,
                        };
                        let days = found.lake.entry(cluster.name().to_owned()).or_default();
                        days.insert(day, version);
                    }
                }
            }
        }
        // After the lake: a day's assets are written before its own object.
        for (partition, start_after) in prefixes.assets_listings(account_region, first, Day::of(now)) {
            let mut listing = store.list(&partition).start_after(start_after);
            while let Some(page) = listing.next_page().await? {
                for (cluster, day) in page
                    .objects
                    .iter()
                    .filter_map(|object| prefixes.parse_assets(&object.key))
                {
                    found.assets.entry(cluster.name().to_owned()).or_default().insert(day);
                }
            }
        }
        let mut listing = store.list(prefixes.quarantine_in(account_region));
        while let Some(page) = listing.next_page().await? {
            for object in page.objects {
                if let Some(key) = prefixes.parse_quarantine(&object.key)
                    && key.day >= first
                {
                    let quarantined = found.quarantined.entry(key.cluster.name().to_owned()).or_default();
                    staged::add_reported(quarantined, &key, object.modified);
                }
            }
        }
        Ok(found)
    }
}
