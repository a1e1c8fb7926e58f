//! A cluster's Kubecost: what it truly has, and how it says that wrongly.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::TimeDelta;
use contract::day::Day;
use exporter::InProcess;
use kubecost_lake::simulator::generated::GeneratedCluster;
use serde_json::{Value, json};

use crate::{
    listings::{Listings, Row},
    responses::{RESPONSE_LABEL, Responses, Served},
    serve::{Asked, Data, Page, serve},
    world::{Fault, World},
};

/// The quantities of a row that a source may lack a part of.
const QUANTITIES: [&str; 3] = ["minutes", "cpuCoreHours", "ramByteHours"];

/// The costs that a row's total is the sum of.
const COSTS: [&str; 5] = ["cpuCost", "ramCost", "pvCost", "networkCost", "loadBalancerCost"];

/// The sums that a source gives of a whole day.
const SUMS: [&str; 3] = ["totalCost", "cpuCoreHours", "ramByteHours"];

/// The share of each of [`QUANTITIES`] that is not there.
#[derive(Debug, Clone, Copy)]
struct Lacking([f64; 3]);

/// What is lost of a day, and which quantities it loses more of.
#[derive(Debug)]
struct Fading {
    lost: Lacking,
    pace: [f64; 3],
}

/// The source of one cluster.
pub(crate) struct Source {
    world: World,
    cluster: GeneratedCluster,
    responses: Responses,
    /// Whether it is asked for pages.
    has_pages: bool,
    /// The days about which it has misled the programs so that they cannot know better: once each at most, since a day
    /// that fails again and again is collected later and later.
    misled: Mutex<BTreeMap<Day, u32>>,
    /// The days of which it loses more and more, and those of which it does not.
    fading: Mutex<BTreeMap<Day, Option<Fading>>>,
    listings: Listings,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn scale(row: &mut Value, name: &str, factor: f64) {
    if let Some(number) = row[name].as_f64() {
        row[name] = json!(number * factor);
    }
}

/// Scales costs of rows, and adds up their totals again.
fn scale_costs(rows: &mut [Row], costs: &[&str], factor: f64) {
    for (_, row) in rows {
        for cost in costs {
            scale(row, cost, factor);
        }
        let total: f64 = COSTS.iter().filter_map(|name| row[*name].as_f64()).sum();
        row["totalCost"] = json!(total);
    }
}

fn set(rows: Vec<Row>) -> Value {
    Value::Object(rows.into_iter().collect())
}

impl Lacking {
    /// Up to a tenth is within the tolerance: about that much, or a lot, of all quantities or of some.
    fn some(world: &World) -> Self {
        let most = [0.13, 0.6][world.below(2)];
        let share = world.between(0.02, most);
        Self(match world.below(2) {
            0 => [share; 3],
            _ => [(); 3].map(|()| {
                if world.below(2) == 0 {
                    0.0
                } else {
                    world.between(0.02, most)
                }
            }),
        })
    }

    fn leave_out(self, rows: &mut [Row]) {
        for (_, row) in &mut *rows {
            for (quantity, share) in QUANTITIES.iter().zip(self.0) {
                scale(row, quantity, 1.0 - share);
            }
        }
        scale_costs(rows, &COSTS, 1.0 - self.0.into_iter().fold(0.0, f64::max));
    }
}

impl Source {
    pub(crate) fn new(world: &World, cluster: GeneratedCluster, responses: &Responses, has_pages: bool) -> Self {
        Self {
            world: world.clone(),
            cluster,
            responses: responses.clone(),
            has_pages,
            misled: Mutex::default(),
            fading: Mutex::default(),
            listings: Listings::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.cluster.name
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
        let mut misled = locked(&self.misled);
        let times = misled.entry(day).or_default();
        let happens = *times == 0 && self.world.happens(fault);
        if happens {
            *times += 1;
            self.note(&format!("{fault:?} of {day}"));
        }
        happens
    }

    fn note(&self, what: &str) {
        self.world.note(format!("source {}: {what}", self.cluster.name));
    }

    /// The rows of a day that it has. Costs are reconciled with the bill for two days.
    fn rows(&self, day: Day) -> Vec<Row> {
        let cluster = self.cluster();
        if !cluster.has(day) {
            return Vec::new();
        }
        let age = (World::now() - day.end()).num_days().clamp(0, 2);
        let discount = 1.0 - 0.07 * age as f64;
        let mut rows: Vec<Row> = (0..cluster.rows()).map(|number| cluster.row(number, day)).collect();
        scale_costs(&mut rows, &["cpuCost", "ramCost"], discount);
        rows
    }

    /// The rows that it sends of a day, or what it sends instead.
    fn sent(&self, day: Day) -> Result<Vec<Row>, Value> {
        let mut rows = self.rows(day);
        if rows.is_empty() || self.misleads(day, Fault::SourceLoses) {
            return Err(json!([{}]));
        }
        if self.misleads(day, Fault::SourceMisreports) {
            return Err(match self.world.below(2) {
                0 => json!([set(self.named(day.minus(1), self.rows(day.minus(1))))]),
                _ => json!([{}, {}]),
            });
        }
        self.fade(day).leave_out(&mut rows);
        // Younger days are collected again.
        let is_young = World::now() - day.end() < TimeDelta::hours(84);
        if is_young && self.world.happens(Fault::SourceShrinks) {
            let lacking = Lacking::some(&self.world);
            self.note(&format!("lacks {lacking:.2?} of {day}"));
            lacking.leave_out(&mut rows);
        }
        Ok(rows)
    }

    /// What is lost of a day by now; with the next response it is more.
    fn fade(&self, day: Day) -> Lacking {
        let mut fading = locked(&self.fading);
        let begin = || {
            let lost = Lacking([0.0; 3]);
            let pace = match self.world.below(2) {
                0 => [1.0; 3],
                _ => [(); 3].map(|()| if self.world.below(2) == 0 { 0.0 } else { 1.0 }),
            };
            Fading { lost, pace }
        };
        let fading = fading
            .entry(day)
            .or_insert_with(|| self.world.happens(Fault::SourceFades).then(begin));
        let Some(Fading { lost, pace }) = fading else {
            return Lacking([0.0; 3]);
        };
        let now = *lost;
        if !self.world.is_quiet() {
            let more = self.world.between(0.03, 0.1);
            for (share, pace) in lost.0.iter_mut().zip(pace) {
                *share = (*share + more * *pace).min(0.6);
            }
            self.note(&format!("has lost {now:.2?} of {day}, and soon {lost:.2?}"));
        }
        now
    }

    fn allocations(&self, day: Day, page: Option<Page>) -> Value {
        if let Some(page) = page.filter(|page| page.offset > 0) {
            return self.page(day, page);
        }
        let rows = match self.sent(day) {
            Ok(rows) => rows,
            Err(instead) => return instead,
        };
        if self.has_pages {
            self.listings.begin(day, rows, |rows| self.named(day, rows));
            return match page {
                Some(page) => self.page(day, page),
                None => json!([set(self.listings.page(day, 0, usize::MAX))]),
            };
        }
        let set = set(self.named(day, rows));
        if self.world.happens(Fault::SourceRepeats) {
            self.note(&format!("repeats the rows of {day}"));
            return json!([set.clone(), set]);
        }
        json!([set])
    }

    /// A page of what it has sent a page of before.
    fn page(&self, day: Day, Page { offset, limit }: Page) -> Value {
        let (mut from, mut count) = (offset, limit);
        if self.world.happens(Fault::PagesWrong) {
            let kind = self.world.below(7);
            self.note(&format!("sends a wrong page of {day}, kind {kind}"));
            match kind {
                0 => from = 0,
                1 => count = usize::MAX,
                2 => count = limit.div_ceil(2),
                3 => from = from.saturating_sub(1),
                4 => from += 1,
                5 => count = 0,
                // It reconciles its costs between two pages.
                _ => {
                    let mut rows = self.listings.rows(day);
                    scale_costs(&mut rows, &COSTS, 0.9);
                    self.listings.begin(day, rows, |rows| self.named(day, rows));
                }
            }
        }
        json!([set(self.listings.page(day, from, count))])
    }

    /// A day by cluster: sums, where pages were asked for.
    fn totals(&self, day: Day) -> Value {
        let mut totals = self.cluster().cluster_set(day, false);
        let rows = self.listings.rows(day);
        for row in totals.as_object_mut().into_iter().flat_map(|set| set.values_mut()) {
            for name in SUMS.iter().filter(|_| !rows.is_empty()) {
                let sum: f64 = rows.iter().filter_map(|(_, row)| row[*name].as_f64()).sum();
                row[*name] = json!(sum);
            }
        }
        totals
    }

    /// Rows, each with the name of the response.
    fn named(&self, day: Day, mut rows: Vec<Row>) -> Vec<Row> {
        let total_cost = rows.iter().filter_map(|(_, row)| row["totalCost"].as_f64()).sum();
        let name = self.responses.add(Served {
            cluster: self.cluster.name.clone(),
            day,
            rows: rows.len(),
            total_cost,
        });
        for (_, row) in &mut rows {
            row["properties"]["labels"][RESPONSE_LABEL] = json!(name);
        }
        rows
    }

    fn assets(&self, day: Day) -> Value {
        let Value::Object(assets) = self.cluster().node_set(day) else {
            return json!([]);
        };
        let mut assets = self.named(day, assets.into_iter().collect());
        for (_, asset) in &mut assets {
            asset["properties"]["project"] = asset["properties"]["labels"][RESPONSE_LABEL].clone();
        }
        json!([set(assets)])
    }

    /// What it says when it is asked.
    pub(crate) fn says(&self, asked: &Asked) -> Data {
        Ok(match (&*asked.path, asked.days) {
            ("/model/getConfigs", _) => json!({ "currencyCode": "USD" }),
            ("/model/allocation" | "/model/assets", None) => {
                return Err((400, "Missing required query parameter: 'window'"));
            }
            ("/model/allocation", Some((first, end))) if asked.by_cluster => {
                Value::Array(Day::range(first, end.minus(1)).map(|day| self.totals(day)).collect())
            }
            ("/model/allocation", Some((day, _))) => self.allocations(day, asked.page),
            ("/model/assets", Some((day, _))) => {
                if self.world.happens(Fault::AssetsFail) {
                    self.note(&format!("has no assets of {day}"));
                    return Err((501, "no assets"));
                }
                self.assets(day)
            }
            _ => return Err((404, "not found")),
        })
    }
}

#[async_trait]
impl InProcess for Source {
    async fn respond(&self, request: reqwest::Request) -> Result<reqwest::Response, String> {
        serve(&self.world, self.name(), &request, |asked| self.says(asked)).await
    }
}
