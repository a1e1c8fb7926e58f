//! A manifest, checked against its own key.

use contract::{
    day::Day,
    documents::{Manifest, Part, PartKind},
    keys::{Prefixes, StagingKey, StagingObject},
};

use crate::error::Fault;

/// A manifest that agrees with its key.
#[derive(Debug, Clone)]
pub(crate) struct CheckedManifest {
    pub(crate) manifest: Manifest,
}

impl CheckedManifest {
    /// Accepts a manifest only if it agrees with its key: a cluster can write only below its own prefix, and its
    /// manifest must not refer to anything outside it.
    pub(crate) fn check(manifest: Manifest, key: &StagingKey, day: Day, prefixes: &Prefixes) -> Result<Self, Fault> {
        let mismatch = |field, claimed: String, expected: String| Fault::ManifestMismatch {
            field,
            claimed,
            expected,
        };
        let claim = |field, claimed: String, expected: String| {
            if claimed == expected {
                Ok(())
            } else {
                Err(mismatch(field, claimed, expected))
            }
        };
        claim("cluster", manifest.cluster.id().to_string(), key.cluster.to_string())?;
        claim("run", manifest.run.to_string(), key.run.to_string())?;
        claim("date", manifest.date.to_string(), day.to_string())?;
        claim("window", manifest.window.to_string(), day.window().to_string())?;
        for Part { key: part, .. } in &manifest.parts {
            let expected = StagingKey {
                object: StagingObject::Part(day),
                ..key.clone()
            };
            if prefixes.parse_staging(part).as_ref() != Some(&expected) {
                return Err(mismatch(
                    "part",
                    part.clone(),
                    prefixes.set(&key.cluster, &key.run, day),
                ));
            }
        }
        if manifest.rows > 0 && !manifest.has_allocations() {
            return Err(Fault::RowsWithoutParts { rows: manifest.rows });
        }
        Ok(Self { manifest })
    }

    fn parts(&self, kind: PartKind) -> impl Iterator<Item = &Part> {
        self.manifest.parts.iter().filter(move |part| part.kind == kind)
    }

    /// All parts in the order in which they are read: nodes first, so that rows can be joined with them.
    pub(crate) fn parts_in_order(&self) -> Vec<Part> {
        self.parts(PartKind::Assets)
            .chain(self.parts(PartKind::Allocation))
            .cloned()
            .collect()
    }
}
