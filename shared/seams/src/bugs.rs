//! Bugs that a simulation plants, to show that it would find them.

/// A bug. Each replaces one decision of the programs by a wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Of the whole sets of a day, the one that arrived last is the day, and not the newest.
    LastReplaces,
    /// A set that lost much of a day replaces it.
    ThinnerReplaces,
    /// A day of the lake forgets the older sets that may be needed when a fuller one arrives.
    AlternativesForgotten,
    /// The day's object is written whatever another set has made of it meanwhile.
    DayWithoutCondition,
    /// The same of the day's assets.
    AssetsWithoutCondition,
    /// A run of the future counts as the newest.
    FutureTrusted,
    /// A set is quarantined after one bad read.
    OneBadReadQuarantines,
    /// The audit delivers no set again.
    StuckNotRedelivered,
    /// The audit delivers only the newest set of a day again.
    OnlyNewestRedelivered,
    /// The audit does not see that the assets of a day are missing.
    MissingAssetsIgnored,
    /// A day that failed once is given up.
    FailedDayGivenUp,
    /// The audit reports no gap of which a set was ever staged.
    TriedGapUnreported,
    /// Pages are accepted whatever they add up to.
    PagesNotCompared,
    /// Rows of any cluster are accepted.
    OtherClustersAccepted,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::LastReplaces,
        Self::ThinnerReplaces,
        Self::AlternativesForgotten,
        Self::DayWithoutCondition,
        Self::AssetsWithoutCondition,
        Self::FutureTrusted,
        Self::OneBadReadQuarantines,
        Self::StuckNotRedelivered,
        Self::OnlyNewestRedelivered,
        Self::MissingAssetsIgnored,
        Self::FailedDayGivenUp,
        Self::TriedGapUnreported,
        Self::PagesNotCompared,
        Self::OtherClustersAccepted,
    ];
}

/// Whether a bug is planted on this thread. Never in programs without the feature `simulation`.
#[cfg(not(feature = "simulation"))]
#[inline]
pub const fn is_planted(_: Bug) -> bool {
    false
}

/// Work for another thread, with the bug that is planted on this one.
#[cfg(not(feature = "simulation"))]
#[inline]
pub fn inherited<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    work
}

#[cfg(feature = "simulation")]
pub use planting::{inherited, is_planted, plant};

#[cfg(feature = "simulation")]
mod planting {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Whether a bug is planted on this thread.
    pub fn is_planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }

    /// Work for another thread, with the bug that is planted on this one.
    pub fn inherited<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
        let planted = PLANTED.get();
        move || {
            plant(planted);
            work()
        }
    }

    /// Plants a bug on this thread, or none.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }
}
