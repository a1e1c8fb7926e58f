//! The work of S3's notifications and of Lambda: a written object becomes an event for its function. An event is
//! delivered at least once, tried again on failure, and kept for the next start if every attempt fails.

use std::sync::Arc;

use contract::{
    clock::Clock,
    events::{self, ObjectCreated},
    keys::{Prefixes, StagingObject},
};
use lambda::Function;
use tokio::{
    sync::{Mutex, Semaphore, mpsc::UnboundedReceiver},
    task::JoinHandle,
};

use local_bucket::{
    BUCKET_NAME, REGION,
    journal::{Journal, ObjectWritten},
};

/// As often as Lambda tries asynchronous events.
const ATTEMPTS: u32 = 3;
/// How many events are handled at a time.
const CONCURRENCY: usize = 2;

#[derive(Clone)]
pub struct Functions {
    pub transform: Arc<dyn Function>,
    pub backfill: Arc<dyn Function>,
    pub crawler: Arc<dyn Function>,
}

impl Functions {
    /// The function for an object's key, as the filters of the bucket's notifications select it.
    fn of(&self, key: &str) -> Option<&Arc<dyn Function>> {
        let prefixes = Prefixes::default();
        match prefixes.parse_staging(key).map(|staged| staged.object) {
            Some(StagingObject::Manifest(_)) => Some(&self.transform),
            Some(StagingObject::Inventory) => Some(&self.backfill),
            Some(StagingObject::Part(_) | StagingObject::RunReport) => None,
            None => prefixes.parse_lake(key).map(|_| &self.crawler),
        }
    }
}

pub fn is_wanted(key: &str) -> bool {
    let prefixes = Prefixes::default();
    match prefixes.parse_staging(key) {
        Some(staged) => !matches!(staged.object, StagingObject::Part(_) | StagingObject::RunReport),
        None => prefixes
            .parse_lake(key)
            .or_else(|| prefixes.parse_assets(key))
            .is_some(),
    }
}

/// An event that failed on every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The object's key.
    pub key: String,
    pub reason: String,
}

/// Delivers events until it is dropped.
pub struct Dispatcher {
    functions: Functions,
    clock: Arc<dyn Clock>,
    journal: Arc<Journal>,
    failures: Arc<Mutex<Vec<Failure>>>,
    delivering: JoinHandle<()>,
}

impl Dispatcher {
    pub fn start(
        functions: Functions,
        clock: Arc<dyn Clock>,
        journal: Arc<Journal>,
        mut written: UnboundedReceiver<ObjectWritten>,
    ) -> Self {
        let failures = Arc::new(Mutex::new(Vec::new()));
        let permits = Arc::new(Semaphore::new(CONCURRENCY));
        let delivering = tokio::spawn({
            let (functions, clock, journal, failures) = (
                functions.clone(),
                Arc::clone(&clock),
                Arc::clone(&journal),
                Arc::clone(&failures),
            );
            async move {
                while let Some(written) = written.recv().await {
                    let Some(function) = functions.of(&written.key).map(Arc::clone) else {
                        journal.done(written.entry);
                        continue;
                    };
                    let (permits, clock) = (Arc::clone(&permits), Arc::clone(&clock));
                    let (journal, failures) = (Arc::clone(&journal), Arc::clone(&failures));
                    tokio::spawn(async move {
                        let _permit = permits.acquire_owned().await;
                        match deliver(&*function, &written, &*clock).await {
                            Ok(()) => journal.done(written.entry),
                            Err(failure) => {
                                failures.lock().await.push(failure);
                                journal.leave();
                            }
                        }
                    });
                }
            }
        });
        Self {
            functions,
            clock,
            journal,
            failures,
            delivering,
        }
    }

    /// Waits until all events are handled, including those that follow from them. Returns the failures since the last
    /// call.
    pub async fn settle(&self) -> Vec<Failure> {
        self.journal.settled().await;
        std::mem::take(&mut *self.failures.lock().await)
    }

    /// Runs the scheduled functions: the audit, then the comparison of lake and catalog.
    pub async fn schedule(&self) -> Result<(), lambda::HandleError> {
        let event = events::schedule(&*self.clock);
        for function in [&self.functions.backfill, &self.functions.crawler] {
            lambda::handle(&**function, &event).await?;
        }
        Ok(())
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.delivering.abort();
    }
}

async fn deliver(function: &dyn Function, written: &ObjectWritten, clock: &dyn Clock) -> Result<(), Failure> {
    let object = ObjectCreated {
        bucket: BUCKET_NAME.to_owned(),
        key: written.key.clone(),
    };
    let event = events::notification(&object, &written.event_name, REGION, clock);
    let mut attempt = 1;
    loop {
        let Err(error) = lambda::handle(function, &event).await else {
            return Ok(());
        };
        tracing::warn!(function = function.name(), key = written.key, attempt, %error, "event failed");
        if attempt == ATTEMPTS {
            return Err(Failure {
                key: written.key.clone(),
                reason: error.to_string(),
            });
        }
        attempt += 1;
    }
}
