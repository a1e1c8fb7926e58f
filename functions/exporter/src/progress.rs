//! Being told how a run gets on.

use contract::{day::Day, documents::PlannedDay};

use crate::collect::DayResult;

/// Who wants to be told. All methods do nothing by default.
pub trait Progress: Send + Sync {
    /// These days will be collected, in this order.
    fn planned(&self, _days: &[PlannedDay]) {}
    /// A day begins.
    fn started(&self, _day: Day) {}
    /// So many more bytes of a day came from the source; a repeated request counts again.
    fn received(&self, _day: Day, _bytes: usize) {}
    /// A day ended.
    fn finished(&self, _day: Day, _result: &DayResult) {}
}

/// Nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Progress for Nobody {}
