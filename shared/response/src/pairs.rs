//! Labels and annotations: objects of texts.

use std::{
    borrow::Cow,
    ops::{Deref, Range},
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, MapAccess},
};

use crate::value::{Object, ReadObject, Text};

/// A key and its value.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Keys and values of an object of texts, in the source's order, no key twice.
#[derive(Debug, Clone, Default)]
pub struct Pairs<'a> {
    pairs: Vec<Pair<'a>>,
    json: &'a str,
}

impl<'a> Pairs<'a> {
    /// The JSON that the pairs were read from: pairs of the same JSON are the same. Empty where it is not known.
    pub fn json(&self) -> &'a str {
        self.json
    }

    /// The pairs of an object without escapes, by where their texts are. Keys are in order, none twice.
    pub(crate) fn of_json(json: &'a str, texts: &[(Range<usize>, Range<usize>)]) -> Self {
        let text = |range: &Range<usize>| Cow::Borrowed(json.get(range.clone()).unwrap_or_default());
        let pairs = texts.iter().map(|(key, value)| (text(key), text(value))).collect();
        Self { pairs, json }
    }
}

impl<'a> From<Vec<Pair<'a>>> for Pairs<'a> {
    /// Pairs whose keys differ.
    fn from(pairs: Vec<Pair<'a>>) -> Self {
        Self { pairs, json: "" }
    }
}

impl<'a> Deref for Pairs<'a> {
    type Target = [Pair<'a>];

    fn deref(&self) -> &Self::Target {
        &self.pairs
    }
}

impl<'a> IntoIterator for Pairs<'a> {
    type Item = Pair<'a>;
    type IntoIter = std::vec::IntoIter<Pair<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.pairs.into_iter()
    }
}

impl PartialEq for Pairs<'_> {
    /// Whether the keys and values are the same. How they were written does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.pairs == other.pairs
    }
}

impl Eq for Pairs<'_> {}

/// An object of texts, or what was there instead. Null and the texts that stand for it are an empty object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Texts<'a> {
    Pairs(Pairs<'a>),
    Wrong(String),
}

impl Default for Texts<'_> {
    fn default() -> Self {
        Self::Pairs(Pairs::default())
    }
}

impl<'a> Texts<'a> {
    /// The pairs; none where something else was there.
    pub(crate) fn or_none(self) -> Pairs<'a> {
        match self {
            Self::Pairs(pairs) => pairs,
            Self::Wrong(_) => Pairs::default(),
        }
    }
}

impl<'de> Deserialize<'de> for Texts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Object(TextsReader).deserialize(deserializer)
    }
}

/// Reads an object of texts.
pub(crate) struct TextsReader;

impl<'de> ReadObject<'de> for TextsReader {
    type Value = Texts<'de>;

    fn object<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut pairs: Vec<Pair<'_>> = Vec::new();
        let mut in_order = true;
        while let Some((Text(key), Text(value))) = entries.next_entry()? {
            match pairs.last() {
                // Rows with labels have 10 to 25 of them. Allocators give up to 1 KiB faster than more.
                None => pairs.reserve(1024 / size_of::<Pair<'_>>()),
                Some((last, _)) => in_order &= is_before(last, &key),
            }
            pairs.push((key, value));
        }
        // Both sources sort keys, so the search for duplicates is rarely needed.
        if !in_order {
            keep_last_of_each(&mut pairs);
        }
        Ok(Texts::Pairs(pairs.into()))
    }

    fn nothing(self) -> Self::Value {
        Texts::default()
    }

    fn other(self, found: String) -> Self::Value {
        Texts::Wrong(found)
    }
}

/// Whether a text is before another. Most differ in the first eight bytes, which are compared as a number.
pub(crate) fn is_before(one: &str, other: &str) -> bool {
    let first = |text: &str| {
        text.as_bytes()
            .first_chunk::<8>()
            .map(|bytes| u64::from_be_bytes(*bytes))
    };
    match (first(one), first(other)) {
        (Some(one), Some(other)) if one != other => one < other,
        _ => one < other,
    }
}

/// Of a key given twice the later value counts, as in any JSON parser.
fn keep_last_of_each(pairs: &mut Vec<Pair<'_>>) {
    let mut seen = std::collections::HashSet::with_capacity(pairs.len());
    let mut kept: Vec<Pair<'_>> = std::mem::take(pairs)
        .into_iter()
        .rev()
        .filter(|(key, _)| seen.insert(key.clone()))
        .collect();
    kept.reverse();
    *pairs = kept;
}

#[cfg(test)]
mod tests;
