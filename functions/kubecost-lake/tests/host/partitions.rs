//! The comparison of the lake's partitions with the catalog's.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    clock::Clock,
    day::Day,
    events::{self, ObjectCreated},
    keys::{Area, LakePartition, Prefixes},
};
use crawler::{
    Catalogs, Crawler, Removal,
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
    partitions: Mutex<BTreeMap<LakePartition, Option<DateTime<Utc>>>>,
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
        Ok(self.partitions.lock().unwrap().contains_key(partition))
    }

    async fn partitions(&self) -> Result<BTreeMap<LakePartition, Option<DateTime<Utc>>>, CatalogError> {
        if let Some(day) = self.arriving {
            put(&self.store, day).await;
            self.register(&[partition(day)]).await?;
        }
        Ok(self.partitions.lock().unwrap().clone())
    }

    async fn register(&self, partitions: &[LakePartition]) -> Result<(), CatalogError> {
        let mut known = self.partitions.lock().unwrap();
        for partition in partitions {
            known.entry(partition.clone()).or_default();
        }
        Ok(())
    }

    async fn mark(&self, partitions: &[LakePartition], empty_since: Option<DateTime<Utc>>) -> Result<(), CatalogError> {
        let mut known = self.partitions.lock().unwrap();
        for partition in partitions {
            known.insert(partition.clone(), empty_since).unwrap();
        }
        Ok(())
    }

    async fn remove(&self, partitions: &[LakePartition]) -> Result<(), CatalogError> {
        let mut known = self.partitions.lock().unwrap();
        known.retain(|known, _| !partitions.contains(known));
        Ok(())
    }

    async fn start_crawler(&self, crawler: &str) -> Result<CrawlerStart, CatalogError> {
        self.crawls.lock().unwrap().push(crawler.to_owned());
        Ok(CrawlerStart::Started)
    }
}

impl Busy {
    fn new(store: &Store, known: &[Day], arriving: Option<Day>) -> Arc<Self> {
        Arc::new(Self {
            partitions: Mutex::new(known.iter().map(|day| (partition(*day), None)).collect()),
            store: store.clone(),
            arriving,
            crawls: Mutex::default(),
        })
    }

    fn known(&self) -> Vec<LakePartition> {
        self.partitions.lock().unwrap().keys().cloned().collect()
    }
}

/// A clock that a test sets.
struct SetClock(Mutex<DateTime<Utc>>);

impl SetClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new("2026-11-24T05:00:00Z".parse().unwrap())))
    }

    fn advance(&self, minutes: i64) {
        *self.0.lock().unwrap() += TimeDelta::minutes(minutes);
    }
}

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

fn settings(mode: &str) -> Settings {
    let settings = Settings::read(Reader::new(|name| match name {
        "S3_BUCKET_NAME" => Some(BUCKET_NAME.to_owned()),
        "CATALOG_MODE" => Some(mode.to_owned()),
        "GLUE_DATABASE_NAME" | "GLUE_TABLE_NAME" | "GLUE_CRAWLER_NAME" => Some("kubecost".to_owned()),
        _ => None,
    }));
    settings.unwrap()
}

/// A crawler function in that mode, and its catalog of allocations.
fn crawler(
    mode: &str,
    store: &Store,
    known: &[Day],
    arriving: Option<Day>,
    clock: Arc<dyn Clock>,
) -> (Crawler, Arc<Busy>) {
    let catalog = Busy::new(store, known, arriving);
    let catalogs = Catalogs {
        lake: catalog.clone(),
        assets: Busy::new(store, &[], None),
    };
    (Crawler::new(settings(mode), store.clone(), catalogs, clock), catalog)
}

fn days<const N: usize>(days: [&str; N]) -> [Day; N] {
    days.map(|day| day.parse().unwrap())
}

#[tokio::test]
async fn the_default_mode_registers_a_new_partition_at_once_and_starts_the_crawler_once() {
    let directory = tempfile::tempdir().unwrap();
    let (bucket, _) = LocalBucket::serve(directory.path(), |_| false).await.unwrap();
    let store = Store::new(store::session::s3_client(&bucket.sdk_config()), BUCKET_NAME);
    let [first, second] = days(["2026-10-31", "2026-11-01"]);
    let (crawler, catalog) = crawler("crawler", &store, &[], None, SetClock::new());
    for _ in 0..2 {
        put(&store, first).await;
        let key = Prefixes::default().lake_object(arn("shop").id(), first);
        let object = ObjectCreated {
            bucket: BUCKET_NAME.to_owned(),
            key,
        };
        crawler.object_created(object).await.unwrap();
        assert_eq!(catalog.known(), [partition(first)]);
        assert_eq!(*catalog.crawls.lock().unwrap(), ["kubecost"]);
    }
    // The schedule registers a partition whose event was lost, and starts the crawler for it.
    put(&store, second).await;
    for _ in 0..2 {
        crawler.compare(Removal::Confirmed).await.unwrap();
        assert_eq!(catalog.known(), [first, second].map(partition));
        assert_eq!(*catalog.crawls.lock().unwrap(), ["kubecost", "kubecost"]);
    }
}

#[tokio::test]
async fn a_partition_that_arrives_during_the_comparison_stays() {
    let directory = tempfile::tempdir().unwrap();
    let (bucket, _) = LocalBucket::serve(directory.path(), |_| false).await.unwrap();
    let store = Store::new(store::session::s3_client(&bucket.sdk_config()), BUCKET_NAME);
    let [known, new, arriving] = days(["2026-09-01", "2026-10-31", "2026-11-01"]);
    for day in [known, new] {
        put(&store, day).await;
    }
    // Neither is an object of the table.
    for key in ["year=2026/month=13/x", "year=2026/month=07/notes.txt"] {
        let key = format!("lake/account_id=111122223333/region=us-east-1/{key}");
        store.put_json(&key, b"{}".to_vec()).await.unwrap();
    }
    for removal in [Removal::Confirmed, Removal::AtOnce] {
        let (crawler, catalog) = crawler("register", &store, &[known], Some(arriving), SetClock::new());
        crawler.compare(removal).await.unwrap();
        assert_eq!(catalog.known(), [known, new, arriving].map(partition));
        assert!(catalog.partitions.lock().unwrap().values().all(Option::is_none));
        assert!(catalog.crawls.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_partition_is_removed_when_two_comparisons_an_hour_apart_find_no_object_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let (bucket, _) = LocalBucket::serve(directory.path(), |_| false).await.unwrap();
    let store = Store::new(store::session::s3_client(&bucket.sdk_config()), BUCKET_NAME);
    let [gone, back, whole] = days(["2026-08-31", "2026-09-30", "2026-10-31"]);
    put(&store, whole).await;
    let clock = SetClock::new();
    let (crawler, catalog) = crawler("register", &store, &[gone, back, whole], None, clock.clone());
    let marked = || -> Vec<LakePartition> {
        let known = catalog.partitions.lock().unwrap();
        let marked = known.iter().filter(|(_, mark)| mark.is_some());
        marked.map(|(partition, _)| partition.clone()).collect()
    };
    for minutes in [0, 30, 29] {
        clock.advance(minutes);
        crawler.schedule().await.unwrap();
        assert_eq!(catalog.known(), [gone, back, whole].map(partition), "{minutes}");
        assert_eq!(marked(), [gone, back].map(partition));
    }
    // One has objects again: its mark is removed, and when it has none once more, the time begins again.
    put(&store, back).await;
    clock.advance(1);
    crawler.schedule().await.unwrap();
    assert_eq!(
        (catalog.known(), marked()),
        ([back, whole].map(partition).to_vec(), vec![])
    );
    std::fs::remove_dir_all(
        directory
            .path()
            .join("lake/account_id=111122223333/region=us-east-1/year=2026/month=09"),
    )
    .unwrap();
    for (minutes, stays) in [(600, true), (59, true), (1, false)] {
        clock.advance(minutes);
        crawler.schedule().await.unwrap();
        assert_eq!(catalog.known().contains(&partition(back)), stays, "{minutes}");
    }
    assert_eq!(catalog.known(), [partition(whole)]);
}

#[tokio::test]
async fn a_lake_that_lists_nothing_forgets_nothing_unless_a_person_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let (bucket, _) = LocalBucket::serve(directory.path(), |_| false).await.unwrap();
    let store = Store::new(store::session::s3_client(&bucket.sdk_config()), BUCKET_NAME);
    let known = days(["2026-10-31", "2026-11-01"]);
    for mode in ["register", "crawler"] {
        let clock = SetClock::new();
        let (crawler, catalog) = crawler(mode, &store, &known, None, clock.clone());
        for _ in 0..3 {
            clock.advance(120);
            let error = crawler.compare(Removal::Confirmed).await.unwrap_err().to_string();
            assert!(error.contains("none was removed; check LAKE_PREFIX"), "{error}");
            assert_eq!(catalog.known(), known.map(partition));
        }
        let event = serde_json::json!({ "detail-type": events::REMOVE_GONE_PARTITIONS });
        lambda::handle(&crawler, &event).await.unwrap();
        assert_eq!(catalog.known(), []);
    }
}

#[tokio::test]
async fn each_table_has_its_own_partitions() {
    let directory = tempfile::tempdir().unwrap();
    let (bucket, _) = LocalBucket::serve(directory.path(), |_| false).await.unwrap();
    let store = Store::new(store::session::s3_client(&bucket.sdk_config()), BUCKET_NAME);
    let (lake, assets) = (Busy::new(&store, &[], None), Busy::new(&store, &[], None));
    let catalogs = Catalogs {
        lake: lake.clone(),
        assets: assets.clone(),
    };
    let crawler = Crawler::new(settings("register"), store.clone(), catalogs, SetClock::new());
    let [first, second, third] = days(["2026-09-30", "2026-10-31", "2026-11-01"]);
    let of_assets = |day| Prefixes::default().assets_object(arn("shop").id(), day);
    let event = ObjectCreated {
        bucket: BUCKET_NAME.to_owned(),
        key: of_assets(first),
    };
    crawler.object_created(event).await.unwrap();
    assert_eq!((lake.known(), assets.known()), (vec![], vec![partition(first)]));
    for day in [first, second] {
        store.put_json(&of_assets(day), b"{}".to_vec()).await.unwrap();
    }
    put(&store, third).await;
    crawler.compare(Removal::Confirmed).await.unwrap();
    assert_eq!(lake.known(), [partition(third)]);
    assert_eq!(assets.known(), [first, second].map(partition));
    // One table that lists nothing does not keep the other from being compared.
    store
        .put_json(
            &Prefixes::default().lake_object(arn("shop").id(), first),
            b"{}".to_vec(),
        )
        .await
        .unwrap();
    std::fs::remove_dir_all(directory.path().join(Prefixes::default().of(Area::Assets))).unwrap();
    let error = crawler.compare(Removal::Confirmed).await.unwrap_err().to_string();
    assert!(error.contains("check ASSETS_PREFIX"), "{error}");
    assert_eq!(lake.known(), [first, third].map(partition));
    assert_eq!(assets.known(), [first, second].map(partition));
}
