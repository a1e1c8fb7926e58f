//! Objects that are created once, over S3's API: a lost response, another object, and a write that S3 still works on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_sdk_s3::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents, StalledStreamProtectionConfig,
        http::HttpResponse,
        interceptors::{BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef},
        retry::RetryConfig,
    },
    error::BoxError,
};
use bytes::Bytes;
use contract::documents::Plan;
use end_to_end::{
    bucket::{BUCKET_NAME, Bucket},
    staging::run,
};
use store::{Condition, PART_BYTES, Store, UploadError};

const KEY: &str = "staging/an object";

/// Replaces the status of the next responses to requests that make an object visible, and loses their bodies.
#[derive(Debug, Clone, Default)]
struct Statuses {
    next: Arc<Mutex<VecDeque<u16>>>,
    makes_visible: Arc<AtomicBool>,
}

impl Intercept for Statuses {
    fn name(&self) -> &'static str {
        "statuses"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (method, uri) = (context.request().method(), context.request().uri());
        let makes_visible = match method {
            "PUT" => !uri.contains("uploadId"),
            "POST" => uri.contains("uploadId"),
            _ => false,
        };
        self.makes_visible.store(makes_visible, Ordering::Relaxed);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let makes_visible = self.makes_visible.load(Ordering::Relaxed);
        if makes_visible && let Some(status) = self.next.lock().unwrap().pop_front() {
            *context.response_mut() = HttpResponse::new(status.try_into()?, "".into());
        }
        Ok(())
    }
}

/// A bucket whose next responses have these statuses, whatever happened.
async fn store(statuses: &[u16]) -> (Bucket, Store) {
    let bucket = Bucket::default();
    let statuses = Statuses {
        next: Arc::new(Mutex::new(statuses.iter().copied().collect())),
        ..Statuses::default()
    };
    let config = bucket.serve().await.config().to_builder();
    let config = config
        .interceptor(statuses)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .retry_config(RetryConfig::standard().with_max_attempts(3));
    let store = Store::new(Client::from_conf(config.build()), BUCKET_NAME);
    (bucket, store)
}

fn plan() -> Plan {
    Plan {
        run: run(1),
        created_at: "2026-11-24T05:00:01Z".parse().unwrap(),
        days: Vec::new(),
    }
}

fn content(length: usize) -> Bytes {
    (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect()
}

async fn upload(store: &Store, condition: Condition, content: &Bytes) -> Result<u64, UploadError> {
    let mut upload = store.upload(KEY).condition(condition).begin();
    upload.write(content.clone()).await?;
    upload.finish().await.map(|uploaded| uploaded.bytes)
}

#[tokio::test]
async fn a_retry_that_finds_its_own_object_has_succeeded() {
    // The response was lost; S3 still worked on the write at the first retry; both.
    for statuses in [&[500][..], &[503, 500], &[500, 409]] {
        let (bucket, store) = store(statuses).await;
        store.create_document(KEY, &plan()).await.unwrap();
        assert_eq!(store.get_document::<Plan>(KEY).await.unwrap(), Some(plan()));
        let calls = bucket.calls();
        assert_eq!(calls.len(), statuses.len() + 1, "{statuses:?}");
        assert!(calls.iter().all(|call| call.header("if-none-match") == "*"));
    }
    for length in [10, PART_BYTES + 10] {
        let (bucket, store) = store(&[500]).await;
        let content = content(length);
        assert_eq!(upload(&store, Condition::New, &content).await.unwrap(), length as u64);
        assert!(bucket.get(KEY).unwrap().content == content);
        assert_eq!(bucket.open_uploads(), 0);
    }
}

#[tokio::test]
async fn an_object_that_was_there_before_is_kept_and_reported() {
    for length in [10, PART_BYTES + 10] {
        let (bucket, store) = store(&[]).await;
        bucket.put(KEY, "another's");
        let error = upload(&store, Condition::New, &content(length)).await.unwrap_err();
        assert!(
            matches!(&error, UploadError::ConditionFailed { key } if key == KEY),
            "{error}"
        );
        let error = store.create_document(KEY, &plan()).await.unwrap_err().to_string();
        assert!(error.contains("412") && error.contains(KEY), "{error}");
        assert_eq!(bucket.get(KEY).unwrap().content, &b"another's"[..]);
        assert_eq!(bucket.open_uploads(), 0);
    }
}

#[tokio::test]
async fn a_write_that_others_may_make_too_is_not_taken_for_its_own() {
    let (bucket, store) = store(&[500]).await;
    let written = store.put_document_if(KEY, &plan(), &Condition::IfAbsent).await.unwrap();
    assert!(!written && bucket.get(KEY).is_some());
}

#[tokio::test]
async fn a_failure_that_stays_is_an_error() {
    let (_bucket, store) = store(&[500, 500, 500]).await;
    let error = store.create_document(KEY, &plan()).await.unwrap_err().to_string();
    assert!(error.contains("500"), "{error}");
}
