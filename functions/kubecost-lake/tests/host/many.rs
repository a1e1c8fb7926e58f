//! One source of many clusters: a primary Kubecost of 50, and of another that is not on the list.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
};

use arrow::array::AsArray;
use contract::keys::Area;
use exporter::{
    Days, SharedSource,
    settings::{SourceCluster, SourceClusters},
};
use kubecost_lake::simulator::{SimulatedSource, generated::GeneratedCluster};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{arn, audit, days, generated, period, source_settings, start};

const CLUSTERS: usize = 50;
/// Days collected at the same time, over all clusters.
const CONCURRENCY: usize = 4;

fn name(number: usize) -> String {
    format!("cluster-{number:02}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_cluster_of_a_primary_has_its_own_rows_and_one_query_a_day() {
    let days = days();
    let clusters: Vec<GeneratedCluster> = (0..=CLUSTERS)
        .map(|number| GeneratedCluster {
            containers: 2 + number % 3,
            seed: number as u64,
            ..generated(&name(number), &days)
        })
        .collect();
    let rows: BTreeMap<String, usize> = clusters
        .iter()
        .map(|cluster| (cluster.name.clone(), cluster.rows()))
        .collect();
    let (source, primary) = SimulatedSource::primary(clusters).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let mut settings = source_settings(&source.url);
    settings.concurrency = CONCURRENCY;
    let listed = (0..CLUSTERS).map(|number| SourceCluster {
        arn: arn(&format!("eks-{number:02}")),
        ids: vec![name(number)],
    });
    let shared = SharedSource::new(SourceClusters::new(listed).unwrap(), |cluster| {
        host.exporter(cluster, settings.clone(), period())
    });

    let summary = shared.run(None, &Days::Planned).await.unwrap();
    assert!(summary.is_success(), "{summary}");
    assert_eq!(host.dispatcher.settle().await, []);
    assert_eq!(summary.unlisted, [name(CLUSTERS)]);
    for (cluster, ended) in &summary.clusters {
        assert_eq!(ended.as_ref().unwrap().collected().count(), days.len(), "{cluster}");
    }
    // One query for each cluster and day, and no more at a time than the settings allow.
    let queries = primary.queries();
    assert_eq!(queries.len(), CLUSTERS * days.len());
    assert_eq!(queries.iter().collect::<BTreeSet<_>>().len(), queries.len());
    assert!(primary.most_at_a_time() <= CONCURRENCY, "{}", primary.most_at_a_time());
    // The first 50 are of 50 clusters.
    let first: BTreeSet<&String> = queries[..CLUSTERS - CONCURRENCY]
        .iter()
        .map(|(filter, _)| filter)
        .collect();
    assert_eq!(first.len(), CLUSTERS - CONCURRENCY);

    let objects = host.store.list(host.prefixes.of(Area::Lake)).objects().await.unwrap();
    assert_eq!(objects.len(), CLUSTERS * days.len());
    for object in objects {
        let (cluster, _) = host.prefixes.parse_lake(&object.key).unwrap();
        let id = cluster.name().replace("eks-", "cluster-");
        let file = File::open(directory.path().join(&object.key)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let mut found = 0;
        for batch in reader {
            let batch = batch.unwrap();
            let clusters = batch.column_by_name("properties.cluster").unwrap().as_string::<i32>();
            assert!(
                clusters.iter().all(|found| found == Some(id.as_str())),
                "{}",
                object.key
            );
            found += batch.num_rows();
        }
        assert_eq!(found, rows[&id], "{}", object.key);
    }
    // What is not on the list is nowhere, and reported once.
    let report = audit(&host).await;
    assert_eq!(
        report["unlisted_clusters"],
        serde_json::json!([name(CLUSTERS)]),
        "{report}"
    );
    assert_eq!(
        (&report["clusters"], &report["gap_days"]),
        (&CLUSTERS.into(), &0.into()),
        "{report}"
    );

    // A second run finds that nothing is missing: only days whose costs may have changed are collected again.
    let again = shared.run(None, &Days::Planned).await.unwrap();
    assert!(again.is_success(), "{again}");
    let collected: usize = again
        .clusters
        .iter()
        .map(|(_, ended)| ended.as_ref().unwrap().collected().count())
        .sum();
    assert_eq!(collected, 0, "{again}");
    assert_eq!(host.dispatcher.settle().await, []);
    host.stop().await;
}
