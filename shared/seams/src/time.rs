//! Waiting. Programs wait by tokio's timer. A simulation replaces it on its own thread: time stands still there until
//! [`Simulated::advance`] moves it to the next instant that something waits for.

use std::time::Duration;

use tokio::time::Instant;

#[cfg(feature = "simulation")]
pub use simulated::{Simulated, simulate};

/// What was waited for did not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

/// The instant now. Differences of instants matter, and nothing else of them.
pub fn now() -> Instant {
    #[cfg(feature = "simulation")]
    if let Some(now) = simulated::now() {
        return now;
    }
    Instant::now()
}

/// Waits so long.
pub async fn sleep(duration: Duration) {
    #[cfg(feature = "simulation")]
    if let Some(sleep) = simulated::sleep(duration) {
        return sleep.await;
    }
    tokio::time::sleep(duration).await;
}

/// Waits for a future, so long at most.
///
/// # Errors
/// When the time is over first.
pub async fn timeout<F: Future>(duration: Duration, future: F) -> Result<F::Output, Elapsed> {
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = sleep(duration) => Err(Elapsed),
    }
}

#[cfg(feature = "simulation")]
mod simulated {
    use std::{
        cell::RefCell,
        collections::BTreeMap,
        pin::Pin,
        task::{Context, Poll, Waker},
        time::Duration,
    };

    use tokio::time::Instant;

    thread_local! {
        static TIMERS: RefCell<Option<Timers>> = const { RefCell::new(None) };
    }

    struct Timers {
        /// Only a point that others are relative to.
        began: Instant,
        elapsed: Duration,
        next: u64,
        /// Who waits until when, in the order in which they began to wait.
        waiting: BTreeMap<(Duration, u64), Waker>,
    }

    fn with<T>(use_timers: impl FnOnce(&mut Timers) -> T) -> Option<T> {
        TIMERS.with_borrow_mut(|timers| timers.as_mut().map(use_timers))
    }

    /// Simulated time on this thread, until it is dropped.
    #[derive(Debug)]
    pub struct Simulated(());

    /// Replaces time on this thread.
    pub fn simulate() -> Simulated {
        let timers = Timers {
            began: Instant::now(),
            elapsed: Duration::ZERO,
            next: 0,
            waiting: BTreeMap::new(),
        };
        TIMERS.set(Some(timers));
        Simulated(())
    }

    impl Simulated {
        /// How much time has passed since the simulation began; zero where there is none on this thread.
        pub fn elapsed() -> Duration {
            with(|timers| timers.elapsed).unwrap_or_default()
        }

        /// Moves time to the next instant that something waits for, and wakes that. `false` if nothing waits.
        pub fn advance() -> bool {
            let woken = with(|timers| {
                let ((until, _), waker) = timers.waiting.pop_first()?;
                timers.elapsed = timers.elapsed.max(until);
                Some(waker)
            });
            match woken.flatten() {
                Some(waker) => {
                    waker.wake();
                    true
                }
                None => false,
            }
        }
    }

    impl Drop for Simulated {
        fn drop(&mut self) {
            // Only then are wakers dropped, and with them what waits.
            let timers = TIMERS.take();
            drop(timers);
        }
    }

    pub(super) fn now() -> Option<Instant> {
        with(|timers| timers.began + timers.elapsed)
    }

    pub(super) fn sleep(duration: Duration) -> Option<Sleep> {
        with(|timers| {
            timers.next += 1;
            Sleep {
                until: timers.elapsed.saturating_add(duration),
                number: timers.next,
            }
        })
    }

    pub(super) struct Sleep {
        until: Duration,
        number: u64,
    }

    impl Future for Sleep {
        type Output = ();

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            let waiting = with(|timers| {
                (timers.elapsed < self.until).then(|| {
                    let waker = context.waker().clone();
                    timers.waiting.insert((self.until, self.number), waker)
                })
            });
            match waiting {
                Some(Some(_)) => Poll::Pending,
                // The time is over, or the simulation is.
                Some(None) | None => Poll::Ready(()),
            }
        }
    }

    impl Drop for Sleep {
        fn drop(&mut self) {
            with(|timers| timers.waiting.remove(&(self.until, self.number)));
        }
    }
}

#[cfg(all(test, feature = "simulation"))]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use super::*;

    #[test]
    fn simulated_time_passes_only_when_it_is_advanced_and_in_order() {
        let _time = simulate();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .on_thread_park(|| {
                Simulated::advance();
            })
            .build()
            .unwrap();
        let order = Rc::new(RefCell::new(Vec::new()));
        let began = now();
        let wait = async |seconds| {
            sleep(Duration::from_secs(seconds)).await;
            order.borrow_mut().push(((now() - began).as_secs(), seconds));
        };
        let short = async {
            let elapsed = timeout(Duration::from_secs(2), std::future::pending::<()>()).await;
            assert_eq!(elapsed, Err(Elapsed));
            order.borrow_mut().push(((now() - began).as_secs(), 0));
        };
        runtime.block_on(async { tokio::join!(wait(7200), wait(5), short, wait(1)) });
        assert_eq!(*order.borrow(), [(1, 1), (2, 0), (5, 5), (7200, 7200)]);
        // What did not have to be waited for any more is forgotten.
        assert!(!Simulated::advance());
    }
}
