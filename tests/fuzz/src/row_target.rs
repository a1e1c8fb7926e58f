//! Single rows: the same numbers, times and texts as `serde_json` has, and the same verdict.

use std::{cell::RefCell, collections::BTreeMap};

use chrono::DateTime;
use response::{Allocation, RowError, RowFault, RowParser, TotalCost};
use serde_json::{Map, Value};
use table::{COST_PARTS, GPU_REQUEST_AVERAGE, GPU_USAGE_AVERAGE, NUMBERS, Property, TOTAL_COST, number_name};

use crate::json::has_repeated_keys;

/// Fields of a row that are not numbers.
const OTHERS: [&str; 11] = [
    "name",
    "properties",
    "window",
    "start",
    "end",
    "pvs",
    "lbAllocations",
    "rawAllocationOnly",
    "gpuAllocation",
    "proportionalAssetResourceCosts",
    "sharedCostBreakdown",
];

/// The rows of all recordings.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (_, text) in recordings::all() {
        let Ok(response) = serde_json::from_str::<Value>(&text) else {
            continue;
        };
        let sets = match &response["data"] {
            Value::Array(sets) => sets.clone(),
            other => vec![other.clone()],
        };
        let rows = sets.iter().filter_map(Value::as_object).flat_map(Map::values);
        // Rows of one recording are much alike.
        seeds.extend(
            rows.filter(|row| row.is_object())
                .step_by(7)
                .map(|row| row.to_string().into_bytes()),
        );
    }
    seeds
}

fn is_nothing(text: &str) -> bool {
    ["", "None", "null", "<nil>"].contains(&text)
}

/// A number: its value, or nothing where it is missing; an error where something else is there.
fn number(value: Option<&Value>) -> Result<Option<f64>, ()> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(Value::String(text)) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(()),
        },
        Some(_) => Err(()),
    }
}

/// An object, empty where it is missing; an error where something else is there.
fn object(value: Option<&Value>) -> Result<Map<String, Value>, ()> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(Value::String(text)) if is_nothing(text) => Ok(Map::new()),
        Some(_) => Err(()),
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        // The parser writes a number as short as it can: -150, and not -150.0.
        Some(Value::Number(number)) if number.is_f64() => {
            number.as_f64().map(|number| number.to_string()).unwrap_or_default()
        }
        Some(other) => other.to_string(),
    }
}

fn time(value: Option<&Value>) -> Result<Option<i64>, ()> {
    let text = text(value);
    if is_nothing(&text) {
        return Ok(None);
    }
    let time = DateTime::parse_from_rfc3339(&text).map_err(|_| ())?;
    Ok(Some(time.timestamp_millis()))
}

struct Expected {
    numbers: Vec<Option<f64>>,
    window: (Option<i64>, Option<i64>),
    labels: BTreeMap<String, String>,
    namespace: String,
}

/// The row by `serde_json`; an error where it must be refused.
fn expected(row: &Map<String, Value>) -> Result<Expected, ()> {
    let mut numbers = Vec::new();
    for index in 0..NUMBERS {
        numbers.push(number(row.get(number_name(index)))?);
    }
    let has_number = (0..NUMBERS).any(|index| row.contains_key(number_name(index)));
    let is_known =
        |name: &String| OTHERS.contains(&name.as_str()) || (0..NUMBERS).any(|index| number_name(index) == name);
    if !has_number && !row.keys().all(is_known) {
        return Err(());
    }
    // Numbers that other versions have in objects of the row. What is wrong there refuses nothing.
    let gpu = object(row.get("gpuAllocation")).unwrap_or_default();
    let maxima = object(row.get("rawAllocationOnly")).unwrap_or_default();
    for (index, own) in numbers.iter_mut().enumerate() {
        let within = match index {
            GPU_REQUEST_AVERAGE | GPU_USAGE_AVERAGE => &gpu,
            table::CPU_CORE_USAGE_MAX | table::RAM_BYTE_USAGE_MAX | table::GPU_USAGE_MAX => &maxima,
            _ => continue,
        };
        let found = number(within.get(number_name(index))).unwrap_or_default();
        *own = own.or(found);
    }
    if numbers[TOTAL_COST].is_none() && COST_PARTS.iter().any(|part| numbers[*part].is_some()) {
        numbers[TOTAL_COST] = Some(COST_PARTS.iter().map(|part| numbers[*part].unwrap_or(0.0)).sum());
    }
    let properties = object(row.get("properties"))?;
    let labels = object(properties.get("labels"))?;
    object(properties.get("annotations"))?;
    let window = object(row.get("window"))?;
    Ok(Expected {
        numbers,
        window: (time(window.get("start"))?, time(window.get("end"))?),
        labels: labels
            .iter()
            .map(|(key, value)| (key.clone(), text(Some(value))))
            .collect(),
        namespace: text(properties.get("namespace")),
    })
}

fn compare(found: &Allocation<'_>, expected: &Expected) {
    for (index, wanted) in expected.numbers.iter().enumerate() {
        let found = found.number(index);
        assert_eq!(
            found.map(f64::to_bits),
            wanted.map(f64::to_bits),
            "{}",
            number_name(index)
        );
    }
    let parts: f64 = COST_PARTS.iter().map(|part| found.numbers()[*part]).sum();
    let total = found.numbers()[TOTAL_COST];
    match found.total_cost {
        TotalCost::Computed => assert_eq!(total.to_bits(), parts.to_bits()),
        TotalCost::Disagrees => assert!((total - parts).abs() > 1e-4 || !total.is_finite() || !parts.is_finite()),
        TotalCost::Given => {}
    }
    assert_eq!((found.window_start, found.window_end), expected.window);
    let labels: BTreeMap<String, String> = found
        .labels
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect();
    assert_eq!(labels, expected.labels);
    assert_eq!(found.labels.len(), labels.len(), "a label comes twice");
    assert_eq!(found.property(Property::Namespace), expected.namespace);
}

thread_local! {
    /// A parser that has read the inputs before, and one without labels.
    static PARSERS: RefCell<[RowParser; 2]> = RefCell::new([RowParser::new(), RowParser::without_labels()]);
}

/// What was read before changes nothing.
fn check_after_others(json: &str, expected: &Result<Allocation<'_>, RowError>) {
    PARSERS.with_borrow_mut(|[parser, without_labels]| {
        // The second time it is the row before.
        for _ in 0..2 {
            let found = parser.parse("the-key", json);
            assert_eq!(
                found.as_ref().map_err(ToString::to_string),
                expected.as_ref().map_err(ToString::to_string)
            );
            let found = without_labels.parse("the-key", json);
            let total = |row: &Allocation<'_>| (row.number(TOTAL_COST).map(f64::to_bits), row.total_cost);
            assert_eq!(
                found.as_ref().map(total).map_err(ToString::to_string),
                expected.as_ref().map(total).map_err(ToString::to_string)
            );
        }
    });
}

pub(crate) fn check(input: &[u8]) {
    let Ok(json) = std::str::from_utf8(input) else {
        return;
    };
    let found = RowParser::new().parse("the-key", json);
    check_after_others(json, &found);
    let value = serde_json::from_str::<Value>(json);
    match (found, value) {
        (Ok(found), Ok(Value::Object(row))) => {
            // No source writes a key twice, and the values of both may count.
            if !has_repeated_keys(input) {
                let expected = expected(&row).expect("accepted a row that is not one");
                compare(&found, &expected);
            }
        }
        (Ok(_), other) => panic!("accepted what is no row: {other:?}"),
        (Err(error), Ok(value)) => {
            assert!(
                !matches!(error.kind, RowFault::Syntax(_)),
                "took JSON for something else: {error}"
            );
            if let Value::Object(row) = &value
                && !has_repeated_keys(input)
            {
                assert!(expected(row).is_err(), "refused a row: {error}");
            }
        }
        (Err(error), Err(_)) => assert!(matches!(error.kind, RowFault::Syntax(_)), "{error}"),
    }
}
