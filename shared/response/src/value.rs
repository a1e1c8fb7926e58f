//! Values as the sources write them: texts that may be other scalars, numbers that may be texts, objects that may be
//! null.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor, value},
};

/// A text. Null is empty; another scalar, array or object is its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(if value { "true" } else { "false" }))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        serde_json::Value::deserialize(value::SeqAccessDeserializer::new(items))
            .map(|value| Cow::Owned(value.to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        serde_json::Value::deserialize(value::MapAccessDeserializer::new(entries))
            .map(|value| Cow::Owned(value.to_string()))
    }
}

/// A number, or what was there instead.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Number {
    Value(f64),
    /// Null, the same as a missing field.
    Missing,
    Wrong(String),
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
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
            _ => Number::Wrong(format!("the text '{}'", excerpt(text))),
        })
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Number, E> {
        Ok(Number::Wrong(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Number, A::Error> {
        Skipped.visit_seq(items).map(|_| Number::Wrong("an array".to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Number, A::Error> {
        Skipped
            .visit_map(entries)
            .map(|_| Number::Wrong("an object".to_owned()))
    }
}

/// Keys and values of an object of texts, in the source's order, no key twice.
pub type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// An object of texts, or what was there instead. Null and the texts that stand for it are an empty object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Texts<'a> {
    Pairs(Pairs<'a>),
    Wrong(String),
}

impl Default for Texts<'_> {
    fn default() -> Self {
        Self::Pairs(Pairs::new())
    }
}

impl<'a> Texts<'a> {
    /// The pairs; none where something else was there.
    pub(crate) fn or_none(self) -> Pairs<'a> {
        match self {
            Self::Pairs(pairs) => pairs,
            Self::Wrong(_) => Pairs::new(),
        }
    }
}

impl<'de> Deserialize<'de> for Texts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Object(TextsReader).deserialize(deserializer)
    }
}

struct TextsReader;

impl<'de> ReadObject<'de> for TextsReader {
    type Value = Texts<'de>;

    fn object<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        // Rows with labels have 10 to 25 of them.
        let mut pairs = Pairs::with_capacity(32);
        let mut in_order = true;
        while let Some((Text(key), Text(value))) = entries.next_entry()? {
            in_order &= pairs.last().is_none_or(|(last, _)| *last < key);
            pairs.push((key, value));
        }
        // Both sources sort keys, so the search for duplicates is rarely needed.
        if !in_order {
            keep_last_of_each(&mut pairs);
        }
        Ok(Texts::Pairs(pairs))
    }

    fn nothing(self) -> Self::Value {
        Texts::default()
    }

    fn other(self, found: String) -> Self::Value {
        Texts::Wrong(found)
    }
}

/// Of a key given twice the later value counts, as in any JSON parser.
fn keep_last_of_each(pairs: &mut Pairs<'_>) {
    let mut seen = std::collections::HashSet::with_capacity(pairs.len());
    let mut kept: Pairs<'_> = std::mem::take(pairs)
        .into_iter()
        .rev()
        .filter(|(key, _)| seen.insert(key.clone()))
        .collect();
    kept.reverse();
    *pairs = kept;
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

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Key<F> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<T, E> {
        Ok((self.0)(key))
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
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Skipped {
    type Value = Self;

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
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_exact(json in "-?(0|[1-9][0-9]{0,17})\\.[0-9]{1,18}(e-?[0-9]{1,2})?") {
            let expected: f64 = json.parse().unwrap();
            prop_assert_eq!(number(&json), Number::Value(expected));
        }
    }

    fn text(json: &str) -> String {
        serde_json::from_str::<Text<'_>>(json).unwrap().0.into_owned()
    }

    fn number(json: &str) -> Number {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn texts_stay_exactly_as_they_are() {
        for exact in [
            "1.20",
            "8080",
            "001",
            "NA",
            "null",
            "true",
            "😀",
            "a\"b",
            "line\nbreak",
            "",
            " ",
        ] {
            assert_eq!(text(&serde_json::to_string(exact).unwrap()), exact);
        }
    }

    #[test]
    fn other_values_in_the_place_of_texts_are_their_json() {
        for (json, expected) in [
            ("null", ""),
            ("true", "true"),
            ("8080", "8080"),
            ("-1", "-1"),
            ("1.5", "1.5"),
            ("[1,\"a\"]", "[1,\"a\"]"),
        ] {
            assert_eq!(text(json), expected);
        }
        assert_eq!(text("{\"a\": {}}"), "{\"a\":{}}");
    }

    #[test]
    fn numbers_may_be_texts() {
        for (json, expected) in [
            ("720", 720.0),
            ("0.75866", 0.758_66),
            ("-186.57", -186.57),
            ("\"1.5\"", 1.5),
            ("-0.000000", 0.0),
            ("1e3", 1000.0),
        ] {
            assert_eq!(number(json), Number::Value(expected), "{json}");
        }
        assert_eq!(
            number("18446744073709551616"),
            Number::Value(18_446_744_073_709_551_616.0)
        );
        assert_eq!(number("null"), Number::Missing);
        for json in ["\"abc\"", "\"\"", "\"NaN\"", "\"inf\"", "true", "[]", "{\"a\":1}"] {
            assert!(matches!(number(json), Number::Wrong(_)), "{json}");
        }
    }

    #[test]
    fn of_a_key_given_twice_the_later_value_counts() {
        let Texts::Pairs(pairs) = serde_json::from_str(r#"{"b":"1","a":"2","b":"3"}"#).unwrap() else {
            panic!()
        };
        assert_eq!(
            pairs,
            [("a".into(), "2".into()), ("b".into(), "3".into())] as [(Cow<'_, str>, Cow<'_, str>); 2]
        );
        let Texts::Pairs(pairs) = serde_json::from_str(r#"{"a":"1","a":"2"}"#).unwrap() else {
            panic!()
        };
        assert_eq!(pairs.len(), 1);
    }

    #[test]
    fn excerpts_end_between_characters() {
        assert_eq!(excerpt(&"ä".repeat(500)).chars().count(), 121);
        assert_eq!(excerpt("short"), "short");
    }
}
