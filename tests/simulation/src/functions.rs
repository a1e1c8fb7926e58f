//! Lambda and S3's notifications: events come late, twice, in any order or never; invocations are retried, and killed
//! at any of their awaits.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use contract::events::{self, ObjectCreated};
use lambda::Function;
use seams::time::{Simulated, sleep, timeout};
use serde_json::Value;

use crate::{
    judge::Judge,
    network::BUCKET,
    world::{Fault, ProgramClock, World},
};

/// How often Lambda tries an asynchronous event, and how long it waits before it does so again.
const RETRIES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];

/// The timeout of functions, as Terraform sets it.
const TIMEOUT: Duration = Duration::from_secs(900);

/// Kills a program at one of its awaits. Its future is dropped there.
pub(crate) struct Mortal<F> {
    future: Option<Pin<Box<F>>>,
    awaits_left: Option<usize>,
}

impl<F: Future> Mortal<F> {
    /// `awaits`: after how many it is killed; `None` if it lives.
    pub(crate) fn new(future: F, awaits: Option<usize>) -> Self {
        Self {
            future: Some(Box::pin(future)),
            awaits_left: awaits,
        }
    }
}

impl<F: Future> Future for Mortal<F> {
    /// `None` if it was killed.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        match &mut self.awaits_left {
            None => Poll::Pending,
            Some(0) => {
                self.future = None;
                Poll::Ready(None)
            }
            Some(left) => {
                *left -= 1;
                Poll::Pending
            }
        }
    }
}

/// One function: its process keeps what it knows from one event to the next, until it is killed.
pub(crate) struct Lambda {
    world: World,
    name: &'static str,
    start: Box<dyn Fn() -> Arc<dyn Function> + Send + Sync>,
    process: Mutex<Option<Arc<dyn Function>>>,
}

impl Lambda {
    pub(crate) fn new(
        world: &World,
        name: &'static str,
        start: impl Fn() -> Arc<dyn Function> + Send + Sync + 'static,
    ) -> Self {
        Self {
            world: world.clone(),
            name,
            start: Box::new(start),
            process: Mutex::new(None),
        }
    }

    fn process(&self) -> Arc<dyn Function> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(process.get_or_insert_with(|| (self.start)()))
    }

    /// Invokes it once; whether it succeeded.
    async fn invoke(&self, event: &Value, what: &str) -> bool {
        let process = self.process();
        let awaits = self.world.happens(Fault::FunctionKilled).then(|| self.world.below(80));
        let handled = Mortal::new(lambda::handle(&*process, event), awaits);
        let outcome = match timeout(TIMEOUT, handled).await {
            Ok(Some(Ok(()))) => "handled".to_owned(),
            Ok(Some(Err(error))) => format!("failed: {error}"),
            Ok(None) => "killed".to_owned(),
            Err(_) => "timed out".to_owned(),
        };
        self.world.note(format!("{} {what}: {outcome}", self.name));
        let is_dead = outcome == "killed" || outcome == "timed out";
        if is_dead {
            *self.process.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        outcome == "handled"
    }

    /// Invokes it as Lambda does for asynchronous events.
    pub(crate) async fn invoke_with_retries(&self, event: &Value, what: &str) -> bool {
        for wait in RETRIES {
            if self.invoke(event, what).await {
                return true;
            }
            sleep(wait).await;
        }
        self.invoke(event, what).await
    }

    /// Delivers the event of an object.
    pub(crate) async fn deliver(self: Arc<Self>, judge: Arc<Judge>, key: String) {
        let world = self.world.clone();
        if world.happens(Fault::EventLost) {
            world.note(format!("the event of {key} is lost"));
            return;
        }
        let copies = if world.happens(Fault::EventTwice) { 2 } else { 1 };
        let object = ObjectCreated {
            bucket: BUCKET.to_owned(),
            key: key.clone(),
        };
        let event = events::notification(&object, "ObjectCreated:Put", "us-east-1", &ProgramClock::default());
        for _ in 0..copies {
            let delay = if world.happens(Fault::EventLate) {
                // Many of them come together then, as after an outage.
                let outage = [0.1, 1.0, 7.0, 30.0][world.below(4)] * 3600.0;
                Duration::from_secs_f64(outage - Simulated::elapsed().as_secs_f64() % outage)
            } else {
                Duration::ZERO
            };
            let delay = delay + world.seconds(0.1, [3.0, 30.0][world.below(2)]);
            let (function, judge, event, key) = (Arc::clone(&self), Arc::clone(&judge), event.clone(), key.clone());
            tokio::spawn(async move {
                sleep(delay).await;
                judge.begins(&key);
                let is_handled = function.invoke_with_retries(&event, &key).await;
                judge.ends(&key, is_handled);
            });
        }
    }

    /// Runs what is due on its schedule.
    pub(crate) async fn scheduled(&self) -> bool {
        let event = events::schedule(&ProgramClock::default());
        self.invoke_with_retries(&event, "schedule").await
    }
}
