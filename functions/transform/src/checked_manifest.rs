//! A manifest, checked against its own key.

use contract::{
    coverage::PartialReason,
    day::Day,
    documents::{Manifest, Part, PartKind},
    keys::{Prefixes, StagingKey, StagingObject},
    quantities::Quantities,
    record::{DayRecord, FORCE_METADATA},
};
use response::Verdict;
use store::Head;

use crate::{decision::Placement, error::Fault};

/// A manifest that agrees with its key.
#[derive(Debug, Clone)]
pub(crate) struct CheckedManifest {
    pub(crate) manifest: Manifest,
    /// Whether a person chose this set to be the day.
    pub(crate) is_forced: bool,
}

impl CheckedManifest {
    /// Accepts a manifest only if it agrees with its key: a cluster can write only below its own prefix, and its
    /// manifest must not refer to anything outside it.
    pub(crate) fn check(
        manifest: Manifest,
        head: &Head,
        key: &StagingKey,
        day: Day,
        prefixes: &Prefixes,
    ) -> Result<Self, Fault> {
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
        Ok(Self {
            manifest,
            is_forced: head.metadata.get(FORCE_METADATA).is_some_and(|force| force == "true"),
        })
    }

    pub(crate) fn parts(&self, kind: PartKind) -> impl Iterator<Item = &Part> {
        self.manifest.parts.iter().filter(move |part| part.kind == kind)
    }

    /// What the lake's object is to say of the day if this set is the day: by the manifest alone, or by what the
    /// rows add up to.
    pub(crate) fn record(&self, verdict: Option<&Verdict>, placement: &Placement) -> DayRecord {
        let Manifest { date, facts, .. } = &self.manifest;
        let measured = verdict.map(|verdict| verdict.coverage);
        let coverage = facts.coverage.or(measured);
        let mut partial = facts.partial.clone();
        partial.extend(verdict.iter().flat_map(|verdict| &verdict.partial));
        if coverage.is_some_and(|coverage| coverage.is_partial(*date)) {
            partial.push(PartialReason::Observed);
        }
        partial.sort_unstable();
        partial.dedup();
        DayRecord {
            question: self.manifest.question_fingerprint(),
            quantities: self.quantities(verdict),
            best: placement.best,
            share: coverage.and_then(|coverage| coverage.share(*date)),
            partial,
            assets: facts.assets,
            asset_scope: facts.asset_set.map(|set| set.scope),
            currency: facts.currency.clone(),
            computed_totals: verdict.map_or(facts.computed_totals, |verdict| verdict.computed_totals),
            alternatives: placement.alternatives.clone(),
            forced: placement.is_forced,
        }
    }

    /// What the set holds: by the manifest if that is all that is known, or if what was measured differs from it by
    /// rounding alone. Nothing for manifests of older exporters that were not measured.
    pub(crate) fn quantities(&self, verdict: Option<&Verdict>) -> Quantities {
        let claimed = self.manifest.facts.quantities;
        match (claimed, verdict.map(|verdict| verdict.quantities)) {
            (Some(claimed), Some(measured)) if claimed.exceeds(&measured) || measured.exceeds(&claimed) => measured,
            (Some(claimed), _) => claimed,
            (None, measured) => measured.unwrap_or_default(),
        }
    }

    /// All parts in the order in which they are read: nodes first, so that rows can be joined with them.
    pub(crate) fn parts_in_order(&self) -> Vec<Part> {
        self.parts(PartKind::Assets)
            .chain(self.parts(PartKind::Allocation))
            .cloned()
            .collect()
    }
}
