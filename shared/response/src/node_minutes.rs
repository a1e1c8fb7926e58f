//! How much of a day the source observed nodes for.

use contract::day::Day;
use table::ASSET_MINUTES;

use crate::{Asset, windows};

/// Gathers the lifetimes of nodes from an assets response. Holds merged intervals, not nodes.
#[derive(Debug, Clone, Default)]
pub struct NodeMinutes {
    /// Minutes of the longest-lived node, and how many of its lifetime are missing in between.
    longest: f64,
    missing: f64,
    /// When any node was there: intervals that do not touch, in order.
    intervals: Vec<(i64, i64)>,
}

/// No cluster has so many interruptions that more intervals say anything.
const MOST_INTERVALS: usize = 1000;

impl NodeMinutes {
    /// Adds an asset, if it is a node that lived for any minute. What it lacks says nothing.
    pub fn add(&mut self, asset: &Asset<'_>) {
        let minutes = asset.number(ASSET_MINUTES).unwrap_or(0.0);
        if !asset.is_type("node") || minutes <= 0.0 {
            return;
        }
        let lifetime = asset.start.zip(asset.end).filter(|(start, end)| start < end);
        if minutes > self.longest {
            self.longest = minutes;
            self.missing = lifetime.map_or(0.0, |lifetime| (length(lifetime) - minutes).max(0.0));
        }
        if let Some(lifetime) = lifetime {
            self.insert(lifetime);
        }
    }

    fn insert(&mut self, (mut start, mut end): (i64, i64)) {
        if self.intervals.iter().any(|(from, to)| *from <= start && end <= *to) {
            return;
        }
        self.intervals.retain(|(from, to)| {
            let touches = *from <= end && start <= *to;
            if touches {
                (start, end) = (start.min(*from), end.max(*to));
            }
            !touches
        });
        if self.intervals.len() < MOST_INTERVALS {
            self.intervals.push((start, end));
        }
    }

    /// Minutes of the day that nodes were observed: as long as the longest-lived node lived, or as long as nodes
    /// followed one another, less what is missing of the former's lifetime. `None` where no node says it.
    pub fn observed(&self, day: Day) -> Option<f64> {
        if self.longest <= 0.0 {
            return None;
        }
        let (first, last) = windows::bounds(day);
        let clipped = self
            .intervals
            .iter()
            .map(|(from, to)| ((*from).max(first), (*to).min(last)));
        let together: f64 = clipped.filter(|(from, to)| from < to).map(length).sum();
        Some(self.longest.max(together - self.missing).min(length((first, last))))
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a day are far below 2^53")]
fn length((start, end): (i64, i64)) -> f64 {
    (end - start) as f64 / 60_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AssetParser;

    fn add(all: &mut NodeMinutes, json: &str) {
        if let Some(asset) = AssetParser::new().parse("", json).unwrap() {
            all.add(&asset);
        }
    }

    fn observed(nodes: &[(&str, &str, f64)]) -> Option<f64> {
        let mut all = NodeMinutes::default();
        for (start, end, minutes) in nodes {
            let json = format!(
                r#"{{"type":"Node","start":"2026-11-{start}:00Z","end":"2026-11-{end}:00Z","minutes":{minutes}}}"#
            );
            add(&mut all, &json);
        }
        all.observed("2026-11-20".parse().unwrap())
    }

    #[test]
    fn nodes_that_follow_one_another_cover_the_day_and_a_hole_in_a_lifetime_does_not() {
        for (nodes, minutes) in [
            (&[("20T00:00", "21T00:00", 1440.0)][..], Some(1440.0)),
            (
                &[("20T00:00", "20T12:00", 720.0), ("20T12:00", "21T00:00", 720.0)],
                Some(1440.0),
            ),
            (
                &[("20T12:00", "21T00:00", 720.0), ("20T00:00", "20T13:00", 780.0)],
                Some(1440.0),
            ),
            (
                &[("20T00:00", "20T06:00", 360.0), ("20T18:00", "21T00:00", 360.0)],
                Some(720.0),
            ),
            (&[("20T00:00", "21T00:00", 1080.0)], Some(1080.0)),
            (&[("20T18:00", "21T00:00", 360.0)], Some(360.0)),
            (&[("20T00:00", "21T00:00", 0.0)], None),
            (&[("19T00:00", "22T00:00", 4320.0)], Some(1440.0)),
            (&[], None),
        ] {
            assert_eq!(observed(nodes), minutes, "{nodes:?}");
        }
    }

    #[test]
    fn what_is_no_node_or_cannot_be_read_says_nothing() {
        let mut all = NodeMinutes::default();
        for json in [
            r#"{"type":"Disk","minutes":1440}"#,
            r#"{"type":"Node","minutes":null}"#,
            r#"{"type":"Node"}"#,
            "null",
            r#"{"type":7,"minutes":1}"#,
        ] {
            add(&mut all, json);
        }
        assert_eq!(all.observed("2026-11-20".parse().unwrap()), None);
        add(&mut all, r#"{"type":"Node","minutes":"720"}"#);
        assert_eq!(all.observed("2026-11-20".parse().unwrap()), Some(720.0));
    }
}
