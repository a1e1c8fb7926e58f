use proptest::prelude::*;

use super::*;
use crate::{fields::row_fields, pairs::Texts};

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
fn excerpts_end_between_characters() {
    assert_eq!(excerpt(&"ä".repeat(500)).chars().count(), 121);
    assert_eq!(excerpt("short"), "short");
}

/// No JSON has such a value: an error of another deserializer says what was expected.
#[test]
fn errors_say_what_was_expected() {
    type Bytes<'a> = value::BytesDeserializer<'a, value::Error>;
    let bytes = || Bytes::new(b"");
    let said = [
        Text::deserialize(bytes()).unwrap_err(),
        Number::deserialize(bytes()).unwrap_err(),
        Texts::deserialize(bytes()).unwrap_err(),
        List::deserialize(bytes()).unwrap_err(),
        Key(|_: &str| ()).deserialize(bytes()).unwrap_err(),
        Skipped::deserialize(bytes()).map(drop).unwrap_err(),
        FieldKey {
            fields: &mut row_fields(),
            unknown: |_: &str| (),
        }
        .deserialize(bytes())
        .unwrap_err(),
    ];
    let said = said.map(|error| error.to_string().replace("invalid type: byte array, ", ""));
    let expected = [
        "a text",
        "a number",
        "an object",
        "a list of texts",
        "a key",
        "a value",
        "a key",
    ];
    assert_eq!(said, expected.map(|what| format!("expected {what}")));
}
