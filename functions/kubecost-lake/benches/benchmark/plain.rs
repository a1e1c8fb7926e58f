//! The yardstick: the conversion as one would write it first. The whole response is a `serde_json::Value` in memory,
//! and each cell is looked up by its name. It shares no code with transform but the names of the columns, so that it
//! is also the judge of transform's cells.

use std::{collections::HashMap, fs::File, path::Path, sync::Arc};

use arrow_array::{
    ArrayRef, RecordBatch,
    builder::{
        ArrayBuilder, BooleanBuilder, Float64Builder, ListBuilder, MapBuilder, MapFieldNames, StringBuilder,
        StructBuilder, TimestampMillisecondBuilder,
    },
};
use arrow_schema::{DataType, Field, Fields};
use chrono::DateTime;
use contract::cluster::ClusterArn;
use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};
use serde_json::{Map, Value};
use table::{Column, Kind, NodeFact, Origin, TableLayout};

use crate::AnyError;

/// Converts the day's files; gives the number of rows.
pub(crate) fn convert(allocation: &Path, assets: &Path, cluster: &ClusterArn, out: &Path) -> Result<u64, AnyError> {
    let response: Value = serde_json::from_slice(&std::fs::read(allocation)?)?;
    let assets: Value = serde_json::from_slice(&std::fs::read(assets)?)?;
    let layout = TableLayout::new(&[], &[]).map_err(|faults| faults.to_string())?;
    let nodes = Nodes::of(&assets["data"]);
    let mut rows: Vec<Row<'_>> = Vec::new();
    for set in response["data"].as_array().into_iter().flatten() {
        for (key, row) in set.as_object().into_iter().flatten() {
            rows.push(Row {
                key,
                row,
                node: nodes.find(row),
            });
        }
    }
    let columns = layout.columns().iter();
    let arrays: Result<Vec<ArrayRef>, AnyError> = columns.map(|column| column_of(column, &rows, cluster)).collect();
    let batch = RecordBatch::try_new(transform::schema(&layout), arrays?)?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(File::create(out)?, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(rows.len() as u64)
}

struct Row<'a> {
    key: &'a str,
    row: &'a Value,
    node: Option<&'a Value>,
}

/// The assets of nodes.
struct Nodes<'a> {
    by_id: HashMap<&'a str, &'a Value>,
    by_name: HashMap<&'a str, &'a Value>,
}

impl<'a> Nodes<'a> {
    fn of(data: &'a Value) -> Self {
        let sets: Vec<&Value> = match data {
            Value::Array(sets) => sets.iter().collect(),
            set => vec![set],
        };
        let (mut by_id, mut by_name) = (HashMap::new(), HashMap::new());
        for asset in sets.into_iter().filter_map(Value::as_object).flat_map(Map::values) {
            if asset["type"] == "Node" {
                by_id.insert(bare_id(text(&asset["properties"]["providerID"])), asset);
                by_name.insert(text(&asset["properties"]["name"]), asset);
            }
        }
        Self { by_id, by_name }
    }

    fn find(&self, row: &Value) -> Option<&'a Value> {
        let properties = &row["properties"];
        let id = bare_id(text(&properties["providerID"]));
        let by_id = (!id.is_empty()).then(|| self.by_id.get(id)).flatten();
        by_id.or_else(|| self.by_name.get(text(&properties["node"]))).copied()
    }
}

fn bare_id(id: &str) -> &str {
    match id.rsplit_once('/') {
        Some((_, last)) if last.starts_with("i-") => last,
        _ => id,
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn time(value: &Value) -> Option<i64> {
    Some(DateTime::parse_from_rfc3339(value.as_str()?).ok()?.timestamp_millis())
}

impl Row<'_> {
    fn property(&self, name: &str) -> &Value {
        &self.row["properties"][name]
    }

    /// A fact about the node: of its asset, else of the row's own labels.
    fn fact(&self, fact: NodeFact) -> String {
        let of_node = self.node.map(|node| match fact {
            NodeFact::Provider => text(&node["properties"]["provider"]).to_owned(),
            NodeFact::InstanceType if !text(&node["nodeType"]).is_empty() => text(&node["nodeType"]).to_owned(),
            NodeFact::Preemptible => match node["preemptible"].as_f64() {
                Some(1.0) => "spot".to_owned(),
                Some(0.0) => "on-demand".to_owned(),
                _ => String::new(),
            },
            _ => label(&node["labels"], fact),
        });
        let known = of_node.filter(|value| !value.is_empty());
        let value = known.unwrap_or_else(|| label(self.property("labels"), fact));
        if value.is_empty()
            && fact == NodeFact::Provider
            && bare_id(text(self.property("providerID"))).starts_with("i-")
        {
            return "AWS".to_owned();
        }
        value
    }

    fn name(&self) -> &str {
        match text(&self.row["name"]) {
            "" => self.key,
            name => name,
        }
    }

    fn kind(&self) -> &'static str {
        let properties = ["container", "pod", "namespace"];
        if properties.iter().any(|name| self.property(name) == "__unmounted__") {
            return "unmounted";
        }
        match self.name().rsplit('/').next().unwrap_or_default() {
            "__idle__" => "idle",
            "__unmounted__" => "unmounted",
            "__unallocated__" | "" => "unallocated",
            "__shared__" => "shared",
            last if last.ends_with("-unmounted-pvcs") && text(self.property("node")).is_empty() => "unmounted",
            _ => "workload",
        }
    }

    fn capacity_type(&self) -> String {
        let raw = self.fact(NodeFact::CapacityType);
        if raw.is_empty() {
            return self.fact(NodeFact::Preemptible);
        }
        match raw
            .to_lowercase()
            .replace(|character: char| !character.is_ascii_alphabetic(), "")
            .as_str()
        {
            "spot" => "spot".to_owned(),
            "ondemand" => "on-demand".to_owned(),
            _ => String::new(),
        }
    }

    /// A number, of the row or of an object within it.
    fn number(&self, name: &str) -> Option<f64> {
        let own = self.row[name].as_f64();
        own.or_else(|| self.row["rawAllocationOnly"][name].as_f64())
            .or_else(|| self.row["gpuAllocation"][name].as_f64())
    }
}

fn label(labels: &Value, fact: NodeFact) -> String {
    let found = fact.labels().iter().map(|wanted| {
        let own = text(&labels[*wanted]);
        if own.is_empty() {
            text(&labels[format!("label_{wanted}")])
        } else {
            own
        }
    });
    found
        .into_iter()
        .find(|value| !value.is_empty())
        .unwrap_or_default()
        .to_owned()
}

fn column_of(column: &Column, rows: &[Row<'_>], cluster: &ClusterArn) -> Result<ArrayRef, AnyError> {
    let texts = |of: &dyn Fn(&Row<'_>) -> String| -> ArrayRef {
        let mut builder = StringBuilder::new();
        rows.iter().for_each(|row| builder.append_value(of(row)));
        builder.finish_array()
    };
    let times = |of: &dyn Fn(&Row<'_>) -> Option<i64>| -> ArrayRef {
        let mut builder = TimestampMillisecondBuilder::new();
        rows.iter().for_each(|row| builder.append_option(of(row)));
        Arc::new(builder.finish().with_timezone("UTC"))
    };
    let numbers = |of: &dyn Fn(&Row<'_>) -> Option<f64>| -> ArrayRef {
        let mut builder = Float64Builder::new();
        rows.iter().for_each(|row| builder.append_option(of(row)));
        builder.finish_array()
    };
    let own = |name: &'static str| texts(&|row| text(member(row.row, name)).to_owned());
    Ok(match column.origin {
        Origin::Name => texts(&|row| row.name().to_owned()),
        Origin::WindowStart => times(&|row| time(&row.row["window"]["start"])),
        Origin::WindowEnd => times(&|row| time(&row.row["window"]["end"])),
        Origin::ObservedStart => times(&|row| time(&row.row["start"])),
        Origin::ObservedEnd => times(&|row| time(&row.row["end"])),
        Origin::Number(_) => numbers(&|row| Some(row.number(&column.name).unwrap_or(0.0))),
        Origin::NewerNumber(_) => numbers(&|row| row.number(&column.name)),
        Origin::Property(property) => texts(&|row| text(row.property(property.field())).to_owned()),
        Origin::ClusterArn => texts(&|_| cluster.to_string()),
        Origin::ClusterName => texts(&|_| cluster.id().name().to_owned()),
        Origin::Node(fact) => texts(&|row| row.fact(fact)),
        Origin::RowKind => texts(&|row| row.kind().to_owned()),
        Origin::CapacityType => texts(&|row| row.capacity_type()),
        Origin::Currency => texts(&|_| "USD".to_owned()),
        Origin::Gpu(_) => own(match &*column.name {
            "gpuModel" => "gpuAllocation.gpuModel",
            "gpuDevice" => "gpuAllocation.gpuDevice",
            _ => "gpuAllocation.gpuUUID",
        }),
        Origin::GpuShared => {
            let mut builder = BooleanBuilder::new();
            let flags = rows.iter().map(|row| row.row["gpuAllocation"]["isGPUShared"].as_bool());
            flags.for_each(|flag| builder.append_option(flag));
            builder.finish_array()
        }
        Origin::Labels | Origin::Annotations | Origin::NamespaceLabels | Origin::NamespaceAnnotations => {
            map_of(rows.iter().map(|row| row.property(&column.name)))?
        }
        Origin::Services => list_of(rows.iter().map(|row| row.property("services")))?,
        Origin::Volumes | Origin::LoadBalancers => {
            items_of(column.origin.kind(), rows.iter().map(|row| &row.row[&*column.name]))?
        }
        Origin::Label(_) | Origin::Annotation(_) => return Err("the yardstick has no columns of labels".into()),
    })
}

/// The member of a path with a point.
fn member<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, name| &value[name])
}

trait FinishArray {
    fn finish_array(self) -> ArrayRef;
}

impl<B: ArrayBuilder> FinishArray for B {
    fn finish_array(mut self) -> ArrayRef {
        self.finish()
    }
}

fn map_of<'a>(values: impl Iterator<Item = &'a Value>) -> Result<ArrayRef, AnyError> {
    let names = MapFieldNames {
        entry: "key_value".to_owned(),
        key: "key".to_owned(),
        value: "value".to_owned(),
    };
    let mut builder = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    for value in values {
        for (key, value) in value.as_object().into_iter().flatten() {
            builder.keys().append_value(key);
            builder.values().append_value(text(value));
        }
        builder.append(true)?;
    }
    Ok(builder.finish_array())
}

fn list_of<'a>(values: impl Iterator<Item = &'a Value>) -> Result<ArrayRef, AnyError> {
    let field = Field::new("element", DataType::Utf8, true);
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(field);
    for value in values {
        for item in value.as_array().into_iter().flatten() {
            builder.values().append_value(text(item));
        }
        builder.append(true);
    }
    Ok(builder.finish_array())
}

/// Volumes or load balancers: their key, then the fields of their type.
fn items_of<'a>(kind: Kind, values: impl Iterator<Item = &'a Value>) -> Result<ArrayRef, AnyError> {
    let fields: Fields = kind
        .fields()
        .iter()
        .map(|(name, kind)| {
            let data_type = match kind {
                Kind::Double => DataType::Float64,
                Kind::Boolean => DataType::Boolean,
                _ => DataType::Utf8,
            };
            Field::new(*name, data_type, true)
        })
        .collect();
    let field = Field::new("element", DataType::Struct(fields.clone()), true);
    let mut builder = ListBuilder::new(StructBuilder::from_fields(fields, 0)).with_field(field);
    for value in values {
        for (key, item) in value.as_object().unwrap_or(&Map::new()) {
            let item_builder = builder.values();
            for (index, (name, kind)) in kind.fields().iter().enumerate() {
                const MISTYPED: &str = "a column of items has another type";
                match kind {
                    Kind::Double => {
                        let numbers = item_builder.field_builder::<Float64Builder>(index).ok_or(MISTYPED)?;
                        numbers.append_option(item[*name].as_f64());
                    }
                    Kind::Boolean => {
                        let flags = item_builder.field_builder::<BooleanBuilder>(index).ok_or(MISTYPED)?;
                        flags.append_option(item[*name].as_bool());
                    }
                    _ => {
                        let texts = item_builder.field_builder::<StringBuilder>(index).ok_or(MISTYPED)?;
                        texts.append_value(match *name {
                            "key" => key,
                            "name" => key.split_once(":name=").map_or(key.as_str(), |(_, name)| name),
                            name => text(&item[name]),
                        });
                    }
                }
            }
            item_builder.append(true);
        }
        builder.append(true);
    }
    Ok(builder.finish_array())
}
