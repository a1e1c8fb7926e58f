//! What an exporter removed from a response before it was stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Labels and annotations that an exporter removed from a response: how often each, by its key as the sources spell it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Redacted {
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, u64>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, u64>,
    /// More labels and annotations, of other keys.
    pub others: u64,
}

impl Redacted {
    /// Whether nothing was removed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_label_is_something() {
        assert!(Redacted::default().is_empty());
        let labels = BTreeMap::from([("secret".to_owned(), 1)]);
        let redacted = Redacted {
            labels,
            ..Redacted::default()
        };
        assert!(!redacted.is_empty());
    }
}
