//! Reads the costs of a lake into [`Cubes`]: only the columns that the questions need, one row group at a time.

use std::collections::BTreeMap;

use arrow_array::{Array, ArrayRef, MapArray, RecordBatch, StringArray};
use contract::{
    cluster::ClusterId,
    currency,
    day::Day,
    keys::{Area, Prefixes},
};

use crate::{
    columns::{self, Batches, Dictionaries, Numbers},
    cube::{Cubes, Kinds, Row},
    file::Footer,
    lake::{Lake, LakeError},
    names::{EMPTY, Id, Names},
};

pub(crate) const NAMESPACE_COLUMN: &str = "properties.namespace";
pub(crate) const CURRENCY_COLUMN: &str = "currency";
pub(crate) const TOTAL_COST_COLUMN: &str = "totalCost";

/// Texts that are read as dictionaries.
const NAMESPACE: usize = 0;
const CONTROLLER_KIND: usize = 1;
const CONTROLLER: usize = 2;
const NODE_GROUP: usize = 3;
const RAW_CAPACITY_TYPE: usize = 4;
const INSTANCE_TYPE: usize = 5;
const ROW_KIND: usize = 6;
const CAPACITY_TYPE: usize = 7;
const CURRENCY: usize = 8;
const GPU_MODEL: usize = 9;
const TEXTS: [&str; 10] = [
    NAMESPACE_COLUMN,
    "properties.controllerKind",
    "properties.controller",
    "properties.node_nodegroup",
    "properties.node_capacity_type",
    "properties.node_instance_type",
    "rowKind",
    "capacityType",
    CURRENCY_COLUMN,
    "gpuModel",
];

const NUMBERS: [&str; 25] = [
    "minutes",
    "cpuCoreHours",
    "cpuCoreRequestAverage",
    "cpuCoreUsageAverage",
    "cpuCoreUsageMax",
    "ramByteHours",
    "ramByteRequestAverage",
    "ramByteUsageAverage",
    "ramByteUsageMax",
    "gpuHours",
    "gpuUsageAverage",
    "pvByteHours",
    "cpuCost",
    "cpuCostAdjustment",
    "ramCost",
    "ramCostAdjustment",
    "gpuCost",
    "gpuCostAdjustment",
    "pvCost",
    "pvCostAdjustment",
    "networkCost",
    "networkCostAdjustment",
    "loadBalancerCost",
    "loadBalancerCostAdjustment",
    TOTAL_COST_COLUMN,
];

const NAME: &str = "name";
const LABELS: &str = "labels";
const NAMESPACE_LABELS: &str = "namespaceLabels";
const LABEL_COLUMN: &str = "properties.labels.";

/// Which part of a lake to read.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The first day; `None`: as far back as the lake goes.
    pub from: Option<Day>,
    /// The last day, included.
    pub to: Option<Day>,
    /// How many days at most: the newest of the lake. `None`: all.
    pub newest: Option<u32>,
    /// The label that names teams, as in Kubernetes; empty for none.
    pub label: String,
}

impl Selection {
    fn has(&self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// Reads a lake's costs.
///
/// # Errors
/// When the lake cannot be read, or a file is not a table of costs.
pub async fn read(lake: &Lake, selection: &Selection) -> Result<Cubes, LakeError> {
    let prefixes = Prefixes::default();
    let mut files: BTreeMap<(Day, ClusterId), (String, u64)> = BTreeMap::new();
    for object in lake.list(prefixes.of(Area::Lake)).await? {
        if let Some((cluster, day)) = prefixes.parse_lake(&object.key)
            && selection.has(day)
        {
            files.insert((day, cluster), (object.key, object.bytes));
        }
    }
    if let (Some(newest), Some((last, _))) = (selection.newest, files.keys().next_back().cloned()) {
        files.retain(|(day, _), _| *day > last.minus(newest));
    }
    let mut cubes = Cubes {
        label: table::replaced_key(&selection.label),
        ..Cubes::default()
    };
    cubes.days = files.keys().map(|(day, _)| *day).collect();
    cubes.days.dedup();
    cubes.clusters = files.keys().map(|(_, cluster)| cluster.clone()).collect();
    cubes.clusters.sort();
    cubes.clusters.dedup();
    let kinds = cubes.kinds();
    let assumed = cubes.names.id(currency::ASSUMED);
    for ((day, cluster), (key, bytes)) in files {
        let day = cubes.days.binary_search(&day).unwrap_or_default();
        let cluster = cubes.clusters.binary_search(&cluster).unwrap_or_default();
        let target = Target {
            cluster: Id::try_from(cluster).unwrap_or(Id::MAX),
            day,
            kinds,
            assumed,
        };
        read_file(lake, &key, bytes, &selection.label, target, &mut cubes).await?;
    }
    Ok(cubes)
}

/// The labels that have a column in the newest day, as in Kubernetes: costs by these are read without the maps of all
/// labels, which are most of a file.
///
/// # Errors
/// When the lake cannot be read, or the newest file is not a Parquet file.
pub async fn label_columns(lake: &Lake) -> Result<Vec<String>, LakeError> {
    let prefixes = Prefixes::default();
    let objects = lake.list(prefixes.of(Area::Lake)).await?;
    let days = objects
        .iter()
        .filter_map(|object| Some((prefixes.parse_lake(&object.key)?.1, object)));
    let Some((_, newest)) = days.max_by_key(|(day, _)| *day) else {
        return Ok(Vec::new());
    };
    let footer = Footer::read(lake, &newest.key, newest.bytes).await?;
    let columns = footer.parquet.file_metadata().schema_descr().root_schema().get_fields();
    let labels = columns
        .iter()
        .filter_map(|column| column.name().strip_prefix(LABEL_COLUMN));
    Ok(labels.map(str::to_owned).collect())
}

#[derive(Clone, Copy)]
struct Target {
    cluster: Id,
    day: usize,
    kinds: Kinds,
    assumed: Id,
}

async fn read_file(
    lake: &Lake,
    key: &str,
    bytes: u64,
    label: &str,
    target: Target,
    cubes: &mut Cubes,
) -> Result<(), LakeError> {
    let footer = Footer::read(lake, key, bytes).await?;
    let schema = columns::schema(key, &footer, TOTAL_COST_COLUMN)?;
    let has = |name: &str| schema.index_of(name).is_ok();
    let label_column = format!("{LABEL_COLUMN}{label}");
    let mut texts: Vec<&str> = TEXTS.to_vec();
    let mut wanted: Vec<&str> = NUMBERS.to_vec();
    if has(&label_column) {
        texts.push(&label_column);
    } else if !label.is_empty() {
        wanted.extend([LABELS, NAMESPACE_LABELS]);
    }
    if !has("rowKind") {
        wanted.push(NAME);
    }
    wanted.extend(&texts);
    let metadata = columns::with_dictionaries(key, &footer, &schema, &texts)?;
    let mut batches = Batches::new(lake, key, &footer, &metadata, &wanted);
    let mut dictionaries = Dictionaries::default();
    while let Some(batch) = batches.next().await? {
        add_batch(&batch, &label_column, target, &mut dictionaries, cubes).map_err(|error| batches.failed(&error))?;
    }
    Ok(())
}

fn add_batch(
    batch: &RecordBatch,
    label_column: &str,
    target: Target,
    dictionaries: &mut Dictionaries,
    cubes: &mut Cubes,
) -> Result<(), String> {
    let mut texts = Vec::with_capacity(TEXTS.len());
    for name in TEXTS {
        texts.push(dictionaries.ids(batch, name, &mut cubes.names)?);
    }
    let teams = teams(batch, label_column, dictionaries, cubes)?;
    let names = batch
        .column_by_name(NAME)
        .map(|names| {
            names
                .as_any()
                .downcast_ref::<StringArray>()
                .ok_or("'name' is not a text")
        })
        .transpose()?;
    let numbers: Vec<Numbers<'_>> = NUMBERS
        .iter()
        .map(|name| Numbers::of(batch, name))
        .collect::<Result<_, _>>()?;
    let [
        minutes,
        cpu_core_hours,
        cpu_requested,
        cpu_used,
        cpu_max,
        ram_byte_hours,
        ram_requested,
        ram_used,
        ram_max,
        gpu_hours,
        gpu_used,
        pv_byte_hours,
        cpu_cost,
        cpu_adjustment,
        ram_cost,
        ram_adjustment,
        gpu_cost,
        gpu_adjustment,
        pv_cost,
        pv_adjustment,
        network_cost,
        network_adjustment,
        load_balancer_cost,
        load_balancer_adjustment,
        total_cost,
    ] = numbers.as_slice()
    else {
        return Err("columns are missing".to_owned());
    };
    let kinds = target.kinds;
    let mut capacity_types = CapacityTypes::default();
    for row in 0..batch.num_rows() {
        let text = |column: usize| texts[column].get(row).copied().unwrap_or(EMPTY);
        let kind = match (text(ROW_KIND), names) {
            (EMPTY, Some(names)) => kind_of(names.value(row), kinds),
            (EMPTY, None) => kinds.workload,
            (kind, _) => kind,
        };
        let capacity_type = match text(CAPACITY_TYPE) {
            EMPTY => capacity_types.normalised(text(RAW_CAPACITY_TYPE), &mut cubes.names),
            known => known,
        };
        let currency = match text(CURRENCY) {
            EMPTY => target.assumed,
            known => known,
        };
        let row = Row {
            kind,
            currency,
            namespace: text(NAMESPACE),
            team: teams.get(row).copied().unwrap_or(EMPTY),
            controller_kind: text(CONTROLLER_KIND),
            controller: text(CONTROLLER),
            node_group: text(NODE_GROUP),
            capacity_type,
            instance_type: text(INSTANCE_TYPE),
            gpu_model: text(GPU_MODEL),
            minutes: minutes.get(row),
            cpu_core_hours: cpu_core_hours.get(row),
            cpu_requested: cpu_requested.get(row),
            cpu_used: cpu_used.get(row),
            cpu_max: cpu_max.known(row),
            ram_byte_hours: ram_byte_hours.get(row),
            ram_requested: ram_requested.get(row),
            ram_used: ram_used.get(row),
            ram_max: ram_max.known(row),
            gpu_hours: gpu_hours.get(row),
            gpu_used: gpu_used.known(row),
            pv_byte_hours: pv_byte_hours.get(row),
            cpu_cost: cpu_cost.get(row) + cpu_adjustment.get(row),
            ram_cost: ram_cost.get(row) + ram_adjustment.get(row),
            gpu_cost: gpu_cost.get(row) + gpu_adjustment.get(row),
            pv_cost: pv_cost.get(row) + pv_adjustment.get(row),
            network_cost: network_cost.get(row) + network_adjustment.get(row),
            load_balancer_cost: load_balancer_cost.get(row) + load_balancer_adjustment.get(row),
            total_cost: total_cost.get(row),
        };
        cubes.add(target.cluster, target.day, &row, kinds);
    }
    Ok(())
}

/// What a row is, by its name, as in files that have no column for it.
fn kind_of(name: &str, kinds: Kinds) -> Id {
    // Most names have no double underscore.
    if name.contains("__idle__") {
        kinds.idle
    } else if name.contains("__unmounted__") || name.contains("-unmounted-pvcs") {
        kinds.unmounted
    } else if name.contains("__unallocated__") {
        kinds.unallocated
    } else {
        kinds.workload
    }
}

/// Spellings of capacity types, with their common one.
#[derive(Default)]
struct CapacityTypes(Vec<(Id, Id)>);

impl CapacityTypes {
    fn normalised(&mut self, raw: Id, names: &mut Names) -> Id {
        if raw == EMPTY {
            return EMPTY;
        }
        if let Some((_, known)) = self.0.iter().find(|(known, _)| *known == raw) {
            return *known;
        }
        let text = names.text(raw).to_lowercase().replace('_', "-");
        let id = names.id(&text);
        self.0.push((raw, id));
        id
    }
}

/// The team of each row: from the label's column, else from the maps of labels.
fn teams(
    batch: &RecordBatch,
    label_column: &str,
    dictionaries: &mut Dictionaries,
    cubes: &mut Cubes,
) -> Result<Vec<Id>, String> {
    if batch.column_by_name(label_column).is_some() {
        return dictionaries.ids(batch, label_column, &mut cubes.names);
    }
    let mut teams = Vec::new();
    for name in [LABELS, NAMESPACE_LABELS] {
        let Some(column) = batch.column_by_name(name) else {
            continue;
        };
        let map = column
            .as_any()
            .downcast_ref::<MapArray>()
            .ok_or_else(|| format!("'{name}' is not a map"))?;
        let texts = |array: &'_ ArrayRef| array.as_any().downcast_ref::<StringArray>().cloned();
        let (keys, values) = texts(map.keys())
            .zip(texts(map.values()))
            .ok_or_else(|| format!("'{name}' is not a map of texts"))?;
        teams.resize(batch.num_rows(), EMPTY);
        for (row, team) in teams.iter_mut().enumerate() {
            if *team != EMPTY || map.is_null(row) {
                continue;
            }
            let offsets = map.value_offsets();
            let mut entries = offsets[row]..offsets[row + 1];
            let found = entries.find_map(|entry| {
                let entry = usize::try_from(entry).ok()?;
                (keys.value(entry) == cubes.label && values.is_valid(entry)).then(|| values.value(entry))
            });
            if let Some(found) = found {
                *team = cubes.names.id(found);
            }
        }
    }
    Ok(teams)
}
