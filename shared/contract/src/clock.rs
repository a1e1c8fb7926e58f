//! The clock, passed in wherever the time matters, so that a test can say what time it is.

use chrono::{DateTime, Utc};

/// The source of the current time, in UTC.
pub trait Clock: Send + Sync {
    /// The time now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that stands still: for tests and for demonstrations of a given day.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub DateTime<Utc>);

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_clock_stands_still_and_the_machines_does_not() {
        let time: DateTime<Utc> = "2026-11-24T05:00:00Z".parse().unwrap();
        assert_eq!(FixedClock(time).now(), time);
        // Before this was written, and after any time that counts from 1970.
        assert!(SystemClock.now() > "2025-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap());
    }
}
