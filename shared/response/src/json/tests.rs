use std::marker::PhantomData;

use proptest::prelude::*;
use serde::de::DeserializeSeed;
use serde_json::Value;

use super::{
    is_same, read,
    repeated::{RepeatedTexts, TextsField},
};
use crate::value::Skipped;

/// Reads any value.
struct Any;

impl<'a> DeserializeSeed<'a> for Any {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<Value, D::Error> {
        serde::Deserialize::deserialize(deserializer)
    }
}

/// The same value as `serde_json`'s, with the same bits, or none; and what is read can be passed over.
fn same(text: &str) -> bool {
    let expected = serde_json::from_str::<Value>(text).ok();
    let found = read(text, Any);
    // Also numbers of different types, and zeros of different signs, are written differently.
    assert_eq!(
        found.as_ref().map(Value::to_string),
        expected.as_ref().map(Value::to_string),
        "{text}"
    );
    assert_eq!(found, expected, "{text}");
    let is_skipped = read(text, PhantomData::<Skipped>).is_some();
    assert_eq!(is_skipped, found.is_some(), "{text}");
    is_skipped
}

#[test]
fn what_rows_are_made_of_is_read() {
    for text in [
        r#"{"name":"a/b","cpuCost":0.07584,"labels":{"team":"shop"},"services":["web",""],"ip":null,"private":true}"#,
        "[null, true, false]",
        " { \"a\" : [ 1 , 2.5 , -3 ] , \"b\" : { } , \"c\" : [ ] } \n",
        r#""\u00e9\n\ud83d\ude00 \\ \" and on""#,
        "\"müßig € 😀 \u{7f}\"",
        "0",
        "-0",
        "-0.0",
        "-1",
        "123456789012345678",
        "1234567890123456789",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "0.1",
        "9007199254740993.0",
        "900719925474099.3",
        "123456.789012345678901234",
        "0.000000000000000001",
        "0.0000000000000000000000001",
        "1e5",
        "-1.5E-7",
        "1e+10",
        "1e-400",
        "2.2250738585072011e-308",
        "1.7976931348623157e308",
    ] {
        assert!(same(text), "{text}");
    }
}

#[test]
fn what_is_not_json_is_not_read() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{\"a\" 1}",
        "{1:2}",
        "{\"a\":1]",
        "01",
        "-",
        "-a",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "1.e5",
        "0x1",
        "1e999",
        "-1e999",
        "NaN",
        "nul",
        "nulL",
        "truefalse",
        "1 1",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"a\nb\"",
        "\"a\u{0}b\"",
        "\"abcdefgh\u{1f}\"",
    ] {
        assert!(!same(text), "{text}");
    }
}

#[test]
fn depth_is_limited_as_in_serde_json() {
    for depth in [1, 126, 127, 128, 129, 300] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let middle = if open == "[" { "" } else { "1" };
            let text = format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(same(&text), depth < 128, "{depth}");
        }
    }
}

#[test]
fn texts_that_differ_in_one_byte_are_not_the_same() {
    for length in 0..40 {
        let text = vec![b'a'; length];
        assert!(is_same(&text, &text.clone()), "{length}");
        for position in 0..length {
            let mut other = text.clone();
            other[position] = b'b';
            assert!(!is_same(&text, &other), "{length}, {position}");
        }
    }
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<f64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        any::<u64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,22})?([eE][+-]?[0-9]{1,3})?",
        "[0-9.eE+-]{1,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn numbers_are_those_of_serde_json(text in number()) {
        same(&text);
    }

    #[test]
    fn texts_are_those_of_serde_json(text in any::<String>(), raw in "[a-zé\"\\\\u0-9\u{0}-\u{1f}]{0,40}") {
        prop_assert!(same(&Value::String(text).to_string()));
        same(&format!("\"{raw}\""));
    }

    #[test]
    fn any_bytes_are_read_as_serde_json_reads_them(text in "[\\[\\]{}:, \t\n\"\\\\a1.e-]{0,30}") {
        same(&text);
    }
}

/// What [`read_row`] reads of an object of texts, after another one; `None` if the reader must read it instead.
fn after(before: &str, labels: &str, drops: bool) -> Option<Option<String>> {
    let mut repeated = RepeatedTexts::new(drops);
    let row = |labels: &str| format!(r#"{{"a":1,"labels":{labels}}}"#);
    let mut read = |text: &str| {
        let at = text.find("labels").unwrap() + 8;
        repeated.begin();
        let end = repeated.read(TextsField::Labels.name(), text, at)?;
        assert_eq!(&text[at..end], &text[at..text.len() - 1]);
        Some(
            repeated
                .pairs(TextsField::Labels, text)
                .map(|pairs| format!("{:?}", &pairs[..])),
        )
    };
    read(&row(before));
    read(&row(labels))
}

#[test]
fn an_object_of_texts_is_read_whatever_was_before() {
    let objects = [
        "{}",
        r#"{"a":"1"}"#,
        r#"{"a":"1","b":"2"}"#,
        r#"{"a":"1","b":"20"}"#,
        r#"{"é":"ü"}"#,
    ];
    for object in objects {
        let pairs: std::collections::BTreeMap<String, String> = serde_json::from_str(object).unwrap();
        let expected = format!("{:?}", pairs.into_iter().collect::<Vec<_>>());
        for before in objects {
            assert_eq!(
                after(before, object, false),
                Some(Some(expected.clone())),
                "{before}, {object}"
            );
            assert_eq!(after(before, object, true), Some(None), "{before}, {object}");
        }
    }
}

#[test]
fn other_objects_are_left_to_the_reader() {
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(16 * 1024));
    for object in [
        "null",
        r#""""#,
        "[]",
        r#"{"a":1}"#,
        r#"{"a":"1",}"#,
        r#"{"a""1"}"#,
        r#"{"a":"1" }"#,
        r#"{ }"#,
        r#"{"a":"\n"}"#,
        r#"{"\u0061":"1"}"#,
        "{\"a\":\"\u{1}\"}",
        long.as_str(),
    ] {
        for before in [r#"{"a":"1"}"#, object] {
            for drops in [false, true] {
                assert_eq!(after(before, object, drops), None, "{object}");
            }
        }
    }
    // Keys that are kept must be in order, so that none comes twice.
    for object in [r#"{"b":"1","a":"2"}"#, r#"{"a":"1","a":"2"}"#] {
        assert_eq!(
            (after("{}", object, false), after("{}", object, true)),
            (None, Some(None))
        );
    }
}
