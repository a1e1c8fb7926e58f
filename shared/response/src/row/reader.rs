//! Reads the fields of a row.

use std::borrow::Cow;

use chrono::DateTime;
use serde::{
    Deserializer,
    de::{DeserializeSeed, MapAccess, Visitor},
};
use table::{Property, number_name};

use super::{
    Allocation, RowError, RowFault, RowParser,
    nested::{FoundNumber, GpuReader, ItemsReader, MaximaReader, services},
};
use crate::{
    fields::{Field, Successors},
    json::repeated::{RepeatedTexts, TextsField},
    pairs::{Pairs, Texts, TextsReader},
    value::{FieldKey, Key, Number, Object, ReadObject, Skipped, Text, TextInto, excerpt, is_nothing},
};

/// The last time that was read: most rows have the same.
#[derive(Debug, Default)]
pub(crate) struct TimeCache {
    /// As it was written; empty before the first one.
    text: String,
    milliseconds: i64,
}

impl TimeCache {
    pub(crate) fn read(&mut self, text: &str) -> Option<i64> {
        if text.is_empty() || self.text != text {
            self.milliseconds = DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis();
            text.clone_into(&mut self.text);
        }
        Some(self.milliseconds)
    }
}

/// A row being read. A fault does not end the reading: the first one is kept and reported with the row.
pub(super) struct Row<'p, 'a> {
    pub(super) parser: &'p mut RowParser,
    allocation: Allocation<'a>,
    has_number: bool,
    has_unknown: bool,
    fault: Option<RowFault>,
}

impl<'a> ReadObject<'a> for &mut Row<'_, 'a> {
    /// What is there instead of the row, if it is not an object.
    type Value = Result<(), String>;

    fn object<A: MapAccess<'a>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        self.parser.fields.begin();
        loop {
            let RowParser {
                unknown, fields: known, ..
            } = &mut *self.parser;
            let has_unknown = &mut self.has_unknown;
            let key = fields.next_key_seed(FieldKey {
                fields: known,
                unknown: |name: &str| {
                    *has_unknown = true;
                    unknown.count(name);
                },
            })?;
            match key {
                None => return Ok(Ok(())),
                Some(Some(Field::Number(index))) => {
                    let number = fields.next_value()?;
                    self.take_number(index, number);
                }
                Some(Some(Field::Name)) => fields.next_value_seed(TextInto(&mut self.allocation.name))?,
                Some(Some(Field::Properties)) => fields.next_value_seed(Object(Properties(self)))?,
                Some(Some(Field::Window)) => fields.next_value_seed(Object(Window(self)))?,
                // A start or end that cannot be read says nothing: only the window says where a row belongs.
                Some(Some(Field::Start)) => {
                    let Text(text) = fields.next_value()?;
                    self.allocation.start = self.parser.start.read(&text);
                }
                Some(Some(Field::End)) => {
                    let Text(text) = fields.next_value()?;
                    self.allocation.end = self.parser.end.read(&text);
                }
                Some(Some(Field::Gpu)) => {
                    let (gpu, numbers) = fields.next_value_seed(Object(GpuReader(&mut self.parser.unknown)))?;
                    self.allocation.gpu = gpu;
                    self.fill(numbers);
                }
                Some(Some(Field::Maxima)) => {
                    let numbers = fields.next_value_seed(Object(MaximaReader(&mut self.parser.unknown)))?;
                    self.fill(numbers);
                }
                Some(Some(Field::Volumes)) => {
                    let reader = ItemsReader::new(&mut self.parser.unknown);
                    self.allocation.volumes = fields.next_value_seed(Object(reader))?;
                }
                Some(Some(Field::LoadBalancers)) => {
                    let reader = ItemsReader::new(&mut self.parser.unknown);
                    self.allocation.load_balancers = fields.next_value_seed(Object(reader))?;
                }
                Some(Some(Field::Skipped) | None) => {
                    fields.next_value::<Skipped>()?;
                }
            }
        }
    }

    fn nothing(self) -> Self::Value {
        Err("null".to_owned())
    }

    fn other(self, found: String) -> Self::Value {
        Err(found)
    }
}

impl<'p, 'a> Row<'p, 'a> {
    pub(super) fn new(parser: &'p mut RowParser) -> Self {
        parser.unknown.clear();
        Self {
            parser,
            allocation: Allocation::empty(),
            has_number: false,
            has_unknown: false,
            fault: None,
        }
    }

    /// The objects of the row before, which its reader had.
    pub(super) fn put_back(&mut self, repeated: RepeatedTexts) {
        self.parser.repeated = repeated;
    }

    /// The row, when all of it was read.
    pub(super) fn complete(mut self, key: &str, shape: Result<(), String>) -> Result<Allocation<'a>, RowError> {
        self.parser.unknown_fields.take(&mut self.parser.unknown);
        let fault = match shape {
            Err(found) => Some(RowFault::NotAnObject { found }),
            // Any field of an allocation can be missing, so only a row that has other fields instead is refused.
            Ok(()) if self.fault.is_none() && self.has_unknown && !self.has_number => Some(RowFault::NoCost),
            Ok(()) => self.fault.take(),
        };
        if let Some(kind) = fault {
            return Err(RowError {
                row: excerpt(key),
                kind,
            });
        }
        if self.allocation.name.is_empty() {
            self.allocation.name = Cow::Owned(key.to_owned());
        }
        self.allocation.complete_total();
        Ok(self.allocation)
    }

    fn note(&mut self, fault: RowFault) {
        self.fault.get_or_insert(fault);
    }

    fn fill(&mut self, numbers: impl IntoIterator<Item = Option<FoundNumber>>) {
        for number in numbers.into_iter().flatten() {
            self.allocation.fill_number(number);
        }
    }

    fn take_number(&mut self, index: usize, number: Number) {
        self.has_number = true;
        self.allocation.has_cost |= self.parser.costs >> index & 1 == 1;
        match number {
            Number::Value(value) => self.allocation.set_number(index, value),
            Number::Missing => {}
            Number::Wrong(found) => self.note(RowFault::Number {
                field: number_name(index),
                found: found.into(),
            }),
        }
    }

    fn take_time(&mut self, field: &'static str, text: &str) -> Option<i64> {
        if is_nothing(text) {
            return None;
        }
        let cache = if field == WINDOW_START {
            &mut self.parser.window_start
        } else {
            &mut self.parser.window_end
        };
        let time = cache.read(text);
        if time.is_none() {
            self.note(RowFault::Time {
                field,
                found: excerpt(text),
            });
        }
        time
    }

    /// Reads the value of a field that holds labels or annotations.
    fn take_texts<A: MapAccess<'a>>(&mut self, field: TextsField, fields: &mut A) -> Result<(), A::Error> {
        let texts = fields.next_value_seed(TextsSeed {
            field,
            drops: self.parser.drops_labels,
        })?;
        *self.texts(field) = match texts {
            Texts::Pairs(pairs) => pairs,
            Texts::Wrong(found) => {
                match field {
                    TextsField::Labels | TextsField::Annotations => self.note(RowFault::Object {
                        field: field.name(),
                        found,
                    }),
                    // It refuses no row: until lately, nobody read these fields.
                    TextsField::NamespaceLabels | TextsField::NamespaceAnnotations => {
                        self.parser.unknown.count(field.name());
                    }
                }
                Pairs::default()
            }
        };
        Ok(())
    }

    fn texts(&mut self, field: TextsField) -> &mut Pairs<'a> {
        match field {
            TextsField::Labels => &mut self.allocation.labels,
            TextsField::Annotations => &mut self.allocation.annotations,
            TextsField::NamespaceLabels => &mut self.allocation.namespace_labels,
            TextsField::NamespaceAnnotations => &mut self.allocation.namespace_annotations,
        }
    }

    /// Takes the pairs of the objects that were compared with those of the row before.
    pub(super) fn take_repeated(&mut self, json: &'a str) {
        for field in TextsField::ALL {
            if let Some(pairs) = self.parser.repeated.pairs(field, json) {
                *self.texts(field) = pairs;
            }
        }
    }
}

/// Reads a row's object of texts.
struct TextsSeed {
    field: TextsField,
    /// Whether it is checked, and none of the texts is kept.
    drops: bool,
}

impl<'de> DeserializeSeed<'de> for TextsSeed {
    type Value = Texts<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let name = self.field.name();
        deserializer.deserialize_newtype_struct(name, Object(self))
    }
}

impl<'de> ReadObject<'de> for TextsSeed {
    type Value = Texts<'de>;

    fn object<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        if self.drops {
            Skipped.visit_map(entries).map(|_| Texts::default())
        } else {
            TextsReader.object(entries)
        }
    }

    fn nothing(self) -> Self::Value {
        Texts::default()
    }

    fn other(self, found: String) -> Self::Value {
        Texts::Wrong(found)
    }
}

const WINDOW_START: &str = "window.start";
const WINDOW_END: &str = "window.end";

#[derive(Debug, Clone, Copy)]
pub(super) enum PropertyField {
    Text(Property),
    Texts(TextsField),
    Services,
}

/// The fields of `properties`.
pub(super) fn property_fields() -> Successors<PropertyField> {
    let texts = Property::ALL.map(|property| (property.field(), PropertyField::Text(property)));
    let others = [
        ("labels", PropertyField::Texts(TextsField::Labels)),
        ("annotations", PropertyField::Texts(TextsField::Annotations)),
        ("namespaceLabels", PropertyField::Texts(TextsField::NamespaceLabels)),
        (
            "namespaceAnnotations",
            PropertyField::Texts(TextsField::NamespaceAnnotations),
        ),
        ("services", PropertyField::Services),
    ];
    Successors::new(texts.into_iter().chain(others).collect())
}

/// The row's `properties`.
struct Properties<'r, 'p, 'a>(&'r mut Row<'p, 'a>);

impl<'a> ReadObject<'a> for Properties<'_, '_, 'a> {
    type Value = ();

    fn object<A: MapAccess<'a>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self(row) = self;
        row.parser.property_fields.begin();
        loop {
            let RowParser {
                unknown,
                property_fields: known,
                ..
            } = &mut *row.parser;
            let key = fields.next_key_seed(FieldKey {
                fields: known,
                unknown: |name: &str| unknown.count(&format!("properties.{name}")),
            })?;
            let Some(field) = key else { return Ok(()) };
            let Some(field) = field else {
                fields.next_value::<Skipped>()?;
                continue;
            };
            match field {
                PropertyField::Text(property) => {
                    fields.next_value_seed(TextInto(&mut row.allocation.properties[property as usize]))?;
                }
                PropertyField::Texts(texts) => row.take_texts(texts, &mut fields)?,
                PropertyField::Services => {
                    row.allocation.services = services(fields.next_value()?, &mut row.parser.unknown);
                }
            }
        }
    }

    fn nothing(self) {}

    fn other(self, found: String) {
        self.0.note(RowFault::Object {
            field: "properties",
            found,
        });
    }
}

/// The row's `window`.
struct Window<'r, 'p, 'a>(&'r mut Row<'p, 'a>);

impl<'a> ReadObject<'a> for Window<'_, '_, 'a> {
    type Value = ();

    fn object<A: MapAccess<'a>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self(row) = self;
        loop {
            let unknown = &mut row.parser.unknown;
            let key = fields.next_key_seed(Key(|name: &str| match name {
                "start" => Some(WINDOW_START),
                "end" => Some(WINDOW_END),
                name => {
                    unknown.count(&format!("window.{name}"));
                    None
                }
            }))?;
            match key {
                None => return Ok(()),
                Some(None) => {
                    fields.next_value::<Skipped>()?;
                }
                Some(Some(field)) => {
                    let Text(text) = fields.next_value()?;
                    let time = row.take_time(field, &text);
                    if field == WINDOW_START {
                        row.allocation.window_start = time;
                    } else {
                        row.allocation.window_end = time;
                    }
                }
            }
        }
    }

    fn nothing(self) {}

    fn other(self, found: String) {
        self.0.note(RowFault::Object { field: "window", found });
    }
}
