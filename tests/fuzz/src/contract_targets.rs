//! Keys, events and documents: what is accepted can be written again and is then the same.

use contract::{
    audit::AuditReport,
    clock::FixedClock,
    documents::{self, Document, Inventory, Manifest, Plan, Quarantine, ThinnerSet},
    events::{self, Event, ObjectCreated},
    keys::{Area, PlanObject, Prefixes, QuarantineObject, StagingObject},
    record::DayRecord,
    retirement::Retirement,
    run_report::RunReport,
    state::ClusterState,
};
use serde_json::{Value, json};

const RUN: &str = "019aaaaa-0000-7000-8000-000000000001";

pub(crate) fn keys() -> Vec<Vec<u8>> {
    let cluster = "111122223333/eu-west-1/shop-production";
    [
        format!("staging/{cluster}/{RUN}/inventory.json"),
        format!("staging/{cluster}/{RUN}/2026-11-20/manifest.json"),
        format!("staging/{cluster}/{RUN}/2026-11-20/allocation-0001.json.zst"),
        format!("staging/{cluster}/{RUN}/2026-11-20/assets-0012.json.zst"),
        format!("staging/{cluster}/{RUN}/2026-11-20/assets.json.zst"),
        format!("plans/{cluster}/plan.json"),
        format!("plans/{cluster}/retired.json"),
        format!("quarantine/{cluster}/{RUN}/2026-11-20.json"),
        format!("quarantine/{cluster}/{RUN}/2026-11-20.thinner.json"),
        format!("reports/{cluster}/state.json"),
        "lake/account_id=111122223333/region=eu-west-1/year=2026/month=11/2026-11-20_shop.snappy.parquet".to_owned(),
        "lake/account_id=111122223333/region=us-gov-west-1/year=2026/month=01/".to_owned(),
        format!("staging/{cluster}/"),
    ]
    .map(String::into_bytes)
    .to_vec()
}

pub(crate) fn check_key(input: &[u8]) {
    let Ok(key) = std::str::from_utf8(input) else {
        return;
    };
    let prefixes = Prefixes::default();
    if let Some(found) = prefixes.parse_staging(key) {
        match found.object {
            StagingObject::Inventory => assert_eq!(prefixes.inventory(&found.cluster, &found.run), key),
            StagingObject::RunReport => assert_eq!(prefixes.run_report(&found.cluster, &found.run), key),
            StagingObject::Manifest(day) => assert_eq!(prefixes.manifest(&found.cluster, &found.run, day), key),
            StagingObject::Part(day) => assert!(key.starts_with(&prefixes.set(&found.cluster, &found.run, day))),
        }
    }
    if let Some((cluster, object)) = prefixes.parse_plan(key) {
        let written = match object {
            PlanObject::Plan => prefixes.plan(&cluster),
            PlanObject::Retired => prefixes.retired(&cluster),
        };
        assert_eq!(written, key);
    }
    if let Some((cluster, day)) = prefixes.parse_lake(key) {
        assert_eq!(prefixes.lake_object(&cluster, day), key);
    }
    for table in [Area::Lake, Area::Assets] {
        if let Some(partition) = prefixes.parse_partition(table, key) {
            assert_eq!(format!("{}{partition}", prefixes.of(table)), key);
        }
    }
    if let Some(found) = prefixes.parse_quarantine(key) {
        let written = match found.object {
            QuarantineObject::Fault => prefixes.quarantine(&found.cluster, &found.run, found.day),
            QuarantineObject::Thinner => prefixes.thinner(&found.cluster, &found.run, found.day),
        };
        assert_eq!(written, key);
    }
    if let Some(cluster) = prefixes.parse_cluster_folder(Area::Staging, key) {
        assert_eq!(prefixes.staging_of(&cluster), key);
    }
    // No key that is accepted leads out of its prefix.
    let accepted = prefixes.parse_staging(key).is_some()
        || prefixes.parse_lake(key).is_some()
        || prefixes.parse_quarantine(key).is_some()
        || prefixes.parse_plan(key).is_some();
    assert!(
        !accepted || key.split('/').all(|segment| segment != ".." && segment != "."),
        "{key}"
    );
}

fn clock() -> FixedClock {
    FixedClock("2026-11-24T05:00:00Z".parse().expect("a time"))
}

pub(crate) fn events() -> Vec<Vec<u8>> {
    let object = |key: &str| ObjectCreated {
        bucket: "lake".to_owned(),
        key: key.to_owned(),
    };
    let mut seeds: Vec<Vec<u8>> = keys()
        .iter()
        .map(|key| object(&String::from_utf8_lossy(key)))
        .map(|object| events::notification(&object, "ObjectCreated:Put", "us-east-1", &clock()).to_string())
        .map(String::into_bytes)
        .collect();
    let eventbridge = json!({
        "source": "aws.s3", "detail-type": "Object Created",
        "detail": { "bucket": { "name": "lake" }, "object": { "key": "a%3Db+c" } },
    });
    let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "lake" });
    for event in [eventbridge, test, events::schedule(&clock())] {
        seeds.push(event.to_string().into_bytes());
    }
    seeds
}

pub(crate) fn check_event(input: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(input) else {
        return;
    };
    let Ok(Event::Objects(objects)) = Event::read(&event) else {
        return;
    };
    for object in objects {
        let again = events::notification(&object, "ObjectCreated:Put", "us-east-1", &clock());
        assert_eq!(Event::read(&again), Ok(Event::Objects(vec![object])));
    }
}

pub(crate) fn documents() -> Vec<Vec<u8>> {
    let cluster = "arn:aws:eks:eu-west-1:111122223333:cluster/shop";
    let window = json!({ "start": "2026-11-20T00:00:00Z", "end": "2026-11-21T00:00:00Z" });
    let source = json!({ "kind": "kubecost", "version": "2.4" });
    let quantities = json!({ "rows": 3, "minutes": 4320.0, "core_hours": 7.5, "ram_byte_hours": 1e12 });
    [
        json!({ "version": 1, "run": RUN, "cluster": cluster, "created_at": "2026-11-24T05:00:00Z", "source": source,
            "days": ["2026-11-20", "2026-11-21"], "observed": true }),
        json!({ "version": 1, "run": RUN, "cluster": cluster, "created_at": "2026-11-24T05:00:00Z",
            "days": [{ "date": "2026-11-20", "reason": "missing" }] }),
        json!({ "version": 1, "run": RUN, "cluster": cluster, "date": "2026-11-20", "window": window,
            "created_at": "2026-11-24T05:00:00Z", "source": source, "query": "/model/allocation", "rows": 3,
            "total_cost": 1.25, "quantities": quantities, "parts": [{ "kind": "allocation", "key": "staging/x",
            "bytes": 10, "raw_bytes": 20, "sha256": "00", "rows": 3, "set": 0 }] }),
        json!({ "version": 1, "run": RUN, "cluster": cluster, "date": "2026-11-20", "reason": "refused",
            "message": "m", "manifest": "staging/x", "created_at": "2026-11-24T05:00:00Z" }),
        json!({ "version": 1, "lake": {}, "sets": {}, "gaps": ["2026-11-20"], "lost": {} }),
        quantities,
    ]
    .map(|document| document.to_string().into_bytes())
    .to_vec()
}

/// A document that is read is read again as it was written. Numbers that are not exact in JSON have no such promise.
fn read_again<T: Document>(input: &[u8]) {
    if let Ok(document) = documents::read::<T>(input) {
        let written = documents::write(&document).expect("a document can be written");
        let again = documents::read::<T>(&written).expect("what was written can be read");
        assert_eq!(documents::write(&again).expect("it can be written"), written);
    }
}

pub(crate) fn check_document(input: &[u8]) {
    read_again::<Inventory>(input);
    read_again::<Plan>(input);
    read_again::<Manifest>(input);
    read_again::<ThinnerSet>(input);
    read_again::<Quarantine>(input);
    read_again::<ClusterState>(input);
    read_again::<AuditReport>(input);
    read_again::<RunReport>(input);
    read_again::<Retirement>(input);
    let text = std::str::from_utf8(input).ok();
    if let Some(record) = DayRecord::from_metadata(text) {
        let written = record.to_metadata();
        let again = DayRecord::from_metadata(Some(&written)).expect("what was written can be read");
        assert_eq!(again.to_metadata(), written);
    }
}
