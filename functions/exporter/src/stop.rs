//! Ending a run before its work is done: at its deadline, or when the process is asked to stop.

use tokio::sync::watch;

/// Ends a run. Dropping it does not.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Option<String>>);

/// Whether a run is to end. Clones end together.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<String>>);

impl Stopper {
    /// Ends the run. The first reason counts.
    pub fn stop(&self, reason: &str) {
        self.0.send_if_modified(|known| {
            let first = known.is_none();
            if first {
                *known = Some(reason.to_owned());
            }
            first
        });
    }
}

impl Stop {
    pub fn new() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(None);
        (Stopper(sender), Self(receiver))
    }

    /// Never ends a run.
    pub fn never() -> Self {
        Self::new().1
    }

    /// Why the run is to end; `None` while it is not.
    pub(crate) fn reason(&self) -> Option<String> {
        self.0.borrow().clone()
    }

    /// Waits until the run is to end, and gives the reason.
    pub(crate) async fn stopped(&self) -> String {
        let mut receiver = self.0.clone();
        let reason = match receiver.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone(),
            Err(_) => None,
        };
        match reason {
            Some(reason) => reason,
            // Nobody is left who could end it.
            None => std::future::pending().await,
        }
    }
}
