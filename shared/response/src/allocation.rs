//! One row of an allocation answer: what something in the cluster cost in a window.

use std::{borrow::Cow, collections::BTreeMap};

use chrono::DateTime;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess};
use table::{NUMBERS, Property, is_cost, number_index, number_name};

use crate::value::{Key, Number, Object, Pairs, ReadObject, Text, Texts, excerpt, is_nothing};

/// A row, borrowed from its JSON where no escape had to be undone.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation<'a> {
    /// The row's name; empty where it has none.
    pub name: Cow<'a, str>,
    /// `window.start`: milliseconds since 1970, UTC, fractions of a millisecond cut off.
    pub window_start: Option<i64>,
    /// `window.end`: the moment after the last, as `window_start`.
    pub window_end: Option<i64>,
    /// `properties.labels`, in the source's order.
    pub labels: Pairs<'a>,
    /// `properties.annotations`, in the source's order.
    pub annotations: Pairs<'a>,
    numbers: [f64; NUMBERS],
    present: u64,
    has_cost: bool,
    properties: [Cow<'a, str>; Property::ALL.len()],
}

const _: () = assert!(NUMBERS <= 64, "one bit of `present` for each number");

impl<'a> Allocation<'a> {
    fn empty() -> Self {
        Self {
            name: Cow::Borrowed(""),
            window_start: None,
            window_end: None,
            labels: Pairs::new(),
            annotations: Pairs::new(),
            numbers: [0.0; NUMBERS],
            present: 0,
            has_cost: false,
            properties: [const { Cow::Borrowed("") }; Property::ALL.len()],
        }
    }

    /// All numbers by their indexes in [`table`]; missing ones are 0.
    pub fn numbers(&self) -> &[f64; NUMBERS] {
        &self.numbers
    }

    /// A number by its index in [`table`]; `None` where the row lacks it or it is null.
    pub fn number(&self, index: usize) -> Option<f64> {
        (self.present >> index & 1 == 1).then(|| self.numbers[index])
    }

    /// Whether the row has a field with a cost, be it null. An answer without one in any of its rows is an answer of
    /// another API.
    pub fn has_cost(&self) -> bool {
        self.has_cost
    }

    /// A text field of `properties`; empty where it is missing.
    pub fn property(&self, property: Property) -> &str {
        &self.properties[property as usize]
    }

    /// The name of the row's node: the property, or for an idle row without it what its name says
    /// (`<cluster>/<node>/__idle__`). Empty for rows without a node.
    pub fn node(&self) -> &str {
        let node = self.property(Property::Node);
        if !node.is_empty() {
            return node;
        }
        let mut segments = self.name.rsplit('/');
        if segments.next() == Some("__idle__") {
            segments.next().unwrap_or("")
        } else {
            ""
        }
    }

    fn set_number(&mut self, index: usize, value: f64) {
        self.numbers[index] = value;
        self.present |= 1 << index;
    }
}

/// Reads rows. It remembers what it met that the table has no column for, and the last times, which most rows share.
#[derive(Debug, Default)]
pub struct RowParser {
    unknown: UnknownFields,
    fields: Successors,
    start: TimeCache,
    end: TimeCache,
}

impl RowParser {
    /// A parser that has not met anything yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one row. `key` is its key in the answer, for messages.
    ///
    /// # Errors
    /// When the row is not an object, has unknown fields and none of the numbers of an allocation, or holds something
    /// else where a number, a time or an object must be.
    pub fn parse<'a>(&mut self, key: &str, json: &'a str) -> Result<Allocation<'a>, RowError> {
        let error = |kind| RowError {
            row: excerpt(key),
            kind,
        };
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let mut row = Row {
            parser: self,
            allocation: Allocation::empty(),
            has_number: false,
            has_unknown: false,
            fault: None,
        };
        Object(&mut row)
            .deserialize(&mut deserializer)
            .and_then(|shape| deserializer.end().map(|()| shape))
            .map_err(|source| error(RowFault::Syntax(source)))?
            .map_err(|found| error(RowFault::NotAnObject { found }))?;
        match row.fault {
            Some(fault) => Err(error(fault)),
            // Any field of an allocation can be missing: only what has others instead is something else.
            None if row.has_unknown && !row.has_number => Err(error(RowFault::NoCost)),
            None => Ok(row.allocation),
        }
    }

    /// The fields met so far that the table has no column for.
    pub fn unknown_fields(&self) -> &UnknownFields {
        &self.unknown
    }
}

/// Names and numbers of fields that are not known. Only the first names are kept, so that rows cannot fill the memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownFields {
    names: BTreeMap<String, u64>,
    total: u64,
}

impl UnknownFields {
    const MOST_NAMES: usize = 64;
    const LONGEST_NAME: usize = 128;

    /// How often an unknown field was met.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The first 64 names, each with how often it was met.
    pub fn names(&self) -> &BTreeMap<String, u64> {
        &self.names
    }

    fn count(&mut self, name: &str) {
        self.total += 1;
        if let Some(count) = self.names.get_mut(name) {
            *count += 1;
        } else if self.names.len() < Self::MOST_NAMES && name.len() <= Self::LONGEST_NAME {
            self.names.insert(name.to_owned(), 1);
        }
    }
}

/// Why a row cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("row '{row}': {kind}")]
pub struct RowError {
    /// The row's key in the answer, shortened.
    pub row: String,
    /// What is wrong with it.
    pub kind: RowFault,
}

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
pub enum RowFault {
    /// Something else where a number must be.
    #[error("field '{field}' holds {found}, where a number must be")]
    Number {
        /// The field.
        field: &'static str,
        /// What it holds, shortened.
        found: String,
    },
    /// Something else where a time must be.
    #[error("field '{field}' holds '{found}', where a time as in RFC 3339 must be")]
    Time {
        /// The field.
        field: &'static str,
        /// What it holds, shortened.
        found: String,
    },
    /// Something else where an object must be.
    #[error("field '{field}' holds {found}, where an object must be")]
    Object {
        /// The field.
        field: &'static str,
        /// What it holds, shortened.
        found: String,
    },
    /// The row itself is not an object.
    #[error("is {found}, where an object must be")]
    NotAnObject {
        /// What it is.
        found: String,
    },
    /// Not one number of an allocation, but other fields: another kind of answer (carbon estimates, for example).
    #[error("has fields, but none with a cost: this is not an answer of the allocation API")]
    NoCost,
    /// Not JSON, or text that is not valid Unicode.
    #[error("is not valid JSON: {0}")]
    Syntax(serde_json::Error),
}

#[derive(Debug, Default)]
struct TimeCache {
    text: String,
    milliseconds: i64,
}

impl TimeCache {
    fn read(&mut self, text: &str) -> Option<i64> {
        if self.text != text {
            self.milliseconds = DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis();
            text.clone_into(&mut self.text);
        }
        Some(self.milliseconds)
    }
}

/// A row while it is read. A fault does not end the reading: the first one is kept, and reported with its row.
struct Row<'p, 'a> {
    parser: &'p mut RowParser,
    allocation: Allocation<'a>,
    has_number: bool,
    has_unknown: bool,
    fault: Option<RowFault>,
}

/// A field of a row that is known: a number by its index, or `NUMBERS` and more for one of [`OTHERS`].
type Field = u8;

/// The fields that are no numbers; those after the third have no column.
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
const FIELDS: usize = NUMBERS + OTHERS.len();
const NAME: usize = NUMBERS;
const PROPERTIES: usize = NUMBERS + 1;
const WINDOW: usize = NUMBERS + 2;

const _: () = assert!(FIELDS < Field::MAX as usize);

fn field_name(field: usize) -> &'static str {
    if field < NUMBERS {
        number_name(field)
    } else {
        OTHERS[field - NUMBERS]
    }
}

fn field_of(name: &str) -> Option<usize> {
    number_index(name).or_else(|| {
        let other = OTHERS.iter().position(|other| *other == name)?;
        Some(NUMBERS + other)
    })
}

/// Which field came after which. A source writes the fields of all rows in one order, so that a field's name is usually
/// compared with one name only.
#[derive(Debug)]
struct Successors {
    /// By the field before; the last entry is that of a row's first field.
    next: [Field; FIELDS + 1],
    before: usize,
}

impl Default for Successors {
    fn default() -> Self {
        Self {
            next: [0; FIELDS + 1],
            before: FIELDS,
        }
    }
}

impl Successors {
    fn begin_row(&mut self) {
        self.before = FIELDS;
    }

    fn find(&mut self, name: &str) -> Option<usize> {
        let expected = usize::from(self.next[self.before]);
        let field = if field_name(expected) == name {
            expected
        } else {
            let field = field_of(name)?;
            self.next[self.before] = Field::try_from(field).unwrap_or_default();
            field
        };
        self.before = field;
        Some(field)
    }
}

impl<'a> ReadObject<'a> for &mut Row<'_, 'a> {
    /// What stands in the row's place, if that is no object.
    type Value = Result<(), String>;

    fn object<A: MapAccess<'a>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        self.parser.fields.begin_row();
        loop {
            let RowParser {
                unknown, fields: known, ..
            } = &mut *self.parser;
            let has_unknown = &mut self.has_unknown;
            let key = fields.next_key_seed(Key(|name: &str| {
                let field = known.find(name);
                if field.is_none() {
                    *has_unknown = true;
                    unknown.count(name);
                }
                field
            }))?;
            match key {
                None => return Ok(Ok(())),
                Some(Some(index)) if index < NUMBERS => {
                    let number = fields.next_value()?;
                    self.take_number(index, number);
                }
                Some(Some(NAME)) => self.allocation.name = fields.next_value::<Text<'a>>()?.0,
                Some(Some(PROPERTIES)) => fields.next_value_seed(Object(Properties(self)))?,
                Some(Some(WINDOW)) => fields.next_value_seed(Object(Window(self)))?,
                Some(_) => {
                    fields.next_value::<IgnoredAny>()?;
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

impl<'a> Row<'_, 'a> {
    fn note(&mut self, fault: RowFault) {
        self.fault.get_or_insert(fault);
    }

    fn take_number(&mut self, index: usize, number: Number) {
        self.has_number = true;
        self.allocation.has_cost |= is_cost(index);
        match number {
            Number::Value(value) => self.allocation.set_number(index, value),
            Number::Missing => {}
            Number::Wrong(found) => self.note(RowFault::Number {
                field: number_name(index),
                found,
            }),
        }
    }

    fn take_time(&mut self, field: &'static str, text: &str) -> Option<i64> {
        if is_nothing(text) {
            return None;
        }
        let cache = if field == WINDOW_START {
            &mut self.parser.start
        } else {
            &mut self.parser.end
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

    fn take_texts(&mut self, field: &'static str, texts: Texts<'a>) -> Pairs<'a> {
        match texts {
            Texts::Pairs(pairs) => pairs,
            Texts::Wrong(found) => {
                self.note(RowFault::Object { field, found });
                Pairs::new()
            }
        }
    }
}

const WINDOW_START: &str = "window.start";
const WINDOW_END: &str = "window.end";

enum PropertyField {
    Text(Property),
    Labels,
    Annotations,
    Skipped,
}

/// The row's `properties`.
struct Properties<'r, 'p, 'a>(&'r mut Row<'p, 'a>);

impl<'a> ReadObject<'a> for Properties<'_, '_, 'a> {
    type Value = ();

    fn object<A: MapAccess<'a>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self(row) = self;
        loop {
            let unknown = &mut row.parser.unknown;
            let key = fields.next_key_seed(Key(|name: &str| match (Property::of(name), name) {
                (Some(property), _) => PropertyField::Text(property),
                (None, "labels") => PropertyField::Labels,
                (None, "annotations") => PropertyField::Annotations,
                (None, "services" | "namespaceLabels" | "namespaceAnnotations") => PropertyField::Skipped,
                (None, name) => {
                    unknown.count(&format!("properties.{name}"));
                    PropertyField::Skipped
                }
            }))?;
            let Some(field) = key else { return Ok(()) };
            match field {
                PropertyField::Text(property) => {
                    row.allocation.properties[property as usize] = fields.next_value::<Text<'a>>()?.0;
                }
                PropertyField::Labels => {
                    let texts = fields.next_value()?;
                    row.allocation.labels = row.take_texts("properties.labels", texts);
                }
                PropertyField::Annotations => {
                    let texts = fields.next_value()?;
                    row.allocation.annotations = row.take_texts("properties.annotations", texts);
                }
                PropertyField::Skipped => {
                    fields.next_value::<IgnoredAny>()?;
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
            let key = fields.next_key_seed(Key(|name: &str| match name {
                "start" => Some(WINDOW_START),
                "end" => Some(WINDOW_END),
                _ => None,
            }))?;
            match key {
                None => return Ok(()),
                Some(None) => {
                    fields.next_value::<IgnoredAny>()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Allocation<'_>, RowError> {
        RowParser::new().parse("the-key", json)
    }

    fn row(json: &str) -> Allocation<'_> {
        parse(json).unwrap()
    }

    fn fault(json: &str) -> String {
        parse(json).unwrap_err().to_string()
    }

    fn named(allocation: &Allocation<'_>, name: &str) -> Option<f64> {
        allocation.number(number_index(name).unwrap())
    }

    #[test]
    fn a_row_is_read_field_by_field() {
        let row = row(
            r#"{"name":"c/n/ns/p/x","properties":{"cluster":"c","node":"n","namespace":"ns","pod":"p","container":"x",
            "controller":"d","controllerKind":"deployment","providerID":"i-1","services":["a"],
            "labels":{"app":"x","version":"1.20"},"annotations":{"note":"a\"b\n😀"}},
            "window":{"start":"2026-11-20T00:00:00Z","end":"2026-11-21T00:00:00Z"},"minutes":1440,"cpuCost":0.5,
            "totalCost":"1.25","totalEfficiency":null,"pvs":{"a":{"cost":1}},"lbAllocations":null}"#,
        );
        assert_eq!(row.name, "c/n/ns/p/x");
        assert_eq!(row.window_start, Some(1_795_132_800_000));
        assert_eq!(row.window_end, Some(1_795_219_200_000));
        let properties: Vec<&str> = Property::ALL.iter().map(|property| row.property(*property)).collect();
        assert_eq!(properties, ["c", "x", "ns", "p", "n", "d", "deployment", "i-1"]);
        assert_eq!(
            row.labels,
            [("app".into(), "x".into()), ("version".into(), "1.20".into())] as [(Cow<'_, str>, Cow<'_, str>); 2]
        );
        assert_eq!(row.annotations[0].1, "a\"b\n😀");
        assert!(matches!(row.labels[0].0, Cow::Borrowed(_)));
        assert_eq!(named(&row, "minutes"), Some(1440.0));
        assert_eq!(named(&row, "totalCost"), Some(1.25));
        assert_eq!(named(&row, "totalEfficiency"), None);
        assert_eq!(row.numbers()[number_index("totalEfficiency").unwrap()], 0.0);
    }

    #[test]
    fn rows_may_lack_everything() {
        for json in [
            "{}",
            r#"{"name":"","properties":{"cluster":""},"minutes":0}"#,
            r#"{"totalCost":0,"new":1}"#,
            r#"{"cpuCost":null,"properties":null,"window":null,"name":null}"#,
            r#"{"cpuCost":1,"properties":{"labels":null,"annotations":"None","node":null},"window":{"start":null,"end":""},"pvs":"None"}"#,
            r#"{"cpuCost":1,"properties":"","window":{},"pvs":{}}"#,
        ] {
            let row = row(json);
            assert_eq!(
                (row.name.as_ref(), row.window_start, row.window_end),
                ("", None, None),
                "{json}"
            );
            assert!(row.labels.is_empty() && row.property(Property::Node).is_empty());
        }
    }

    #[test]
    fn times_have_fractions_and_offsets() {
        for (text, expected) in [
            ("2026-11-20T00:00:00.123456789Z", 1_795_132_800_123),
            ("2026-11-20T01:00:00.9999+01:00", 1_795_132_800_999),
            ("2026-11-19T19:00:00-05:00", 1_795_132_800_000),
        ] {
            let json = format!(r#"{{"totalCost":0,"window":{{"start":"{text}","end":"{text}"}}}}"#);
            let row = row(&json);
            assert_eq!(
                (row.window_start, row.window_end),
                (Some(expected), Some(expected)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_parser_does_not_mix_up_times_of_rows() {
        let mut parser = RowParser::new();
        let json = |start, end| format!(r#"{{"totalCost":0,"window":{{"start":"{start}","end":"{end}"}}}}"#);
        for (start, end) in [
            ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"),
            ("2026-11-21T00:00:00Z", "2026-11-21T00:00:01Z"),
        ] {
            for _ in 0..2 {
                let json = json(start, end);
                let row = parser.parse("", &json).unwrap();
                let expected = |text| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
                assert_eq!(
                    (row.window_start, row.window_end),
                    (Some(expected(start)), Some(expected(end)))
                );
            }
        }
    }

    #[test]
    fn idle_rows_name_their_node() {
        for (json, node) in [
            (
                r#"{"name":"c/n1/__idle__","totalCost":1,"properties":{"cluster":"c"}}"#,
                "n1",
            ),
            (
                r#"{"name":"c/n1/__idle__","totalCost":1,"properties":{"cluster":"c","node":"n2"}}"#,
                "n2",
            ),
            (r#"{"name":"__idle__","totalCost":1}"#, ""),
            (r#"{"name":"c/n1/ns/pod/x","totalCost":1}"#, ""),
        ] {
            assert_eq!(row(json).node(), node, "{json}");
        }
    }

    #[test]
    fn faults_name_row_and_field() {
        let faults: Vec<String> = [
            r#"{"cpuCost":"abc"}"#,
            r#"{"cpuCost":1,"minutes":{"a":1}}"#,
            r#"{"cpuCost":1,"window":{"start":"yesterday"}}"#,
            r#"{"cpuCost":1,"window":"2026-11-20"}"#,
            r#"{"cpuCost":1,"properties":[]}"#,
            r#"{"cpuCost":1,"properties":{"labels":["a"]}}"#,
            r#"{"co2e":1.5,"properties":{}}"#,
            "[]",
            "null",
            "720",
            r#"{"cpuCost":1,"#,
            r#"{"cpuCost":1e999}"#,
        ]
        .into_iter()
        .map(fault)
        .collect();
        insta::assert_snapshot!(faults.join("\n"), @r"
        row 'the-key': field 'cpuCost' holds the text 'abc', where a number must be
        row 'the-key': field 'minutes' holds an object, where a number must be
        row 'the-key': field 'window.start' holds 'yesterday', where a time as in RFC 3339 must be
        row 'the-key': field 'window' holds the text '2026-11-20', where an object must be
        row 'the-key': field 'properties' holds an array, where an object must be
        row 'the-key': field 'properties.labels' holds an array, where an object must be
        row 'the-key': has fields, but none with a cost: this is not an answer of the allocation API
        row 'the-key': is an array, where an object must be
        row 'the-key': is null, where an object must be
        row 'the-key': is 720, where an object must be
        row 'the-key': is not valid JSON: EOF while parsing a value at line 1 column 13
        row 'the-key': is not valid JSON: number out of range at line 1 column 16
        ");
    }

    #[test]
    fn fields_are_found_in_any_order() {
        let mut parser = RowParser::new();
        for order in [
            ["cpuCost", "name", "minutes"],
            ["minutes", "cpuCost", "name"],
            ["name", "new", "minutes"],
        ] {
            for _ in 0..2 {
                let fields = order.map(|field| format!(r#""{field}":"{}""#, field.len()));
                let json = format!("{{{},\"totalCost\":1}}", fields.join(","));
                let row = parser.parse("", &json).unwrap();
                assert_eq!(row.name, "4");
                assert_eq!(named(&row, "minutes"), Some(7.0));
                assert_eq!(named(&row, "cpuCost"), order.contains(&"cpuCost").then_some(7.0));
                assert_eq!(named(&row, "totalCost"), Some(1.0));
            }
        }
        for field in 0..FIELDS {
            assert_eq!(field_of(field_name(field)), Some(field));
        }
    }

    #[test]
    fn unknown_fields_are_counted_and_their_names_bounded() {
        let mut parser = RowParser::new();
        for index in 0..200 {
            let json = format!(r#"{{"totalCost":1,"field{index}":{{"a":[1]}},"properties":{{"new":1}}}}"#);
            parser.parse("", &json).unwrap();
        }
        let unknown = parser.unknown_fields();
        assert_eq!((unknown.total(), unknown.names().len()), (400, 64));
        assert_eq!(unknown.names()["properties.new"], 200);
    }
}
