//! The names of a row's fields.

use std::collections::BTreeMap;

use table::{NUMBERS, number_name};

/// A field of a row that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// A number, by its index in [`table`].
    Number(usize),
    Name,
    Properties,
    Window,
    Start,
    End,
    Volumes,
    LoadBalancers,
    Maxima,
    Gpu,
    /// The table has no column for it.
    Skipped,
}

/// The fields that are not numbers.
const OTHERS: [(&str, Field); 11] = [
    ("name", Field::Name),
    ("properties", Field::Properties),
    ("window", Field::Window),
    ("start", Field::Start),
    ("end", Field::End),
    ("pvs", Field::Volumes),
    ("lbAllocations", Field::LoadBalancers),
    ("rawAllocationOnly", Field::Maxima),
    ("gpuAllocation", Field::Gpu),
    ("proportionalAssetResourceCosts", Field::Skipped),
    ("sharedCostBreakdown", Field::Skipped),
];
const FIELDS: usize = NUMBERS + OTHERS.len();

fn field(index: usize) -> (&'static str, Field) {
    if index < NUMBERS {
        (number_name(index), Field::Number(index))
    } else {
        OTHERS[index - NUMBERS]
    }
}

/// Which field came after which. A source writes the fields of all rows in one order, so a field's name is usually
/// compared with one name only.
#[derive(Debug)]
pub(crate) struct Successors {
    /// By the index of the field before; the last entry is that of a row's first field.
    next: [usize; FIELDS + 1],
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
    pub(crate) fn begin_row(&mut self) {
        self.before = FIELDS;
    }

    pub(crate) fn find(&mut self, name: &str) -> Option<Field> {
        let mut index = self.next[self.before];
        if field(index).0 != name {
            index = (0..FIELDS).find(|index| field(*index).0 == name)?;
            self.next[self.before] = index;
        }
        self.before = index;
        Some(field(index).1)
    }
}

/// Names and counts of unknown fields. Only the first names are kept, so that rows cannot fill the memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownFields {
    names: BTreeMap<String, u64>,
    total: u64,
}

impl UnknownFields {
    const MOST_NAMES: usize = 64;
    const LONGEST_NAME: usize = 128;

    /// How often an unknown field was found.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The first 64 names, each with how often it was found.
    pub fn names(&self) -> &BTreeMap<String, u64> {
        &self.names
    }

    pub(crate) fn count(&mut self, name: &str) {
        self.total += 1;
        if let Some(count) = self.names.get_mut(name) {
            *count += 1;
        } else if self.names.len() < Self::MOST_NAMES && name.len() <= Self::LONGEST_NAME {
            self.names.insert(name.to_owned(), 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_and_nothing_else_is() {
        let mut fields = Successors::default();
        for index in (0..FIELDS).chain((0..FIELDS).rev()) {
            let (name, expected) = field(index);
            assert_eq!(fields.find(name), Some(expected));
        }
        for name in ["", "totalcost", "totalCosT", "networkNatGatewayIngressCosts"] {
            assert_eq!(fields.find(name), None, "{name}");
        }
    }
}
