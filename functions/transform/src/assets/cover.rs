//! Which assets the allocations of the same day contain: adding those to the allocations would count them twice.
//!
//! Allocations say it themselves, as far as they can: rows name their volumes and load balancers, and what sources
//! share among tenants, the cluster's fee and the nodes' own disks, is in `sharedCost`.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::{BuildHasher, RandomState},
};

use response::{Allocation, Asset, Sum, Verdict};
use table::{ASSET_LOCAL, AssetText, number_name};

/// How many names are remembered: 16 MiB at most. Of more, the sums decide.
const MOST_NAMES: usize = 900_000;
/// How much less a sum may be than another and still be taken for all of it: rounding over the rows.
const TOLERANCE: f64 = 0.01;
/// The storage class of a node's own disk.
const LOCAL: &str = "__local__";

/// What an asset is to the allocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Node,
    Network,
    LoadBalancer,
    Volume,
    /// The cluster's fee, and nodes' own disks: Kubecost shares them among tenants, OpenCost does not.
    Tenancy,
    /// A disk of which the source does not say whether it is a node's own.
    Disk,
    /// Not of the cluster, or of a type that is not known.
    Other,
}

fn class(asset: &Asset<'_>) -> Class {
    let is = |name| asset.is_type(name);
    if is("Node") {
        Class::Node
    } else if is("Network") {
        Class::Network
    } else if is("LoadBalancer") {
        Class::LoadBalancer
    } else if is("ClusterManagement") {
        Class::Tenancy
    } else if is("Disk") {
        let local = asset.number(ASSET_LOCAL);
        if asset.text(AssetText::StorageClass) == LOCAL || local.is_some_and(|local| local > 0.0) {
            Class::Tenancy
        } else if local.is_some() || !asset.text(AssetText::StorageClass).is_empty() {
            Class::Volume
        } else {
            Class::Disk
        }
    } else {
        Class::Other
    }
}

/// What rows name of what they use, volumes or load balancers.
#[derive(Debug, Default)]
struct Named {
    hasher: RandomState,
    names: HashSet<u64>,
    /// More names than are remembered.
    is_full: bool,
    /// What rows say that they cost.
    cost: Sum,
    /// What rows cost in all.
    total: f64,
}

impl Named {
    fn add(&mut self, names: [&str; 2], cost: Option<f64>, adjustment: Option<f64>) {
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            if self.names.len() < MOST_NAMES {
                self.names.insert(self.hasher.hash_one(name));
            } else {
                self.is_full = true;
            }
        }
        self.cost.add(cost.unwrap_or(0.0) + adjustment.unwrap_or(0.0));
    }

    /// Whether rows contain the cost of what has one of these names. If rows do not name all that they use, it is
    /// whether they have such a cost at all.
    fn covers(&self, names: &[&str]) -> bool {
        if self.names.is_empty() || self.is_full || !contains(self.cost.value(), self.total) {
            return self.total != 0.0;
        }
        let is_known = |name: &&str| !name.is_empty() && self.names.contains(&self.hasher.hash_one(*name));
        names.iter().any(is_known)
    }
}

/// Whether a sum of costs may contain another, but for rounding.
fn contains(sum: f64, part: f64) -> bool {
    sum >= part * (1.0 - TOLERANCE)
}

/// What a day's allocations say of its assets, gathered while they stream by.
#[derive(Debug, Default)]
pub(crate) struct Cover {
    volumes: Named,
    balancers: Named,
    /// What the fee and nodes' own disks cost, by the hash of their cluster.
    tenancy: HashMap<u64, Sum>,
    hasher: RandomState,
    network_cost: f64,
    shared_cost: f64,
    clusters: BTreeSet<String>,
}

impl Cover {
    /// Notes an asset, before the allocations.
    pub(crate) fn add_asset(&mut self, asset: &Asset<'_>) {
        if class(asset) == Class::Tenancy {
            let cluster = self.hasher.hash_one(asset.text(AssetText::Cluster));
            if self.tenancy.len() < MOST_NAMES || self.tenancy.contains_key(&cluster) {
                let cost = self.tenancy.entry(cluster).or_default();
                cost.add(asset.total_cost().unwrap_or(0.0));
            }
        }
    }

    /// Notes an allocation.
    pub(crate) fn add(&mut self, row: &Allocation<'_>) {
        for volume in &row.volumes {
            let names = [volume.name(), &volume.provider_id];
            self.volumes.add(names, volume.cost, volume.adjustment);
        }
        for balancer in &row.load_balancers {
            let of_key = balancer.key.split_once('/').map_or("", |(_, service)| service);
            let names = [&balancer.service, of_key];
            self.balancers.add(names, balancer.cost, balancer.adjustment);
        }
    }

    /// What the rows add up to, and the ids of the cluster at the source; none: any.
    pub(crate) fn finish(&mut self, verdict: &Verdict, clusters: BTreeSet<String>) {
        let sum = |names: &[&str]| -> f64 {
            let sums = verdict.sums.iter().enumerate();
            let wanted = sums.filter(|(index, _)| names.contains(&number_name(*index)));
            wanted.map(|(_, sum)| sum.value()).sum()
        };
        self.volumes.total = sum(&["pvCost", "pvCostAdjustment"]);
        self.balancers.total = sum(&["loadBalancerCost", "loadBalancerCostAdjustment"]);
        self.network_cost = sum(&["networkCost", "networkCostAdjustment"]);
        self.shared_cost = sum(&["sharedCost"]);
        self.clusters = clusters;
    }

    /// Whether an asset is one of the cluster's: those without a cluster are.
    pub(crate) fn is_of_cluster(&self, asset: &Asset<'_>) -> bool {
        let cluster = asset.text(AssetText::Cluster);
        cluster.is_empty() || self.clusters.is_empty() || self.clusters.contains(cluster)
    }

    /// Whether the allocations contain the asset's cost; `None` where nothing says that the cost is the cluster's.
    pub(crate) fn covers(&self, asset: &Asset<'_>) -> Option<bool> {
        let name = asset.text(AssetText::Name);
        let is_volume = || {
            self.volumes.covers(&[
                name,
                asset.text(AssetText::VolumeName),
                asset.text(AssetText::ProviderId),
            ])
        };
        Some(match class(asset) {
            Class::Node => true,
            Class::Network => self.network_cost != 0.0,
            Class::LoadBalancer => self.balancers.covers(&[name]),
            Class::Volume => is_volume(),
            Class::Tenancy => self.shares_tenancy(),
            Class::Disk => is_volume() || self.shares_tenancy(),
            Class::Other => return None,
        })
    }

    fn shares_tenancy(&self) -> bool {
        let mut tenancy = Sum::default();
        if self.clusters.is_empty() {
            self.tenancy.values().for_each(|cost| tenancy.merge(*cost));
        } else {
            let clusters = self.clusters.iter().map(String::as_str).chain([""]);
            let costs = clusters.filter_map(|cluster| self.tenancy.get(&self.hasher.hash_one(cluster)));
            costs.for_each(|cost| tenancy.merge(*cost));
        }
        self.shared_cost > 0.0 && contains(self.shared_cost, tenancy.value())
    }
}

#[cfg(test)]
mod tests {
    use response::{AssetParser, RowParser};

    use super::*;

    /// Which of the assets the rows cover.
    fn covered(rows: &[&str], assets: &[&str], sums: &[(&str, f64)]) -> Vec<Option<bool>> {
        let mut cover = Cover::default();
        let mut parser = AssetParser::new();
        for json in assets {
            cover.add_asset(&parser.parse("", json).unwrap().unwrap());
        }
        for row in rows {
            cover.add(&RowParser::new().parse("", row).unwrap());
        }
        let mut verdict = Verdict::default();
        verdict.sums.resize(table::NUMBERS, Sum::default());
        for (name, value) in sums {
            let index = (0..table::NUMBERS).find(|index| number_name(*index) == *name).unwrap();
            verdict.sums[index].add(*value);
        }
        cover.finish(&verdict, BTreeSet::new());
        let asset = |json: &&str| cover.covers(&parser.parse("", json).unwrap().unwrap());
        assets.iter().map(asset).collect()
    }

    const FEE: &str = r#"{"type":"ClusterManagement","totalCost":2.4}"#;
    const LOCAL_DISK: &str = r#"{"type":"Disk","storageClass":"__local__","totalCost":0.6}"#;
    const LOCAL_DISK_2: &str = r#"{"type":"Disk","storageClass":"gp3","local":1,"totalCost":0}"#;

    #[test]
    fn the_fee_and_nodes_own_disks_are_covered_where_their_cost_is_shared() {
        let assets = [FEE, LOCAL_DISK, LOCAL_DISK_2];
        for (shared, expected) in [(0.0, false), (2.4, false), (2.98, true), (3.0, true), (9.0, true)] {
            assert_eq!(
                covered(&[], &assets, &[("sharedCost", shared)]),
                [Some(expected); 3],
                "{shared}"
            );
        }
    }

    #[test]
    fn volumes_and_balancers_are_covered_where_a_row_names_them() {
        let row = r#"{"totalCost":1,"pvs":{"cluster=c:name=pv-1":{"providerID":"vol-2","cost":0.75,"adjustment":0.25}},
            "lbAllocations":{"c/web/front":{"service":"web/front","cost":1}}}"#;
        let of = |properties: &str, rest: &str| format!(r#"{{"properties":{{{properties}}},{rest}}}"#);
        let disk = |properties: &str| of(properties, r#""type":"Disk","storageClass":"gp3""#);
        let balancer = |name: &str| of(&format!(r#""name":"{name}""#), r#""type":"LoadBalancer""#);
        let assets = [
            disk(r#""name":"pv-1""#),
            disk(r#""name":"other","providerID":"vol-2""#),
            disk(r#""name":"pv-3""#),
            of(r#""name":"pv-3""#, r#""type":"Disk""#),
            balancer("web/front"),
            balancer("web/back"),
        ];
        let assets: Vec<&str> = assets.iter().map(String::as_str).collect();
        let costs = [("pvCost", 1.0), ("loadBalancerCost", 1.0)];
        let named = [true, true, false, false, true, false].map(Some);
        assert_eq!(covered(&[row], &assets, &costs), named);
        // Rows of older sources and of aggregations name none.
        let unnamed = r#"{"totalCost":1,"pvs":null}"#;
        assert_eq!(covered(&[unnamed], &assets, &costs), [Some(true); 6]);
        assert_eq!(covered(&[unnamed], &assets, &[]), [Some(false); 6]);
        // Nor are names all that there is where rows cost more than what they name.
        let more = [("pvCost", 1.5), ("loadBalancerCost", 1.0)];
        assert_eq!(
            covered(&[row], &assets, &more),
            [true, true, true, true, true, false].map(Some)
        );
    }

    #[test]
    fn nodes_are_covered_and_what_is_not_of_the_cluster_is_undecided() {
        let types = ["Node", "node", "Network", "Cloud", "Shared", "", "Volcano"];
        let assets = types.map(|name| format!(r#"{{"type":"{name}"}}"#));
        let assets: Vec<&str> = assets.iter().map(String::as_str).collect();
        let expected = [Some(true), Some(true), Some(true), None, None, None, None];
        assert_eq!(covered(&[], &assets, &[("networkCost", 1.0)]), expected);
        assert_eq!(covered(&[], &assets, &[])[2], Some(false));
    }
}
