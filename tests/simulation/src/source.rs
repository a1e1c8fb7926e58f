//! A cluster's Kubecost: what it truly has, and how it says that wrongly.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use contract::day::Day;
use exporter::InProcess;
use futures_util::{StreamExt, stream};
use kubecost_lake::simulator::generated::GeneratedCluster;
use seams::time::sleep;
use serde_json::{Map, Value, json};

use crate::world::{Fault, World};

/// The label that names the response which a row is of. Rows of two responses are never one day.
pub(crate) const RESPONSE_LABEL: &str = "response";

/// A response with rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Served {
    pub(crate) cluster: String,
    pub(crate) day: Day,
    pub(crate) rows: usize,
    pub(crate) total_cost: f64,
}

/// All responses with rows of all sources, by their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Responses(Arc<Mutex<BTreeMap<String, Served>>>);

impl Responses {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Served>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, name: &str) -> Option<Served> {
        self.all().get(name).cloned()
    }

    fn add(&self, served: Served) -> String {
        let mut all = self.all();
        let name = format!("r{}", all.len());
        all.insert(name.clone(), served);
        name
    }
}

/// The source of one cluster.
pub(crate) struct Source {
    world: World,
    cluster: GeneratedCluster,
    responses: Responses,
    /// The days about which it has misled the programs so that they cannot know better: once each at most, since a day
    /// that fails again and again is collected later and later.
    misled: Mutex<BTreeMap<Day, u32>>,
}

impl Source {
    pub(crate) fn new(world: &World, cluster: GeneratedCluster, responses: &Responses) -> Self {
        Self {
            world: world.clone(),
            cluster,
            responses: responses.clone(),
            misled: Mutex::default(),
        }
    }

    /// The last day that is over.
    fn last() -> Day {
        Day::of(World::now()).minus(1)
    }

    fn cluster(&self) -> GeneratedCluster {
        GeneratedCluster {
            last: Self::last(),
            ..self.cluster.clone()
        }
    }

    /// Whether it may mislead about a day now.
    fn misleads(&self, day: Day, fault: Fault) -> bool {
        let mut misled = self.misled.lock().unwrap_or_else(PoisonError::into_inner);
        let times = misled.entry(day).or_default();
        let happens = *times == 0 && self.world.happens(fault);
        if happens {
            *times += 1;
            self.world
                .note(format!("source {}: {fault:?} of {day}", self.cluster.name));
        }
        happens
    }

    fn note(&self, what: &str) {
        self.world.note(format!("source {}: {what}", self.cluster.name));
    }

    /// The rows of a day, by their keys. Costs are reconciled with the bill for two days.
    fn rows(&self, day: Day) -> Vec<(String, Value)> {
        let cluster = self.cluster();
        if !cluster.has(day) {
            return Vec::new();
        }
        let age = (World::now() - day.end()).num_days().clamp(0, 2);
        let discount = 1.0 - 0.07 * age as f64;
        let mut rows: Vec<(String, Value)> = (0..cluster.rows()).map(|number| cluster.row(number, day)).collect();
        for (_, row) in &mut rows {
            for cost in ["cpuCost", "ramCost", "totalCost"] {
                scale(row, cost, discount);
            }
            let total = ["cpuCost", "ramCost", "pvCost", "networkCost", "loadBalancerCost"];
            let total: f64 = total.iter().filter_map(|name| row[*name].as_f64()).sum();
            row["totalCost"] = json!(total);
        }
        rows
    }

    fn allocations(&self, day: Day) -> Value {
        let mut rows = self.rows(day);
        if rows.is_empty() || self.misleads(day, Fault::SourceLoses) {
            return json!([{}]);
        }
        if self.misleads(day, Fault::SourceMisreports) {
            return match self.world.below(2) {
                0 => json!([self.named(day.minus(1), self.rows(day.minus(1)))]),
                _ => json!([{}, {}]),
            };
        }
        // Younger days are collected again; of older ones nobody would ever know.
        let is_young = World::now() - day.end() < TimeDelta::hours(36);
        if is_young && self.world.happens(Fault::SourceShrinks) {
            // Up to a tenth is within the tolerance.
            let share = self.world.between(0.02, 0.6);
            self.note(&format!("lacks {:.0} % of each row of {day}", share * 100.0));
            for (_, row) in &mut rows {
                for quantity in ["minutes", "cpuCoreHours", "ramByteHours"] {
                    scale(row, quantity, 1.0 - share);
                }
            }
        }
        let repeated = self.world.happens(Fault::SourceRepeats);
        let set = self.named(day, rows);
        if repeated {
            self.note(&format!("repeats the rows of {day}"));
            return json!([set.clone(), set]);
        }
        json!([set])
    }

    /// Rows as a set, each with the name of the response.
    fn named(&self, day: Day, rows: Vec<(String, Value)>) -> Value {
        let total_cost = rows.iter().filter_map(|(_, row)| row["totalCost"].as_f64()).sum();
        let name = self.responses.add(Served {
            cluster: self.cluster.name.clone(),
            day,
            rows: rows.len(),
            total_cost,
        });
        let set: Map<String, Value> = rows
            .into_iter()
            .map(|(key, mut row)| {
                row["properties"]["labels"][RESPONSE_LABEL] = json!(name);
                (key, row)
            })
            .collect();
        Value::Object(set)
    }

    fn assets(&self, day: Day) -> Value {
        let Value::Object(assets) = self.cluster().node_set(day) else {
            return json!([]);
        };
        let assets: Vec<(String, Value)> = assets.into_iter().collect();
        let Value::Object(named) = self.named(day, assets) else {
            return json!([]);
        };
        let with_project = named.into_iter().map(|(key, mut asset)| {
            asset["properties"]["project"] = asset["properties"]["labels"][RESPONSE_LABEL].clone();
            (key, asset)
        });
        json!([with_project.collect::<Map<String, Value>>()])
    }

    fn body(&self, url: &reqwest::Url) -> Result<Vec<u8>, (u16, &'static str)> {
        let parameter = |name: &str| {
            url.query_pairs()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.into_owned())
        };
        let window = parameter("window").and_then(|window| {
            let (start, end) = window.split_once(',')?;
            Some((Day::of(start.parse().ok()?), Day::of(end.parse().ok()?)))
        });
        let data = match (url.path(), window) {
            ("/model/getConfigs", _) => json!({ "currencyCode": "USD" }),
            ("/model/allocation" | "/model/assets", None) => {
                return Err((400, "Missing required query parameter: 'window'"));
            }
            ("/model/allocation", Some((first, end))) if parameter("aggregate").as_deref() == Some("cluster") => {
                let cluster = self.cluster();
                let days = Day::range(first, end.minus(1));
                Value::Array(days.map(|day| cluster.cluster_set(day, false)).collect())
            }
            ("/model/allocation", Some((day, _))) => self.allocations(day),
            ("/model/assets", Some((day, _))) => {
                if self.world.happens(Fault::AssetsFail) {
                    self.note(&format!("has no assets of {day}"));
                    return Err((501, "no assets"));
                }
                self.assets(day)
            }
            _ => return Err((404, "not found")),
        };
        Ok(json!({ "code": 200, "status": "success", "data": data })
            .to_string()
            .into_bytes())
    }
}

fn scale(row: &mut Value, name: &str, factor: f64) {
    if let Some(number) = row[name].as_f64() {
        row[name] = json!(number * factor);
    }
}

fn response(status: u16, headers: &[(&str, &str)], body: reqwest::Body) -> Result<reqwest::Response, String> {
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let response = response.body(body).map_err(|error| error.to_string())?;
    Ok(response.into())
}

#[async_trait]
impl InProcess for Source {
    async fn respond(&self, request: reqwest::Request) -> Result<reqwest::Response, String> {
        let world = &self.world;
        sleep(world.seconds(0.005, 2.0)).await;
        if world.happens(Fault::SourceFails) {
            let kind = world.below(5);
            self.note(&format!("fails, kind {kind}, at {}", request.url().path()));
            match kind {
                0 => return Err("connection refused".to_owned()),
                1 => return response(503, &[], "starting".into()),
                2 => return response(429, &[("retry-after", "20")], "later".into()),
                3 => return response(200, &[], r#"{"code":500,"message":"failed to query the store"}"#.into()),
                _ => {}
            }
            let whole = self.body(request.url()).unwrap_or_default();
            let cut = Bytes::copy_from_slice(&whole[..world.below(whole.len())]);
            let broken = stream::iter([Ok(cut), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))]);
            return response(200, &[], reqwest::Body::wrap_stream(broken));
        }
        let body = match self.body(request.url()) {
            Ok(body) => body,
            Err((status, message)) => return response(status, &[], message.into()),
        };
        let pause = if world.happens(Fault::SourceSlow) {
            self.note(&format!("is slow at {}", request.url().path()));
            world.seconds(1.0, 400.0)
        } else {
            world.seconds(0.0, 0.01)
        };
        let pieces: Vec<Bytes> = body.chunks(8 * 1024).map(Bytes::copy_from_slice).collect();
        let slowly = stream::iter(pieces).then(move |piece| async move {
            sleep(pause).await;
            Ok::<_, std::io::Error>(piece)
        });
        response(200, &[], reqwest::Body::wrap_stream(slowly))
    }
}
