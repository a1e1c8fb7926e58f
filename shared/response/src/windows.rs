//! Which sets of a response are the day's, and whether they cover it. Times are milliseconds since 1970, UTC.

use chrono::{DateTime, SecondsFormat, TimeDelta};
use contract::{day::Day, units::count};

/// A set with rows, by where the windows of its rows are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SetWindow {
    pub(crate) index: u32,
    /// Rows of the day.
    pub(crate) inside: u64,
    /// Rows of another day.
    pub(crate) outside: u64,
    /// The window of one of the latter.
    pub(crate) other_window: Option<(i64, i64)>,
}

/// The day's first moment, and the one after its last.
pub(crate) fn bounds(day: Day) -> (i64, i64) {
    (day.start().timestamp_millis(), day.end().timestamp_millis())
}

/// A window for a person: `2026-11-20T05:00:00Z to 2026-11-21T05:00:00Z`.
pub(crate) fn describe(start: i64, end: i64) -> String {
    let text = |time| {
        DateTime::from_timestamp_millis(time).map_or_else(
            || "a time that cannot be".to_owned(),
            |time| time.to_rfc3339_opts(SecondsFormat::Secs, true),
        )
    };
    format!("{} to {}", text(start), text(end))
}

/// The one set that is the day's, or `None` where all are; and warnings. Most rows of a set decide where it belongs, so
/// that one odd row neither moves nor refuses the others.
///
/// # Errors
/// When no set is the day's, or several are beside others.
pub(crate) fn choose(day: Day, sets: &[SetWindow]) -> Result<(Option<u32>, Vec<String>), String> {
    let is_inside = |set: &&SetWindow| set.inside >= set.outside;
    let inside: Vec<u32> = sets.iter().filter(is_inside).map(|set| set.index).collect();
    let others = sets.len() - inside.len();
    match inside.as_slice() {
        _ if others == 0 => Ok((None, Vec::new())),
        [only] => Ok((
            Some(*only),
            vec![format!("left out {} of other days", count(others as u64, "set"))],
        )),
        [] => {
            let window = sets.iter().find_map(|set| set.other_window);
            Err(window.map_or_else(
                || "the windows of the rows are no times".to_owned(),
                |window| other_day(day, window),
            ))
        }
        inside => Err(format!(
            "one day was asked for, and {} of the response's {} sets are of that day",
            inside.len(),
            sets.len()
        )),
    }
}

/// What a response about another time than the day is: shifted against UTC, or of another day.
fn other_day(day: Day, (start, end): (i64, i64)) -> String {
    let (window, found) = (day.window(), describe(start, end));
    let midnight = TimeDelta::days(1).num_milliseconds();
    let late = start.rem_euclid(midnight);
    if late == 0 || end.saturating_sub(start) % midnight != 0 {
        return format!(
            "the window {window} was asked for, and the rows are of {found}: the source answered for another time"
        );
    }
    // A day that begins at 05:00 UTC is one of UTC-5; one that begins at 19:00 UTC is the next day of UTC+5.
    let minutes = late / 60_000;
    let offset = if minutes <= 12 * 60 {
        -minutes
    } else {
        24 * 60 - minutes
    };
    let sign = if offset < 0 { '-' } else { '+' };
    format!(
        "the window {window} was asked for, and the rows are of {found}: the source's UTC offset is {sign}{:02}:{:02}, so that its days are not days in UTC. Set its UTC offset to +00:00 (Kubecost: utcOffset)",
        offset.abs() / 60,
        offset.abs() % 60
    )
}

/// What the windows of the day's sets leave uncovered, for a person; `None` where they cover the day.
///
/// # Errors
/// When two of them overlap, so that costs would count twice, or when one ends before it starts.
pub(crate) fn uncovered(day: Day, mut sets: Vec<(i64, i64)>) -> Result<Option<String>, String> {
    sets.sort_unstable();
    if let Some((start, end)) = sets.iter().find(|(start, end)| start >= end) {
        return Err(format!(
            "the rows have a window without length, {}: the source's windows are wrong",
            describe(*start, *end)
        ));
    }
    if let Some([one, other]) = sets.array_windows().find(|[one, other]| other.0 < one.1) {
        return Err(format!(
            "two sets of the response overlap, {} and {}, so that costs would count twice",
            describe(one.0, one.1),
            describe(other.0, other.1)
        ));
    }
    let (start, end) = bounds(day);
    let mut gaps = Vec::new();
    let mut covered = start;
    for (from, to) in sets.into_iter().chain([(end, end)]) {
        if from > covered {
            gaps.push(describe(covered, from));
        }
        covered = covered.max(to);
    }
    if gaps.is_empty() {
        return Ok(None);
    }
    Ok(Some(format!(
        "the windows of the rows do not cover the day: {} is missing",
        gaps.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn day() -> Day {
        "2026-11-20".parse().unwrap()
    }

    fn hours(from: i64, to: i64) -> (i64, i64) {
        let (start, _) = bounds(day());
        (start + from * HOUR, start + to * HOUR)
    }

    #[test]
    fn the_utc_offset_of_a_shifted_source_is_named() {
        for (from, offset) in [
            (5, "-05:00"),
            (-5, "+05:00"),
            (12, "-12:00"),
            (-10, "+10:00"),
            (29, "-05:00"),
        ] {
            let message = other_day(day(), hours(from, from + 24));
            assert!(
                message.contains(&format!("UTC offset is {offset}")),
                "{from}: {message}"
            );
        }
        let (start, end) = hours(-6, 18);
        assert!(other_day(day(), (start + HOUR / 2, end + HOUR / 2)).contains("offset is +05:30"));
        for (from, to) in [(24, 48), (-24, 0), (5, 7)] {
            let message = other_day(day(), hours(from, to));
            assert!(message.contains("another time"), "{message}");
        }
    }

    #[test]
    fn what_is_missing_of_a_day_is_named() {
        let gap = |sets: &[(i64, i64)]| uncovered(day(), sets.iter().map(|(from, to)| hours(*from, *to)).collect());
        assert_eq!(gap(&[(0, 24)]), Ok(None));
        assert_eq!(gap(&[(12, 24), (0, 12)]), Ok(None));
        for (sets, missing) in [
            (&[(0, 15)][..], "2026-11-20T15:00:00Z to 2026-11-21T00:00:00Z"),
            (&[(3, 24)], "2026-11-20T00:00:00Z to 2026-11-20T03:00:00Z"),
            (&[(0, 6), (7, 24)], "2026-11-20T06:00:00Z to 2026-11-20T07:00:00Z"),
        ] {
            let message = gap(sets).unwrap().unwrap();
            assert!(message.contains(missing), "{message}");
        }
        for twice in [
            &[(0, 24), (0, 24)][..],
            &[(0, 13), (12, 24)],
            &[(0, 24), (3, 4), (5, 6)],
        ] {
            assert!(gap(twice).unwrap_err().contains("overlap"), "{twice:?}");
        }
    }
}
