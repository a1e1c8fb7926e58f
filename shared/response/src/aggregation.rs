//! What a row of an allocation response is.

use memchr::memmem::Finder;
use table::Property;

use crate::Allocation;

/// What the rows are aggregated by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregation {
    /// One row for each container: the default, and the finest.
    Container,
    /// One row for each pod.
    Pod,
    /// One row for each namespace.
    Namespace,
    /// One row for each controller.
    Controller,
    /// One row for each kind of controller.
    ControllerKind,
    /// One row for each node.
    Node,
    /// One row for each cluster.
    Cluster,
}

impl Aggregation {
    /// The aggregations, as the setting `AGGREGATION` spells them.
    pub const WORDS: &[(&str, Self)] = &[
        ("container", Self::Container),
        ("pod", Self::Pod),
        ("namespace", Self::Namespace),
        ("controller", Self::Controller),
        ("controllerKind", Self::ControllerKind),
        ("node", Self::Node),
        ("cluster", Self::Cluster),
    ];

    /// As the setting spells it.
    pub fn as_str(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, aggregation)| *aggregation == self)
            .map_or("", |(word, _)| word)
    }

    /// The aggregation that a word of the setting names.
    pub fn of(word: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, aggregation)| *aggregation)
    }

    /// What identifies a row, in the sources' own terms. Sources merge rows of equal names over namespaces where they
    /// are not asked to keep them apart.
    pub fn query(self) -> &'static str {
        match self {
            Self::Container => "cluster,node,namespace,controllerKind,controller,pod,container",
            Self::Pod => "cluster,namespace,pod",
            Self::Controller => "cluster,namespace,controllerKind,controller",
            Self::Namespace | Self::ControllerKind | Self::Node | Self::Cluster => self.as_str(),
        }
    }

    /// The properties that each row of the aggregation has, but for special rows.
    pub(crate) fn promises(self) -> &'static [Property] {
        match self {
            Self::Container => &[Property::Container, Property::Pod],
            Self::Pod => &[Property::Pod, Property::Namespace],
            Self::Namespace => &[Property::Namespace],
            Self::Controller => &[Property::Controller, Property::Namespace],
            Self::ControllerKind => &[Property::ControllerKind],
            Self::Node => &[Property::Node],
            Self::Cluster => &[Property::Cluster],
        }
    }

    /// Whether a row has what the aggregation promises.
    pub(crate) fn identifies(self, row: &Allocation<'_>) -> bool {
        self.promises()
            .iter()
            .all(|property| !row.property(*property).is_empty())
    }
}

/// Parts of the names of rows that belong to no workload, and cost all the same. Each begins with one of the two that
/// are searched for.
const SPECIAL: [&str; 4] = ["__idle__", "__unmounted__", "-unmounted-pvcs", "__unallocated__"];
const BEGINNINGS: [&str; 2] = ["__", "-unmounted-pvcs"];

/// Finds rows that are idle, unmounted or unallocated cost, and no workload. The searches are prepared once: preparing
/// them takes longer than searching.
#[derive(Debug, Clone)]
pub(crate) struct SpecialRows([Finder<'static>; BEGINNINGS.len()]);

impl SpecialRows {
    pub(crate) fn new() -> Self {
        Self(BEGINNINGS.map(Finder::new))
    }

    pub(crate) fn has(&self, key: &str, name: &str) -> bool {
        let may_be_marked = |text: &str| self.0.iter().any(|beginning| beginning.find(text.as_bytes()).is_some());
        let is_marked = |text: &str| may_be_marked(text) && SPECIAL.iter().any(|mark| text.contains(mark));
        is_marked(name) || (key != name && is_marked(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_names_its_aggregation() {
        for (word, aggregation) in Aggregation::WORDS {
            assert_eq!(Aggregation::of(word), Some(*aggregation));
            assert_eq!(aggregation.as_str(), *word);
        }
        assert_eq!(Aggregation::of("Container"), None);
        assert_eq!(Aggregation::of(""), None);
    }

    #[test]
    fn a_query_names_all_that_identifies_a_row() {
        for (_, aggregation) in Aggregation::WORDS {
            let query: Vec<_> = aggregation.query().split(',').collect();
            for property in aggregation.promises() {
                assert!(query.contains(&property.field()), "{aggregation:?}: {property:?}");
            }
        }
    }

    #[test]
    fn special_rows_are_marked_in_their_name_or_their_key() {
        let special = SpecialRows::new();
        for mark in ["__idle__", "node/__idle__", "one-unmounted-pvcs", "__unallocated__"] {
            assert!(
                special.has(mark, mark) && special.has(mark, "web") && special.has("web", mark),
                "{mark}"
            );
        }
        for other in ["web", "one/web", "one__two", "__idle_", "-unmounted-pvc"] {
            assert!(!special.has(other, other) && !special.has(other, "web"), "{other}");
        }
    }

    #[test]
    fn each_mark_begins_with_what_is_searched_for() {
        for mark in SPECIAL {
            assert!(BEGINNINGS.iter().any(|beginning| mark.starts_with(beginning)), "{mark}");
        }
    }
}
