//! Which set is a day of the lake: a pure decision on what is known of the day.
//!
//! A set is *whole* if it lost no more than a tolerance against the best quantities ever seen of the day. The day is
//! the newest whole set, in whatever order sets arrive. To hold that, the lake's object records the best quantities,
//! and the older whole sets that may be needed when the best grows.

use std::cmp::Ordering;

use contract::{
    quantities::{Loss, Quantities, Tolerance},
    record::{Alternative, DayRecord, MOST_ALTERNATIVES},
    run::RunId,
};
use seams::bugs::{Bug, is_planted};

/// What the lake has of the day.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InLake {
    /// The run whose data it is; `None` for an object that another program wrote.
    pub(crate) run: Option<RunId>,
    /// Whether that run's clock was ahead: it then counts as older than any other.
    pub(crate) is_ahead: bool,
    /// Whether this function would make the same file of the same set.
    pub(crate) is_current: bool,
    /// `None` for objects that were written before there were records.
    pub(crate) record: Option<DayRecord>,
}

/// A set that has arrived.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arriving {
    pub(crate) run: RunId,
    pub(crate) question: String,
    pub(crate) quantities: Quantities,
    /// Whether a person chose it.
    pub(crate) is_forced: bool,
}

/// The set that is to be the day, and what its object records.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placement {
    pub(crate) run: RunId,
    pub(crate) best: Quantities,
    pub(crate) alternatives: Vec<Alternative>,
    pub(crate) is_forced: bool,
    /// For the log.
    pub(crate) reason: &'static str,
}

/// A set that lost something and is not the day.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Thinner {
    pub(crate) run: RunId,
    pub(crate) quantities: Quantities,
    pub(crate) loss: Loss,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decision {
    /// The set to write; `None`: the lake's object stays as it is.
    pub(crate) day: Option<Placement>,
    /// The sets to report: the arriving one, or the lake's if it is replaced.
    pub(crate) thinner: Vec<Thinner>,
    /// The best that is known of the day.
    pub(crate) best: Quantities,
    /// Whether quantities were compared. Without that, they do not matter.
    pub(crate) is_compared: bool,
}

impl Decision {
    fn keep(arriving: &Arriving) -> Self {
        Self {
            day: None,
            thinner: Vec::new(),
            best: arriving.quantities,
            is_compared: false,
        }
    }

    /// The arriving set is the day, without a comparison.
    fn replace(arriving: &Arriving, reason: &'static str) -> Self {
        let placement = Placement {
            run: arriving.run,
            best: arriving.quantities,
            alternatives: Vec::new(),
            is_forced: arriving.is_forced,
            reason,
        };
        Self {
            day: Some(placement),
            ..Self::keep(arriving)
        }
    }
}

/// Decides what happens to a set that has arrived and has data.
pub(crate) fn decide(lake: Option<&InLake>, arriving: &Arriving, tolerance: Tolerance) -> Decision {
    let keep = || Decision::keep(arriving);
    let replace = |reason| Decision::replace(arriving, reason);
    let Some(lake) = lake else {
        return replace("the lake lacks the day");
    };
    if arriving.is_forced {
        return replace("forced");
    }
    let Some(lake_run) = lake.run else {
        return replace("the lake's object names no run");
    };
    let order = match arriving.run.cmp(&lake_run) {
        Ordering::Less if lake.is_ahead => Ordering::Greater,
        order => order,
    };
    match (&lake.record, order) {
        (Some(_), Ordering::Equal) if lake.is_current => keep(),
        (None, Ordering::Less) => keep(),
        (None, Ordering::Equal) => replace("the lake's object has no record"),
        (None, Ordering::Greater) => replace("newer; not compared, since the lake's object has no record"),
        (Some(record), Ordering::Less) if record.forced || record.question != arriving.question => keep(),
        (Some(record), _) if record.question != arriving.question => {
            replace("newer; not compared, since it responds to another question")
        }
        (Some(record), _) => Comparison {
            lake: Set {
                run: lake_run,
                is_ahead: lake.is_ahead,
                quantities: if order == Ordering::Equal {
                    arriving.quantities
                } else {
                    record.quantities
                },
            },
            arriving: Set {
                run: arriving.run,
                is_ahead: false,
                quantities: arriving.quantities,
            },
            record,
            best: record.best.max(arriving.quantities),
            tolerance,
        }
        .decide(),
    }
}

/// A set of the same question.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Set {
    run: RunId,
    is_ahead: bool,
    quantities: Quantities,
}

impl Set {
    /// Sets sort by this from the oldest to the newest.
    fn age(&self) -> (bool, RunId) {
        (!self.is_ahead, self.run)
    }
}

struct Comparison<'a> {
    lake: Set,
    arriving: Set,
    record: &'a DayRecord,
    best: Quantities,
    tolerance: Tolerance,
}

impl Comparison<'_> {
    fn loss(&self, set: &Set) -> Option<Loss> {
        if is_planted(Bug::ThinnerReplaces) {
            return None;
        }
        set.quantities.loss(&self.best, self.tolerance)
    }

    /// Whether a set is fuller than another beyond the tolerance, and loses nothing against it.
    fn is_fuller(&self, one: &Set, other: &Set) -> bool {
        other.quantities.loss(&one.quantities, self.tolerance).is_some()
            && one.quantities.loss(&other.quantities, self.tolerance).is_none()
    }

    /// The whole sets that are known, newest first, each once.
    fn whole(&self) -> Vec<Set> {
        let alternatives = self.record.alternatives.iter().map(|known| Set {
            run: known.run,
            is_ahead: false,
            quantities: known.quantities,
        });
        // What is measured now goes before what was recorded.
        let mut sets = vec![self.arriving];
        for set in std::iter::once(self.lake).chain(alternatives) {
            if sets.iter().all(|known| known.run != set.run) {
                sets.push(set);
            }
        }
        sets.retain(|set| self.loss(set).is_none());
        if !is_planted(Bug::LastReplaces) {
            sets.sort_by_key(|set| std::cmp::Reverse(set.age()));
        }
        sets
    }

    /// Whole sets that are older than the day and hold more of something than each newer one.
    fn alternatives(&self, day: &Set, whole: &[Set]) -> Vec<Alternative> {
        if is_planted(Bug::AlternativesForgotten) {
            return Vec::new();
        }
        let mut newer = vec![*day];
        for set in whole.iter().filter(|set| set.run != day.run && !set.is_ahead) {
            if newer.iter().all(|newer| set.quantities.exceeds(&newer.quantities)) {
                newer.push(*set);
            }
        }
        let older = newer.into_iter().skip(1).take(MOST_ALTERNATIVES);
        older
            .map(|Set { run, quantities, .. }| Alternative { run, quantities })
            .collect()
    }

    fn decide(&self) -> Decision {
        let whole = self.whole();
        let (day, reason) = match whole.first() {
            Some(day) if day.run == self.lake.run => (*day, "records the best that is known of the day"),
            Some(day) if day.age() > self.lake.age() => (*day, "newer and whole"),
            Some(day) => (*day, "older and whole, where the lake's set is not"),
            // Each lacks something.
            None if self.is_fuller(&self.arriving, &self.lake) => (self.arriving, "fuller than the lake's set"),
            None => (self.lake, "records the best that is known of the day"),
        };
        let alternatives = self.alternatives(&day, &whole);
        let is_in_lake = day.run == self.lake.run;
        let is_recorded = is_in_lake
            && self.arriving.run != self.lake.run
            && !self.best.exceeds(&self.record.best)
            && alternatives == self.record.alternatives;
        let thinner = self.thinner(&day);
        let placement = Placement {
            run: day.run,
            best: self.best,
            alternatives,
            is_forced: is_in_lake && self.record.forced,
            reason,
        };
        Decision {
            day: (!is_recorded).then_some(placement),
            thinner,
            best: self.best,
            is_compared: true,
        }
    }

    /// The sets to report. An older set that adds nothing to the day is no news.
    fn thinner(&self, day: &Set) -> Vec<Thinner> {
        let mut sets = vec![self.arriving];
        if self.lake.run != self.arriving.run {
            sets.push(self.lake);
        }
        sets.retain(|set| {
            let holds_more = || day.quantities.loss(&set.quantities, self.tolerance).is_some();
            set.run != day.run && (set.age() > day.age() || holds_more())
        });
        let thinner = |set: Set| {
            Some(Thinner {
                run: set.run,
                quantities: set.quantities,
                loss: self.loss(&set)?,
            })
        };
        sets.into_iter().filter_map(thinner).collect()
    }
}

#[cfg(test)]
mod tests;
