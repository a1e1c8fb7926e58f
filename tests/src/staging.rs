//! Sets as an exporter stages them.

use contract::{
    cluster::ClusterArn,
    day::Day,
    documents::{self, AssetScope, AssetSet, Manifest, Part, PartKind, SetFacts, SourceInfo, SourceKind},
    keys::Prefixes,
    redacted::Redacted,
    run::RunId,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::bucket::Bucket;

pub const CLUSTER: &str = "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one";
pub const DAY: &str = "2026-11-20";

/// A run by its number; higher numbers are newer.
pub fn run(number: u32) -> RunId {
    format!("019aaaaa-0000-7000-8000-{number:012x}").parse().unwrap()
}

pub fn cluster() -> ClusterArn {
    CLUSTER.parse().unwrap()
}

pub fn day() -> Day {
    DAY.parse().unwrap()
}

/// A day's set, to be staged.
pub struct Staging {
    pub manifest: Manifest,
    pub objects: Vec<(String, Vec<u8>)>,
}

impl Staging {
    /// The set of a run without any part.
    pub fn empty(run: RunId) -> Self {
        let manifest = Manifest {
            run,
            cluster: cluster(),
            date: day(),
            window: day().window(),
            created_at: "2026-11-24T05:00:00Z".parse().unwrap(),
            source: SourceInfo {
                kind: SourceKind::Kubecost,
                version: None,
            },
            query: "/model/allocation".to_owned(),
            facts: SetFacts::default(),
            rows: 0,
            total_cost: 0.0,
            parts: Vec::new(),
        };
        Self {
            manifest,
            objects: Vec::new(),
        }
    }

    /// The set of a run with one page of allocations, and with assets if there are some.
    pub fn of(run: RunId, allocation: &str, set: Option<u32>, assets: Option<&str>) -> Self {
        let mut staging = Self::empty(run);
        staging.add_page(allocation, set);
        if let Some(assets) = assets {
            staging.add_assets(assets);
        }
        staging
    }

    /// Adds a page of allocations, and counts its rows and costs as an exporter would, by a parser of its own.
    pub fn add_page(&mut self, response: &str, set: Option<u32>) {
        let rows = rows(response, set);
        let costs = rows.iter().map(|(_, row)| number(row, "totalCost")).sum::<f64>();
        self.manifest.rows += rows.len() as u64;
        self.manifest.total_cost += costs;
        let page = self
            .manifest
            .parts
            .iter()
            .filter(|part| part.kind == PartKind::Allocation)
            .count()
            + 1;
        let key = Prefixes::default().allocation_part(
            cluster().id(),
            &self.manifest.run,
            day(),
            u32::try_from(page).unwrap(),
        );
        self.add_part(PartKind::Allocation, key, response.as_bytes(), rows.len() as u64, set);
    }

    pub fn add_assets(&mut self, response: &str) {
        let key = Prefixes::default().assets_part(cluster().id(), &self.manifest.run, day(), 1);
        self.add_part(PartKind::Assets, key, response.as_bytes(), 0, None);
    }

    /// Adds assets as an exporter that requests them all, or nodes alone, and counts them.
    pub fn add_counted_assets(&mut self, response: &str, scope: AssetScope) {
        self.add_assets(response);
        let assets = rows(response, None);
        self.manifest.facts.asset_set = Some(AssetSet {
            scope,
            rows: assets.len() as u64,
            total_cost: assets.iter().map(|(_, asset)| number(asset, "totalCost")).sum(),
        });
    }

    pub fn add_part(&mut self, kind: PartKind, key: String, raw: &[u8], rows: u64, set: Option<u32>) {
        let content = zstd::encode_all(raw, 1).unwrap();
        self.manifest.parts.push(Part {
            kind,
            key: key.clone(),
            bytes: content.len() as u64,
            raw_bytes: raw.len() as u64,
            sha256: hash(&content),
            rows,
            set,
            redacted: Redacted::default(),
        });
        self.objects.push((key, content));
    }

    pub fn manifest_key(&self) -> String {
        Prefixes::default().manifest(cluster().id(), &self.manifest.run, day())
    }

    /// Puts the parts, then the manifest; gives the manifest's key.
    pub fn stage(self, bucket: &Bucket) -> String {
        let key = self.manifest_key();
        self.stage_under(bucket, key)
    }

    /// Puts the parts, then the manifest under a key that may not be its own; gives that key.
    pub fn stage_under(self, bucket: &Bucket, key: String) -> String {
        for (key, content) in self.objects {
            bucket.put(&key, content);
        }
        bucket.put(&key, documents::write(&self.manifest).unwrap());
        key
    }
}

pub fn hash(content: &[u8]) -> String {
    documents::hexadecimal(&Sha256::digest(content))
}

/// The rows of a response that are not null, sorted by their keys.
pub fn rows(response: &str, set: Option<u32>) -> Vec<(String, Value)> {
    let response: Value = serde_json::from_str(response).unwrap_or_default();
    let sets: Vec<Value> = match &response["data"] {
        Value::Array(sets) => sets.clone(),
        Value::Object(_) => vec![response["data"].clone()],
        _ => Vec::new(),
    };
    sets.into_iter()
        .enumerate()
        .filter(|(index, _)| set.is_none_or(|set| set as usize == *index))
        .filter_map(|(_, rows)| match rows {
            Value::Object(rows) => Some(rows),
            _ => None,
        })
        .flatten()
        .filter(|(_, row)| !row.is_null())
        .collect()
}

/// A number of a row, as a person would read it. A missing total cost is the sum of its parts.
pub fn number(row: &Value, name: &str) -> f64 {
    match &row[name] {
        Value::Number(number) => number.as_f64().unwrap(),
        Value::String(text) => text.trim().parse().unwrap_or(0.0),
        _ if name == "totalCost" => PARTS_OF_COST.iter().map(|part| number(row, part)).sum(),
        _ => 0.0,
    }
}

const PARTS_OF_COST: [&str; 14] = [
    "cpuCost",
    "cpuCostAdjustment",
    "gpuCost",
    "gpuCostAdjustment",
    "networkCost",
    "networkCostAdjustment",
    "loadBalancerCost",
    "loadBalancerCostAdjustment",
    "pvCost",
    "pvCostAdjustment",
    "ramCost",
    "ramCostAdjustment",
    "sharedCost",
    "externalCost",
];
