//! A source that many clusters send their costs to.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use contract::{clock::FixedClock, cluster::ClusterArn, documents::Manifest, keys::Prefixes};
use end_to_end::bucket::{BUCKET_NAME, Bucket};
use exporter::{
    Days, Exporter, SharedRunSummary, SharedSource,
    settings::{PeriodSettings, SourceCluster, SourceClusters, SourceSettings},
};
use settings::Reader;
use store::Store;

use super::source::{Asked, NOW, Scripted, bad_window, not_found, row, text};

fn arn(name: &str) -> ClusterArn {
    format!("arn:aws:eks:us-east-1:111122223333:cluster/{name}")
        .parse()
        .unwrap()
}

/// Collects the planned days of clusters whose ids are their names: without a plan, that is one day of each.
async fn collect(source: &Scripted, bucket: &Bucket, names: &[&str], more: &[(&str, &str)]) -> SharedRunSummary {
    let mut reader = Reader::new(|name| match name {
        "KUBECOST_API_ENDPOINT" => Some(source.url.clone()),
        "RETRIES" => Some("0".to_owned()),
        _ => more
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned()),
    });
    let mut settings = SourceSettings::read(&mut reader, &mut Vec::new()).unwrap();
    settings.retry_delay = Duration::from_millis(1);
    let period = PeriodSettings::read(&mut reader);
    let store = Store::new(bucket.serve().await, BUCKET_NAME);
    let clusters = names.iter().map(|name| SourceCluster {
        arn: arn(name),
        ids: vec![(*name).to_owned()],
    });
    let shared = SharedSource::new(SourceClusters::new(clusters).unwrap(), |cluster| Exporter {
        cluster,
        source: settings.clone(),
        period,
        plan_wait: Duration::ZERO,
        store: store.clone(),
        prefixes: Prefixes::default(),
        clock: Arc::new(FixedClock(NOW.parse().unwrap())),
    });
    shared.run(None, &Days::Planned).await.unwrap()
}

/// The clusters that have a manifest in the bucket.
fn stored(bucket: &Bucket) -> BTreeSet<String> {
    let keys = bucket
        .keys("staging/")
        .into_iter()
        .filter(|key| key.ends_with("manifest.json"));
    let manifests = keys.map(|key| contract::documents::read::<Manifest>(&bucket.get(&key).unwrap().content).unwrap());
    manifests
        .map(|manifest| manifest.cluster.id().name().to_owned())
        .collect()
}

/// A day's rows of clusters.
fn rows(day: &str, clusters: &[&str]) -> String {
    let rows: Vec<String> = clusters
        .iter()
        .map(|id| {
            let properties = format!(r#""pod":"p","container":"c","namespace":"n","cluster":"{id}""#);
            row(day, &format!("{id}/n/p/c"), &properties)
        })
        .collect();
    format!(r#"{{"code":200,"data":[{{{}}}]}}"#, rows.join(","))
}

/// A Kubecost whose filter of one cluster fails, and of another is ignored.
fn kubecost(asked: &Asked) -> axum::response::Response {
    let filter = asked.parameter("filter");
    match (asked.path.as_str(), asked.day()) {
        ("/model/allocation", "") => bad_window(),
        ("/model/allocation", _) if asked.parameter("aggregate") == "cluster" && filter.is_empty() => {
            text(200, rows("2026-11-21", &["good", "failing", "mixed", "unlisted"]))
        }
        ("/model/allocation", _) if filter.contains("failing") => text(500, "boom"),
        ("/model/allocation", day) if filter.contains("mixed") => text(200, rows(day, &["mixed", "good"])),
        ("/model/allocation", day) => text(200, rows(day, &["good"])),
        ("/model/assets", _) => text(200, r#"{"code":200,"data":[{}]}"#),
        _ => not_found(),
    }
}

#[tokio::test]
async fn a_cluster_that_fails_stops_no_other_and_rows_of_others_are_stored_nowhere() {
    let source = Scripted::serve(kubecost).await;
    let bucket = Bucket::default();
    let summary = collect(&source, &bucket, &["failing", "mixed", "absent", "good"], &[]).await;
    assert!(!summary.is_success() && !summary.stopped(), "{summary}");
    assert_eq!(stored(&bucket), ["good".to_owned()].into());
    assert_eq!(summary.unlisted, ["unlisted"]);
    let said = summary.to_string();
    for words in [
        "1 of 4 clusters whole",
        "cluster-failing",
        "boom",
        "the source has no cluster absent",
        "not on the list of clusters, and not stored: unlisted",
    ] {
        assert!(
            said.replace("us-east-1/failing", "cluster-failing").contains(words),
            "'{words}' is not in: {said}"
        );
    }
    let mixed = summary.clusters[1].1.as_ref().unwrap().failed().next().unwrap().1;
    assert!(mixed.contains("good"), "{mixed}");
    // An inventory of a cluster that the source does not have would be a promise of days.
    let inventories = bucket
        .keys("staging/")
        .into_iter()
        .filter(|key| key.ends_with("inventory.json"));
    assert_eq!(inventories.count(), 3);
}

#[tokio::test]
async fn opencost_is_queried_for_the_ids_of_one_day_only() {
    let source = Scripted::serve(|asked| match (asked.path.as_str(), asked.day()) {
        ("/allocation/compute", "") => bad_window(),
        ("/allocation/compute", day) if asked.parameter("filter").is_empty() => text(200, rows(day, &["one", "two"])),
        ("/allocation/compute", day) => {
            let id = if asked.parameter("filter").contains("one") {
                "one"
            } else {
                "two"
            };
            text(200, rows(day, &[id]))
        }
        ("/assets", _) => text(200, r#"{"code":200,"data":{}}"#),
        _ => not_found(),
    })
    .await;
    let bucket = Bucket::default();
    let summary = collect(&source, &bucket, &["one", "two"], &[]).await;
    assert!(summary.is_success() && summary.unlisted.is_empty(), "{summary}");
    assert_eq!(stored(&bucket).len(), 2);
    let unfiltered: Vec<Asked> = source
        .asked("/allocation/compute")
        .into_iter()
        .filter(|asked| asked.parameter("filter").is_empty() && !asked.day().is_empty())
        .collect();
    assert_eq!(unfiltered.len(), 1);
    assert_eq!(
        unfiltered[0].parameter("window"),
        "2026-11-23T00:00:00Z,2026-11-24T00:00:00Z"
    );
}

#[tokio::test]
async fn assets_are_queried_of_the_cluster_alone() {
    let source = Scripted::serve(kubecost).await;
    let bucket = Bucket::default();
    let summary = collect(&source, &bucket, &["good"], &[]).await;
    assert!(summary.is_success(), "{summary}");
    let filter = source.asked("/model/assets")[0].parameter("filter").to_owned();
    assert!(filter.contains(r#"cluster:"good""#), "{filter}");
}
