//! Days and windows, in UTC.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// One day from 00:00 UTC to the next 00:00 UTC. Formats as `2026-11-20`; a day that is parsed has a
/// year of four digits, so that no document can name a day that dates cannot be computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(NaiveDate);

impl Day {
    /// The day of a date.
    pub const fn new(date: NaiveDate) -> Self {
        Self(date)
    }

    /// The day that contains a moment.
    pub fn of(moment: DateTime<Utc>) -> Self {
        Self(moment.date_naive())
    }

    /// The date.
    pub const fn date(self) -> NaiveDate {
        self.0
    }

    /// 00:00 UTC of the day.
    pub fn start(self) -> DateTime<Utc> {
        self.0.and_time(NaiveTime::MIN).and_utc()
    }

    /// 00:00 UTC of the next day; not part of the day.
    pub fn end(self) -> DateTime<Utc> {
        self.start() + TimeDelta::days(1)
    }

    /// The day `days` earlier, at least the earliest that can be named.
    #[must_use]
    pub fn minus(self, days: u32) -> Self {
        Self(
            self.0
                .checked_sub_days(Days::new(days.into()))
                .unwrap_or(NaiveDate::MIN),
        )
    }

    /// The next day.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.succ_opt().unwrap_or(NaiveDate::MAX))
    }

    /// The window of the day.
    pub fn window(self) -> Window {
        Window {
            start: self.start(),
            end: self.end(),
        }
    }

    /// All days from `first` to `last`, both included; none where `last` is earlier.
    pub fn range(first: Self, last: Self) -> impl Iterator<Item = Self> {
        first.0.iter_days().take_while(move |date| *date <= last.0).map(Self)
    }

    /// The day that an exporter without a plan collects: from 72 hours ago, at 00:00 UTC, to 48 hours ago, at 00:00
    /// UTC.
    pub fn newest_settled(now: DateTime<Utc>) -> Self {
        Self::of(now).minus(3)
    }

    /// The complete days of a backfill period, oldest first: the last `period` days that ended at least `settle` ago.
    pub fn backfill_period(now: DateTime<Utc>, period: u32, settle: TimeDelta) -> Vec<Self> {
        let newest = Self::of(now - settle).minus(1);
        Self::range(newest.minus(period.saturating_sub(1)), newest).collect()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl FromStr for Day {
    type Err = DayError;

    /// Accepts `2026-11-20` only: ten characters, so that one day has one spelling in keys.
    fn from_str(text: &str) -> Result<Self, DayError> {
        let error = || DayError(text.to_owned());
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| error())?;
        let day = Self(date);
        if (1..=9999).contains(&date.year()) && day.to_string() == text {
            Ok(day)
        } else {
            Err(error())
        }
    }
}

impl TryFrom<String> for Day {
    type Error = DayError;

    fn try_from(text: String) -> Result<Self, DayError> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

/// A text that does not name a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a date of the form 2026-11-20")]
pub struct DayError(String);

/// From a moment (included) to a later moment (excluded), UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first moment.
    pub start: DateTime<Utc>,
    /// The moment after the last.
    pub end: DateTime<Utc>,
}

impl Window {
    /// Start and end in milliseconds since 1970, UTC; fractions are cut off.
    pub fn milliseconds(self) -> (i64, i64) {
        (self.start.timestamp_millis(), self.end.timestamp_millis())
    }
}

/// Formats as both sources expect it: an RFC 3339 pair, `2026-11-20T00:00:00Z,2026-11-21T00:00:00Z`.
impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FORMAT: &str = "%Y-%m-%dT%H:%M:%SZ";
        write!(formatter, "{},{}", self.start.format(FORMAT), self.end.format(FORMAT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_formats_as_the_sources_expect_it() {
        assert_eq!(
            day("2024-02-29").window().to_string(),
            "2024-02-29T00:00:00Z,2024-03-01T00:00:00Z"
        );
    }

    #[test]
    fn the_settled_day_is_72_to_48_hours_ago() {
        for hour in ["00:00:00", "12:34:56", "23:59:59"] {
            let now = format!("2026-11-24T{hour}Z").parse().unwrap();
            assert_eq!(Day::newest_settled(now), day("2026-11-21"));
        }
    }

    #[test]
    fn the_backfill_period_ends_with_the_last_complete_day() {
        let settle = TimeDelta::hours(3);
        let days = Day::backfill_period("2026-11-24T04:00:00Z".parse().unwrap(), 15, settle);
        assert_eq!(
            (days.len(), days[0], days[14]),
            (15, day("2026-11-09"), day("2026-11-23"))
        );
        let too_early = Day::backfill_period("2026-11-24T02:59:59Z".parse().unwrap(), 3, settle);
        assert_eq!(too_early.last(), Some(&day("2026-11-22")));
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "2026-1-2",
            "26-01-02",
            "2026-02-30",
            "+2026-01-02",
            "2026-01-02 ",
            "+262142-12-31",
            "-262143-01-01",
            "0000-01-01",
            "",
        ] {
            assert!(text.parse::<Day>().is_err(), "{text}");
            assert!(serde_json::from_value::<Day>(text.into()).is_err(), "{text}");
        }
        assert_eq!(serde_json::to_value(day("9999-12-31")).unwrap(), "9999-12-31");
        day("9999-12-31").window();
    }

    #[test]
    fn a_window_is_in_milliseconds_from_the_days_start_to_its_end() {
        let (start, end) = day("1970-01-03").window().milliseconds();
        assert_eq!((start, end), (2 * 86_400_000, 3 * 86_400_000));
        assert_eq!(day("1970-01-03").date().to_string(), "1970-01-03");
    }
}
