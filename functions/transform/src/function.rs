//! The function, and what it reads before it decides: a set's manifest, and what the lake has of the day.

use std::{collections::BTreeSet, sync::Arc};

use contract::{clock::Clock, day::Day, documents::Manifest, keys::StagingKey, record::LakeMetadata, run::RunId};
use response::Verdict;
use seams::bugs::{Bug, is_planted};
use store::{Condition, Head, Store, StoreError};

use crate::{
    Settings,
    checked_manifest::CheckedManifest,
    decision::{Arriving, InLake, Placement},
    error::{ConvertDayError, Fault},
    fingerprint::{assets_fingerprint, fingerprint},
    stream::Converting,
};

pub struct Transform {
    pub(crate) settings: Settings,
    pub(crate) fingerprint: String,
    pub(crate) assets_fingerprint: String,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) converting: Converting,
}

/// A set by its manifest's key.
pub(crate) struct Target {
    pub(crate) manifest_key: String,
    pub(crate) staging: StagingKey,
    pub(crate) day: Day,
    pub(crate) lake_key: String,
    pub(crate) assets_key: String,
}

/// What the lake has of the day, and the conditions that it still has that.
pub(crate) struct Found {
    pub(crate) object: Option<InLake>,
    /// Of the day's assets.
    pub(crate) assets: Option<LakeMetadata>,
    pub(crate) conditions: Conditions,
}

/// That the objects of a day are what they were when they were looked at.
#[derive(Debug, Clone)]
pub(crate) struct Conditions {
    pub(crate) day: Condition,
    pub(crate) assets: Condition,
}

impl Found {
    /// The lake's own set again, where the assets that belong to it are missing or another run's, or where this
    /// function would make another file of them now.
    pub(crate) fn without_its_assets(&self, arriving: RunId, assets_fingerprint: &str) -> Option<Placement> {
        let (InLake { run: Some(run), .. }, record) = (self.object.as_ref()?, self.object.as_ref()?.record.as_ref()?)
        else {
            return None;
        };
        record.asset_scope?;
        let is_its = |assets: &LakeMetadata| {
            let is_current = assets.table.as_deref() == Some(assets_fingerprint);
            assets.run == Some(*run) && (is_current || *run != arriving)
        };
        if self.assets.as_ref().is_some_and(is_its) {
            return None;
        }
        Some(Placement {
            run: *run,
            best: record.best,
            alternatives: record.alternatives.clone(),
            is_forced: record.forced,
            reason: "its assets are missing, another set's or of other columns",
        })
    }
}

impl Transform {
    pub fn new(settings: Settings, store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            fingerprint: fingerprint(&settings.layout),
            assets_fingerprint: assets_fingerprint(),
            settings,
            store,
            clock,
            converting: Converting::default(),
        }
    }

    /// Sets where conversions run.
    #[must_use]
    pub fn converting(self, converting: Converting) -> Self {
        Self { converting, ..self }
    }

    pub(crate) fn target(&self, staging: StagingKey, day: Day) -> Target {
        let prefixes = &self.settings.prefixes;
        Target {
            manifest_key: prefixes.manifest(&staging.cluster, &staging.run, day),
            lake_key: prefixes.lake_object(&staging.cluster, day),
            assets_key: prefixes.assets_object(&staging.cluster, day),
            staging,
            day,
        }
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
        let run = target.staging.run;
        if self.is_ahead(run, &head) {
            return Err(Fault::RunAhead {
                began: run.began(),
                written_at: head.modified,
            }
            .into());
        }
        Ok(CheckedManifest::check(
            manifest,
            &head,
            &target.staging,
            target.day,
            &self.settings.prefixes,
        )?)
    }

    /// Whether a run claims to have begun more than an hour after its object was written, and in the future.
    fn is_ahead(&self, run: RunId, head: &Head) -> bool {
        let now = self.clock.now();
        !is_planted(Bug::FutureTrusted) && run.is_ahead_of(head.modified.map_or(now, |written_at| written_at.max(now)))
    }

    /// What the lake has of the day, without alternatives that are gone.
    pub(crate) async fn in_lake(&self, target: &Target, gone: &BTreeSet<RunId>) -> Result<Found, StoreError> {
        let assets = self.store.head(&target.assets_key).await?;
        let of_assets = assets.as_ref().map(|head| LakeMetadata::of(&head.metadata));
        let assets_condition = match assets {
            _ if is_planted(Bug::AssetsWithoutCondition) => Condition::Always,
            None => Condition::IfAbsent,
            Some(head) => Condition::IfMatch(head.etag),
        };
        let Some(head) = self.store.head(&target.lake_key).await? else {
            return Ok(Found {
                object: None,
                assets: of_assets,
                conditions: Conditions {
                    day: Condition::IfAbsent,
                    assets: assets_condition,
                },
            });
        };
        let LakeMetadata { run, table, mut record } = LakeMetadata::of(&head.metadata);
        let is_ahead = run.is_some_and(|run| self.is_ahead(run, &head));
        if is_ahead {
            tracing::warn!(
                key = target.lake_key,
                "the run in the lake has an id of the future, since its clock was ahead: it counts as older than any other"
            );
        }
        if let Some(record) = &mut record {
            record
                .alternatives
                .retain(|alternative| !gone.contains(&alternative.run));
        }
        Ok(Found {
            object: Some(InLake {
                run,
                is_ahead,
                is_current: table.as_ref() == Some(&self.fingerprint),
                record,
            }),
            assets: of_assets,
            conditions: Conditions {
                day: if is_planted(Bug::DayWithoutCondition) {
                    Condition::Always
                } else {
                    Condition::IfMatch(head.etag)
                },
                assets: assets_condition,
            },
        })
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
