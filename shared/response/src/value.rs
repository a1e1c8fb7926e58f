//! Values as the sources write them: texts that may be other scalars, numbers that may be texts, objects that may be
//! null.

use std::{borrow::Cow, fmt};

use contract::units::shortened;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor, value},
};

use crate::fields::Successors;

/// A text. Null is empty; another scalar, array or object is its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = Cow::Borrowed("");
        TextInto(&mut text).deserialize(deserializer)?;
        Ok(Self(text))
    }
}

/// Reads a [`Text`] into its place, so that it is not moved.
pub(crate) struct TextInto<'t, 'de>(pub(crate) &'t mut Cow<'de, str>);

impl<'de> DeserializeSeed<'de> for TextInto<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> TextInto<'_, 'de> {
    fn put<E>(self, text: impl Into<Cow<'de, str>>) -> Result<(), E> {
        *self.0 = text.into();
        Ok(())
    }
}

impl<'de> Visitor<'de> for TextInto<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        self.put(text)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.put(text.to_owned())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put("")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.put(if value { "true" } else { "false" })
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.put(value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.put(value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.put(value.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        let value = serde_json::Value::deserialize(value::SeqAccessDeserializer::new(items))?;
        self.put(value.to_string())
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        let value = serde_json::Value::deserialize(value::MapAccessDeserializer::new(entries))?;
        self.put(value.to_string())
    }
}

/// A number, or what was there instead.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Number {
    Value(f64),
    /// Null, the same as a missing field.
    Missing,
    /// Boxed, so that a number fits into two registers.
    Wrong(Box<Found>),
}

/// A description of what was there instead.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found(String);

impl From<String> for Box<Found> {
    fn from(found: String) -> Self {
        Self::new(Found(found))
    }
}

impl From<Box<Found>> for String {
    fn from(found: Box<Found>) -> Self {
        found.0
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

impl Number {
    /// The value; `None` where it is missing or something else was there.
    pub(crate) fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            Self::Missing | Self::Wrong(_) => None,
        }
    }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
        Ok(Number::Value(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "all numbers of the table are doubles")]
    fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
        Ok(Number::Value(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "all numbers of the table are doubles")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
        Ok(Number::Value(value as f64))
    }

    fn visit_unit<E: Error>(self) -> Result<Number, E> {
        Ok(Number::Missing)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
        // Rust reads "NaN" and "inf" as numbers; a sum with one of them would be lost.
        Ok(match text.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Number::Value(value),
            _ => Number::Wrong(format!("the text '{}'", excerpt(text)).into()),
        })
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Number, E> {
        Ok(Number::Wrong(value.to_string().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Number, A::Error> {
        Skipped
            .visit_seq(items)
            .map(|_| Number::Wrong("an array".to_owned().into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Number, A::Error> {
        Skipped
            .visit_map(entries)
            .map(|_| Number::Wrong("an object".to_owned().into()))
    }
}

/// Reads an object where one must be, and defines what any other value becomes.
pub(crate) trait ReadObject<'de>: Sized {
    type Value;

    fn object<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error>;

    /// Null, or a text that stands for it.
    fn nothing(self) -> Self::Value;

    /// Any other value; `found` describes it.
    fn other(self, found: String) -> Self::Value;
}

/// Deserializes any value with a [`ReadObject`].
pub(crate) struct Object<R>(pub(crate) R);

impl<'de, R: ReadObject<'de>> DeserializeSeed<'de> for Object<R> {
    type Value = R::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<R::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, R: ReadObject<'de>> Visitor<'de> for Object<R> {
    type Value = R::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<R::Value, A::Error> {
        self.0.object(entries)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<R::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_unit<E: Error>(self) -> Result<R::Value, E> {
        Ok(self.0.nothing())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<R::Value, E> {
        Ok(if is_nothing(text) {
            self.0.nothing()
        } else {
            self.0.other(format!("the text '{}'", excerpt(text)))
        })
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<R::Value, E> {
        Ok(self.0.other(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<R::Value, E> {
        Ok(self.0.other(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<R::Value, E> {
        Ok(self.0.other(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<R::Value, E> {
        Ok(self.0.other(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<R::Value, A::Error> {
        Skipped.visit_seq(items).map(|_| self.0.other("an array".to_owned()))
    }
}

/// Reads a key in place, without a copy.
pub(crate) struct Key<F>(pub(crate) F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for Key<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

/// Reads the key of a known field; `None` for an unknown one, which `unknown` gets. A deserializer that compares keys
/// with the expected one gives no key if it is that.
pub(crate) struct FieldKey<'s, F, U> {
    pub(crate) fields: &'s mut Successors<F>,
    pub(crate) unknown: U,
}

impl<'de, F: Copy, U: FnOnce(&str)> DeserializeSeed<'de> for FieldKey<'_, F, U> {
    type Value = Option<F>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<F>, D::Error> {
        deserializer.deserialize_unit_struct(self.fields.expected(), self)
    }
}

impl<F: Copy, U: FnOnce(&str)> Visitor<'_> for FieldKey<'_, F, U> {
    type Value = Option<F>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_unit<E: Error>(self) -> Result<Option<F>, E> {
        Ok(self.fields.take_expected())
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Option<F>, E> {
        let field = self.fields.find(key);
        if field.is_none() {
            (self.unknown)(key);
        }
        Ok(field)
    }
}

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Key<F> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<T, E> {
        Ok((self.0)(key))
    }
}

/// A yes or no, or what was there instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    Value(bool),
    /// Null, the same as a missing field.
    Missing,
    Wrong,
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(deserializer)?;
        Ok(match text.as_ref() {
            "true" => Self::Value(true),
            "false" => Self::Value(false),
            text if is_nothing(text) => Self::Missing,
            _ => Self::Wrong,
        })
    }
}

/// A list of texts, or something else. Null and the texts that stand for it are an empty list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum List<'a> {
    Texts(Vec<Cow<'a, str>>),
    Wrong,
}

impl<'de> Deserialize<'de> for List<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = List<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(Text(text)) = items.next_element()? {
            texts.push(text);
        }
        Ok(List::Texts(texts))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(List::Texts(Vec::new()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(if is_nothing(text) {
            List::Texts(Vec::new())
        } else {
            List::Wrong
        })
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(List::Wrong)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(List::Wrong)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(List::Wrong)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(List::Wrong)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        Skipped.visit_map(entries).map(|_| List::Wrong)
    }
}

/// Texts that programs in Python and Go are known to write for null.
pub(crate) fn is_nothing(text: &str) -> bool {
    matches!(text, "" | "None" | "null" | "<nil>")
}

/// Any value, checked as strictly as one that is kept, and dropped. Serde's `IgnoredAny` accepts numbers that are out
/// of range and escapes of half a character.
pub(crate) struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(Self::NAME, Self)
    }
}

impl Skipped {
    /// A deserializer that can check a value without visiting it does so for this name.
    pub(crate) const NAME: &'static str = "Skipped";
}

impl<'de> Visitor<'de> for Skipped {
    type Value = Self;

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

/// The beginning of a text, for messages.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 120;
    shortened(text, LONGEST)
}

#[cfg(test)]
mod tests;
