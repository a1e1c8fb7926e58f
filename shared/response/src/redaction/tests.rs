use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::Scanner;

fn rules(removed: &[&str], kept: &[&str]) -> KeyRules {
    let texts = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    KeyRules::new(&texts(removed), &texts(kept)).unwrap()
}

/// A response without what is removed, given in chunks of a size.
fn redact(redaction: &Redaction, response: &str, chunk: usize) -> (String, Redacted) {
    let mut redactor = redaction.redactor().unwrap();
    let mut scanner = Scanner::new();
    let mut given = Vec::new();
    for chunk in response.as_bytes().chunks(chunk.max(1)) {
        let fed = scanner.feed(chunk, &mut |entry| {
            redactor.row(&entry);
            Ok::<(), std::convert::Infallible>(())
        });
        fed.unwrap();
        given.extend_from_slice(redactor.take(chunk, scanner.settled()));
    }
    given.extend_from_slice(redactor.finish());
    let bytes = scanner.finish().unwrap().bytes;
    assert_eq!(bytes - redactor.removed_bytes(), given.len() as u64);
    (String::from_utf8(given).unwrap(), redactor.into_removed())
}

fn response(row: &str) -> String {
    format!(r#"{{"code":200,"data":[{{"a":{row}}}]}}"#)
}

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

#[test]
fn members_are_cut_out_with_one_comma_and_nothing_else_changes() {
    let redaction = Redaction {
        labels: rules(&["x", "internal/*"], &[]),
        annotations: rules(&[LAST_APPLIED], &[]),
    };
    for (row, expected) in [
        (
            r#"{"properties":{"labels":{"x":"1"}}}"#,
            r#"{"properties":{"labels":{}}}"#,
        ),
        (
            r#"{"properties":{"labels":{"x":"1","y":"2"}}}"#,
            r#"{"properties":{"labels":{"y":"2"}}}"#,
        ),
        (
            r#"{"properties":{"labels":{"y":"2" , "x":"1"}}}"#,
            r#"{"properties":{"labels":{"y":"2"}}}"#,
        ),
        (
            r#"{"properties":{"labels":{"x":1, "internal_a":2, "y":3, "internal/b":null, "x":[{}], "z" : {"x":1} }}}"#,
            r#"{"properties":{"labels":{"y":3, "z" : {"x":1} }}}"#,
        ),
        (
            r#"{"properties":{"namespaceLabels":{"a":1,"x":2},"namespaceAnnotations":{"kubectl_kubernetes_io_last_applied_configuration":"{\"x\":1}"}},"x":1}"#,
            r#"{"properties":{"namespaceLabels":{"a":1},"namespaceAnnotations":{}},"x":1}"#,
        ),
        // Mixed spellings, escapes, and the labels of an asset.
        (
            r#"{"properties":{"annotations":{"kubectl.kubernetes.io/last_applied-configuration":1,"kubectl.kubernetes.io\/last-applied\u002dconfiguration":2}}}"#,
            r#"{"properties":{"annotations":{}}}"#,
        ),
        (
            r#"{"labels":{"label_x":"1","label_y":"2"}}"#,
            r#"{"labels":{"label_y":"2"}}"#,
        ),
        // Labels are not annotations, and other objects are neither.
        (
            r#"{"properties":{"annotations":{"x":1},"labels":null},"pvs":{"x":{"labels":{"x":1}}}}"#,
            r#"{"properties":{"annotations":{"x":1},"labels":null},"pvs":{"x":{"labels":{"x":1}}}}"#,
        ),
    ] {
        for chunk in [1, 7, 1000] {
            let (found, _) = redact(&redaction, &response(row), chunk);
            assert_eq!(found, response(expected), "{chunk}");
        }
    }
}

#[test]
fn kept_keys_remove_all_others_but_what_node_columns_are_made_of() {
    let redaction = Redaction {
        labels: rules(&["team-secret"], &["team*", "app.kubernetes.io/name"]),
        annotations: KeyRules::default(),
    };
    let row = r#"{"labels":{"label_team":"a","label_topology_kubernetes_io_zone":"b","label_owner":"c","app_kubernetes_io_name":"d","team_secret":"e"},"annotations":{"f":"g"}}"#;
    let (found, removed) = redact(&redaction, &response(row), 10);
    let expected = r#"{"labels":{"label_team":"a","label_topology_kubernetes_io_zone":"b","app_kubernetes_io_name":"d"},"annotations":{"f":"g"}}"#;
    assert_eq!(found, response(expected));
    let counted: Vec<(&str, u64)> = removed
        .labels
        .iter()
        .map(|(key, count)| (key.as_str(), *count))
        .collect();
    assert_eq!(counted, [("label_owner", 1), ("team_secret", 1)]);
}

#[test]
fn a_whole_key_is_no_prefix_and_no_key_of_its_length() {
    let removed = rules(&["team", "app*"], &[]);
    for (key, is_removed) in [("team", true), ("teams", false), ("tea", false), ("meat", false)] {
        assert_eq!(removed.removes(key), is_removed, "{key}");
    }
    for (key, is_removed) in [("app", true), ("apps", true), ("ap", false), ("mapp", false)] {
        assert_eq!(removed.removes(key), is_removed, "{key}");
    }
    let kept = rules(&[], &["team"]);
    for (key, is_removed) in [
        ("kubernetes_io_arch", false),
        ("kubernetes.io/arch", false),
        ("kubernetes_io_arcs", true),
    ] {
        assert_eq!(kept.removes(key), is_removed, "{key}");
    }
}

#[test]
fn what_is_no_key_is_refused_and_nothing_to_remove_needs_no_redactor() {
    for text in ["", "a b", "*a", "a**", "ä", "a,b"] {
        assert!(KeyRules::new(&[text.to_owned()], &[]).is_err(), "{text}");
    }
    assert!(Redaction::default().redactor().is_none());
}

#[test]
fn names_are_bounded_and_all_are_counted() {
    let redaction = Redaction {
        labels: rules(&["*"], &[]),
        annotations: KeyRules::default(),
    };
    let labels: Vec<String> = (0..150).map(|number| format!(r#""l{number}":1"#)).collect();
    let row = format!(r#"{{"properties":{{"labels":{{{}}}}}}}"#, labels.join(","));
    let (_, removed) = redact(&redaction, &response(&row), 100);
    assert_eq!((removed.labels.len(), removed.others), (MOST_NAMES, 50));
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("x".to_owned()),
        Just("internal/a".to_owned()),
        Just("kubectl_kubernetes_io_last_applied_configuration".to_owned()),
        Just("quote\"d\\".to_owned()),
        "[a-c]{1,2}",
        any::<String>(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        Just(Value::Null),
        prop::collection::btree_map(key(), any::<String>().prop_map(Value::from), 0..3)
            .prop_map(|members| Value::Object(members.into_iter().collect())),
    ]
}

fn object() -> impl Strategy<Value = Value> {
    let members = prop::collection::btree_map(key(), value(), 0..6);
    prop_oneof![
        9 => members.prop_map(|members| Value::Object(members.into_iter().collect())),
        1 => value(),
    ]
}

fn row() -> impl Strategy<Value = Value> {
    (object(), object(), object(), object(), key(), value()).prop_map(
        |(labels, annotations, own, spaces, key, value)| {
            let mut properties = Map::new();
            properties.insert("labels".to_owned(), labels);
            properties.insert("annotations".to_owned(), annotations);
            properties.insert("namespaceLabels".to_owned(), spaces);
            properties.insert(key, value);
            let mut row = Map::new();
            row.insert("labels".to_owned(), own);
            row.insert("properties".to_owned(), Value::Object(properties));
            Value::Object(row)
        },
    )
}

/// What should be left of a row, by the parsed value.
fn expected(redaction: &Redaction, row: &mut Value) {
    let retain = |object: &mut Value| {
        for (field, value) in object.as_object_mut().into_iter().flatten() {
            if let (Some((rules, _)), Some(members)) = (redaction.rules(field), value.as_object_mut()) {
                members.retain(|key, _| !rules.removes(key));
            }
        }
    };
    retain(row);
    retain(&mut row["properties"]);
}

proptest! {
    #[test]
    fn what_is_left_is_the_response_without_the_keys(
        rows in prop::collection::btree_map("[a-z]{1,3}", row(), 0..4),
        pretty in any::<bool>(),
        keeps in any::<bool>(),
        chunk in 1_usize..200,
    ) {
        let kept: &[&str] = if keeps { &["a*", "internal/a"] } else { &[] };
        let redaction = Redaction {
            labels: rules(&["x", "b*"], kept),
            annotations: rules(&[LAST_APPLIED], &[]),
        };
        let response = |rows: &std::collections::BTreeMap<String, Value>| serde_json::json!({"code": 200, "data": [rows]});
        let original = response(&rows);
        let text = if pretty { serde_json::to_string_pretty(&original) } else { serde_json::to_string(&original) }.unwrap();
        let (found, removed) = redact(&redaction, &text, chunk);
        let mut left = rows;
        left.values_mut().for_each(|row| expected(&redaction, row));
        prop_assert_eq!(serde_json::from_str::<Value>(&found).unwrap(), response(&left));
        if removed.is_empty() {
            prop_assert_eq!(found, text);
        }
    }
}
