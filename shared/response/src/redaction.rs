//! Removing labels and annotations from a response while it streams by.
//!
//! Members are cut out of the objects `labels`, `annotations`, `namespaceLabels` and `namespaceAnnotations` of a row or
//! of its `properties`. All other bytes stay as they came, so that what is left is valid JSON with the same values.

use std::{borrow::Cow, ops::Range};

use contract::redacted::Redacted;
use memchr::memmem::Finder;
use table::{NodeFact, REPLACED_IN_KEYS, replaced_key};

use crate::{
    rows::Entry,
    scanner::{Member, members},
};

/// How many names of removed keys are counted one by one.
const MOST_NAMES: usize = 100;

/// With more patterns than this, each row is walked instead of being searched for them.
const MOST_FINDERS: usize = 8;

/// A key, or how keys begin.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KeyPattern {
    /// In the sources' spelling.
    replaced: String,
    is_prefix: bool,
}

/// Why a text is not a pattern of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not the key of a label or annotation: expected letters, digits, '.', '/', '-' and '_', and '*' only at the end"
)]
pub struct KeyPatternError(String);

impl std::str::FromStr for KeyPattern {
    type Err = KeyPatternError;

    fn from_str(text: &str) -> Result<Self, KeyPatternError> {
        let (key, is_prefix) = match text.strip_suffix('*') {
            Some(key) => (key, true),
            None => (text, false),
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"./-_".contains(&byte);
        if (key.is_empty() && !is_prefix) || !key.bytes().all(allowed) {
            return Err(KeyPatternError(text.to_owned()));
        }
        Ok(Self {
            replaced: replaced_key(key),
            is_prefix,
        })
    }
}

impl KeyPattern {
    /// Sources spell a key as in Kubernetes, or with some characters replaced, and those of assets with a prefix.
    fn matches(&self, key: &str) -> bool {
        let of_asset = ["label_", "annotation_"]
            .iter()
            .find_map(|prefix| key.strip_prefix(prefix));
        self.matches_exactly(key) || of_asset.is_some_and(|key| self.matches_exactly(key))
    }

    fn matches_exactly(&self, key: &str) -> bool {
        let has_length = key.len() == self.replaced.len() || (self.is_prefix && key.len() > self.replaced.len());
        has_length
            && self
                .replaced
                .bytes()
                .eq(key.bytes().take(self.replaced.len()).map(replaced))
    }

    /// The longest part of the key that is the same in each spelling.
    fn searched(&self) -> &str {
        let parts = self.replaced.split('_');
        parts.max_by_key(|part| part.len()).unwrap_or_default()
    }
}

fn replaced(byte: u8) -> u8 {
    if REPLACED_IN_KEYS.contains(&byte.into()) {
        b'_'
    } else {
        byte
    }
}

/// Which keys of labels, or of annotations, are removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRules {
    removed: Vec<KeyPattern>,
    kept: Vec<KeyPattern>,
}

impl KeyRules {
    /// `removed`: keys that are removed. `kept`: if there are any, all others are removed too, but for the node labels
    /// that columns are made of. A key ends with `*` if it is the beginning of keys.
    ///
    /// # Errors
    /// When a text is not a key.
    pub fn new(removed: &[String], kept: &[String]) -> Result<Self, KeyPatternError> {
        let patterns = |keys: &[String]| -> Result<Vec<KeyPattern>, KeyPatternError> {
            keys.iter().map(|key| key.parse()).collect()
        };
        Ok(Self {
            removed: patterns(removed)?,
            kept: patterns(kept)?,
        })
    }

    fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.kept.is_empty()
    }

    /// Whether a key is removed, in whatever spelling it comes.
    pub(crate) fn removes(&self, key: &str) -> bool {
        if self.removed.iter().any(|pattern| pattern.matches(key)) {
            return true;
        }
        !self.kept.is_empty() && !self.kept.iter().any(|pattern| pattern.matches(key)) && !is_of_node(key)
    }
}

/// Whether a column is made of the label.
fn is_of_node(key: &str) -> bool {
    let key = key.strip_prefix("label_").unwrap_or(key);
    let mut labels = NodeFact::ALL.iter().flat_map(|fact| fact.labels());
    labels.any(|label| label.len() == key.len() && label.bytes().eq(key.bytes().map(replaced)))
}

/// What is removed from responses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redaction {
    /// Of labels.
    pub labels: KeyRules,
    /// Of annotations.
    pub annotations: KeyRules,
}

impl Redaction {
    /// Removes from a response; `None` if nothing is to be removed from any.
    pub fn redactor(&self) -> Option<Redactor<'_>> {
        if self.labels.is_empty() && self.annotations.is_empty() {
            return None;
        }
        Some(Redactor {
            redaction: self,
            search: Search::new(self),
            pending: Vec::new(),
            begins_at: 0,
            cuts: Vec::new(),
            output: Vec::new(),
            removed_bytes: 0,
            removed: Redacted::default(),
        })
    }

    fn rules(&self, field: &str) -> Option<(&KeyRules, Kind)> {
        match field {
            "labels" | "namespaceLabels" => Some((&self.labels, Kind::Label)),
            "annotations" | "namespaceAnnotations" => Some((&self.annotations, Kind::Annotation)),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Label,
    Annotation,
}

/// Finds most rows that hold none of the keys, without walking through them.
#[derive(Debug)]
enum Search {
    /// Each row has to be walked through.
    None,
    /// A row without any of these has none of the keys.
    For(Vec<Finder<'static>>),
}

impl Search {
    fn new(redaction: &Redaction) -> Self {
        let rules = [&redaction.labels, &redaction.annotations];
        let removed: Vec<&str> = rules
            .iter()
            .flat_map(|rules| rules.removed.iter().map(KeyPattern::searched))
            .collect();
        let is_searchable = rules.iter().all(|rules| rules.kept.is_empty())
            && removed.len() <= MOST_FINDERS
            && removed.iter().all(|part| !part.is_empty());
        if !is_searchable {
            return Self::None;
        }
        // A key may also be written with escapes.
        let parts = removed.into_iter().chain(["\\u"]);
        Self::For(parts.map(|part| Finder::new(part).into_owned()).collect())
    }

    fn may_have_keys(&self, row: &[u8]) -> bool {
        match self {
            Self::None => true,
            Self::For(finders) => finders.iter().any(|finder| finder.find(row).is_some()),
        }
    }
}

/// Removes labels and annotations from one response. Bytes are held back until the row that they belong to has ended.
#[derive(Debug)]
pub struct Redactor<'a> {
    redaction: &'a Redaction,
    search: Search,
    /// Bytes that are not yet given out, and where they begin in the response.
    pending: Vec<u8>,
    begins_at: u64,
    /// What to leave out of them: positions in the response, in their order.
    cuts: Vec<Range<u64>>,
    output: Vec<u8>,
    removed_bytes: u64,
    removed: Redacted,
}

impl Redactor<'_> {
    /// Finds what to remove from a row. Rows come in their order.
    pub fn row(&mut self, entry: &Entry<'_>) {
        let row = entry.value.as_bytes();
        if !self.search.may_have_keys(row) {
            return;
        }
        for member in members(row, 0) {
            if member.key == "properties" {
                for property in members(row, member.value.start) {
                    self.field(row, &property, entry.offset);
                }
            } else {
                self.field(row, &member, entry.offset);
            }
        }
    }

    /// Cuts members out of an object of labels or annotations.
    fn field(&mut self, row: &[u8], field: &Member<'_>, offset: u64) {
        let Some((rules, kind)) = self.redaction.rules(&field.key) else {
            return;
        };
        if rules.is_empty() {
            return;
        }
        let found: Vec<Member<'_>> = members(row, field.value.start).collect();
        let mut cut = |range: Range<usize>| {
            let position = |at: usize| offset + u64::try_from(at).unwrap_or(u64::MAX);
            self.removed_bytes += u64::try_from(range.len()).unwrap_or(0);
            self.cuts.push(position(range.start)..position(range.end));
        };
        let mut is_first = true;
        let mut removed: Vec<Cow<'_, str>> = Vec::new();
        for (index, member) in found.iter().enumerate() {
            if !rules.removes(&member.key) {
                is_first = false;
                continue;
            }
            removed.push(member.key.clone());
            match (
                index.checked_sub(1).and_then(|before| found.get(before)),
                found.get(index + 1),
            ) {
                // After one that stays: with the comma before it.
                (Some(before), _) if !is_first => cut(before.value.end..member.value.end),
                // With the comma after it.
                (_, Some(after)) => cut(member.begin..after.begin),
                (_, None) => cut(member.begin..member.value.end),
            }
        }
        for key in removed {
            count(&mut self.removed, kind, &key);
        }
    }

    /// Takes the next bytes of the response; gives those up to `settled`, a position in it, without what was removed.
    /// All rows that end before it must have been seen.
    pub fn take(&mut self, chunk: &[u8], settled: u64) -> &[u8] {
        self.pending.extend_from_slice(chunk);
        let length = usize::try_from(settled.saturating_sub(self.begins_at)).unwrap_or(usize::MAX);
        self.give(length.min(self.pending.len()))
    }

    /// The rest of the response.
    pub fn finish(&mut self) -> &[u8] {
        self.give(self.pending.len())
    }

    fn give(&mut self, length: usize) -> &[u8] {
        self.output.clear();
        let mut at = 0;
        for cut in self.cuts.drain(..) {
            let index = |position: u64| usize::try_from(position.saturating_sub(self.begins_at)).unwrap_or(usize::MAX);
            self.output
                .extend_from_slice(self.pending.get(at..index(cut.start)).unwrap_or_default());
            at = index(cut.end);
        }
        self.output
            .extend_from_slice(self.pending.get(at..length).unwrap_or_default());
        self.pending.drain(..length);
        self.begins_at += u64::try_from(length).unwrap_or(0);
        &self.output
    }

    /// How many bytes were removed so far.
    pub fn removed_bytes(&self) -> u64 {
        self.removed_bytes
    }

    /// What was removed.
    pub fn into_removed(self) -> Redacted {
        self.removed
    }
}

fn count(removed: &mut Redacted, kind: Kind, key: &str) {
    let counts = match kind {
        Kind::Label => &mut removed.labels,
        Kind::Annotation => &mut removed.annotations,
    };
    let key = replaced_key(key);
    if counts.len() < MOST_NAMES || counts.contains_key(&key) {
        *counts.entry(key).or_default() += 1;
    } else {
        removed.others += 1;
    }
}

#[cfg(test)]
mod tests;
