//! The comparison of the lake's partitions with the catalog's.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use contract::{
    day::Day,
    events::ObjectCreated,
    keys::{Area, LakePartition, Prefixes},
};
use crawler::{
    Catalogs, Crawler,
    catalog::{Catalog, CatalogError, CrawlerStart},
    settings::Settings,
};
use lambda::Function;
use local_bucket::{BUCKET_NAME, LocalBucket};
use settings::Reader;
use store::Store;

use crate::support::arn;

/// A catalog in memory. While its partitions are listed, the first object of another one arrives in the lake, and is
/// registered.
struct Busy {
    partitions: Mutex<BTreeSet<LakePartition>>,
    store: Store,
    arriving: Option<Day>,
    crawls: Mutex<Vec<String>>,
}

fn partition(day: Day) -> LakePartition {
    LakePartition::of(arn("shop").id().account_region(), day)
}

async fn put(store: &Store, day: Day) {
    let key = Prefixes::default().lake_object(arn("shop").id(), day);
    store.put_json(&key, b"{}".to_vec()).await.unwrap();
}

#[async_trait]
impl Catalog for Busy {
    async fn contains(&self, partition: &LakePartition) -> Result<bool, CatalogError> {
        Ok(self.partitions.lock().unwrap().contains(partition))
    }

    async fn partitions(&self) -> Result<BTreeSet<LakePartition>, CatalogError> {
        if let Some(day) = self.arriving {
            put(&self.store, day).await;
            self.register(&[partition(day)]).await?;
        }
        Ok(self.partitions.lock().unwrap().clone())
    }

    async fn register(&self, partitions: &[LakePartition]) -> Result<(), CatalogError> {
        let mut known = self.partitions.lock().unwrap();
        known.extend(partitions.iter().cloned());
        Ok(())
    }

    async fn remove(&self, partitions: &[LakePartition]) -> Result<(), CatalogError> {
        let mut known = self.partitions.lock().unwrap();
        known.retain(|known| !partitions.contains(known));
        Ok(())
    }

    async fn start_crawler(&self, crawler: &str) -> Result<CrawlerStart, CatalogError> {
        self.crawls.lock().unwrap().push(crawler.to_owned());
        Ok(CrawlerStart::Started)
    }
}

fn empty(store: &Store) -> Arc<Busy> {
    Arc::new(Busy {
        partitions: Mutex::default(),
        store: store.clone(),
        arriving: None,
        crawls: Mutex::default(),
    })
}

/// A crawler function in that mode, and its catalog of allocations.
fn crawler(mode: &str, store: &Store, known: &[Day], arriving: Option<Day>) -> (Crawler, Arc<Busy>) {
    let settings = Settings::read(Reader::new(|name| match name {
        "S3_BUCKET_NAME" => Some(BUCKET_NAME.to_owned()),
        "CATALOG_MODE" => Some(mode.to_owned()),
        "GLUE_DATABASE_NAME" | "GLUE_TABLE_NAME" | "GLUE_CRAWLER_NAME" => Some("kubecost".to_owned()),
        _ => None,
    }));
    let catalog = Arc::new(Busy {
        partitions: Mutex::new(known.iter().map(|day| partition(*day)).collect()),
        store: store.clone(),
        arriving,
        crawls: Mutex::default(),
    });
    let catalogs = Catalogs {
        lake: catalog.clone(),
        assets: empty(store),
    };
    (Crawler::new(settings.unwrap(), store.clone(), catalogs), catalog)
}

async fn compare(store: &Store, known: &[Day], arriving: Option<Day>) -> BTreeSet<LakePartition> {
    let (crawler, catalog) = crawler("register", store, known, arriving);
    crawler.compare().await.unwrap();
    assert!(catalog.crawls.lock().unwrap().is_empty());
    catalog.partitions.lock().unwrap().clone()
}

#[tokio::test]
async fn the_default_mode_registers_a_new_partition_at_once_and_starts_the_crawler_once() {
    let directory = tempfile::tempdir().unwrap();
    let (bucket, _) = LocalBucket::serve(directory.path(), |_| false).await.unwrap();
    let store = Store::new(store::session::s3_client(&bucket.sdk_config()), BUCKET_NAME);
    let [first, second]: [Day; 2] = ["2026-10-31", "2026-11-01"].map(|day| day.parse().unwrap());
    let (crawler, catalog) = crawler("crawler", &store, &[], None);
    for _ in 0..2 {
        put(&store, first).await;
        let key = Prefixes::default().lake_object(arn("shop").id(), first);
        let object = ObjectCreated {
            bucket: BUCKET_NAME.to_owned(),
            key,
        };
        crawler.object_created(object).await.unwrap();
        assert_eq!(*catalog.partitions.lock().unwrap(), [partition(first)].into());
        assert_eq!(*catalog.crawls.lock().unwrap(), ["kubecost"]);
    }
    // The schedule registers a partition whose event was lost, and starts the crawler for it.
    put(&store, second).await;
    for _ in 0..2 {
        crawler.compare().await.unwrap();
        assert_eq!(
            *catalog.partitions.lock().unwrap(),
            [first, second].map(partition).into()
        );
        assert_eq!(*catalog.crawls.lock().unwrap(), ["kubecost", "kubecost"]);
    }
}

#[tokio::test]
async fn a_partition_that_arrives_during_the_comparison_stays_and_one_without_data_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (bucket, _) = LocalBucket::serve(directory.path(), |_| false).await.unwrap();
    let client = store::session::s3_client(&bucket.sdk_config());
    let store = Store::new(client, BUCKET_NAME);
    let [gone, known, new, arriving]: [Day; 4] =
        ["2026-08-31", "2026-09-01", "2026-10-31", "2026-11-01"].map(|day| day.parse().unwrap());
    for day in [known, new] {
        put(&store, day).await;
    }
    // Neither is an object of the table.
    for key in ["year=2026/month=13/x", "year=2026/month=07/notes.txt"] {
        let key = format!("lake/account_id=111122223333/region=us-east-1/{key}");
        store.put_json(&key, b"{}".to_vec()).await.unwrap();
    }
    let found = compare(&store, &[gone, known], Some(arriving)).await;
    assert_eq!(found, [known, new, arriving].map(partition).into());
}

#[tokio::test]
async fn a_lake_that_lists_nothing_forgets_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (bucket, _) = LocalBucket::serve(directory.path(), |_| false).await.unwrap();
    let store = Store::new(store::session::s3_client(&bucket.sdk_config()), BUCKET_NAME);
    let known: [Day; 2] = ["2026-10-31", "2026-11-01"].map(|day| day.parse().unwrap());
    for mode in ["register", "crawler"] {
        let (crawler, catalog) = crawler(mode, &store, &known, None);
        let error = crawler.compare().await.unwrap_err().to_string();
        assert!(error.contains("none was removed; check LAKE_PREFIX"), "{error}");
        assert_eq!(*catalog.partitions.lock().unwrap(), known.map(partition).into());
    }
}

#[tokio::test]
async fn each_table_has_its_own_partitions() {
    let directory = tempfile::tempdir().unwrap();
    let (bucket, _) = LocalBucket::serve(directory.path(), |_| false).await.unwrap();
    let store = Store::new(store::session::s3_client(&bucket.sdk_config()), BUCKET_NAME);
    let (lake, assets) = (empty(&store), empty(&store));
    let settings = Settings::read(Reader::new(|name| match name {
        "CATALOG_MODE" => Some("register".to_owned()),
        "S3_BUCKET_NAME" | "GLUE_DATABASE_NAME" | "GLUE_TABLE_NAME" => Some(BUCKET_NAME.to_owned()),
        _ => None,
    }));
    let catalogs = Catalogs {
        lake: lake.clone(),
        assets: assets.clone(),
    };
    let crawler = Crawler::new(settings.unwrap(), store.clone(), catalogs);
    let found = |catalog: &Arc<Busy>| catalog.partitions.lock().unwrap().clone();
    let [first, second, third]: [Day; 3] = ["2026-09-30", "2026-10-31", "2026-11-01"].map(|day| day.parse().unwrap());
    let of_assets = |day| Prefixes::default().assets_object(arn("shop").id(), day);
    let event = ObjectCreated {
        bucket: BUCKET_NAME.to_owned(),
        key: of_assets(first),
    };
    crawler.object_created(event).await.unwrap();
    assert_eq!((found(&lake), found(&assets)), ([].into(), [partition(first)].into()));
    for day in [first, second] {
        store.put_json(&of_assets(day), b"{}".to_vec()).await.unwrap();
    }
    put(&store, third).await;
    crawler.compare().await.unwrap();
    assert_eq!(found(&lake), [partition(third)].into());
    assert_eq!(found(&assets), [first, second].map(partition).into());
    // One table that lists nothing does not keep the other from being compared.
    store
        .put_json(
            &Prefixes::default().lake_object(arn("shop").id(), first),
            b"{}".to_vec(),
        )
        .await
        .unwrap();
    std::fs::remove_dir_all(directory.path().join(Prefixes::default().of(Area::Assets))).unwrap();
    let error = crawler.compare().await.unwrap_err().to_string();
    assert!(error.contains("check ASSETS_PREFIX"), "{error}");
    assert_eq!(found(&lake), [first, third].map(partition).into());
    assert_eq!(found(&assets), [first, second].map(partition).into());
}
