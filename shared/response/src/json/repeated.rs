//! Objects of texts that a row has in common with the row before, as the containers of a pod have their labels: they
//! are compared as a whole, and not read again.

use std::ops::Range;

use super::string_stop;
use crate::pairs::{Pairs, is_before};

/// An object of so many bytes is not remembered.
const LONGEST: usize = 16 * 1024;

/// The fields of a row that hold objects of texts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TextsField {
    Labels,
    Annotations,
    NamespaceLabels,
    NamespaceAnnotations,
}

impl TextsField {
    pub(crate) const ALL: [Self; 4] = [
        Self::Labels,
        Self::Annotations,
        Self::NamespaceLabels,
        Self::NamespaceAnnotations,
    ];

    /// The field's name in messages, and for the deserializer.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Labels => "properties.labels",
            Self::Annotations => "properties.annotations",
            Self::NamespaceLabels => "properties.namespaceLabels",
            Self::NamespaceAnnotations => "properties.namespaceAnnotations",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

/// The objects of the row before.
#[derive(Debug, Default)]
pub(crate) struct RepeatedTexts {
    objects: [TextsObject; TextsField::ALL.len()],
    /// Whether objects are checked, and their texts given to nobody.
    drops: bool,
}

impl RepeatedTexts {
    pub(crate) fn new(drops: bool) -> Self {
        Self {
            drops,
            ..Self::default()
        }
    }

    /// Begins the next row.
    pub(crate) fn begin(&mut self) {
        for object in &mut self.objects {
            object.at = None;
        }
    }

    /// Compares or reads the object at a position of a row, and gives where it ends. `None` if this is no field with an
    /// object of texts, or if it has blanks, escapes, or keys that are not in order.
    pub(super) fn read(&mut self, name: &str, text: &str, at: usize) -> Option<usize> {
        let object = &mut self.objects[TextsField::named(name)? as usize];
        object.at = None;
        let rest = text.get(at..)?;
        if object.json.is_empty() || !rest.starts_with(&object.json) {
            object.read(rest, self.drops)?;
        }
        object.at = Some(at);
        Some(at + object.json.len())
    }

    /// The pairs of the field in a row, if [`Self::read`] has read them.
    pub(crate) fn pairs<'a>(&self, field: TextsField, text: &'a str) -> Option<Pairs<'a>> {
        let object = &self.objects[field as usize];
        let at = object.at.filter(|_| !self.drops)?;
        let json = text.get(at..at + object.json.len())?;
        Some(Pairs::of_json(json, &object.texts))
    }
}

/// An object of texts without escapes.
#[derive(Debug, Default)]
struct TextsObject {
    /// As it is written; empty if none is remembered.
    json: String,
    /// Where its keys and values are. None if they are dropped.
    texts: Vec<(Range<usize>, Range<usize>)>,
    /// Where it is in the row; `None` if the row does not have it.
    at: Option<usize>,
}

impl TextsObject {
    /// Reads the object that a text begins with.
    fn read(&mut self, text: &str, drops: bool) -> Option<()> {
        self.json.clear();
        self.texts.clear();
        let bytes = text.as_bytes();
        if bytes.first() != Some(&b'{') {
            return None;
        }
        if bytes.get(1) == Some(&b'}') {
            self.json.push_str("{}");
            return Some(());
        }
        let mut quote = 1;
        let mut last = None;
        loop {
            let key = plain(bytes, quote)?;
            if bytes.get(key.end + 1) != Some(&b':') {
                return None;
            }
            let value = plain(bytes, key.end + 2)?;
            let after = value.end + 1;
            if after >= LONGEST {
                return None;
            }
            if !drops {
                let name = text.get(key.clone())?;
                if last.is_some_and(|last| !is_before(last, name)) {
                    return None;
                }
                last = Some(name);
                self.texts.push((key, value));
            }
            match bytes.get(after)? {
                b',' => quote = after + 1,
                b'}' => {
                    self.json.push_str(text.get(..=after)?);
                    return Some(());
                }
                _ => return None,
            }
        }
    }
}

/// The text within the quotes that begin at a position, if it has no escapes.
fn plain(bytes: &[u8], quote: usize) -> Option<Range<usize>> {
    if bytes.get(quote) != Some(&b'"') {
        return None;
    }
    let end = string_stop(bytes, quote + 1)?;
    (bytes.get(end) == Some(&b'"')).then_some(quote + 1..end)
}
