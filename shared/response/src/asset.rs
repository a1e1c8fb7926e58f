//! One row of an assets response: a node, a disk, a load balancer, or what else the cluster's bill has, in a window.

use std::borrow::Cow;

use serde::de::MapAccess;
use table::{ASSET_NUMBERS, ASSET_PREEMPTIBLE, ASSET_TOTAL_COST, AssetText};

use crate::{
    fields::UnknownFields,
    json,
    pairs::{Pairs, Texts},
    row::{RowError, RowFault, TimeCache},
    value::{Flag, Key, Number, Object, ReadObject, Skipped, Text, excerpt},
};

/// The field of the table's `gpuHours`, as both sources spell it in assets.
const GPU_HOURS: &str = "GPUHours";

/// An asset, borrowed from its JSON unless an escape had to be decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset<'a> {
    /// `window.start`: milliseconds since 1970, UTC, fractions of a millisecond cut off.
    pub window_start: Option<i64>,
    /// `window.end`, exclusive; as `window_start`.
    pub window_end: Option<i64>,
    /// `start`: when the source first observed the asset within its window; as `window_start`.
    pub start: Option<i64>,
    /// `end`: when the source last observed it; as `window_start`.
    pub end: Option<i64>,
    /// `labels`, in the source's order; Kubecost puts `label_` before the keys.
    pub labels: Pairs<'a>,
    /// `private`: whether a load balancer has a private address only.
    pub private: Option<bool>,
    texts: [Cow<'a, str>; AssetText::ALL.len()],
    numbers: [Option<f64>; ASSET_NUMBERS.len()],
}

impl Asset<'_> {
    fn empty() -> Self {
        Self {
            window_start: None,
            window_end: None,
            start: None,
            end: None,
            labels: Pairs::default(),
            private: None,
            texts: [const { Cow::Borrowed("") }; AssetText::ALL.len()],
            numbers: [None; ASSET_NUMBERS.len()],
        }
    }

    /// A text; empty where it is missing.
    pub fn text(&self, text: AssetText) -> &str {
        &self.texts[text as usize]
    }

    /// A number by its index in [`ASSET_NUMBERS`]; `None` where it is missing or null.
    pub fn number(&self, index: usize) -> Option<f64> {
        self.numbers[index]
    }

    /// `totalCost`, in the source's currency.
    pub fn total_cost(&self) -> Option<f64> {
        self.number(ASSET_TOTAL_COST)
    }

    /// Whether the asset is of a type, as the sources spell it, in any case.
    pub fn is_type(&self, name: &str) -> bool {
        self.text(AssetText::Type).eq_ignore_ascii_case(name)
    }

    pub(crate) fn preemptible(&self) -> Option<f64> {
        self.number(ASSET_PREEMPTIBLE)
    }
}

/// Reads assets. It counts fields that the table has no column for, and caches the last times, which most assets share.
#[derive(Debug, Default)]
pub struct AssetParser {
    unknown: UnknownFields,
    window_start: TimeCache,
    window_end: TimeCache,
    start: TimeCache,
    end: TimeCache,
}

impl AssetParser {
    /// A new parser.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one asset; `None` for null. `key` is its key in the response, for messages. A field that is not of its
    /// type is missing, and counted with the unknown fields; the total cost alone must be a number or null.
    ///
    /// # Errors
    /// When the asset is not an object or not valid JSON, or when its total cost is not a number.
    pub fn parse<'a>(&mut self, key: &str, json: &'a str) -> Result<Option<Asset<'a>>, RowError> {
        let error = |kind| RowError {
            row: excerpt(key),
            kind,
        };
        let read = match json::read(json, Object(AssetReader(self))) {
            Some(read) => read,
            None => {
                json::read_slowly(json, Object(AssetReader(self))).map_err(|source| error(RowFault::Syntax(source)))?
            }
        };
        read.map_err(error)
    }

    /// The fields found so far that the table has no column for.
    pub fn unknown_fields(&self) -> &UnknownFields {
        &self.unknown
    }

    fn number(&mut self, name: &str, number: Number) -> Option<f64> {
        if let Number::Wrong(_) = number {
            self.unknown.count(name);
        }
        number.value()
    }
}

/// The objects of an asset that hold numbers alone.
const OBJECTS_OF_NUMBERS: [&str; 4] = ["cpuBreakdown", "ramBreakdown", "breakdown", "overhead"];

#[derive(Clone, Copy)]
enum AssetField {
    Text(AssetText),
    Number(usize),
    Numbers(&'static str),
    Properties,
    Window,
    Start,
    End,
    Labels,
    Private,
}

fn field(name: &str) -> Option<AssetField> {
    if let Some(text) = AssetText::of(name) {
        return Some(AssetField::Text(text));
    }
    Some(match name {
        "properties" => AssetField::Properties,
        "window" => AssetField::Window,
        "start" => AssetField::Start,
        "end" => AssetField::End,
        "labels" => AssetField::Labels,
        "private" => AssetField::Private,
        name => {
            if let Some(object) = OBJECTS_OF_NUMBERS.into_iter().find(|object| *object == name) {
                AssetField::Numbers(object)
            } else {
                let name = if name == GPU_HOURS { "gpuHours" } else { name };
                AssetField::Number(ASSET_NUMBERS.iter().position(|known| *known == name)?)
            }
        }
    })
}

struct AssetReader<'p>(&'p mut AssetParser);

impl<'a> ReadObject<'a> for AssetReader<'_> {
    type Value = Result<Option<Asset<'a>>, RowFault>;

    fn object<A: MapAccess<'a>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let Self(parser) = self;
        let mut asset = Asset::empty();
        let mut fault = None;
        loop {
            let unknown = &mut parser.unknown;
            let key = fields.next_key_seed(Key(|name: &str| {
                let field = field(name);
                if field.is_none() {
                    unknown.count(name);
                }
                field
            }))?;
            match key {
                None => return Ok(fault.map_or(Ok(Some(asset)), Err)),
                Some(None) => {
                    fields.next_value::<Skipped>()?;
                }
                Some(Some(AssetField::Text(text))) => asset.texts[text as usize] = fields.next_value::<Text<'a>>()?.0,
                Some(Some(AssetField::Number(index))) => {
                    let number: Number = fields.next_value()?;
                    if let (ASSET_TOTAL_COST, Number::Wrong(found)) = (index, &number) {
                        fault = Some(RowFault::Number {
                            field: ASSET_NUMBERS[ASSET_TOTAL_COST],
                            found: found.clone().into(),
                        });
                    }
                    asset.numbers[index] = parser.number(ASSET_NUMBERS[index], number);
                }
                Some(Some(AssetField::Numbers(object))) => {
                    fields.next_value_seed(Object(NumbersReader {
                        parser,
                        asset: &mut asset,
                        object,
                    }))?;
                }
                Some(Some(AssetField::Properties)) => {
                    for (name, value) in fields.next_value::<Texts<'a>>()?.or_none() {
                        match AssetText::of_property(&name) {
                            Some(text) => asset.texts[text as usize] = value,
                            None => parser.unknown.count(&format!("properties.{name}")),
                        }
                    }
                }
                Some(Some(AssetField::Window)) => {
                    for (name, value) in fields.next_value::<Texts<'a>>()?.or_none() {
                        match name.as_ref() {
                            "start" => asset.window_start = parser.window_start.read(&value),
                            "end" => asset.window_end = parser.window_end.read(&value),
                            name => parser.unknown.count(&format!("window.{name}")),
                        }
                    }
                }
                Some(Some(AssetField::Start)) => {
                    let Text(text) = fields.next_value()?;
                    asset.start = parser.start.read(&text);
                }
                Some(Some(AssetField::End)) => {
                    let Text(text) = fields.next_value()?;
                    asset.end = parser.end.read(&text);
                }
                Some(Some(AssetField::Labels)) => asset.labels = fields.next_value::<Texts<'a>>()?.or_none(),
                Some(Some(AssetField::Private)) => match fields.next_value()? {
                    Flag::Value(value) => asset.private = Some(value),
                    Flag::Missing => {}
                    Flag::Wrong => parser.unknown.count("private"),
                },
            }
        }
    }

    fn nothing(self) -> Self::Value {
        Ok(None)
    }

    fn other(self, found: String) -> Self::Value {
        Err(RowFault::NotAnObject { found })
    }
}

/// Reads an object that holds numbers alone.
struct NumbersReader<'r, 'a> {
    parser: &'r mut AssetParser,
    asset: &'r mut Asset<'a>,
    object: &'static str,
}

impl<'a> ReadObject<'a> for NumbersReader<'_, '_> {
    type Value = ();

    fn object<A: MapAccess<'a>>(self, mut fields: A) -> Result<(), A::Error> {
        let is_path = |path: &str, name: &str| {
            path.strip_prefix(self.object).and_then(|rest| rest.strip_prefix('.')) == Some(name)
        };
        while let Some(name) = fields.next_key::<Text<'a>>()? {
            let number: Number = fields.next_value()?;
            match ASSET_NUMBERS.iter().position(|path| is_path(path, &name.0)) {
                Some(index) => self.asset.numbers[index] = self.parser.number(ASSET_NUMBERS[index], number),
                None => self.parser.unknown.count(&format!("{}.{}", self.object, name.0)),
            }
        }
        Ok(())
    }

    fn nothing(self) {}

    fn other(self, _: String) {
        self.parser.unknown.count(self.object);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str) -> usize {
        ASSET_NUMBERS.iter().position(|known| *known == name).unwrap()
    }

    #[test]
    fn an_asset_is_read_with_all_its_fields() {
        let json = r#"{"type":"Node","properties":{"category":"Compute","provider":"AWS","cluster":"one","name":"n1",
            "providerID":"i-1","colour":"blue"},"labels":{"label_team":"a"},"window":{"start":"2026-11-20T00:00:00Z",
            "end":"2026-11-21T00:00:00Z"},"start":"2026-11-20T06:00:00Z","end":"odd","minutes":1080,"nodeType":"m5.large",
            "GPUHours":1.5,"cpuBreakdown":{"idle":0.5,"odd":1},"overhead":{"CpuOverheadFraction":0.25},"preemptible":1,
            "cpuCores":null,"totalCost":"2.5","private":true,"ip":"10.0.0.1","unheardOf":{}}"#;
        let mut parser = AssetParser::new();
        let asset = parser.parse("k", json).unwrap().unwrap();
        assert_eq!(asset.text(AssetText::Category), "Compute");
        assert_eq!(asset.text(AssetText::ProviderId), "i-1");
        assert_eq!(asset.text(AssetText::Account), "");
        assert_eq!(asset.window_end.unwrap() - asset.window_start.unwrap(), 86_400_000);
        assert_eq!(asset.start.unwrap() - asset.window_start.unwrap(), 6 * 3_600_000);
        assert_eq!(asset.end, None);
        assert_eq!(asset.private, Some(true));
        for (name, expected) in [
            ("minutes", Some(1080.0)),
            ("gpuHours", Some(1.5)),
            ("cpuBreakdown.idle", Some(0.5)),
            ("overhead.CpuOverheadFraction", Some(0.25)),
            ("breakdown.idle", None),
            ("cpuCores", None),
        ] {
            assert_eq!(asset.number(index(name)), expected, "{name}");
        }
        assert_eq!(asset.total_cost(), Some(2.5));
        let unknown: Vec<&str> = parser.unknown_fields().names().keys().map(String::as_str).collect();
        assert_eq!(unknown, ["cpuBreakdown.odd", "properties.colour", "unheardOf"]);
    }

    #[test]
    fn what_is_odd_is_missing_and_counted_and_a_total_that_is_no_number_is_refused() {
        let mut parser = AssetParser::new();
        let json = r#"{"type":"Disk","minutes":"x","labels":["odd"],"breakdown":7,"private":3,"totalCost":null}"#;
        let asset = parser.parse("k", json).unwrap().unwrap();
        assert_eq!((asset.number(0), asset.total_cost(), asset.private), (None, None, None));
        assert_eq!(parser.unknown_fields().total(), 3);
        assert_eq!(parser.parse("k", "null").unwrap(), None);
        for json in [
            "[]",
            "1",
            r#"{"totalCost":"NaN"}"#,
            r#"{"totalCost":[]}"#,
            r#"{"type":"#,
        ] {
            let message = parser.parse("the-key", json).unwrap_err().to_string();
            assert!(message.starts_with("row 'the-key': "), "{message}");
        }
    }
}
