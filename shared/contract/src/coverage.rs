//! Which part of a day a source observed. Windows always say 24 hours; `start`, `end` and `minutes` of rows and nodes
//! say when something was seen. A source that restarts loses the head, the tail or a piece of the day.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::day::Day;

/// A day of which at most this share was observed is partial.
const PARTIAL_SHARE: f64 = 0.95;

/// Why a day in the lake is not the whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartialReason {
    /// The windows of the rows do not cover the day: sets are missing, or end early.
    Windows,
    /// The windows cover the day, but the source observed at most 95 % of it.
    Observed,
    /// The day was collected before it settled.
    NotSettled,
    /// Rows whose windows reach beyond the day were left out.
    RowsLeftOut,
}

/// The word in the documents.
impl std::fmt::Display for PartialReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Windows => "windows",
            Self::Observed => "observed",
            Self::NotSettled => "not_settled",
            Self::RowsLeftOut => "rows_left_out",
        })
    }
}

impl PartialReason {
    /// The words of some reasons, for a person: `windows, observed`.
    pub fn list(reasons: &[Self]) -> String {
        let words: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        words.join(", ")
    }
}

/// What was observed of a day. Times are UTC.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// The earliest `start` of a workload row that ran for any minute; `None` where no row says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_start: Option<DateTime<Utc>>,
    /// The latest `end` of such a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_end: Option<DateTime<Utc>>,
    /// Minutes of the day that nodes were observed: those of the longest-lived node, or of nodes that follow one
    /// another. Nodes of zero minutes do not count; `None` where no node says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_minutes: Option<f64>,
}

impl Coverage {
    /// The observed share of the day, 0 to 1: the least that rows and nodes say. `None` where neither says anything.
    pub fn share(&self, day: Day) -> Option<f64> {
        let length = (day.end() - day.start()).as_seconds_f64();
        let rows = self.first_start.zip(self.last_end).map(|(first, last)| {
            let observed = last.min(day.end()) - first.max(day.start());
            observed.as_seconds_f64() / length
        });
        let nodes = self.node_minutes.map(|minutes| minutes * 60.0 / length);
        let share = match (rows, nodes) {
            (Some(rows), Some(nodes)) => rows.min(nodes),
            (rows, nodes) => rows.or(nodes)?,
        };
        Some(share.clamp(0.0, 1.0))
    }

    /// Whether so little was observed that the day is partial.
    pub fn is_partial(&self, day: Day) -> bool {
        self.share(day).is_some_and(|share| share <= PARTIAL_SHARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coverage(first: &str, last: &str, node_minutes: Option<f64>) -> Coverage {
        let time = |clock: &str| Some(format!("2026-11-{clock}:00Z").parse().unwrap());
        Coverage {
            first_start: time(first),
            last_end: time(last),
            node_minutes,
        }
    }

    #[test]
    fn the_least_share_counts() {
        let day: Day = "2026-11-20".parse().unwrap();
        for (observed, share, partial) in [
            (coverage("20T00:00", "21T00:00", Some(1440.0)), Some(1.0), false),
            (coverage("20T18:00", "21T00:00", None), Some(0.25), true),
            (coverage("20T00:00", "20T22:48", Some(1440.0)), Some(0.95), true),
            (
                coverage("20T00:00", "20T22:49", Some(1440.0)),
                Some(1369.0 / 1440.0),
                false,
            ),
            (coverage("20T00:00", "21T00:00", Some(720.0)), Some(0.5), true),
            (coverage("19T00:00", "22T00:00", None), Some(1.0), false),
            (
                Coverage {
                    node_minutes: Some(1400.0),
                    ..Coverage::default()
                },
                Some(1400.0 / 1440.0),
                false,
            ),
            (Coverage::default(), None, false),
        ] {
            assert_eq!(
                (observed.share(day), observed.is_partial(day)),
                (share, partial),
                "{observed:?}"
            );
        }
    }

    #[test]
    fn reasons_are_listed_by_their_words_in_documents() {
        use PartialReason::{NotSettled, Observed, RowsLeftOut, Windows};
        let all = [Windows, Observed, NotSettled, RowsLeftOut];
        assert_eq!(
            PartialReason::list(&all),
            "windows, observed, not_settled, rows_left_out"
        );
        for reason in all {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.to_string());
        }
    }
}
