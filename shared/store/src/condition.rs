//! Conditional writes.

use crate::error::StoreError;

/// On what a write depends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Condition {
    /// Nothing: what is there is replaced.
    #[default]
    Always,
    /// There is no object of that key (`If-None-Match: *`).
    IfAbsent,
    /// The object of that key has this ETag (`If-Match`).
    IfMatch(String),
}

impl Condition {
    pub(crate) fn headers(&self) -> (Option<String>, Option<String>) {
        match self {
            Self::Always => (None, None),
            Self::IfAbsent => (None, Some("*".to_owned())),
            Self::IfMatch(etag) => (Some(etag.clone()), None),
        }
    }

    /// Whether a write failed because the condition does not hold.
    pub(crate) fn is_refused_by(&self, error: &StoreError) -> bool {
        let vanished = matches!(self, Self::IfMatch(_)) && error.is_absent();
        *self != Self::Always && (error.is_condition_failure() || vanished)
    }
}
