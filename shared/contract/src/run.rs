//! One run of an exporter.

use std::{fmt, str::FromStr};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid, Version};

/// The name of one run of an exporter: a UUIDv7, so that runs sort by the time at which they began (milliseconds, UTC).
/// "Newer" and "older" in all guarantees mean this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId(Uuid);

/// How far ahead of the bucket's clock a run's clock may be.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::hours(1);

impl RunId {
    /// A new run that began at a time. Two runs of the same millisecond differ by random bits, which are no secret.
    pub fn new(began: DateTime<Utc>) -> Self {
        let milliseconds = u64::try_from(began.timestamp_millis()).unwrap_or(0);
        let mut random = [0; 10];
        fastrand::fill(&mut random);
        Self(Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid())
    }

    /// When the run began by its own clock, in milliseconds, UTC; the latest time that there is if the id's time is
    /// later still.
    pub fn began(&self) -> DateTime<Utc> {
        let milliseconds = self.0.get_timestamp().map_or(0, |timestamp| {
            let (seconds, nanoseconds) = timestamp.to_unix();
            i64::try_from(seconds)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000)
                .saturating_add(i64::from(nanoseconds / 1_000_000))
        });
        DateTime::from_timestamp_millis(milliseconds).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Whether the run claims to have begun more than an hour after a time by which it had begun, such as that at which
    /// one of its objects was written: its clock was ahead, and it is not to count as newer than other runs.
    pub fn is_ahead_of(&self, time: DateTime<Utc>) -> bool {
        self.began() - time > CLOCK_TOLERANCE
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(formatter)
    }
}

impl FromStr for RunId {
    type Err = RunError;

    /// Accepts the hyphenated lower-case form only, so that one run has one spelling in keys.
    fn from_str(text: &str) -> Result<Self, RunError> {
        let uuid = Uuid::try_parse(text).map_err(|_| RunError(text.to_owned()))?;
        let run = Self(uuid);
        if uuid.get_version() == Some(Version::SortRand) && run.to_string() == text {
            Ok(run)
        } else {
            Err(RunError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for RunId {
    type Error = RunError;

    fn try_from(text: String) -> Result<Self, RunError> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.to_string()
    }
}

/// A text that does not name a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a run: expected a UUID of version 7 in lower case")]
pub struct RunError(String);

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn runs_sort_by_time() {
        let earlier = DateTime::from_timestamp_millis(1_764_000_000_123).unwrap();
        let run = RunId::new(earlier);
        let later = RunId::new(earlier + TimeDelta::milliseconds(1));
        assert!(run < later && run.to_string() < later.to_string());
        assert_eq!(run.to_string().parse(), Ok(run));
    }

    #[test]
    fn a_run_of_the_future_is_known_by_its_objects() {
        let began: DateTime<Utc> = "2026-11-24T05:00:00.123Z".parse().unwrap();
        let run = RunId::new(began);
        assert_eq!(run.began(), began);
        for (written_minutes_later, is_ahead) in [(0, false), (600, false), (-60, false), (-61, true), (-999_999, true)]
        {
            let written_at = began + TimeDelta::minutes(written_minutes_later);
            assert_eq!(run.is_ahead_of(written_at), is_ahead, "{written_minutes_later}");
        }
        let last: RunId = "ffffffff-ffff-7fff-bfff-ffffffffffff".parse().unwrap();
        assert!(last.is_ahead_of(began));
    }

    #[test]
    fn other_spellings_are_refused() {
        let run = RunId::new(DateTime::from_timestamp_millis(1_764_000_000_123).unwrap());
        assert!(run.to_string().to_uppercase().parse::<RunId>().is_err());
        assert!(run.to_string().replace('-', "").parse::<RunId>().is_err());
        assert!("f47ac10b-58cc-4372-a567-0e02b2c3d479".parse::<RunId>().is_err());
    }
}
