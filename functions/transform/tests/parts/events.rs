//! Events as Lambda hands them over.

use contract::{
    clock::FixedClock,
    events::{self, ObjectCreated},
};
use end_to_end::staging::{self, Staging};
use lambda::HandleError;
use serde_json::{Value, json};

use super::{BUCKET_NAME, Lake, lake_key};

async fn staged() -> (Lake, String) {
    let lake = Lake::new().await;
    let response = recordings::read("kubecost/kubecost_allocation_1day.json");
    let key = Staging::of(staging::run(1), &response, None, None).stage(&lake.bucket);
    (lake, key)
}

fn notification(bucket: &str, key: &str) -> Value {
    let object = ObjectCreated {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
    };
    let clock = FixedClock("2026-11-24T06:00:00Z".parse().unwrap());
    events::notification(&object, "ObjectCreated:CompleteMultipartUpload", "us-east-1", &clock)
}

fn event_bridge(key: &str) -> Value {
    json!({
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": { "bucket": { "name": BUCKET_NAME }, "object": { "key": key, "size": 5 }, "reason": "PutObject" },
    })
}

#[tokio::test]
async fn an_s3_notification_with_an_encoded_key() {
    let (lake, key) = staged().await;
    let mut event = notification(BUCKET_NAME, &key);
    event["Records"][0]["s3"]["object"]["key"] = key.replace('-', "%2D").into();
    lambda::handle(&lake.function, &event).await.unwrap();
    assert_eq!(lake.bucket.keys("lake/"), [lake_key()]);
}

#[tokio::test]
async fn an_event_of_event_bridge() {
    let (lake, key) = staged().await;
    lambda::handle(&lake.function, &event_bridge(&key)).await.unwrap();
    assert_eq!(lake.bucket.keys("lake/"), [lake_key()]);
}

#[tokio::test]
async fn what_can_never_be_converted_is_not_delivered_again() {
    let lake = Lake::new().await;
    let response = recordings::read("shapes/refused_data_null.json");
    let key = Staging::of(staging::run(1), &response, None, None).stage(&lake.bucket);
    lambda::handle(&lake.function, &notification(BUCKET_NAME, &key))
        .await
        .unwrap();
    assert_eq!(lake.quarantine(staging::run(1)).unwrap().reason, "answer");
}

#[tokio::test]
async fn other_objects_are_passed_over_and_other_buckets_refused() {
    let (lake, key) = staged().await;
    let part = key.replace("manifest.json", "allocation-0001.json.zst");
    lambda::handle(&lake.function, &notification(BUCKET_NAME, &part))
        .await
        .unwrap();
    assert!(lake.is_empty());
    let error = lambda::handle(&lake.function, &notification("other", &key))
        .await
        .unwrap_err();
    assert!(matches!(error, HandleError::Objects { failed: 1, .. }), "{error}");
    assert!(
        error.to_string().contains("S3_BUCKET_NAME is 'kubecost-lake'"),
        "{error}"
    );
    assert!(lake.is_empty());
}
