//! Writing the assets of a set, before the day's own object: that decides whether the day is current.

use contract::{
    documents::{Part, PartKind},
    keys::RUN_METADATA,
    record::TABLE_METADATA,
};
use store::{Condition, UploadError};

use super::{convert::convert, cover::Cover};
use crate::{
    checked_manifest::CheckedManifest,
    error::{ConvertDayError, Fault},
    function::{Target, Transform},
    stream,
};

/// What came of a set's assets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AssetsOutcome {
    /// They are written, or there are none: those of an earlier set stay.
    Done,
    /// Another run wrote them in the meantime.
    Contended,
}

impl Transform {
    /// Writes the assets of a set that is about to become the day.
    pub(crate) async fn write_assets(
        &self,
        target: &Target,
        set: &CheckedManifest,
        cover: Cover,
        condition: Condition,
    ) -> Result<AssetsOutcome, ConvertDayError> {
        let parts: Vec<Part> = set.parts(PartKind::Assets).cloned().collect();
        if parts.is_empty() {
            return Ok(AssetsOutcome::Done);
        }
        let mut upload = self
            .store
            .upload(&target.assets_key)
            .metadata(RUN_METADATA, target.staging.run.to_string())
            .metadata(TABLE_METADATA, &self.assets_fingerprint)
            .content_type("application/vnd.apache.parquet")
            .condition(condition)
            .begin();
        let converted = {
            let (manifest, of_thread) = (set.manifest.clone(), parts.clone());
            stream::through(
                self.converting,
                &self.store,
                &parts,
                &mut upload,
                move |pieces, output| convert(&manifest, &of_thread, &cover, pieces, output),
            )
            .await
        };
        let converted = match converted {
            Ok(converted) => converted,
            Err(error) => {
                upload.abort().await;
                return match error {
                    // Older exporters did not check what they stored for the sake of nodes alone.
                    ConvertDayError::Fault(Fault::Refused(reason)) if set.manifest.facts.asset_set.is_none() => {
                        tracing::warn!(key = target.assets_key, reason, "the assets are not written");
                        Ok(AssetsOutcome::Done)
                    }
                    error => Err(error),
                };
            }
        };
        match upload.finish().await {
            Ok(uploaded) => {
                tracing::info!(
                    key = target.assets_key,
                    rows = converted.rows,
                    total_cost = converted.total_cost,
                    uncovered_cost = converted.uncovered_cost,
                    bytes = uploaded.bytes,
                    "wrote the day's assets"
                );
                Ok(AssetsOutcome::Done)
            }
            Err(UploadError::ConditionFailed { .. }) => Ok(AssetsOutcome::Contended),
            Err(UploadError::Store(error)) => Err(error.into()),
        }
    }
}
