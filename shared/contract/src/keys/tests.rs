use super::*;
use chrono::DateTime;
use proptest::{prelude::*, sample::Index};

fn cluster() -> impl Strategy<Value = ClusterId> {
    (
        "[0-9]{12}",
        "(us|eu|ap)-(east|south|central)-[1-9]",
        "[A-Za-z0-9][A-Za-z0-9_-]{0,99}",
    )
        .prop_map(|(account, region, name)| ClusterId::new(&account, &region, &name).unwrap())
}

fn day() -> impl Strategy<Value = Day> {
    (0_i64..4_000_000_000).prop_map(|seconds| Day::of(DateTime::from_timestamp(seconds, 0).unwrap()))
}

fn run() -> impl Strategy<Value = RunId> {
    (0_i64..4_000_000_000).prop_map(|seconds| RunId::new(DateTime::from_timestamp(seconds, 0).unwrap()))
}

proptest! {
    #[test]
    fn parsers_undo_builders(cluster in cluster(), day in day(), run in run(), page in 1_u32..20_000) {
        let prefixes = Prefixes::default();
        let staged = |object| Some(StagingKey { cluster: cluster.clone(), run, object });
        prop_assert_eq!(prefixes.parse_staging(&prefixes.inventory(&cluster, &run)), staged(StagingObject::Inventory));
        prop_assert_eq!(prefixes.parse_staging(&prefixes.run_report(&cluster, &run)), staged(StagingObject::RunReport));
        prop_assert_eq!(prefixes.parse_staging(&prefixes.manifest(&cluster, &run, day)), staged(StagingObject::Manifest(day)));
        prop_assert_eq!(prefixes.parse_staging(&prefixes.assets_part(&cluster, &run, day, 1)), staged(StagingObject::Part(day)));
        prop_assert_eq!(prefixes.parse_staging(&prefixes.allocation_part(&cluster, &run, day, page)), staged(StagingObject::Part(day)));
        prop_assert_eq!(prefixes.parse_lake(&prefixes.lake_object(&cluster, day)), Some((cluster.clone(), day)));
        prop_assert_eq!(prefixes.parse_assets(&prefixes.assets_object(&cluster, day)), Some((cluster.clone(), day)));
        prop_assert_eq!(prefixes.parse_assets(&prefixes.lake_object(&cluster, day)), None);
        let check = prefixes.check(&cluster);
        prop_assert!(prefixes.parse_staging(&check).is_none() && check.starts_with(&prefixes.staging_of(&cluster)));
        let plan = prefixes.plan(&cluster);
        prop_assert_eq!(prefixes.parse_plan(&plan), Some((cluster.clone(), PlanObject::Plan)));
        prop_assert_eq!(prefixes.parse_plan(&prefixes.retired(&cluster)), Some((cluster.clone(), PlanObject::Retired)));
        prop_assert_eq!(prefixes.parse_plan(&format!("{plan}x")), None);
        let quarantined = |object| Some(QuarantineKey { cluster: cluster.clone(), run, day, object });
        prop_assert_eq!(prefixes.parse_quarantine(&prefixes.quarantine(&cluster, &run, day)), quarantined(QuarantineObject::Fault));
        prop_assert_eq!(prefixes.parse_quarantine(&prefixes.thinner(&cluster, &run, day)), quarantined(QuarantineObject::Thinner));
        let place = cluster.account_region();
        let partition = LakePartition::of(place, day);
        for table in [Area::Lake, Area::Assets] {
            let folder = format!("{}{partition}", prefixes.of(table));
            prop_assert_eq!(prefixes.parse_partition(table, &folder), Some(partition.clone()));
        }
        for (area, folder) in [
            (Area::Staging, prefixes.staging_of(&cluster)),
            (Area::Quarantine, prefixes.quarantine_of(&cluster)),
            (Area::Plans, prefixes.plan(&cluster).replace("plan.json", "")),
        ] {
            prop_assert_eq!(prefixes.parse_cluster_folder(area, &folder), Some(cluster.clone()));
        }
        prop_assert!(prefixes.quarantine(&cluster, &run, day).starts_with(&prefixes.quarantine_in(place)));
        let listings = prefixes.lake_listings(place, day.minus(40), day);
        let object = prefixes.lake_object(&cluster, day);
        let of_assets = prefixes.assets_listings(place, day.minus(40), day);
        let moved = |text: &str| text.replacen(prefixes.of(Area::Lake), prefixes.of(Area::Assets), 1);
        let expected: Vec<_> = listings.iter().map(|(prefix, after)| (moved(prefix), moved(after))).collect();
        prop_assert_eq!(of_assets, expected);
        let (last, start) = listings.last().unwrap();
        prop_assert!(object.starts_with(last) && object > *start);
        let (first, start) = &listings[0];
        let oldest = prefixes.lake_object(&cluster, day.minus(40));
        prop_assert!(oldest.starts_with(first) && oldest > *start);
        prop_assert!(prefixes.lake_object(&cluster, day.minus(41)) < *start);
    }

    #[test]
    fn what_is_parsed_is_what_would_be_written(
        (cluster, day, run, page) in (cluster(), day(), run(), 1_u32..20_000),
        which in 0_usize..10,
        change in change(),
    ) {
        let prefixes = Prefixes::default();
        let keys = [
            prefixes.inventory(&cluster, &run),
            prefixes.run_report(&cluster, &run),
            prefixes.manifest(&cluster, &run, day),
            prefixes.assets_part(&cluster, &run, day, 1),
            prefixes.allocation_part(&cluster, &run, day, page),
            prefixes.lake_object(&cluster, day),
            prefixes.quarantine(&cluster, &run, day),
            prefixes.thinner(&cluster, &run, day),
            prefixes.partition_in(Area::Lake, cluster.account_region(), day),
            prefixes.staging_of(&cluster),
            prefixes.assets_object(&cluster, day),
        ];
        let key = change.apply(&keys[which]);
        if let Some(StagingKey { cluster, run, object }) = prefixes.parse_staging(&key) {
            match object {
                StagingObject::Inventory => prop_assert_eq!(&prefixes.inventory(&cluster, &run), &key),
                StagingObject::RunReport => prop_assert_eq!(&prefixes.run_report(&cluster, &run), &key),
                StagingObject::Manifest(day) => prop_assert_eq!(&prefixes.manifest(&cluster, &run, day), &key),
                StagingObject::Part(day) => {
                    let name = key.strip_prefix(&prefixes.set(&cluster, &run, day));
                    let page = name.and_then(|name| name.strip_prefix("allocation-")?.strip_suffix(".json.zst"));
                    let written = match page {
                        Some(page) => prefixes.allocation_part(&cluster, &run, day, page.parse().unwrap()),
                        None => {
                            let name = name.unwrap();
                            if name == UNNUMBERED_ASSETS {
                                return Ok(());
                            }
                            let number = name.strip_prefix("assets-").and_then(|name| name.strip_suffix(".json.zst"));
                            prefixes.assets_part(&cluster, &run, day, number.unwrap().parse().unwrap())
                        }
                    };
                    prop_assert_eq!(&written, &key);
                }
            }
        }
        if let Some((cluster, day)) = prefixes.parse_lake(&key) {
            prop_assert_eq!(&prefixes.lake_object(&cluster, day), &key);
        }
        if let Some((cluster, day)) = prefixes.parse_assets(&key) {
            prop_assert_eq!(&prefixes.assets_object(&cluster, day), &key);
        }
        if let Some(QuarantineKey { cluster, run, day, object }) = prefixes.parse_quarantine(&key) {
            let written = match object {
                QuarantineObject::Fault => prefixes.quarantine(&cluster, &run, day),
                QuarantineObject::Thinner => prefixes.thinner(&cluster, &run, day),
            };
            prop_assert_eq!(&written, &key);
        }
        if let Some(partition) = prefixes.parse_partition(Area::Lake, &key) {
            prop_assert_eq!(format!("{}{partition}", prefixes.of(Area::Lake)), key.clone());
        }
        if let Some(cluster) = prefixes.parse_cluster_folder(Area::Staging, &key) {
            prop_assert_eq!(&prefixes.staging_of(&cluster), &key);
        }
    }
}

/// A small change to a valid key.
#[derive(Debug, Clone)]
enum Change {
    Replace(Index, char),
    Insert(Index, char),
    Delete(Index),
    DropSegment(Index),
    RepeatSegment(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let character = || "[0-9a-zA-Z/=._-]|é".prop_map(|text| text.chars().next().unwrap());
    prop_oneof![
        (any::<Index>(), character()).prop_map(|(at, new)| Change::Replace(at, new)),
        (any::<Index>(), character()).prop_map(|(at, new)| Change::Insert(at, new)),
        any::<Index>().prop_map(Change::Delete),
        any::<Index>().prop_map(Change::DropSegment),
        any::<Index>().prop_map(Change::RepeatSegment),
    ]
}

impl Change {
    fn apply(&self, key: &str) -> String {
        let mut characters: Vec<char> = key.chars().collect();
        let mut segments: Vec<&str> = key.split('/').collect();
        match self {
            Self::Replace(at, new) => *at.get_mut(&mut characters) = *new,
            Self::Insert(at, new) => characters.insert(at.index(characters.len() + 1), *new),
            Self::Delete(at) => {
                characters.remove(at.index(characters.len()));
            }
            Self::DropSegment(at) => {
                segments.remove(at.index(segments.len()));
                return segments.join("/");
            }
            Self::RepeatSegment(at) => {
                let at = at.index(segments.len());
                segments.insert(at, segments[at]);
                return segments.join("/");
            }
        }
        characters.into_iter().collect()
    }
}

#[test]
fn keys_are_as_documented() {
    let prefixes = Prefixes::default();
    let cluster = ClusterId::new("111122223333", "us-east-1", "cluster-one").unwrap();
    let run = "019aaaaa-0000-7000-8000-000000000001".parse().unwrap();
    let day = "2026-11-20".parse().unwrap();
    insta::assert_snapshot!(
        [
            prefixes.inventory(&cluster, &run),
            prefixes.run_report(&cluster, &run),
            prefixes.allocation_part(&cluster, &run, day, 1),
            prefixes.assets_part(&cluster, &run, day, 1),
            prefixes.manifest(&cluster, &run, day),
            prefixes.plan(&cluster),
            prefixes.retired(&cluster),
            prefixes.lake_object(&cluster, day),
            prefixes.quarantine(&cluster, &run, day),
            prefixes.thinner(&cluster, &run, day),
            prefixes.quarantine_in(cluster.account_region()),
            prefixes.audit_report(),
            prefixes.cluster_state(&cluster),
        ]
        .join("\n"),
        @r"
    staging/111122223333/us-east-1/cluster-one/019aaaaa-0000-7000-8000-000000000001/inventory.json
    staging/111122223333/us-east-1/cluster-one/019aaaaa-0000-7000-8000-000000000001/run.json
    staging/111122223333/us-east-1/cluster-one/019aaaaa-0000-7000-8000-000000000001/2026-11-20/allocation-0001.json.zst
    staging/111122223333/us-east-1/cluster-one/019aaaaa-0000-7000-8000-000000000001/2026-11-20/assets-0001.json.zst
    staging/111122223333/us-east-1/cluster-one/019aaaaa-0000-7000-8000-000000000001/2026-11-20/manifest.json
    plans/111122223333/us-east-1/cluster-one/plan.json
    plans/111122223333/us-east-1/cluster-one/retired.json
    lake/account_id=111122223333/region=us-east-1/year=2026/month=11/2026-11-20_cluster-one.snappy.parquet
    quarantine/111122223333/us-east-1/cluster-one/019aaaaa-0000-7000-8000-000000000001/2026-11-20.json
    quarantine/111122223333/us-east-1/cluster-one/019aaaaa-0000-7000-8000-000000000001/2026-11-20.thinner.json
    quarantine/111122223333/us-east-1/
    reports/audit.json
    reports/111122223333/us-east-1/cluster-one/state.json
    "
    );
}

#[test]
fn the_values_of_a_partition_are_those_of_its_path() {
    let cluster = ClusterId::new("111122223333", "us-east-1", "cluster-one").unwrap();
    let partition = LakePartition::of(cluster.account_region(), "2026-11-20".parse().unwrap());
    assert_eq!(partition.values(), ["111122223333", "us-east-1", "2026", "11"]);
    assert_eq!(
        partition.to_string(),
        "account_id=111122223333/region=us-east-1/year=2026/month=11/"
    );
}

#[test]
fn a_file_in_the_wrong_partition_is_not_a_day() {
    let key = "lake/account_id=111122223333/region=us-east-1/year=2026/month=10/2026-11-20_a.snappy.parquet";
    assert_eq!(Prefixes::default().parse_lake(key), None);
}
