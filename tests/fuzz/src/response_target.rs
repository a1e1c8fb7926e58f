//! Whole responses: the scanner finds the rows that `serde_json` finds, and accepts what it accepts, however the
//! response is cut into chunks.

use response::{Allocation, Entry, FeedError, ParsedRows, ResponseFault, RowError, RowFault, RowParser, Scanner};
use serde_json::{Map, Value, json};

use crate::json::has_repeated_keys;

type Rows = Vec<(u32, String, Value)>;

/// Recorded and written responses, those that fit into a mutation; of the others, a beginning that is made whole.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = recordings::all()
        .into_iter()
        .filter(|(_, text)| text.len() < 7000)
        .map(|(_, text)| text.into_bytes())
        .collect();
    let rows = crate::row_target::seeds();
    for rows in rows.chunks(2).take(40) {
        let rows: Vec<String> = rows
            .iter()
            .enumerate()
            .map(|(index, row)| format!("\"k{index}\":{}", String::from_utf8_lossy(row)))
            .collect();
        seeds.push(format!("{{\"code\":200,\"data\":[{{{}}}]}}", rows.join(",")).into_bytes());
        seeds.push(format!("{{\"data\":{{{}}}}}", rows.join(",")).into_bytes());
    }
    seeds
}

/// What scanner and row parser make of a response.
enum Found {
    Rows(Rows),
    /// Refused for what it says, or for its shape.
    Refused,
    NotJson,
}

fn scan(response: &[u8], chunk: usize) -> Found {
    use ResponseFault::{Code, Failure, NoData, NotJson, RowTooLong, Shape};
    let mut rows = Vec::new();
    let mut scanner = Scanner::new();
    let mut parser = RowParser::new();
    for chunk in response.chunks(chunk) {
        let fed = scanner.feed(chunk, &mut |entry: Entry<'_>| {
            match parser.parse(entry.key, entry.value) {
                Err(error) if matches!(error.kind, RowFault::Syntax(_)) => return Err(()),
                _ => {}
            }
            let row = serde_json::from_str(entry.value).expect("the row parser accepted it");
            rows.push((entry.set, entry.key.to_owned(), row));
            Ok(())
        });
        match fed {
            Ok(()) => {}
            Err(FeedError::Response(RowTooLong { .. } | Shape { .. })) => return Found::Refused,
            Err(FeedError::Response(NotJson { .. })) if !response.trim_ascii_start().starts_with(b"{") => {
                return Found::Refused;
            }
            Err(_) => return Found::NotJson,
        }
    }
    match scanner.finish() {
        Ok(envelope) => {
            assert_eq!(envelope.entries, rows.len() as u64);
            Found::Rows(rows)
        }
        Err(Code { .. } | Failure { .. } | NoData { .. }) => Found::Refused,
        Err(_) => Found::NotJson,
    }
}

/// The rows as allocations, and how the response ended: with rows that are read from their beginnings, or each when its
/// end is found.
fn allocations(response: &[u8], chunk: usize, from_beginnings: bool) -> (Vec<String>, String) {
    let mut scanner = Scanner::new();
    let mut parser = RowParser::new();
    let mut rows = Vec::new();
    let mut on_row = |set: u32, key: &str, row: Result<Allocation<'_>, RowError>| {
        rows.push(format!("{set} {key} {row:?}"));
        match row {
            Err(error) if matches!(error.kind, RowFault::Syntax(_)) => Err(error),
            _ => Ok(()),
        }
    };
    let fed = response.chunks(chunk).try_for_each(|chunk| {
        if from_beginnings {
            scanner.feed_rows(chunk, &mut ParsedRows::new(&mut parser, &mut on_row))
        } else {
            scanner.feed(chunk, &mut |Entry { set, key, value, .. }| {
                on_row(set, key, parser.parse(key, value))
            })
        }
    });
    let ended = fed.map_or_else(|error| error.to_string(), |()| format!("{:?}", scanner.finish()));
    (rows, ended)
}

/// The rows by `serde_json`; `None` where the response has not the shape of one.
fn expected(value: &Value) -> Option<Rows> {
    let sets: Vec<&Value> = match value.as_object()?.get("data")? {
        Value::Array(sets) => sets.iter().collect(),
        data @ Value::Object(_) => vec![data],
        _ => return None,
    };
    let mut rows = Rows::new();
    for (index, set) in sets.into_iter().enumerate() {
        let entries = match set {
            Value::Null => &Map::new(),
            Value::Object(entries) => entries,
            _ => return None,
        };
        for (key, row) in entries {
            match row {
                Value::Null => {}
                Value::Object(_) => rows.push((u32::try_from(index).ok()?, key.clone(), row.clone())),
                _ => return None,
            }
        }
    }
    Some(rows)
}

/// Whether the response may report a failure: then either verdict will do.
fn may_fail(value: &Value) -> bool {
    let says = |key: &str, harmless: Value| !value[key].is_null() && value[key] != harmless;
    says("code", json!(200))
        || says("status", json!("success"))
        || ["error", "errors", "message", "warning", "warnings"]
            .iter()
            .any(|key| says(key, json!("")))
}

pub(crate) fn check(input: &[u8]) {
    // The first byte says how the rest is cut.
    let Some((first, response)) = input.split_last() else {
        return;
    };
    // The last byte of a recording is a bracket or a line's end: then it is read whole.
    let (response, chunk) = match first {
        b'}' | b'\n' => (input, usize::MAX),
        first => (response, usize::from(*first % 32) + 1),
    };
    assert_eq!(allocations(response, chunk, true), allocations(response, chunk, false));
    let found = scan(response, chunk);
    let value = serde_json::from_slice::<Value>(response);
    match (found, value) {
        (Found::Rows(mut rows), Ok(value)) => {
            if has_repeated_keys(response) {
                return;
            }
            let mut expected = expected(&value).expect("a response that is accepted has the shape of one");
            let order = |row: &(u32, String, Value)| (row.0, row.1.clone());
            rows.sort_by_key(order);
            expected.sort_by_key(order);
            assert_eq!(rows, expected, "other rows than serde_json's");
        }
        (Found::Rows(_), Err(error)) => panic!("accepted what is not JSON: {error}"),
        (Found::NotJson, Ok(_)) => panic!("took JSON for something else"),
        (Found::Refused, Ok(value)) => {
            let fine = expected(&value).is_some() && !may_fail(&value) && !has_repeated_keys(response);
            assert!(!fine, "refused a response");
        }
        (Found::NotJson | Found::Refused, Err(_)) => {}
    }
}
