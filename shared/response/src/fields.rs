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

/// The fields of a row.
pub(crate) fn row_fields() -> Successors<Field> {
    let numbers = (0..NUMBERS).map(|index| (number_name(index), Field::Number(index)));
    Successors::new(numbers.chain(OTHERS).collect())
}

/// The fields of an object, and which came after which. A source writes those of all rows in one order, so a field's
/// name is usually compared with one name only.
#[derive(Debug)]
pub(crate) struct Successors<F> {
    fields: Vec<(&'static str, F)>,
    /// By the index of the field before; the last entry is that of the first field.
    next: Vec<usize>,
    before: usize,
}

impl<F: Copy> Successors<F> {
    pub(crate) fn new(fields: Vec<(&'static str, F)>) -> Self {
        Self {
            next: vec![0; fields.len() + 1],
            before: fields.len(),
            fields,
        }
    }

    /// Begins the next object.
    pub(crate) fn begin(&mut self) {
        self.before = self.fields.len();
    }

    /// The name of the field that came next in the object before.
    pub(crate) fn expected(&self) -> &'static str {
        self.fields[self.next[self.before]].0
    }

    /// The expected field is the next.
    pub(crate) fn take_expected(&mut self) -> Option<F> {
        self.before = self.next[self.before];
        Some(self.fields[self.before].1)
    }

    /// The field of a name is the next.
    pub(crate) fn find(&mut self, name: &str) -> Option<F> {
        if self.expected() != name {
            self.next[self.before] = self.fields.iter().position(|(known, _)| *known == name)?;
        }
        self.take_expected()
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
        self.count_name(name, 1);
    }

    /// Adds the counts of others, and forgets them there.
    pub(crate) fn take(&mut self, others: &mut Self) {
        self.total += std::mem::take(&mut others.total);
        for (name, count) in std::mem::take(&mut others.names) {
            self.count_name(&name, count);
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.total = 0;
        self.names.clear();
    }

    fn count_name(&mut self, name: &str, more: u64) {
        if let Some(count) = self.names.get_mut(name) {
            *count += more;
        } else if self.names.len() < Self::MOST_NAMES && name.len() <= Self::LONGEST_NAME {
            self.names.insert(name.to_owned(), more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_and_expected_after_the_one_before() {
        let mut fields = row_fields();
        let all = fields.fields.clone();
        for _ in 0..2 {
            fields.begin();
            for (name, expected) in all.iter().chain(all.iter().rev()) {
                assert_eq!(fields.find(name), Some(*expected));
            }
        }
        // Rows of one order, but for what comes last.
        for last in ["name", "start"] {
            fields.begin();
            for name in ["window", "cpuCost", last] {
                fields.find(name);
            }
        }
        fields.begin();
        for name in ["window", "cpuCost", "start"] {
            assert_eq!(fields.expected(), name);
            fields.take_expected();
        }
        for name in ["", "totalcost", "totalCosT", "networkNatGatewayIngressCosts"] {
            assert_eq!(fields.find(name), None, "{name}");
        }
    }
}
