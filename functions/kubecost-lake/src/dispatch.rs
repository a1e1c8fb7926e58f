//! What S3 and Lambda do between the parts: an object's arrival becomes an event for the function that waits for it. At
//! least once, tried again on failure, kept for the next start if it fails for good.

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

/// How often an event is tried, as Lambda does for asynchronous events.
const ATTEMPTS: u32 = 3;
/// How many events are handled at the same time.
const CONCURRENCY: usize = 2;

/// The three functions.
#[derive(Clone)]
pub struct Functions {
    /// Converts a day's set.
    pub transform: Arc<dyn Function>,
    /// Plans what is to be collected.
    pub backfill: Arc<dyn Function>,
    /// Makes partitions known.
    pub crawler: Arc<dyn Function>,
}

impl Functions {
    /// Which function an object's key starts: what the bucket's notifications filter by, on prefix and ending.
    fn of(&self, key: &str) -> Option<&Arc<dyn Function>> {
        let prefixes = Prefixes::default();
        match prefixes.parse_staging(key).map(|staged| staged.object) {
            Some(StagingObject::Manifest(_)) => Some(&self.transform),
            Some(StagingObject::Inventory) => Some(&self.backfill),
            Some(StagingObject::Part(_)) => None,
            None => prefixes.parse_lake(key).map(|_| &self.crawler),
        }
    }
}

/// Whether any function waits for a key.
pub fn is_wanted(key: &str) -> bool {
    let prefixes = Prefixes::default();
    match prefixes.parse_staging(key) {
        Some(staged) => !matches!(staged.object, StagingObject::Part(_)),
        None => prefixes.parse_lake(key).is_some(),
    }
}

/// An event that failed as often as it was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The object's key.
    pub key: String,
    /// What the function said.
    pub reason: String,
}

/// Delivers events for as long as it lives.
pub struct Dispatcher {
    functions: Functions,
    clock: Arc<dyn Clock>,
    journal: Arc<Journal>,
    failures: Arc<Mutex<Vec<Failure>>>,
    delivering: JoinHandle<()>,
}

impl Dispatcher {
    /// Begins to deliver.
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

    /// Waits until all events are handled, those included that follow from them; gives those that failed since it was
    /// last asked.
    pub async fn settle(&self) -> Vec<Failure> {
        self.journal.settled().await;
        std::mem::take(&mut *self.failures.lock().await)
    }

    /// Does what the schedule does: the audit, then the comparison of lake and catalog.
    ///
    /// # Errors
    /// What the first function said that failed.
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
        tracing::warn!(function = function.name(), key = written.key, attempt, %error, "an event failed");
        if attempt == ATTEMPTS {
            return Err(Failure {
                key: written.key.clone(),
                reason: error.to_string(),
            });
        }
        attempt += 1;
    }
}
