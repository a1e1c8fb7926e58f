//! Columns whose values are maps and lists.

use std::{borrow::Cow, sync::Arc};

use arrow_array::{
    ArrayRef, ListArray, MapArray, StructArray,
    builder::{BooleanBuilder, Float64Builder},
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType};
use response::{LoadBalancer, Pairs, Volume};
use table::Kind;

use crate::{
    schema::{data_type, entries_field, entry_fields, item_field},
    texts::TextBuilder,
};

#[derive(Default)]
pub(crate) struct MapBuilder {
    keys: TextBuilder,
    values: TextBuilder,
    lengths: Vec<usize>,
    /// What the last row's pairs were read from; empty if it is not known.
    json: String,
}

impl MapBuilder {
    /// Adds a row's pairs, and returns how many bytes they have.
    pub(crate) fn push(&mut self, pairs: &Pairs<'_>) -> usize {
        let mut bytes = 0;
        // As those of the containers of a pod.
        if !self.json.is_empty() && self.json == pairs.json() {
            self.lengths.push(pairs.len());
            return self.keys.repeat(pairs.len()) + self.values.repeat(pairs.len());
        }
        self.json.clear();
        self.json.push_str(pairs.json());
        for (key, value) in pairs.iter() {
            bytes += self.keys.push(key) + self.values.push(value);
        }
        self.lengths.push(pairs.len());
        bytes
    }

    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        self.json.clear();
        let offsets = OffsetBuffer::from_lengths(self.lengths.drain(..));
        let arrays: Vec<ArrayRef> = vec![self.keys.finish()?, self.values.finish()?];
        let entries = StructArray::try_new(entry_fields(), arrays, None)?;
        let field = Arc::new(entries_field());
        Ok(Arc::new(MapArray::try_new(field, offsets, entries, None, false)?))
    }
}

/// Lists of structures, from the arrays of their fields.
fn finish_list(kind: Kind, lengths: &mut Vec<usize>, arrays: Vec<ArrayRef>) -> Result<ArrayRef, ArrowError> {
    let DataType::List(field) = data_type(kind) else {
        return Err(ArrowError::SchemaError(format!("{kind:?} is not a list")));
    };
    let DataType::Struct(fields) = field.data_type() else {
        return Err(ArrowError::SchemaError(format!("{kind:?} is not a list of structures")));
    };
    let offsets = OffsetBuffer::from_lengths(lengths.drain(..));
    let items = StructArray::try_new(fields.clone(), arrays, None)?;
    Ok(Arc::new(ListArray::try_new(field, offsets, Arc::new(items), None)?))
}

#[derive(Default)]
pub(crate) struct ServicesBuilder {
    names: TextBuilder,
    lengths: Vec<usize>,
}

impl ServicesBuilder {
    /// Adds a row's services, and returns how many bytes their names have.
    pub(crate) fn push(&mut self, services: &[Cow<'_, str>]) -> usize {
        self.lengths.push(services.len());
        services.iter().map(|service| self.names.push(service)).sum()
    }

    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let offsets = OffsetBuffer::from_lengths(self.lengths.drain(..));
        let field = Arc::new(item_field(DataType::Utf8));
        Ok(Arc::new(ListArray::try_new(
            field,
            offsets,
            self.names.finish()?,
            None,
        )?))
    }
}

#[derive(Default)]
pub(crate) struct VolumesBuilder {
    keys: TextBuilder,
    names: TextBuilder,
    byte_hours: Float64Builder,
    costs: Float64Builder,
    adjustments: Float64Builder,
    provider_ids: TextBuilder,
    lengths: Vec<usize>,
}

impl VolumesBuilder {
    /// Adds a row's volumes, and returns how many bytes their texts have.
    pub(crate) fn push(&mut self, volumes: &[Volume<'_>]) -> usize {
        let mut bytes = 0;
        for volume in volumes {
            bytes += self.keys.push(&volume.key) + self.provider_ids.push(&volume.provider_id);
            bytes += self.names.push(volume.name());
            self.byte_hours.append_option(volume.byte_hours);
            self.costs.append_option(volume.cost);
            self.adjustments.append_option(volume.adjustment);
        }
        self.lengths.push(volumes.len());
        bytes
    }

    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let arrays: Vec<ArrayRef> = vec![
            self.keys.finish()?,
            self.names.finish()?,
            Arc::new(self.byte_hours.finish()),
            Arc::new(self.costs.finish()),
            Arc::new(self.adjustments.finish()),
            self.provider_ids.finish()?,
        ];
        finish_list(Kind::Volumes, &mut self.lengths, arrays)
    }
}

#[derive(Default)]
pub(crate) struct LoadBalancersBuilder {
    keys: TextBuilder,
    services: TextBuilder,
    costs: Float64Builder,
    adjustments: Float64Builder,
    private: BooleanBuilder,
    ips: TextBuilder,
    hours: Float64Builder,
    lengths: Vec<usize>,
}

impl LoadBalancersBuilder {
    /// Adds a row's load balancers, and returns how many bytes their texts have.
    pub(crate) fn push(&mut self, balancers: &[LoadBalancer<'_>]) -> usize {
        let mut bytes = 0;
        for balancer in balancers {
            bytes += self.keys.push(&balancer.key) + self.services.push(&balancer.service);
            bytes += self.ips.push(&balancer.ip);
            self.costs.append_option(balancer.cost);
            self.adjustments.append_option(balancer.adjustment);
            self.private.append_option(balancer.private);
            self.hours.append_option(balancer.hours);
        }
        self.lengths.push(balancers.len());
        bytes
    }

    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let arrays: Vec<ArrayRef> = vec![
            self.keys.finish()?,
            self.services.finish()?,
            Arc::new(self.costs.finish()),
            Arc::new(self.adjustments.finish()),
            Arc::new(self.private.finish()),
            self.ips.finish()?,
            Arc::new(self.hours.finish()),
        ];
        finish_list(Kind::LoadBalancers, &mut self.lengths, arrays)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, MapArray, StringArray, cast::AsArray};
    use response::RowParser;

    use super::*;

    fn rows(array: &ArrayRef) -> Vec<Vec<(String, String)>> {
        let map: &MapArray = array.as_map();
        let row = |row: usize| {
            let entries = map.value(row);
            let column = |index: usize| -> &StringArray { entries.column(index).as_string() };
            let texts = |array: &StringArray| array.iter().flatten().map(str::to_owned).collect::<Vec<_>>();
            texts(column(0)).into_iter().zip(texts(column(1))).collect()
        };
        (0..map.len()).map(row).collect()
    }

    /// Rows of one pod, of others, and of none, in one batch and over the end of one.
    #[test]
    fn labels_that_are_those_of_the_row_before_are_the_same_in_the_map() {
        let labels = [
            r#"{"app":"a","team":"é"}"#,
            r#"{"app":"a","team":"é"}"#,
            r#"{"app":"b"}"#,
            "{}",
            "{}",
            r#"{"app":"b"}"#,
            r#"{ "app":"b" }"#,
            r#"{"app":"\n"}"#,
            r#"{"app":"\n"}"#,
            r#"{"b":"1","a":"2","b":"3"}"#,
            r#"{"app":"a","team":"é"}"#,
        ];
        let json: Vec<String> = labels
            .iter()
            .map(|labels| format!(r#"{{"properties":{{"labels":{labels}}},"totalCost":1}}"#))
            .collect();
        let expected: Vec<Vec<(String, String)>> = json
            .iter()
            .map(|json| {
                let row = RowParser::new().parse("a", json).unwrap();
                row.labels
                    .iter()
                    .map(|(key, value)| (key.to_string(), value.to_string()))
                    .collect()
            })
            .collect();
        let mut map = MapBuilder::default();
        let mut parser = RowParser::new();
        for _ in 0..2 {
            for (json, expected) in json.iter().zip(&expected) {
                let bytes: usize = expected.iter().map(|(key, value)| key.len() + value.len()).sum();
                assert_eq!(map.push(&parser.parse("a", json).unwrap().labels), bytes);
            }
            assert_eq!(rows(&map.finish().unwrap()), expected);
        }
    }
}
