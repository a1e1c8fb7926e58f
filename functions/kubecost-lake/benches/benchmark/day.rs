//! The day that is measured: a file with the response of the allocation API, and one with the assets.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use contract::{cluster::ClusterArn, day::Day, documents::SourceKind};
use kubecost_lake::simulator::{generated::GeneratedCluster, recorded};
use serde_json::{Map, Value, json};

use crate::AnyError;

/// What the rows look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Generated: 23 labels and annotations, as Kubecost writes them.
    Generated,
    /// Generated, and each row has its own order of fields, number of labels, escapes and volumes.
    Varied,
    /// The rows of a recorded OpenCost, again and again under other names.
    Opencost,
}

impl Shape {
    pub(crate) const WORDS: [(&'static str, Self); 3] = [
        ("generated", Self::Generated),
        ("varied", Self::Varied),
        ("opencost", Self::Opencost),
    ];
}

/// A day to generate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DaySettings {
    pub(crate) containers: usize,
    pub(crate) shape: Shape,
    /// Rows in the order of their keys, as both sources write them; else in any order.
    pub(crate) sorted: bool,
    pub(crate) volumes: bool,
}

/// A day's files.
pub(crate) struct DayFiles {
    pub(crate) kind: SourceKind,
    pub(crate) allocation: PathBuf,
    pub(crate) assets: PathBuf,
}

impl DaySettings {
    /// In a line of a table.
    pub(crate) fn describe(&self) -> String {
        let shape = Shape::WORDS.iter().find(|(_, shape)| *shape == self.shape);
        format!(
            "{} containers, {}, {}, {}",
            self.containers,
            shape.map_or("", |(word, _)| word),
            if self.sorted { "sorted" } else { "shuffled" },
            if self.volumes {
                "with volumes"
            } else {
                "without volumes"
            }
        )
    }

    /// Writes the day's files into a directory.
    pub(crate) fn write(&self, cluster: &ClusterArn, day: Day, directory: &Path) -> Result<DayFiles, AnyError> {
        let files = DayFiles {
            kind: match self.shape {
                Shape::Opencost => SourceKind::Opencost,
                _ => SourceKind::Kubecost,
            },
            allocation: directory.join("allocation.json"),
            assets: directory.join("assets.json"),
        };
        let mut out = BufWriter::new(File::create(&files.allocation)?);
        out.write_all(br#"{"code":200,"data":[{"#)?;
        let assets = match self.shape {
            Shape::Opencost => self.write_recorded(&mut out)?,
            _ => self.write_generated(cluster, day, &mut out)?,
        };
        out.write_all(b"}]}")?;
        out.into_inner()?.sync_data()?;
        std::fs::write(&files.assets, assets.to_string())?;
        Ok(files)
    }

    fn write_generated(&self, cluster: &ClusterArn, day: Day, out: &mut impl Write) -> Result<Value, AnyError> {
        let generated = GeneratedCluster {
            name: cluster.id().name().to_owned(),
            account: cluster.id().account().to_owned(),
            region: cluster.id().region().to_owned(),
            currency: "USD".to_owned(),
            containers: self.containers,
            seed: 1,
            first: day,
            last: day,
        };
        let mut random = fastrand::Rng::with_seed(1);
        let mut first = true;
        // Some of tens of thousands of generated nodes have the same name, and no key may come twice.
        let mut idle = BTreeSet::new();
        let mut write = |number: usize, random: &mut fastrand::Rng, out: &mut dyn Write| -> io::Result<()> {
            let (key, mut row) = generated.row(number, day);
            if number >= self.containers && !idle.insert(key.clone()) {
                return Ok(());
            }
            if !std::mem::take(&mut first) {
                out.write_all(b",")?;
            }
            self.write_row(&key, &mut row, random, out)
        };
        if !self.sorted {
            let mut numbers: Vec<usize> = (0..generated.rows()).collect();
            random.shuffle(&mut numbers);
            for number in numbers {
                write(number, &mut random, out)?;
            }
        } else {
            // Keys begin with cluster and node: only the rows of one node are in memory.
            let mut nodes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            let first_idle = self.containers;
            for node in 0..generated.rows() - self.containers - 2 {
                let (_, idle) = generated.row(first_idle + node, day);
                let name = idle["properties"]["node"].as_str().unwrap_or_default().to_owned();
                let rows = nodes.entry(name).or_default();
                rows.push(first_idle + node);
                let containers = node * GeneratedCluster::CONTAINERS_PER_NODE;
                rows.extend(containers..(containers + GeneratedCluster::CONTAINERS_PER_NODE).min(self.containers));
            }
            nodes.insert(String::new(), vec![generated.rows() - 2, generated.rows() - 1]);
            for rows in nodes.into_values() {
                let by_key: BTreeMap<String, usize> = rows
                    .into_iter()
                    .map(|number| (generated.row(number, day).0, number))
                    .collect();
                for number in by_key.into_values() {
                    write(number, &mut random, out)?;
                }
            }
        }
        Ok(json!({ "code": 200, "data": [generated.node_set(day)] }))
    }

    fn write_row(&self, key: &str, row: &mut Value, random: &mut fastrand::Rng, out: &mut dyn Write) -> io::Result<()> {
        if let Some(row) = row.as_object_mut()
            && !self.volumes
        {
            row.remove("pvs");
            row.remove("lbAllocations");
        }
        serde_json::to_writer(&mut *out, key)?;
        out.write_all(b":")?;
        if self.shape != Shape::Varied {
            return Ok(serde_json::to_writer(out, row)?);
        }
        vary(row, self.volumes, random);
        write_in_any_order(row, random, out)
    }

    fn write_recorded(&self, out: &mut impl Write) -> Result<Value, AnyError> {
        let response: Value = serde_json::from_str(recorded::ALLOCATION)?;
        let rows = response["data"][0].as_object().ok_or("the recording has no rows")?;
        // In the order of their keys.
        let numbers = (0..rows.len()).flat_map(|first| (first..self.containers).step_by(rows.len()));
        let mut is_first = true;
        for number in numbers {
            let Some(row) = rows.values().nth(number % rows.len()) else {
                continue;
            };
            let mut row = row.clone();
            let pod = format!("{}-{number:08}", row["properties"]["pod"].as_str().unwrap_or_default());
            let name = format!("{}/{number:08}", row["name"].as_str().unwrap_or_default());
            row["properties"]["pod"] = json!(pod);
            row["name"] = json!(name);
            if !std::mem::take(&mut is_first) {
                out.write_all(b",")?;
            }
            self.write_row(&name, &mut row, &mut fastrand::Rng::with_seed(1), out)?;
        }
        Ok(serde_json::from_str(recorded::ASSETS)?)
    }
}

/// Gives a row other labels, texts with escapes, and other volumes.
fn vary(row: &mut Value, volumes: bool, random: &mut fastrand::Rng) {
    const TEXTS: [&str; 8] = [
        "",
        "\"quoted\" \\ and {braces} [brackets]",
        "line\nbreak\ttab \u{1f}",
        "müßig € 😀",
        "{\"json\":{\"in\":[\"a\",\"text\"]}}",
        "8080",
        "null",
        "a text that is much longer than most labels are, so that it is no short one any more: 0123456789",
    ];
    let mut texts = |most: usize| -> Value {
        let count = random.usize(..=most);
        let pair = |number: usize| {
            let text = TEXTS[random.usize(..TEXTS.len())];
            (format!("key_{number:02}"), json!(text))
        };
        Value::Object((0..count).map(pair).collect())
    };
    let (labels, annotations) = (texts(40), texts(6));
    if let Some(properties) = row["properties"].as_object_mut() {
        if let Some(own) = properties.get_mut("labels").and_then(Value::as_object_mut) {
            own.extend(labels.as_object().cloned().unwrap_or_default());
        }
        match random.u8(..4) {
            0 => drop(properties.remove("annotations")),
            1 => drop(properties.insert("annotations".to_owned(), Value::Null)),
            _ => drop(properties.insert("annotations".to_owned(), annotations)),
        }
    }
    if volumes && random.bool() {
        let volume = |number: usize| {
            let cost = f64::from(random.u32(..1_000_000)) / 1e5;
            let item =
                json!({ "byteHours": random.u64(..1 << 40), "cost": cost, "providerID": format!("vol-{number}") });
            (format!("cluster=benchmark:name=pvc-{number}"), item)
        };
        row["pvs"] = Value::Object((0..4).map(volume).collect());
    }
}

/// Writes the members of the row, its properties and items in any order. Labels stay in the order of their keys.
fn write_in_any_order(value: &Value, random: &mut fastrand::Rng, out: &mut dyn Write) -> io::Result<()> {
    const ORDERED: [&str; 6] = [
        "labels",
        "annotations",
        "namespaceLabels",
        "namespaceAnnotations",
        "pvs",
        "lbAllocations",
    ];
    let Value::Object(members) = value else {
        return Ok(serde_json::to_writer(out, value)?);
    };
    let mut members: Vec<(&String, &Value)> = members.iter().collect();
    random.shuffle(&mut members);
    for (index, (key, value)) in members.into_iter().enumerate() {
        out.write_all(if index == 0 { b"{" } else { b", " })?;
        serde_json::to_writer(&mut *out, key)?;
        out.write_all(b":")?;
        if ORDERED.contains(&key.as_str()) {
            serde_json::to_writer(&mut *out, value)?;
        } else {
            write_in_any_order(value, random, out)?;
        }
    }
    out.write_all(if value == &Value::Object(Map::new()) {
        b"{}"
    } else {
        b"}"
    })
}
