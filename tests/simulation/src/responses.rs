//! The responses of all sources: an object of the lake has to hold one of them, whole.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use contract::day::Day;

/// The label that names the response which a row is of. Rows of two responses are never one day.
pub(crate) const RESPONSE_LABEL: &str = "response";

/// A response with rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Served {
    pub(crate) cluster: String,
    pub(crate) day: Day,
    pub(crate) rows: usize,
    pub(crate) total_cost: f64,
}

/// All responses with rows of all sources, by their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Responses(Arc<Mutex<BTreeMap<String, Served>>>);

impl Responses {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Served>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, name: &str) -> Option<Served> {
        self.all().get(name).cloned()
    }

    /// Gives a response a name.
    pub(crate) fn add(&self, served: Served) -> String {
        let mut all = self.all();
        let name = format!("r{}", all.len());
        all.insert(name.clone(), served);
        name
    }
}
