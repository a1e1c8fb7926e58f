//! Conditional writes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_sdk_s3::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::FinalizerInterceptorContextRef},
    error::BoxError,
};

use crate::error::StoreError;

/// How long to wait for an attempt that S3 still works on: these times add up to 15 s.
const WAITS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// On what a write depends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Condition {
    /// Nothing: what is there is replaced.
    #[default]
    Always,
    /// There is no object of that key (`If-None-Match: *`).
    IfAbsent,
    /// As [`Condition::IfAbsent`], for a key that only this process writes, and only once: if a retry finds an object,
    /// an attempt without a response has written it, and the write has succeeded.
    New,
    /// The object of that key has this ETag (`If-Match`).
    IfMatch(String),
}

impl Condition {
    pub(crate) fn headers(&self) -> (Option<String>, Option<String>) {
        match self {
            Self::Always => (None, None),
            Self::IfAbsent | Self::New => (None, Some("*".to_owned())),
            Self::IfMatch(etag) => (Some(etag.clone()), None),
        }
    }

    /// Whether a write failed because the condition does not hold.
    pub(crate) fn is_refused_by(&self, error: &StoreError) -> bool {
        let vanished = matches!(self, Self::IfMatch(_)) && error.is_absent();
        *self != Self::Always && (error.is_condition_failure() || vanished)
    }
    /// Makes a write that has this condition. `None`: an attempt without a response has written the object.
    pub(crate) async fn write<T, Writing>(&self, write: impl Fn(Attempts) -> Writing) -> Result<Option<T>, StoreError>
    where
        Writing: Future<Output = Result<T, StoreError>>,
    {
        let attempts = Attempts::default();
        let mut waits = WAITS.into_iter();
        loop {
            let error = match write(attempts.clone()).await {
                Ok(written) => return Ok(Some(written)),
                Err(error) if *self == Self::New && attempts.may_have_written() => error,
                Err(error) => return Err(error),
            };
            // A multipart upload that only this process knows is gone when it was completed.
            if error.status() == Some(412) || error.is_upload_gone() {
                return Ok(None);
            }
            match waits.next() {
                // S3 still works on the attempt without a response.
                Some(wait) if error.status() == Some(409) => seams::time::sleep(wait).await,
                _ => return Err(error),
            }
        }
    }
}

/// Watches the attempts of a call, of which the SDK shows only the last one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempts(Arc<AtomicBool>);

impl Attempts {
    /// Whether one of them may have succeeded, though the client saw no success.
    fn may_have_written(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "attempts of a conditional write"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // After 4xx S3 has written nothing. A 5xx, a status 200 with an error in its body, a timeout and a broken
        // connection leave it open.
        if !context
            .response()
            .is_some_and(|response| response.status().is_client_error())
        {
            self.0.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
