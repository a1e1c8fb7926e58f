//! One row of an allocation response: what something in the cluster cost in a window.

use std::borrow::Cow;

use table::{COST_PARTS, NUMBERS, Property, TOTAL_COST, is_cost};

pub(crate) use self::reader::TimeCache;
use self::{
    nested::FoundNumber,
    reader::{PropertyField, Row, property_fields},
};
use crate::{
    fields::{Field, Successors, UnknownFields, row_fields},
    json::{self, repeated::RepeatedTexts},
    pairs::Pairs,
    value::{Object, excerpt},
};

mod nested;
mod reader;

pub use nested::{Gpu, LoadBalancer, Volume};

/// How far a total may differ from the sum of its 14 parts: each number is rounded to 5 decimals, which adds up to
/// 0.75e-4.
const TOTAL_TOLERANCE: f64 = 1e-4;
/// The same for large costs, relative to the total.
const RELATIVE_TOTAL_TOLERANCE: f64 = 1e-6;

/// The name of volumes that no pod used, in place of container, pod and namespace.
const UNMOUNTED: &str = "__unmounted__";

/// How the total cost of a row came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotalCost {
    /// The source gave it, and it agrees with its parts; or the row has no cost at all.
    Given,
    /// The source left it out, or wrote null: it is the sum of its parts.
    Computed,
    /// The source gave it, and it disagrees with its parts. It is kept.
    Disagrees,
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// What ran in the cluster.
    Workload,
    /// Capacity of nodes that nobody used or requested.
    Idle,
    /// Volumes, and load balancers, that no pod used.
    Unmounted,
    /// What has not the property by which the rows are aggregated.
    Unallocated,
    /// Costs that the source is configured to share among the others.
    Shared,
}

impl RowKind {
    /// The word in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Idle => "idle",
            Self::Unmounted => "unmounted",
            Self::Unallocated => "unallocated",
            Self::Shared => "shared",
        }
    }
}

/// A row, borrowed from its JSON unless an escape had to be decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation<'a> {
    /// The row's name; empty where it has none.
    pub name: Cow<'a, str>,
    /// `window.start`: milliseconds since 1970, UTC, fractions of a millisecond cut off.
    pub window_start: Option<i64>,
    /// `window.end`, exclusive; as `window_start`.
    pub window_end: Option<i64>,
    /// `start`: when the source first observed the row within its window; as `window_start`.
    pub start: Option<i64>,
    /// `end`: when the source last observed it; as `window_start`.
    pub end: Option<i64>,
    /// How the row's total cost came about.
    pub total_cost: TotalCost,
    /// `properties.labels`, in the source's order.
    pub labels: Pairs<'a>,
    /// `properties.annotations`, in the source's order.
    pub annotations: Pairs<'a>,
    /// `properties.namespaceLabels`, in the source's order.
    pub namespace_labels: Pairs<'a>,
    /// `properties.namespaceAnnotations`, in the source's order.
    pub namespace_annotations: Pairs<'a>,
    /// `properties.services`: names of the Kubernetes services of the row's pod.
    pub services: Vec<Cow<'a, str>>,
    /// `gpuAllocation`.
    pub gpu: Gpu<'a>,
    /// `pvs`, in the source's order.
    pub volumes: Vec<Volume<'a>>,
    /// `lbAllocations`, in the source's order.
    pub load_balancers: Vec<LoadBalancer<'a>>,
    numbers: [f64; NUMBERS],
    present: u64,
    has_cost: bool,
    properties: [Cow<'a, str>; Property::ALL.len()],
}

const fn mask(indexes: &[usize]) -> u64 {
    let mut mask = 0;
    let mut position = 0;
    while position < indexes.len() {
        mask |= 1 << indexes[position];
        position += 1;
    }
    mask
}

const _: () = assert!(NUMBERS <= 64, "one bit of `present` for each number");

impl<'a> Allocation<'a> {
    fn empty() -> Self {
        Self {
            name: Cow::Borrowed(""),
            window_start: None,
            window_end: None,
            start: None,
            end: None,
            total_cost: TotalCost::Given,
            labels: Pairs::default(),
            annotations: Pairs::default(),
            namespace_labels: Pairs::default(),
            namespace_annotations: Pairs::default(),
            services: Vec::new(),
            gpu: Gpu::default(),
            volumes: Vec::new(),
            load_balancers: Vec::new(),
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

    /// What the row is about, in milliseconds: its window, else from its start to its end; `None` without both.
    pub(crate) fn interval(&self) -> Option<(i64, i64)> {
        self.window_start.zip(self.window_end).or(self.start.zip(self.end))
    }

    /// Whether the row belongs to a window, in milliseconds: by its own window, else by its start and end; without
    /// those it does.
    pub(crate) fn is_within(&self, (start, end): (i64, i64)) -> bool {
        self.interval()
            .is_none_or(|(from, to)| start <= from && from <= to && to <= end)
    }

    /// Whether the row has a field with a cost, even if it is null. A response none of whose rows has one is a response
    /// of another API.
    pub(crate) fn has_cost(&self) -> bool {
        self.has_cost
    }

    /// A text field of `properties`; empty where it is missing.
    pub fn property(&self, property: Property) -> &str {
        &self.properties[property as usize]
    }

    /// The name of the row's node: the property, or for an idle row without it the name in its own name
    /// (`<cluster>/<node>/__idle__`). Empty for rows without a node.
    pub(crate) fn node(&self) -> &str {
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

    /// What the row is, by its name and properties.
    pub fn kind(&self) -> RowKind {
        let is_unmounted = |property| self.property(property) == UNMOUNTED;
        if [Property::Container, Property::Pod, Property::Namespace]
            .into_iter()
            .any(is_unmounted)
        {
            return RowKind::Unmounted;
        }
        let last = self.name.rsplit('/').next().unwrap_or("");
        match last {
            "__idle__" => RowKind::Idle,
            UNMOUNTED => RowKind::Unmounted,
            "__unallocated__" | "" => RowKind::Unallocated,
            "__shared__" => RowKind::Shared,
            last if last.ends_with("-unmounted-pvcs") && self.property(Property::Node).is_empty() => RowKind::Unmounted,
            _ => RowKind::Workload,
        }
    }

    fn set_number(&mut self, index: usize, value: f64) {
        self.numbers[index] = value;
        self.present |= 1 << index;
    }

    /// Sets a number that the row may have itself: then that counts.
    fn fill_number(&mut self, (index, value): FoundNumber) {
        if self.number(index).is_none() {
            self.set_number(index, value);
        }
    }

    /// Compares the total cost with its parts, and computes it where the source left it out.
    fn complete_total(&mut self) {
        const PARTS: u64 = mask(&COST_PARTS);
        if self.present & PARTS == 0 {
            return;
        }
        let parts: f64 = COST_PARTS.iter().map(|index| self.numbers[*index]).sum();
        match self.number(TOTAL_COST) {
            None => {
                self.set_number(TOTAL_COST, parts);
                self.total_cost = TotalCost::Computed;
            }
            Some(total) => {
                if (total - parts).abs() > TOTAL_TOLERANCE + RELATIVE_TOTAL_TOLERANCE * total.abs() {
                    self.total_cost = TotalCost::Disagrees;
                }
            }
        }
    }
}

/// Reads rows. It counts fields that the table has no column for, and caches the last times, which most rows share.
#[derive(Debug)]
pub struct RowParser {
    unknown_fields: UnknownFields,
    /// Those of the row that is being read.
    unknown: UnknownFields,
    fields: Successors<Field>,
    property_fields: Successors<PropertyField>,
    drops_labels: bool,
    repeated: RepeatedTexts,
    /// One bit for each number that is a cost.
    costs: u64,
    window_start: TimeCache,
    window_end: TimeCache,
    start: TimeCache,
    end: TimeCache,
}

impl Default for RowParser {
    fn default() -> Self {
        Self::new()
    }
}

impl RowParser {
    /// A new parser.
    pub fn new() -> Self {
        Self::with_labels(true)
    }

    /// A parser that checks labels and annotations, and drops them: for readers that need none.
    pub fn without_labels() -> Self {
        Self::with_labels(false)
    }

    fn with_labels(keeps_labels: bool) -> Self {
        Self {
            unknown_fields: UnknownFields::default(),
            unknown: UnknownFields::default(),
            fields: row_fields(),
            property_fields: property_fields(),
            drops_labels: !keeps_labels,
            repeated: RepeatedTexts::new(!keeps_labels),
            costs: (0..NUMBERS)
                .filter(|index| is_cost(*index))
                .fold(0, |costs, index| costs | 1 << index),
            window_start: TimeCache::default(),
            window_end: TimeCache::default(),
            start: TimeCache::default(),
            end: TimeCache::default(),
        }
    }

    /// Reads one row. `key` is its key in the response: for messages, and its name where it has none. A missing total
    /// cost is computed from its parts.
    ///
    /// # Errors
    /// When the row is not an object, when it has unknown fields and none of the numbers of an allocation, or when a
    /// field is not the number, time or object that it must be.
    pub fn parse<'a>(&mut self, key: &str, json: &'a str) -> Result<Allocation<'a>, RowError> {
        let mut repeated = std::mem::take(&mut self.repeated);
        let mut row = Row::new(self);
        let read = json::read_row(json, Object(&mut row), &mut repeated);
        row.put_back(repeated);
        if let Some(shape) = read {
            row.take_repeated(json);
            return row.complete(key, shape);
        }
        row = Row::new(self);
        let shape = json::read_slowly(json, Object(&mut row)).map_err(RowFault::Syntax);
        let shape = shape.map_err(|kind| RowError {
            row: excerpt(key),
            kind,
        })?;
        row.complete(key, shape)
    }

    /// Reads the row that a text begins with, within so many arrays and objects, and gives its length. `None` if it
    /// cannot be read before it is known where it ends, or if the text does not have all of it. Else as
    /// [`Self::parse`].
    pub(crate) fn parse_beginning<'a>(
        &mut self,
        key: &str,
        text: &'a str,
        depth: u8,
    ) -> Option<(Result<Allocation<'a>, RowError>, usize)> {
        let mut repeated = std::mem::take(&mut self.repeated);
        let mut row = Row::new(self);
        let read = json::read_beginning(text, Object(&mut row), &mut repeated, depth);
        row.put_back(repeated);
        let (shape, length) = read?;
        row.take_repeated(text);
        Some((row.complete(key, shape), length))
    }

    /// The fields found so far that the table has no column for.
    pub fn unknown_fields(&self) -> &UnknownFields {
        &self.unknown_fields
    }
}

/// Why a row cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("row '{row}': {kind}")]
pub struct RowError {
    /// The row's key in the response, shortened.
    pub row: String,
    /// What is wrong with it.
    pub kind: RowFault,
}

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
pub enum RowFault {
    /// Not a number.
    #[error("field '{field}' holds {found}, where a number must be")]
    Number {
        /// The field.
        field: &'static str,
        /// What it holds, shortened.
        found: String,
    },
    /// Not a time.
    #[error("field '{field}' holds '{found}', where a time as in RFC 3339 must be")]
    Time {
        /// The field.
        field: &'static str,
        /// What it holds, shortened.
        found: String,
    },
    /// Not an object.
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
    /// No number of an allocation, but other fields: another kind of response (carbon estimates, for example).
    #[error("has fields, but none with a cost: this is not a response of the allocation API")]
    NoCost,
    /// Not JSON, or text that is not valid Unicode.
    #[error("is not valid JSON: {0}")]
    Syntax(serde_json::Error),
}

#[cfg(test)]
mod tests;
