//! What the Lambda functions share: an event is parsed and its objects are handled one by one ([`handle`]),
//! metrics are lines in CloudWatch's embedded metric format ([`metrics`]), and `serve` connects a function with the
//! Lambda runtime (feature `runtime`).
#![deny(missing_docs)]

use async_trait::async_trait;
use contract::events::{Event, EventError, ObjectCreated};
use serde_json::Value;

pub mod metrics;
#[cfg(feature = "runtime")]
mod runtime;

#[cfg(feature = "runtime")]
pub use runtime::serve;

/// Any error of a function.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A program that is started by events.
#[async_trait]
pub trait Function: Send + Sync {
    /// The function's name, as in logs.
    fn name(&self) -> &'static str;

    /// The bucket whose events it handles: `S3_BUCKET_NAME`.
    fn bucket(&self) -> &str;

    /// Handles one object that arrived in that bucket. The same object can come twice, and late.
    ///
    /// # Errors
    /// On a transient error, after which the event is to be delivered again. Input that can never be handled is no
    /// error: it is reported by other means.
    async fn object_created(&self, object: ObjectCreated) -> Result<(), BoxError>;

    /// Does what is due on the schedule. A function without a schedule does nothing.
    ///
    /// # Errors
    /// On a transient error.
    async fn schedule(&self) -> Result<(), BoxError> {
        tracing::warn!(
            function = self.name(),
            "this function does nothing on a schedule: remove its trigger"
        );
        Ok(())
    }

    /// Removes partitions without objects from the catalog at once, since a person says so. Only the crawler has some.
    ///
    /// # Errors
    /// On a transient error.
    async fn remove_gone_partitions(&self) -> Result<(), BoxError> {
        tracing::warn!(
            function = self.name(),
            "this function has no partitions: send the event to the crawler function"
        );
        Ok(())
    }
}

/// Why an event was not handled to its end, so that it is to be delivered again.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// Not an event of this product.
    #[error(transparent)]
    Event(#[from] EventError),
    /// Some of the event's objects failed. The message has the first, the log has each.
    #[error("{failed} of {objects} objects failed, first {key}: {source}")]
    Objects {
        /// How many failed.
        failed: usize,
        /// How many the event had.
        objects: usize,
        /// The key of the first that failed.
        key: String,
        /// Its failure.
        source: BoxError,
    },
    /// Partitions that are gone could not be removed.
    #[error("removing partitions that are gone failed: {0}")]
    Removal(BoxError),
    /// What was due on the schedule failed.
    #[error("the scheduled work failed: {0}")]
    Schedule(BoxError),
    /// The work was stopped before the function's timeout, which would have killed the process.
    #[error("stopped after {seconds:.1} s, before the function's timeout: raise the timeout if this happens again")]
    OutOfTime {
        /// How long the event was worked on.
        seconds: f64,
    },
}

/// An event about another bucket than the function's: its trigger or its setting is wrong.
#[derive(Debug, thiserror::Error)]
#[error(
    "the event is about bucket '{found}', and S3_BUCKET_NAME is '{configured}': correct the function's trigger or that setting"
)]
struct OtherBucket {
    found: String,
    configured: String,
}

/// Handles one event as Lambda hands it over. One object's failure does not keep the others of the event from being
/// handled.
///
/// # Errors
/// When the event is to be delivered again.
pub async fn handle(function: &dyn Function, event: &Value) -> Result<(), HandleError> {
    match Event::read(event)? {
        Event::Objects(objects) => handle_all(function, objects).await,
        Event::Schedule => function.schedule().await.map_err(HandleError::Schedule),
        Event::RemoveGonePartitions => function.remove_gone_partitions().await.map_err(HandleError::Removal),
    }
}

async fn handle_all(function: &dyn Function, objects: Vec<ObjectCreated>) -> Result<(), HandleError> {
    let count = objects.len();
    let mut failures = Vec::new();
    for object in objects {
        let key = object.key.clone();
        let handled = if object.bucket == function.bucket() {
            function.object_created(object).await
        } else {
            Err(OtherBucket {
                found: object.bucket,
                configured: function.bucket().to_owned(),
            }
            .into())
        };
        if let Err(error) = handled {
            tracing::error!(key, %error, "object failed");
            failures.push((key, error));
        }
    }
    let failed = failures.len();
    match failures.into_iter().next() {
        None => Ok(()),
        Some((key, source)) => Err(HandleError::Objects {
            failed,
            objects: count,
            key,
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use contract::{clock::FixedClock, events};
    use serde_json::json;

    use super::*;

    /// Remembers keys; fails for those that begin with "bad".
    #[derive(Default)]
    struct Recorder {
        keys: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Function for Recorder {
        fn name(&self) -> &'static str {
            "recorder"
        }

        fn bucket(&self) -> &str {
            "lake"
        }

        async fn object_created(&self, object: ObjectCreated) -> Result<(), BoxError> {
            let bad = object.key.starts_with("bad");
            self.keys.lock().unwrap().push(object.key);
            if bad { Err("it is bad".into()) } else { Ok(()) }
        }
    }

    fn notification(keys: &[&str]) -> Value {
        let clock = FixedClock("2026-11-24T05:00:00Z".parse().unwrap());
        let records: Vec<Value> = keys
            .iter()
            .map(|key| {
                let object = ObjectCreated {
                    bucket: "lake".to_owned(),
                    key: (*key).to_owned(),
                };
                let event = events::notification(&object, "ObjectCreated:Put", "us-east-1", &clock);
                event["Records"][0].clone()
            })
            .collect();
        json!({ "Records": records })
    }

    #[tokio::test]
    async fn one_failure_does_not_keep_the_others_from_being_handled() {
        let recorder = Recorder::default();
        let error = handle(&recorder, &notification(&["a", "bad=1", "c"]))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "1 of 3 objects failed, first bad=1: it is bad");
        assert_eq!(*recorder.keys.lock().unwrap(), ["a", "bad=1", "c"]);
    }

    #[tokio::test]
    async fn an_event_of_another_bucket_is_an_error() {
        let mut event = notification(&["a"]);
        event["Records"][0]["s3"]["bucket"]["name"] = "other".into();
        let recorder = Recorder::default();
        let error = handle(&recorder, &event).await.unwrap_err().to_string();
        assert!(error.contains("S3_BUCKET_NAME is 'lake'"), "{error}");
        assert!(recorder.keys.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_unknown_event_is_refused() {
        let error = handle(&Recorder::default(), &json!({ "x": 1 })).await.unwrap_err();
        assert!(matches!(error, HandleError::Event(_)));
    }
}
