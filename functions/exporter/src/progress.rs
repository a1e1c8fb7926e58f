//! The progress of a run, for who shows it.

use contract::{day::Day, documents::PlannedDay};

/// Receives the progress of a run. All methods do nothing by default.
pub trait Progress: Send + Sync {
    /// These days will be collected, in this order.
    fn planned(&self, _days: &[PlannedDay]) {}
    fn started(&self, _day: Day) {}
    fn finished(&self, _day: Day) {}
}

/// Ignores the progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}
