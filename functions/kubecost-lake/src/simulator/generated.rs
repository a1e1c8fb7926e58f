//! A generated cluster, the same for the same seed. The names and labels of its containers stay, their usage changes
//! each day.

use contract::day::Day;
use serde_json::{Map, Value, json};

const HOURS: f64 = 24.0;
const GIB: f64 = 1_073_741_824.0;
/// US dollars for an hour of a core and of a gibibyte: those of an on-demand c6i instance.
const CPU_PRICE: f64 = 0.0316;
const RAM_PRICE: f64 = 0.0042;
/// The share of the on-demand price for spot instances.
const SPOT: f64 = 0.35;
/// US dollars for a gibibyte of a volume for a day.
const VOLUME_PRICE: f64 = 0.10 / 30.0;

const TEAMS: [&str; 12] = [
    "checkout",
    "search",
    "catalog",
    "payments",
    "identity",
    "shipping",
    "pricing",
    "reviews",
    "media",
    "data-platform",
    "observability",
    "kube-system",
];
const TIERS: [(&str, f64, f64); 4] = [
    ("web", 0.1, 0.25),
    ("worker", 0.5, 0.5),
    ("batch", 1.0, 2.0),
    ("cache", 0.25, 4.0),
];
const INSTANCES: [(&str, &str, f64, f64); 3] = [
    ("m6i.4xlarge", "ON_DEMAND", 16.0, 64.0),
    ("c6i.4xlarge", "SPOT", 16.0, 32.0),
    ("m7g.4xlarge", "ON_DEMAND", 16.0, 64.0),
];
const ZONES: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
pub struct GeneratedCluster {
    pub name: String,
    pub account: String,
    pub region: String,
    /// The currency that the source says, as a code of ISO 4217; empty if it says none.
    pub currency: String,
    pub containers: usize,
    pub seed: u64,
    /// The first day that the source has.
    pub first: Day,
    /// The last day that the source has.
    pub last: Day,
}

/// A node, the same on all days.
struct Node {
    name: String,
    provider_id: String,
    instance: (&'static str, &'static str, f64, f64),
    zone: String,
}

impl Node {
    fn discount(&self) -> f64 {
        if self.instance.1 == "SPOT" { SPOT } else { 1.0 }
    }
}

fn round(value: f64) -> f64 {
    (value * 1e5).round() / 1e5
}

/// The costs that the total is the sum of.
const COSTS: [&str; 8] = [
    "cpuCost",
    "gpuCost",
    "ramCost",
    "pvCost",
    "networkCost",
    "loadBalancerCost",
    "sharedCost",
    "externalCost",
];

impl GeneratedCluster {
    /// Containers with consecutive numbers run on one node.
    pub const CONTAINERS_PER_NODE: usize = 25;

    fn nodes(&self) -> usize {
        self.containers.div_ceil(Self::CONTAINERS_PER_NODE).max(1)
    }

    /// Rows of a day: containers, idle costs of each node, two for unmounted volumes.
    pub fn rows(&self) -> usize {
        self.containers + self.nodes() + 2
    }

    pub fn has(&self, day: Day) -> bool {
        (self.first..=self.last).contains(&day)
    }

    fn random(&self, what: &str, number: usize, day: Option<Day>) -> fastrand::Rng {
        // FNV-1a: the same on every machine and with every version of Rust.
        let text = format!(
            "{}/{what}/{number}/{}",
            self.seed,
            day.map(|day| day.to_string()).unwrap_or_default()
        );
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        fastrand::Rng::with_seed(hash)
    }

    fn node(&self, number: usize) -> Node {
        let mut random = self.random("node", number, None);
        let (a, b) = (random.u8(..), random.u8(..));
        Node {
            name: format!("ip-10-{a}-{b}-{}.ec2.internal", number % 250),
            provider_id: format!("i-{:017x}", u128::from(random.u64(..))),
            instance: INSTANCES[random.usize(..INSTANCES.len())],
            zone: format!("{}{}", self.region, ZONES[number % ZONES.len()]),
        }
    }

    /// Writes a row with its key, as a member of the day's JSON object.
    pub fn write_row(&self, row: usize, day: Day, out: &mut Vec<u8>) {
        let (key, row) = self.row(row, day);
        for (index, part) in [Value::String(key), row].into_iter().enumerate() {
            if index == 1 {
                out.push(b':');
            }
            out.extend_from_slice(part.to_string().as_bytes());
        }
    }

    /// A row with its key.
    pub fn row(&self, row: usize, day: Day) -> (String, Value) {
        let nodes = self.nodes();
        if row < self.containers {
            self.container(row, day)
        } else if row < self.containers + nodes {
            self.idle(row - self.containers, day)
        } else {
            self.unmounted(row - self.containers - nodes, day)
        }
    }

    fn container(&self, number: usize, day: Day) -> (String, Value) {
        let node = self.node(number / Self::CONTAINERS_PER_NODE);
        // A pod has two containers: a program and its proxy.
        let pod_number = number / 2;
        let is_proxy = number % 2 == 1;
        let mut random = self.random("pod", pod_number, None);
        let team = TEAMS[random.usize(..TEAMS.len())];
        let (tier, cores, gib) = TIERS[random.usize(..TIERS.len())];
        let stage = if random.u8(..10) < 8 { "prod" } else { "dev" };
        let namespace = if team == "kube-system" {
            team.to_owned()
        } else {
            format!("{team}-{stage}")
        };
        let controller = format!("{team}-{tier}-{:03}", pod_number / 3);
        let pod = format!(
            "{controller}-{:010x}-{:05x}",
            random.u64(..0xff_ffff_ffff),
            random.u32(..0xf_ffff)
        );
        let container = if is_proxy { "istio-proxy" } else { tier };
        let release = random.u8(..60);
        // Both containers draw the same numbers: a pod has one set of labels.
        let has_volume = (tier == "cache" || random.u8(..50) == 0) && !is_proxy;
        let has_load_balancer = tier == "web" && random.u8(..20) == 0 && !is_proxy;
        let hash = format!("{:010x}", random.u64(..0xff_ffff_ffff));

        let mut random = self.random("usage", number, Some(day));
        // Weekends are quieter.
        let load = if chrono::Datelike::weekday(&day.date()).num_days_from_monday() < 5 {
            1.0
        } else {
            0.6
        } * (0.7 + 0.6 * random.f64());
        let (cores, gib) = if is_proxy { (0.1, 0.125) } else { (cores, gib) };
        let (used_cores, used_gib) = (cores * load * 0.6, gib * (0.4 + 0.4 * random.f64()));
        let discount = node.discount();
        let transfer = (random.f64() * load * 4e9).round();
        let volume_gib = if has_volume { 50.0 } else { 0.0 };
        let (cpu_cost, ram_cost) = (
            round(cores * HOURS * CPU_PRICE * discount),
            round(gib * HOURS * RAM_PRICE * discount),
        );
        let zone_cost = round(transfer / 1e9 * 0.01);
        let volume = format!("pvc-{hash}");
        let mut row = json!({
            "properties": {
                "cluster": self.name, "node": node.name, "container": container, "controller": controller, "controllerKind": "deployment",
                "namespace": namespace, "pod": pod, "services": [controller], "providerID": node.provider_id,
                "labels": {
                    "app": controller, "app_kubernetes_io_name": tier, "app_kubernetes_io_instance": format!("{controller}-{stage}"),
                    "app_kubernetes_io_version": format!("1.{release}.0"), "pod_template_hash": hash, "team": team, "stage": stage,
                    "cost_center": format!("{:04}", 1000 + (team.len() * 37) % 9000), "version": format!("1.{release}"),
                    "kubernetes_io_metadata_name": namespace, "kubernetes_io_arch": if node.instance.0.starts_with("m7g") { "arm64" } else { "amd64" },
                    "kubernetes_io_os": "linux", "node_kubernetes_io_instance_type": node.instance.0, "topology_kubernetes_io_zone": node.zone,
                    "topology_kubernetes_io_region": self.region, "eks_amazonaws_com_capacityType": node.instance.1,
                    "eks_amazonaws_com_nodegroup": format!("workers-{}", node.instance.0.replace('.', "-")),
                },
                "annotations": {
                    "prometheus_io_scrape": "true", "prometheus_io_port": "8080", "owner": format!("{team}@example.com"),
                    "deployment_example_com_commit": format!("{:040x}", u128::from(pod_number as u64) * 7_919),
                },
                "namespaceLabels": { "kubernetes_io_metadata_name": namespace, "team": team },
            },
            "cpuCores": cores, "cpuCoreRequestAverage": cores, "cpuCoreUsageAverage": round(used_cores), "cpuCoreHours": round(cores * HOURS),
            "cpuCost": cpu_cost, "cpuEfficiency": round(used_cores / cores),
            "ramBytes": gib * GIB, "ramByteRequestAverage": gib * GIB, "ramByteUsageAverage": round(used_gib * GIB),
            "ramByteHours": gib * GIB * HOURS, "ramCost": ram_cost, "ramEfficiency": round(used_gib / gib),
            "networkTransferBytes": transfer, "networkReceiveBytes": (transfer * 1.3).round(), "networkCost": zone_cost, "networkCrossZoneCost": zone_cost,
            "loadBalancerCost": if has_load_balancer { 0.54 } else { 0.0 },
            "pvBytes": volume_gib * GIB, "pvByteHours": volume_gib * GIB * HOURS, "pvCost": round(volume_gib * VOLUME_PRICE),
            "totalEfficiency": round((used_cores / cores * cpu_cost + used_gib / gib * ram_cost) / (cpu_cost + ram_cost)),
            "rawAllocationOnly": { "cpuCoreUsageMax": used_cores * 1.7, "ramByteUsageMax": (used_gib * GIB * 1.2).round() },
        });
        if has_volume {
            let name = format!("cluster={}:name={volume}", self.name);
            row["pvs"] = json!({ name: { "byteHours": volume_gib * GIB * HOURS, "cost": round(volume_gib * VOLUME_PRICE), "providerID": format!("vol-{hash}") } });
        }
        if has_load_balancer {
            row["lbAllocations"] = json!({ format!("{namespace}/{controller}"): { "service": format!("{namespace}/{controller}"), "cost": 0.54, "private": false, "ip": "" } });
        }
        let key = format!("{}/{}/{namespace}/{pod}/{container}", self.name, node.name);
        self.complete(key, row, day)
    }

    fn idle(&self, number: usize, day: Day) -> (String, Value) {
        let node = self.node(number);
        let mut random = self.random("idle", number, Some(day));
        let (_, _, cores, gib) = node.instance;
        let share = 0.1 + 0.3 * random.f64();
        let row = json!({
            "properties": { "cluster": self.name, "node": node.name, "providerID": node.provider_id },
            "cpuCoreHours": round(cores * share * HOURS), "cpuCost": round(cores * share * HOURS * CPU_PRICE * node.discount()),
            "ramByteHours": round(gib * share * GIB * HOURS), "ramCost": round(gib * share * HOURS * RAM_PRICE * node.discount()),
        });
        self.complete(format!("{}/{}/__idle__", self.name, node.name), row, day)
    }

    fn unmounted(&self, number: usize, day: Day) -> (String, Value) {
        let (namespace, pod) = if number == 0 {
            ("__unmounted__", "__unmounted__")
        } else {
            ("media-prod", "media-prod-unmounted-pvcs")
        };
        let row = json!({
            "properties": { "cluster": self.name, "container": "__unmounted__", "namespace": namespace, "pod": pod },
            "pvBytes": 100.0 * GIB, "pvByteHours": 100.0 * GIB * HOURS, "pvCost": round(100.0 * VOLUME_PRICE),
        });
        self.complete(format!("{}//{namespace}/{pod}/__unmounted__", self.name), row, day)
    }

    /// Adds name, window, total and the numbers that are 0.
    fn complete(&self, key: String, mut row: Value, day: Day) -> (String, Value) {
        let window = json!({ "start": day.start(), "end": day.end() });
        if let Some(row) = row.as_object_mut() {
            for index in 0..table::BASE_NUMBERS.len() {
                row.entry(table::number_name(index)).or_insert_with(|| json!(0));
            }
            let total: f64 = COSTS.iter().filter_map(|name| row[*name].as_f64()).sum();
            row.insert("totalCost".to_owned(), json!(round(total)));
            row.insert("minutes".to_owned(), json!(1440));
            row.insert("start".to_owned(), window["start"].clone());
            row.insert("end".to_owned(), window["end"].clone());
            row.insert("window".to_owned(), window);
            row.insert("name".to_owned(), json!(key));
        }
        (key, row)
    }

    /// The day's set aggregated by cluster: empty if the source has no data. Without `sums` its numbers are 0, for
    /// queries of which only the days are read.
    pub fn cluster_set(&self, day: Day, sums: bool) -> Value {
        if !self.has(day) {
            return Value::Object(Map::new());
        }
        let mut row = json!({ "properties": { "cluster": self.name } });
        if sums {
            let rows: Vec<Value> = (0..self.rows()).map(|number| self.row(number, day).1).collect();
            for name in COSTS.iter().copied().chain(["cpuCoreHours", "ramByteHours"]) {
                let sum: f64 = rows.iter().filter_map(|row| row[name].as_f64()).sum();
                row[name] = json!(round(sum));
            }
        }
        let (key, row) = self.complete(self.name.clone(), row, day);
        json!({ key: row })
    }

    /// The day's nodes as assets.
    pub fn node_set(&self, day: Day) -> Value {
        if !self.has(day) {
            return Value::Object(Map::new());
        }
        let node = |number| {
            let node = self.node(number);
            let (instance, capacity, cores, gib) = node.instance;
            let (cpu_cost, ram_cost) = (
                cores * HOURS * CPU_PRICE * node.discount(),
                gib * HOURS * RAM_PRICE * node.discount(),
            );
            let key = format!(
                "AWS/__undefined__/{}/Compute/{}/Node/Kubernetes/{}/{}",
                self.account, self.name, node.provider_id, node.name
            );
            let asset = json!({
                "type": "Node",
                "properties": {
                    "category": "Compute", "provider": "AWS", "account": self.account, "service": "Kubernetes", "cluster": self.name,
                    "name": node.name, "providerID": node.provider_id,
                },
                "labels": {
                    "label_kubernetes_io_arch": if instance.starts_with("m7g") { "arm64" } else { "amd64" }, "label_kubernetes_io_os": "linux",
                    "label_kubernetes_io_hostname": node.name, "label_node_kubernetes_io_instance_type": instance,
                    "label_topology_kubernetes_io_region": self.region, "label_topology_kubernetes_io_zone": node.zone,
                    "label_eks_amazonaws_com_capacityType": capacity,
                    "label_eks_amazonaws_com_nodegroup": format!("workers-{}", instance.replace('.', "-")),
                    "label_eks_amazonaws_com_nodegroup_image": "ami-0adb94f3ee21b56cf",
                },
                "window": { "start": day.start(), "end": day.end() }, "start": day.start(), "end": day.end(), "minutes": 1440.0,
                "nodeType": instance, "cpuCores": cores, "ramBytes": gib * GIB, "cpuCoreHours": cores * HOURS, "ramByteHours": gib * GIB * HOURS,
                "GPUHours": 0, "cpuCost": round(cpu_cost), "ramCost": round(ram_cost), "gpuCost": 0, "adjustment": 0, "totalCost": round(cpu_cost + ram_cost),
            });
            (key, asset)
        };
        (0..self.nodes()).map(node).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_rows_with_costs_that_add_up() {
        let day: Day = "2026-11-20".parse().unwrap();
        let cluster = GeneratedCluster {
            name: "shop".to_owned(),
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            currency: "USD".to_owned(),
            containers: 60,
            seed: 7,
            first: day,
            last: day,
        };
        let mut keys = std::collections::BTreeSet::new();
        for number in 0..cluster.rows() {
            let (key, row) = cluster.row(number, day);
            assert_eq!(cluster.row(number, day).1, row);
            let total: f64 = COSTS.iter().map(|name| row[*name].as_f64().unwrap()).sum();
            assert!((total - row["totalCost"].as_f64().unwrap()).abs() < 1e-4, "{row}");
            keys.insert(key);
        }
        assert_eq!(keys.len(), cluster.rows());
        assert_eq!(cluster.node_set(day).as_object().unwrap().len(), 3);
        assert_eq!(cluster.cluster_set(day.next(), true), json!({}));
    }
}
