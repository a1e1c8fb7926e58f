//! Results about workloads, nodes, volumes, load balancers and GPUs.

use std::collections::BTreeMap;

use super::columns;
use crate::{
    cube::{Cubes, Nodes, Workload, WorkloadKey},
    names::Id,
    table::{Cell, Table},
};

const GIB: f64 = 1_073_741_824.0;

fn workload_cells(cubes: &Cubes, key: &WorkloadKey) -> Vec<Cell> {
    vec![
        cubes.text(key.currency),
        cubes.cluster(key.cluster),
        cubes.text(key.namespace),
        cubes.text(key.controller_kind),
        cubes.text(key.controller),
    ]
}

fn known(number: Option<f64>) -> Cell {
    number.map_or(Cell::Null, Cell::Number)
}

pub(super) fn cost_by_workload(cubes: &Cubes) -> Table {
    let workloads = cubes.workloads.iter().filter(|(key, _)| cubes.is(key.kind, "workload"));
    let rows = workloads.map(|(key, sums)| {
        let mut row = workload_cells(cubes, key);
        row.extend(
            [
                sums.cpu_cost,
                sums.ram_cost,
                sums.gpu_cost,
                sums.pv_cost,
                sums.network_cost,
                sums.load_balancer_cost,
                sums.total_cost,
            ]
            .map(Cell::Number),
        );
        row
    });
    let names = [
        "currency",
        "cluster_id",
        "namespace",
        "controller_kind",
        "controller",
        "cpu_cost",
        "ram_cost",
        "gpu_cost",
        "pv_cost",
        "network_cost",
        "load_balancer_cost",
        "cost",
    ];
    Table::new("cost_by_workload", columns(&names), rows.collect()).sorted_by("cost")
}

pub(super) fn efficiency(cubes: &Cubes) -> Table {
    let workloads = cubes.workloads.iter().filter(|(key, _)| cubes.is(key.kind, "workload"));
    let rows = workloads.map(|(key, sums)| {
        let mut row = workload_cells(cubes, key);
        row.extend([
            Cell::Number(sums.cpu_hours_requested),
            Cell::Number(sums.cpu_hours_used),
            known(sums.cpu_max),
            Cell::Number(sums.ram_byte_hours_requested / GIB),
            Cell::Number(sums.ram_byte_hours_used / GIB),
            known(sums.ram_max.map(|bytes| bytes / GIB)),
            Cell::Number(sums.cpu_cost + sums.ram_cost),
            Cell::Number(sums.unused_cost()),
        ]);
        row
    });
    let names = [
        "currency",
        "cluster_id",
        "namespace",
        "controller_kind",
        "controller",
        "cpu_hours_requested",
        "cpu_hours_used",
        "cpu_cores_max",
        "ram_gib_hours_requested",
        "ram_gib_hours_used",
        "ram_gib_max",
        "cost",
        "unused_cost",
    ];
    Table::new("efficiency", columns(&names), rows.collect()).sorted_by("unused_cost")
}

pub(super) fn idle_by_node_group(cubes: &Cubes) -> Table {
    let mut sums: BTreeMap<(Id, Id, Id, Id), (f64, f64)> = BTreeMap::new();
    for (key, nodes) in &cubes.nodes {
        if cubes.is(key.kind, "unmounted") {
            continue;
        }
        let group = (key.currency, key.cluster, key.node_group, key.capacity_type);
        let (all, idle) = sums.entry(group).or_default();
        *all += nodes.node_cost;
        if cubes.is(key.kind, "idle") {
            *idle += nodes.node_cost;
        }
    }
    let rows = sums
        .into_iter()
        .map(|((currency, cluster, group, capacity_type), (all, idle))| {
            vec![
                cubes.text(currency),
                cubes.cluster(cluster),
                cubes.text(group),
                cubes.text(capacity_type),
                Cell::Number(all),
                Cell::Number(idle),
                Cell::ratio(idle, all),
            ]
        });
    let names = [
        "currency",
        "cluster_id",
        "node_group",
        "capacity_type",
        "node_cost",
        "idle_cost",
        "idle_share",
    ];
    Table::new("idle_by_node_group", columns(&names), rows.collect()).sorted_by("idle_cost")
}

pub(super) fn spot_savings(cubes: &Cubes) -> Table {
    let mut sums: BTreeMap<(Id, Id, Id), Nodes> = BTreeMap::new();
    for (key, nodes) in &cubes.nodes {
        if cubes.is(key.kind, "unmounted") {
            continue;
        }
        let sum = sums.entry((key.currency, key.cluster, key.capacity_type)).or_default();
        sum.cpu_cost += nodes.cpu_cost;
        sum.cpu_core_hours += nodes.cpu_core_hours;
        sum.total_cost += nodes.total_cost;
    }
    let price = |nodes: &Nodes| (nodes.cpu_core_hours != 0.0).then(|| nodes.cpu_cost / nodes.cpu_core_hours);
    let on_demand: BTreeMap<(Id, Id), f64> = sums
        .iter()
        .filter(|((.., capacity_type), _)| cubes.is(*capacity_type, "on-demand"))
        .filter_map(|((currency, cluster, _), nodes)| Some(((*currency, *cluster), price(nodes)?)))
        .collect();
    let rows = sums.iter().map(|((currency, cluster, capacity_type), nodes)| {
        let on_demand = on_demand.get(&(*currency, *cluster));
        let saved = on_demand
            .filter(|_| cubes.is(*capacity_type, "spot"))
            .map(|price| nodes.cpu_core_hours * price - nodes.cpu_cost);
        vec![
            cubes.text(*currency),
            cubes.cluster(*cluster),
            cubes.text(*capacity_type),
            Cell::Number(nodes.cpu_core_hours),
            Cell::Number(nodes.total_cost),
            known(price(nodes)),
            known(saved),
        ]
    });
    let names = [
        "currency",
        "cluster_id",
        "capacity_type",
        "cpu_core_hours",
        "cost",
        "price_per_core_hour",
        "saved",
    ];
    Table::new("spot_savings", columns(&names), rows.collect()).sorted_by("cost")
}

/// Sums over the workloads that have something.
fn by<K: Ord>(
    cubes: &Cubes,
    has: impl Fn(&Workload) -> bool,
    key_of: impl Fn(&WorkloadKey) -> K,
) -> BTreeMap<K, Workload> {
    let mut sums: BTreeMap<K, Workload> = BTreeMap::new();
    for (key, workload) in cubes.workloads.iter().filter(|(_, workload)| has(workload)) {
        let sum = sums.entry(key_of(key)).or_default();
        sum.pv_byte_hours += workload.pv_byte_hours;
        sum.pv_cost += workload.pv_cost;
        sum.load_balancer_cost += workload.load_balancer_cost;
    }
    sums
}

pub(super) fn volumes(cubes: &Cubes) -> Table {
    let sums = by(
        cubes,
        |workload| workload.has_volume,
        |key| (key.currency, key.cluster, key.kind, key.namespace),
    );
    let rows = sums.into_iter().map(|((currency, cluster, kind, namespace), sum)| {
        vec![
            cubes.text(currency),
            cubes.cluster(cluster),
            cubes.text(kind),
            cubes.text(namespace),
            Cell::Number(sum.pv_byte_hours / GIB),
            Cell::Number(sum.pv_cost),
        ]
    });
    let names = ["currency", "cluster_id", "row_kind", "namespace", "gib_hours", "cost"];
    let mut table = Table::new("volumes", columns(&names), rows.collect()).sorted_by("cost");
    table.rows.sort_by_key(|row| !row[2].is_text("unmounted"));
    table
}

pub(super) fn load_balancers(cubes: &Cubes) -> Table {
    let sums = by(
        cubes,
        |workload| workload.has_load_balancer,
        |key| (key.currency, key.cluster, key.namespace, key.controller),
    );
    let rows = sums
        .into_iter()
        .map(|((currency, cluster, namespace, controller), sum)| {
            vec![
                cubes.text(currency),
                cubes.cluster(cluster),
                cubes.text(namespace),
                cubes.text(controller),
                Cell::Number(sum.load_balancer_cost),
            ]
        });
    let names = ["currency", "cluster_id", "namespace", "controller", "cost"];
    Table::new("load_balancers", columns(&names), rows.collect()).sorted_by("cost")
}

pub(super) fn gpu(cubes: &Cubes) -> Table {
    let rows = cubes.gpus.iter().map(|(key, gpu)| {
        vec![
            cubes.text(key.currency),
            cubes.cluster(key.cluster),
            cubes.text(key.model),
            cubes.text(key.namespace),
            Cell::Number(gpu.hours),
            Cell::ratio(gpu.used_hours, gpu.hours_with_usage),
            Cell::Number(gpu.cost),
        ]
    });
    let names = [
        "currency",
        "cluster_id",
        "gpu_model",
        "namespace",
        "gpu_hours",
        "usage",
        "cost",
    ];
    Table::new("gpu", columns(&names), rows.collect()).sorted_by("cost")
}
