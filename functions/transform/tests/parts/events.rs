//! Events as Lambda hands them over.

use contract::{
    clock::FixedClock,
    events::{self, ObjectCreated},
};
use end_to_end::staging::{self, Staging};
use lambda::HandleError;
use serde_json::{Value, json};

use super::{BUCKET, Lake, lake_key};

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
        "detail": { "bucket": { "name": BUCKET }, "object": { "key": key, "size": 5 }, "reason": "PutObject" },
    })
}

fn message(id: &str, body: &Value) -> Value {
    json!({ "eventSource": "aws:sqs", "messageId": id, "body": body.to_string() })
}

#[tokio::test]
async fn an_s3_notification_with_an_encoded_key() {
    let (lake, key) = staged().await;
    let mut event = notification(BUCKET, &key);
    event["Records"][0]["s3"]["object"]["key"] = key.replace('-', "%2D").into();
    assert_eq!(lambda::handle(&lake.function, &event).await.unwrap(), Value::Null);
    assert_eq!(lake.bucket.keys("lake/"), [lake_key()]);
}

#[tokio::test]
async fn an_event_of_event_bridge() {
    let (lake, key) = staged().await;
    assert_eq!(
        lambda::handle(&lake.function, &event_bridge(&key)).await.unwrap(),
        Value::Null
    );
    assert_eq!(lake.bucket.keys("lake/"), [lake_key()]);
}

#[tokio::test]
async fn of_messages_in_a_queue_only_those_that_failed_come_again() {
    let (lake, key) = staged().await;
    let other = Staging::empty(staging::run(2)).stage(&lake.bucket);
    lake.bucket.break_reads(&other, 1);
    let event = json!({ "Records": [
        message("broken", &notification(BUCKET, &other)),
        message("s3", &notification(BUCKET, &key)),
        message("bridge", &event_bridge(&key)),
        message("no event", &json!({ "x": 1 })),
    ]});
    let response = lambda::handle(&lake.function, &event).await.unwrap();
    let failed = json!([{ "itemIdentifier": "broken" }, { "itemIdentifier": "no event" }]);
    assert_eq!(response["batchItemFailures"], failed);
    assert_eq!(lake.table().rows.num_rows(), 16);
    let again = json!({ "Records": [message("broken", &notification(BUCKET, &other))] });
    let response = lambda::handle(&lake.function, &again).await.unwrap();
    assert_eq!(response["batchItemFailures"], json!([]));
}

#[tokio::test]
async fn what_can_never_be_converted_is_not_delivered_again() {
    let lake = Lake::new().await;
    let response = recordings::read("shapes/refused_data_null.json");
    let key = Staging::of(staging::run(1), &response, None, None).stage(&lake.bucket);
    let event = json!({ "Records": [message("bad", &notification(BUCKET, &key))] });
    let response = lambda::handle(&lake.function, &event).await.unwrap();
    assert_eq!(response["batchItemFailures"], json!([]));
    assert_eq!(lake.quarantine(staging::run(1)).unwrap().reason, "answer");
}

#[tokio::test]
async fn other_objects_are_passed_over_and_other_buckets_refused() {
    let (lake, key) = staged().await;
    let part = key.replace("manifest.json", "allocation-0001.json.zst");
    lambda::handle(&lake.function, &notification(BUCKET, &part))
        .await
        .unwrap();
    assert!(lake.is_empty());
    let error = lambda::handle(&lake.function, &notification("other", &key))
        .await
        .unwrap_err();
    assert!(matches!(error, HandleError::Objects { failed: 1, .. }), "{error}");
    assert!(error.to_string().contains("S3_BUCKET_NAME is 'lake'"), "{error}");
    assert!(lake.is_empty());
}
