use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::{Allocation, ParsedRows, RowError, RowFault, RowParser};

type Rows = Vec<(u32, String, Value)>;

/// What a response's rows are as allocations, how the response ended, and how many fields were unknown: with rows that
/// are read from their beginnings, or each when its end is found.
fn allocations(response: &[u8], chunk: usize, from_beginnings: bool, row_limit: usize) -> (Vec<String>, String, u64) {
    let mut scanner = Scanner {
        row_limit,
        ..Scanner::new()
    };
    let mut parser = RowParser::new();
    let mut rows = Vec::new();
    let mut on_row = |set: u32, key: &str, row: Result<Allocation<'_>, RowError>| {
        rows.push(format!("{set} {key} {row:?}"));
        match row {
            Err(error) if matches!(error.kind, RowFault::Syntax(_)) => Err(error),
            _ => Ok(()),
        }
    };
    let fed = response.chunks(chunk.max(1)).try_for_each(|chunk| {
        if from_beginnings {
            scanner.feed_rows(chunk, &mut ParsedRows::new(&mut parser, &mut on_row))
        } else {
            scanner.feed(chunk, &mut |Entry { set, key, value, .. }| {
                on_row(set, key, parser.parse(key, value))
            })
        }
    });
    let ended = match fed {
        Ok(()) => format!("{:?}", scanner.finish()),
        Err(error) => error.to_string(),
    };
    (rows, ended, parser.unknown_fields().total())
}

fn scan(response: &[u8], chunk: usize) -> Result<(Rows, Envelope), FeedError<RowError>> {
    for row_limit in [ROW_LIMIT, 40] {
        assert_eq!(
            allocations(response, chunk, true, row_limit),
            allocations(response, chunk, false, row_limit)
        );
    }
    let mut rows = Vec::new();
    let mut scanner = Scanner::new();
    let mut parser = RowParser::new();
    for chunk in response.chunks(chunk.max(1)) {
        scanner.feed(chunk, &mut |entry: Entry<'_>| {
            if let Err(error) = parser.parse(entry.key, entry.value)
                && let RowFault::Syntax(_) = error.kind
            {
                return Err(error);
            }
            rows.push((
                entry.set,
                entry.key.to_owned(),
                serde_json::from_str(entry.value).unwrap(),
            ));
            Ok(())
        })?;
        // A chunk may be empty.
        scanner.feed(b"", &mut |_: Entry<'_>| Ok::<_, RowError>(()))?;
    }
    assert_eq!(scanner.bytes(), response.len() as u64);
    Ok(scanner.finish().map(|envelope| (rows, envelope))?)
}

/// Whether a response is valid JSON by scanner and row parser; `None` if they refuse its shape.
fn is_json(response: &[u8], chunk: usize) -> Option<bool> {
    use ResponseFault::{Code, Failure, NoData, NotJson, RowTooLong, Shape};
    match scan(response, chunk) {
        Ok(_) => Some(true),
        Err(FeedError::Response(Code { .. } | Failure { .. } | NoData { .. } | RowTooLong { .. } | Shape { .. })) => {
            None
        }
        // Only objects are looked at further.
        Err(FeedError::Response(NotJson { .. })) if !response.trim_ascii_start().starts_with(b"{") => None,
        Err(_) => Some(false),
    }
}

/// The verdict of `serde_json`, and whether the shape is one of those that are accepted.
fn expected(response: &[u8]) -> (bool, bool) {
    let Ok(value) = serde_json::from_slice::<Value>(response) else {
        return (false, false);
    };
    let is_set = |set: &Value| {
        let rows = set.as_object().into_iter().flat_map(Map::values);
        (set.is_object() || set.is_null()) && { rows }.all(|row| row.is_object() || row.is_null())
    };
    let has_data = match &value["data"] {
        Value::Array(sets) => sets.iter().all(is_set),
        data => data.is_object() && is_set(data),
    };
    // What the other members mean has tests of its own: where they may report a failure, either verdict will do.
    let says = |key: &str, harmless: &[Value]| !value[key].is_null() && !harmless.contains(&value[key]);
    let may_fail = says("code", &[json!(200)])
        || says("status", &[json!("success")])
        || ["error", "errors", "message", "warning", "warnings"]
            .iter()
            .any(|key| says(key, &[json!("ok")]));
    (true, has_data && !may_fail)
}

fn compare_verdicts(response: &[u8], chunk: usize) -> Result<(), TestCaseError> {
    let (json, shape) = expected(response);
    let found = is_json(response, chunk);
    let text = String::from_utf8_lossy(response);
    match found {
        Some(found) => prop_assert_eq!(found, json, "{}", text),
        None => prop_assert!(!(json && shape), "refused: {}", text),
    }
    Ok(())
}

/// Valid responses with what JSON has: escapes, numbers, nesting, and values that are skipped.
const VALID: [&str; 4] = [
    r#"{"code":200,"status":"success","data":[{"a/b":{"name":"x","totalCost":-1.5e-3,"properties":{"labels":{"k\u00e9":"\ud83d\ude00"}}},"c/d":null},null,{}],"warning":[1,{"x":0.25},true]}"#,
    r#"{ "x" : [ ] , "data" : { "k" : { "type" : "Node" , "labels" : { } , "pvs" : [ [ 1 ] , { "y" : "\\\"" } ] } } }"#,
    r#"{"meta":{"depth":[[[[]]]],"text":"\n\t\/","number":1E+2,"no":false},"code":200,"data":[{"é\"q":{"totalCost":10,"new":{"a":[null,true]},"window":{"start":"2026-11-20T00:00:00Z"}}}]}"#,
    "{\"data\":[\r\n\t{\"r1\":{\"cpuCost\":0,\"lbAllocations\":[\"]\",\"}\",\"\\\\\"]}},{\"s1\":{\"minutes\":7}}],\"message\":\"ok\"} \n",
];

#[derive(Debug, Clone)]
enum Mutation {
    Delete,
    Insert(u8),
    Replace(u8),
    Repeat,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let byte = prop_oneof![
        4 => prop::sample::select(b"{}[]\",:\\0123-+.eEutfnal /\t\n\r".to_vec()),
        1 => any::<u8>(),
    ];
    prop_oneof![
        Just(Mutation::Delete),
        byte.clone().prop_map(Mutation::Insert),
        byte.prop_map(Mutation::Replace),
        Just(Mutation::Repeat),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn a_response_is_json_exactly_if_serde_json_says_so(
        valid in prop::sample::select(VALID.to_vec()),
        mutations in prop::collection::vec((any::<prop::sample::Index>(), mutation()), 0..4),
        chunk in prop_oneof![1_usize..20, Just(usize::MAX)],
    ) {
        let mut response = valid.as_bytes().to_vec();
        for (index, mutation) in mutations {
            let at = index.index(response.len());
            match mutation {
                Mutation::Delete => {
                    response.remove(at);
                }
                Mutation::Insert(byte) => response.insert(at, byte),
                Mutation::Replace(byte) => response[at] = byte,
                Mutation::Repeat => response.insert(at, response[at]),
            }
        }
        compare_verdicts(&response, chunk)?;
    }

    #[test]
    fn no_bytes_are_too_strange(
        begins in prop_oneof![Just(""), Just("{\"data\":"), Just("{\"data\":[{"), Just("{\"code\":")],
        rest in r#"[{}\[\]",:\\a1n \-]{0,16}"#,
        chunk in 1_usize..20,
    ) {
        compare_verdicts(format!("{begins}{rest}").as_bytes(), chunk)?;
    }
}

#[test]
fn what_json_does_not_allow_is_refused_wherever_it_is() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let mut values: Vec<Vec<u8>> = [
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "1e999",
        "NaN",
        "nul",
        "truex",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\t\"",
        "'a'",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "[1 2]",
        "{\"a\" 1}",
        "{\"\\q\":1}",
        "1\u{c}",
        "\"\u{feff}\"",
        "{]",
        "[\"a\":1]",
    ]
    .map(Vec::from)
    .to_vec();
    values.extend((120..130).map(|depth| nested(depth).into_bytes()));
    values.push(b"\"\xff\"".to_vec());
    values.push(b"{\"\xff\":1}".to_vec());
    let places = [
        ("{\"x\":", ",\"data\":[]}"),
        ("{\"data\":[{\"a\":{\"new\":", "}}]}"),
        ("{\"data\":[{\"a\":{\"pvs\":{\"b\":", "}}}]}"),
        (
            "{\"data\":[{\"a\":{\"totalCost\":1,\"properties\":{\"labels\":{\"b\":",
            "}}}}]}",
        ),
        ("{\"data\":{\"a\":{\"labels\":[", "]}}}"),
        ("{\"data\":[{\"a\":", "}]}"),
    ];
    let mut whole: Vec<Vec<u8>> = [
        "{\"data\":[],}",
        "{\"data\":[{},]}",
        "{\"data\":[{\"a\":{},}]}",
        "{,\"data\":[]}",
        "{\"data\":[,{}]}",
        "{\"data\":[{,}]}",
        "{\"data\":[]}\u{c}",
        "\u{feff}{\"data\":[]}",
        "{\"data\":[{\"a\u{1}\":null}]}",
        "{\"da\\u0074a\":[]}",
        "{\"data\":[{\"\\ud800\":null}]}",
        "{\"data\":[{}}",
        "{\"data\":{]",
        "{\"a\u{1}\":1,\"data\":[]}",
    ]
    .map(Vec::from)
    .to_vec();
    whole.push(b"{\"data\":[{\"\xff\":null}]}".to_vec());
    whole.push(b"{\"\xff\":1,\"data\":[]}".to_vec());
    for (before, after) in places {
        for value in &values {
            whole.push([before.as_bytes(), value, after.as_bytes()].concat());
        }
    }
    for response in whole {
        for chunk in [1, 7, usize::MAX] {
            compare_verdicts(&response, chunk).unwrap();
        }
    }
}

#[test]
fn costs_are_not_counted_twice_if_data_is_given_twice() {
    let error = scan(b"{\"data\":[{\"a\":{\"totalCost\":1}}],\"data\":[]}", 9).unwrap_err();
    assert!(error.to_string().starts_with("'data' is given twice"), "{error}");
}

fn fault(response: &str) -> String {
    assert!(scan(response.as_bytes(), 1).is_err(), "cut into bytes: {response}");
    scan(response.as_bytes(), usize::MAX).unwrap_err().to_string()
}

fn row() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[\\\\\"{}\\[\\],:a]{0,8}".prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("\\PC{0,6}", tree, 0..5).prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn set() -> impl Strategy<Value = Option<Map<String, Value>>> {
    let rows = prop::collection::btree_map("[\\PC\"\\\\]{0,8}", prop::option::weighted(0.9, row()), 0..5);
    prop::option::weighted(0.9, rows).prop_map(|rows| {
        rows.map(|rows| {
            rows.into_iter()
                .map(|(key, row)| (key, row.unwrap_or_default()))
                .collect()
        })
    })
}

proptest! {
    #[test]
    fn rows_are_the_same_however_the_response_is_cut(
        sets in prop::collection::vec(set(), 0..4),
        chunk in 1_usize..40,
        data_first in any::<bool>(),
        pretty in any::<bool>(),
    ) {
        let data = Value::from(sets.iter().map(|set| set.clone().map_or(Value::Null, Value::Object)).collect::<Vec<_>>());
        let data = if pretty { serde_json::to_string_pretty(&data).unwrap() } else { data.to_string() };
        let response = if data_first {
            format!(" {{\"data\": {data} , \"code\":200,\"status\":\"success\"}}\n")
        } else {
            format!("{{\"code\":200,\"x\":[{{\"data\":1}}],\"data\":{data}}}")
        };
        let (rows, envelope) = scan(response.as_bytes(), chunk).unwrap();
        let mut expected: Rows = Vec::new();
        for (index, set) in sets.iter().enumerate() {
            for (key, row) in set.iter().flatten().filter(|(_, row)| !row.is_null()) {
                expected.push((u32::try_from(index).unwrap(), key.clone(), row.clone()));
            }
        }
        prop_assert_eq!(&rows, &expected);
        prop_assert_eq!(envelope.entries, u64::try_from(expected.len()).unwrap());
        prop_assert_eq!(usize::try_from(envelope.sets).unwrap(), sets.len());
    }

    #[test]
    fn a_response_that_is_cut_short_is_refused(keep in 0.0_f64..1.0, chunk in 1_usize..40) {
        let response = json!({ "code": 200, "data": [{ "a/b": { "name": "a\\\"}", "x": [1, { "y": "é" }] } }] }).to_string();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "within the text")]
        let length = (response.len() as f64 * keep) as usize;
        prop_assert!(scan(&response.as_bytes()[..length], chunk).is_err());
    }
}

#[test]
fn responses_without_rows_are_accepted() {
    for data in ["[]", "[{}]", "[null]", "{}", "[{},null]"] {
        let response = format!("{{\"code\":200,\"status\":\"success\",\"data\":{data}}}");
        assert_eq!(scan(response.as_bytes(), 3).unwrap().0, [], "{data}");
    }
}

#[test]
fn one_object_is_one_set() {
    let (rows, envelope) = scan(br#"{"code":200,"data":{"k":{"type":"Node"},"n":null}}"#, 5).unwrap();
    assert_eq!(rows, [(0, "k".to_owned(), json!({ "type": "Node" }))]);
    assert_eq!((envelope.shape, envelope.null_rows), (DataShape::Object, 1));
}

#[test]
fn faults_say_what_the_response_was() {
    insta::assert_snapshot!(
        [
            "",
            "<!DOCTYPE html><html>log in</html>",
            "Invalid 'window' parameter: illegal window: x\n{\"code\":500,\"data\":null}",
            "{\"code\":200,\"data\":[{\"a\":{\"name\":\"a\"",
            "{\"code\":500,\"data\":null,\"message\":\"Error: boundary error\"}",
            "{\"code\":200,\"data\":null}",
            "{\"code\":200,\"status\":\"success\"}",
            "{\"code\":200,\"data\":{\"step\":86400,\"sets\":[]}}",
            "{\"code\":200,\"data\":[[1]]}",
            "{\"code\":200,\"data\":\"x\"}",
            "{\"code\":200,\"data\":[]} and more",
            "{\"code\":200 \"data\":[]}",
            "{\"code\":}",
            "{\"code\":]}",
            "[1]",
        ]
        .map(fault)
        .join("\n"),
    );
}

#[test]
fn a_row_without_end_is_bounded() {
    let mut scanner = Scanner {
        row_limit: 1000,
        ..Scanner::new()
    };
    let mut sink = |_: Entry<'_>| Ok::<_, String>(());
    scanner.feed(b"{\"data\":[{\"a\":{\"b\":\"", &mut sink).unwrap();
    let error = (0..100)
        .find_map(|_| scanner.feed(&[b'x'; 100], &mut sink).err())
        .unwrap();
    assert!(error.to_string().contains("longer than 1000 bytes"), "{error}");
}

#[test]
fn limits_are_those_of_one_row_and_one_key_and_not_of_a_response() {
    let read = |rows: &[(String, String)], row_limit: usize| {
        let rows: Vec<String> = rows.iter().map(|(key, row)| format!("\"{key}\":{row}")).collect();
        let mut scanner = Scanner {
            row_limit,
            ..Scanner::new()
        };
        let response = format!("{{\"data\":[{{{}}}]}}", rows.join(","));
        let mut sink = |_: Entry<'_>| Ok::<_, String>(());
        scanner
            .feed(response.as_bytes(), &mut sink)
            .map_err(|error| error.to_string())?;
        scanner
            .finish()
            .map(|envelope| envelope.entries)
            .map_err(|fault| fault.to_string())
    };
    let row = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
    let many: Vec<_> = (0..50).map(|number| (number.to_string(), row(100))).collect();
    assert_eq!(read(&many, 100), Ok(50));
    assert_eq!(
        read(&[("a".to_owned(), row(101))], 100),
        Err("row 0 is longer than 100 bytes".to_owned())
    );
    // A key's length is that of its text with quotes.
    let key = |length: usize| "k".repeat(length - 2);
    assert_eq!((ROW_LIMIT, KEY_LIMIT), (4_194_304, 65_536));
    let many: Vec<_> = (0..5)
        .map(|number| (number.to_string() + &key(KEY_LIMIT - 1), row(10)))
        .collect();
    assert_eq!(read(&many, ROW_LIMIT), Ok(5));
    let longer = read(&[(key(KEY_LIMIT + 1), row(10))], ROW_LIMIT);
    assert_eq!(longer, Err(format!("row 0 is longer than {KEY_LIMIT} bytes")));
}

/// Rows of recordings and their like, in chunks of all sizes.
#[test]
fn rows_that_are_read_from_their_beginnings_are_the_same() {
    let row = |number: usize| {
        format!(
            r#""c/n/ns/p{number}/é":{{"name":"p","properties":{{"labels":{{"a":"{}"}},"odd":[{number}]}},"cpuCost":0.{number},"x\u0041":1}}"#,
            number / 2
        )
    };
    let others = [
        r#""escaped":{"properties":{"pod":"\n"},"totalCost":1}"#.to_owned(),
        r#""null":null"#.to_owned(),
        r#""blank": { "totalCost" : 1 } "#.to_owned(),
        r#""wrong":{"totalCost":"x"}"#.to_owned(),
        r#""other":{"co2":1}"#.to_owned(),
        format!(
            r#""deep":{{"totalCost":1,"pvs":{}1{}}}"#,
            r#"{"a":"#.repeat(121),
            "}".repeat(121)
        ),
    ];
    let rows: Vec<String> = (0..20).map(row).chain(others).chain((20..24).map(row)).collect();
    let response = format!(r#"{{"code":200,"data":[{{{}}},null,{{"a":{{}}}}]}}"#, rows.join(","));
    for chunk in (1..200).chain([1000, 4096, usize::MAX]) {
        let (found, _) = scan(response.as_bytes(), chunk).unwrap();
        assert_eq!(found.len(), rows.len());
    }
    // One more is too deep, in both ways.
    let deeper = response
        .replace(r#""pvs":"#, r#""pvs":[["#)
        .replace(r#"}},"c/n/ns/p20"#, r#"]]}},"c/n/ns/p20"#);
    let (_, ended, _) = allocations(deeper.as_bytes(), usize::MAX, true, ROW_LIMIT);
    assert_eq!(ended, allocations(deeper.as_bytes(), 1, false, ROW_LIMIT).1);
}

#[test]
fn a_row_is_read_from_its_beginning_where_it_can() {
    struct Counted {
        beginnings: usize,
        rows: usize,
    }
    impl crate::Rows<String> for Counted {
        fn row(&mut self, _: Entry<'_>) -> Result<(), String> {
            self.rows += 1;
            Ok(())
        }

        fn takes_beginnings(&self) -> bool {
            true
        }

        fn beginning(&mut self, entry: Entry<'_>, depth: u8) -> Option<Result<usize, String>> {
            assert_eq!(depth, 3);
            assert_eq!((entry.offset - 14) % 12, 0);
            self.beginnings += 1;
            entry.value.starts_with(r#"{"a":1}"#).then_some(Ok(7))
        }
    }
    let response = r#"{"data":[{"k":{"a":1},"l":{"b":1},"m":{"a":1},"n":{"c":1}}]}"#;
    let mut counted = Counted { beginnings: 0, rows: 0 };
    let mut scanner = Scanner::new();
    // The third row is cut: less is there of it than the row before had.
    for part in [&response[..42], &response[42..]] {
        scanner.feed_rows(part.as_bytes(), &mut counted).unwrap();
    }
    assert_eq!(scanner.finish().unwrap().entries, 4);
    assert_eq!((counted.beginnings, counted.rows), (3, 3));
}
