//! The costs of a lake, added up by what the questions group them by.

use contract::{cluster::ClusterId, day::Day};

use crate::names::{ByNumbers, Id, Names};

/// A row of the table, as far as the questions need it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Row {
    pub(crate) kind: Id,
    pub(crate) currency: Id,
    pub(crate) namespace: Id,
    pub(crate) team: Id,
    pub(crate) controller_kind: Id,
    pub(crate) controller: Id,
    pub(crate) node_group: Id,
    pub(crate) capacity_type: Id,
    pub(crate) instance_type: Id,
    pub(crate) gpu_model: Id,
    pub(crate) minutes: f64,
    pub(crate) cpu_core_hours: f64,
    pub(crate) cpu_requested: f64,
    pub(crate) cpu_used: f64,
    pub(crate) cpu_max: Option<f64>,
    pub(crate) ram_byte_hours: f64,
    pub(crate) ram_requested: f64,
    pub(crate) ram_used: f64,
    pub(crate) ram_max: Option<f64>,
    pub(crate) gpu_hours: f64,
    pub(crate) gpu_used: Option<f64>,
    pub(crate) pv_byte_hours: f64,
    pub(crate) cpu_cost: f64,
    pub(crate) ram_cost: f64,
    pub(crate) gpu_cost: f64,
    pub(crate) pv_cost: f64,
    pub(crate) network_cost: f64,
    pub(crate) load_balancer_cost: f64,
    pub(crate) total_cost: f64,
}

/// What costs over time are added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SeriesKey {
    pub(crate) cluster: Id,
    pub(crate) currency: Id,
    pub(crate) kind: Id,
    pub(crate) namespace: Id,
    pub(crate) team: Id,
}

/// What usage is added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WorkloadKey {
    pub(crate) cluster: Id,
    pub(crate) currency: Id,
    pub(crate) kind: Id,
    pub(crate) namespace: Id,
    pub(crate) controller_kind: Id,
    pub(crate) controller: Id,
}

/// The sums of a workload.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Workload {
    pub(crate) cpu_core_hours: f64,
    pub(crate) cpu_hours_requested: f64,
    pub(crate) cpu_hours_used: f64,
    pub(crate) cpu_max: Option<f64>,
    pub(crate) ram_byte_hours: f64,
    pub(crate) ram_byte_hours_requested: f64,
    pub(crate) ram_byte_hours_used: f64,
    pub(crate) ram_max: Option<f64>,
    pub(crate) pv_byte_hours: f64,
    pub(crate) cpu_cost: f64,
    pub(crate) ram_cost: f64,
    pub(crate) gpu_cost: f64,
    pub(crate) pv_cost: f64,
    pub(crate) network_cost: f64,
    pub(crate) load_balancer_cost: f64,
    pub(crate) total_cost: f64,
    /// Whether a row has a volume: its cost is not 0, or it has bytes.
    pub(crate) has_volume: bool,
    /// Whether a row has the cost of a load balancer.
    pub(crate) has_load_balancer: bool,
}

/// What the costs of nodes are added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NodesKey {
    pub(crate) cluster: Id,
    pub(crate) currency: Id,
    pub(crate) kind: Id,
    pub(crate) node_group: Id,
    pub(crate) capacity_type: Id,
}

/// The sums of nodes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Nodes {
    pub(crate) node_cost: f64,
    pub(crate) cpu_cost: f64,
    pub(crate) cpu_core_hours: f64,
    pub(crate) total_cost: f64,
}

/// What the costs of GPUs are added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct GpuKey {
    pub(crate) cluster: Id,
    pub(crate) currency: Id,
    pub(crate) model: Id,
    pub(crate) namespace: Id,
}

/// The sums of GPUs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gpu {
    pub(crate) hours: f64,
    pub(crate) hours_with_usage: f64,
    pub(crate) used_hours: f64,
    pub(crate) cost: f64,
}

/// What says whether a cluster's data is complete.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quality {
    /// Which of the cubes' days it has.
    pub(crate) days: Vec<bool>,
    pub(crate) rows: u64,
    pub(crate) negative_rows: u64,
    pub(crate) rows_without_minutes: u64,
    pub(crate) rows_without_instance_type: u64,
    pub(crate) cost: f64,
}

/// All sums of a lake.
#[derive(Debug, Default)]
pub struct Cubes {
    /// The days that the lake has, in order.
    pub(crate) days: Vec<Day>,
    /// The clusters, by their number.
    pub(crate) clusters: Vec<ClusterId>,
    /// The label that names teams, as the table's maps spell it.
    pub(crate) label: String,
    pub(crate) names: Names,
    /// The cost of each day; not a number where there was no row.
    pub(crate) series: ByNumbers<SeriesKey, Vec<f64>>,
    pub(crate) workloads: ByNumbers<WorkloadKey, Workload>,
    pub(crate) nodes: ByNumbers<NodesKey, Nodes>,
    pub(crate) gpus: ByNumbers<GpuKey, Gpu>,
    pub(crate) quality: ByNumbers<(Id, Id), Quality>,
}

/// The kinds of rows, as numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kinds {
    pub(crate) workload: Id,
    pub(crate) idle: Id,
    pub(crate) unmounted: Id,
    pub(crate) unallocated: Id,
}

impl Cubes {
    pub(crate) fn kinds(&mut self) -> Kinds {
        let mut id = |text| self.names.id(text);
        Kinds {
            workload: id("workload"),
            idle: id("idle"),
            unmounted: id("unmounted"),
            unallocated: id("unallocated"),
        }
    }

    /// Adds a row of a cluster's day.
    pub(crate) fn add(&mut self, cluster: Id, day: usize, row: &Row, kinds: Kinds) {
        let days = self.days.len();
        let (currency, kind, namespace) = (row.currency, row.kind, row.namespace);
        let series = self
            .series
            .entry(SeriesKey {
                cluster,
                currency,
                kind,
                namespace,
                team: row.team,
            })
            .or_insert_with(|| vec![f64::NAN; days]);
        let cost = &mut series[day];
        *cost = if cost.is_nan() { 0.0 } else { *cost } + row.total_cost;

        let workload = self.workloads.entry(WorkloadKey {
            cluster,
            currency,
            kind,
            namespace,
            controller_kind: row.controller_kind,
            controller: row.controller,
        });
        workload.or_default().add(row);

        let nodes = self
            .nodes
            .entry(NodesKey {
                cluster,
                currency,
                kind,
                node_group: row.node_group,
                capacity_type: row.capacity_type,
            })
            .or_default();
        nodes.node_cost += row.cpu_cost + row.ram_cost + row.gpu_cost;
        nodes.cpu_cost += row.cpu_cost;
        nodes.cpu_core_hours += row.cpu_core_hours;
        nodes.total_cost += row.total_cost;

        if row.gpu_cost != 0.0 || row.gpu_hours > 0.0 {
            let key = GpuKey {
                cluster,
                currency,
                model: row.gpu_model,
                namespace,
            };
            let gpu = self.gpus.entry(key).or_default();
            gpu.hours += row.gpu_hours;
            gpu.cost += row.gpu_cost;
            if let Some(used) = row.gpu_used {
                gpu.hours_with_usage += row.gpu_hours;
                gpu.used_hours += used * row.gpu_hours;
            }
        }

        let quality = self.quality.entry((cluster, currency)).or_default();
        quality.days.resize(days, false);
        quality.days[day] = true;
        quality.rows += 1;
        quality.cost += row.total_cost;
        quality.negative_rows += u64::from(row.total_cost < 0.0 && kind != kinds.idle);
        let is_workload = kind == kinds.workload;
        quality.rows_without_minutes += u64::from(is_workload && row.minutes <= 0.0);
        quality.rows_without_instance_type += u64::from(is_workload && row.instance_type == crate::names::EMPTY);
    }
}

impl Workload {
    fn add(&mut self, row: &Row) {
        const MINUTES_PER_HOUR: f64 = 60.0;
        let hours = row.minutes / MINUTES_PER_HOUR;
        self.cpu_core_hours += row.cpu_core_hours;
        self.cpu_hours_requested += row.cpu_requested * hours;
        self.cpu_hours_used += row.cpu_used * hours;
        self.cpu_max = larger(self.cpu_max, row.cpu_max);
        self.ram_byte_hours += row.ram_byte_hours;
        self.ram_byte_hours_requested += row.ram_requested * hours;
        self.ram_byte_hours_used += row.ram_used * hours;
        self.ram_max = larger(self.ram_max, row.ram_max);
        self.pv_byte_hours += row.pv_byte_hours;
        self.cpu_cost += row.cpu_cost;
        self.ram_cost += row.ram_cost;
        self.gpu_cost += row.gpu_cost;
        self.pv_cost += row.pv_cost;
        self.network_cost += row.network_cost;
        self.load_balancer_cost += row.load_balancer_cost;
        self.total_cost += row.total_cost;
        self.has_volume |= row.pv_cost != 0.0 || row.pv_byte_hours > 0.0;
        self.has_load_balancer |= row.load_balancer_cost != 0.0;
    }

    /// The cost of what was paid for and not used.
    pub(crate) fn unused_cost(&self) -> f64 {
        let unused = |cost: f64, had: f64, used: f64| if had > used { cost * (1.0 - used / had) } else { 0.0 };
        unused(self.cpu_cost, self.cpu_core_hours, self.cpu_hours_used)
            + unused(self.ram_cost, self.ram_byte_hours, self.ram_byte_hours_used)
    }
}

/// The larger of two numbers that may be unknown.
fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}
