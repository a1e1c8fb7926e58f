//! Reads what listings lack, and only what is new or has changed since: the metadata of the lake's objects, manifests,
//! and the documents of the quarantine. [`ClusterState`] holds what was read.

use std::{cmp::Ordering, collections::BTreeMap};

use chrono::{DateTime, Utc};
use contract::{
    day::Day,
    documents::{Manifest, Quarantine, ThinnerSet},
    record::{DayRecord, LakeMetadata},
    run::RunId,
    state::{ClusterState, LakeObject, ObjectVersion, SetContent, SetFault},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use store::{StoreError, store::Head};

use crate::staged::{ClusterObjects, Quarantined, Reported, Staged, StagedSet};

/// How many objects of a cluster are read at the same time.
const LOOK_UPS: usize = 8;

/// How many sets of a day are looked at, the newest: more than retries in the time that a source keeps a day.
pub(crate) const MOST_SETS: usize = 32;

/// The cluster's state from the last audit; empty where there is none, or where it cannot be read.
pub(crate) async fn load(objects: ClusterObjects<'_>) -> Result<(ClusterState, store::Condition), StoreError> {
    let key = objects.prefixes.cluster_state(objects.cluster);
    let current = objects.store.get_current::<ClusterState>(&key).await?;
    let state = current.document.unwrap_or_else(|error| {
        tracing::warn!(cluster = %objects.cluster, %error, "state document cannot be read: rebuilding it");
        None
    });
    Ok((state.unwrap_or_default(), current.condition))
}

/// The days of the lake whose metadata the state does not have, or has of another object. Forgets objects that are
/// gone.
pub(crate) fn unknown_lake_objects(
    state: &mut ClusterState,
    listed: &BTreeMap<Day, ObjectVersion>,
) -> Vec<(Day, Option<ObjectVersion>)> {
    state
        .lake
        .retain(|day, known| listed.get(day).is_some_and(|version| *version == known.version));
    let unknown = listed.iter().filter(|(day, _)| !state.lake.contains_key(day));
    unknown.map(|(day, version)| (*day, Some(version.clone()))).collect()
}

/// Looks days up in the lake by their exact keys, and reads the objects' metadata.
pub(crate) async fn read_lake_objects(
    objects: ClusterObjects<'_>,
    state: &mut ClusterState,
    days: Vec<(Day, Option<ObjectVersion>)>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut read = stream::iter(days)
        .map(async |(day, listed)| {
            let key = objects.prefixes.lake_object(objects.cluster, day);
            let head = objects.store.head(&key).await?;
            Ok::<_, StoreError>((day, head.map(|head| of_head(head, listed, now))))
        })
        .buffer_unordered(LOOK_UPS);
    while let Some((day, object)) = read.try_next().await? {
        match object {
            Some(object) => state.lake.insert(day, object),
            None => state.lake.remove(&day),
        };
    }
    Ok(())
}

/// What the metadata says. The version is that of the listing, if there was one, so that the next listing shows a
/// change since.
fn of_head(head: Head, listed: Option<ObjectVersion>, now: DateTime<Utc>) -> LakeObject {
    let LakeMetadata { run, table, record } = LakeMetadata::of(&head.metadata);
    LakeObject {
        run,
        table,
        record,
        version: listed.unwrap_or(ObjectVersion {
            modified: head.modified.unwrap_or(now),
            bytes: head.bytes,
            etag: Some(head.etag),
        }),
    }
}

/// Whether a set has to be read, to know its outcome or when to collect its day again.
fn matters(set: StagedSet, lake: Option<&LakeObject>, improvable: bool, young: bool) -> bool {
    let Some(lake) = lake else {
        return true;
    };
    match lake.run.map(|run| set.run.cmp(&run)) {
        None => lake.version.modified < set.written_at || improvable,
        Some(Ordering::Greater) => true,
        Some(Ordering::Equal) => improvable || young,
        // An older set may be fuller than what the lake's day ever had. The first records did not exist.
        Some(Ordering::Less) => lake.record.is_some() || improvable || young,
    }
}

/// A set to read.
pub(crate) struct UnknownSet {
    day: Day,
    set: StagedSet,
    reported: Reported,
}

/// The sets that matter and that the state does not have, or has of another manifest. Forgets sets that are gone.
pub(crate) fn unknown_sets(
    state: &mut ClusterState,
    staged: &Staged,
    quarantined: &Quarantined,
    is_wanted: impl Fn(Day) -> bool,
    is_young: impl Fn(Day) -> bool,
) -> Vec<UnknownSet> {
    state.sets.retain(|day, known| {
        let sets = staged.sets_of(*day);
        known.retain(|run, _| sets.iter().any(|set| set.run == *run));
        is_wanted(*day) && !known.is_empty()
    });
    let mut unknown = Vec::new();
    for (day, sets) in staged.sets.iter().filter(|(day, _)| is_wanted(**day)) {
        let lake = state.lake.get(day);
        let known = state.sets.get(day);
        let is_thinner = |set: &StagedSet| {
            let reported = quarantined.get(&(*day, set.run));
            reported.is_some_and(|reported| reported.thinner.is_some())
        };
        let improvable = lake
            .and_then(|lake| lake.record.as_ref())
            .is_some_and(DayRecord::is_improvable)
            || sets.iter().any(is_thinner);
        for set in sets.iter().rev().take(MOST_SETS) {
            let reported = quarantined.get(&(*day, set.run)).copied().unwrap_or_default();
            let is_known = known.and_then(|known| known.get(&set.run)).is_some_and(|content| {
                content.modified == set.written_at
                    && content.fault.as_ref().map(|fault| fault.modified) == reported.fault
                    && content.thinner.is_some() == reported.thinner.is_some()
            });
            if !is_known && matters(*set, lake, improvable, is_young(*day)) {
                unknown.push(UnknownSet {
                    day: *day,
                    set: *set,
                    reported,
                });
            }
        }
    }
    unknown
}

/// Reads manifests and what the quarantine says of them.
pub(crate) async fn read_sets(
    objects: ClusterObjects<'_>,
    state: &mut ClusterState,
    unknown: Vec<UnknownSet>,
) -> Result<(), StoreError> {
    let mut read = stream::iter(unknown)
        .map(async |UnknownSet { day, set, reported }| {
            let content = read_set(objects, day, set, reported).await?;
            Ok::<_, StoreError>((day, set.run, content))
        })
        .buffer_unordered(LOOK_UPS);
    while let Some((day, run, content)) = read.try_next().await? {
        state.sets.entry(day).or_default().insert(run, content);
    }
    Ok(())
}

async fn read_set(
    objects: ClusterObjects<'_>,
    day: Day,
    StagedSet { run, written_at }: StagedSet,
    reported: Reported,
) -> Result<SetContent, StoreError> {
    let ClusterObjects {
        store,
        prefixes,
        cluster,
    } = objects;
    // Transform says what is wrong with a manifest that cannot be read.
    let manifest: Option<Manifest> = store
        .get_readable_document(&prefixes.manifest(cluster, &run, day))
        .await?;
    let mut content = manifest.map_or_else(
        || SetContent::unknown(written_at),
        |manifest| SetContent::of(&manifest, written_at),
    );
    if let Some(modified) = reported.fault {
        let key = prefixes.quarantine(cluster, &run, day);
        let document: Option<Quarantine> = store.get_readable_document(&key).await?;
        let (producer, table) = document.map_or((None, None), |document| (document.producer, document.table));
        content.fault = Some(SetFault {
            modified,
            producer,
            table,
        });
    }
    if reported.thinner.is_some() {
        let key = prefixes.thinner(cluster, &run, day);
        let document: Option<ThinnerSet> = store.get_readable_document(&key).await?;
        content.thinner = Some(document.map(|document| document.message).unwrap_or_default());
    }
    Ok(content)
}

/// The content of a set, if it was read.
pub(crate) fn content(state: &ClusterState, day: Day, run: RunId) -> Option<&SetContent> {
    state.sets.get(&day)?.get(&run)
}
