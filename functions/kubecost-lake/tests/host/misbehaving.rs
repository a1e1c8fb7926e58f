//! A source that misbehaves differently in each run: whatever the order, the lake's day is the newest complete response
//! that was seen, and the audit reports what differs from the source.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use contract::day::Day;
use exporter::Days;
use kubecost_lake::summary::LakeSummary;
use serde_json::{Value, json};

use crate::{
    cases::{Source, assets, collect_into, for_each_row, moved},
    support::{arn, audit, case, days, start},
};

/// What a source does in one run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Behaviour {
    Whole,
    Warning,
    FailingAssets,
    /// The second half of the day is lost, while the windows say 24 hours.
    LostTail,
    /// One row of twenty is left.
    Restarted,
    Doubled,
    Shifted,
    IgnoredFilter,
    ErrorStatus,
    NoData,
}

const ALL: [Behaviour; 10] = [
    Behaviour::Whole,
    Behaviour::Warning,
    Behaviour::FailingAssets,
    Behaviour::LostTail,
    Behaviour::Restarted,
    Behaviour::Doubled,
    Behaviour::Shifted,
    Behaviour::IgnoredFilter,
    Behaviour::ErrorStatus,
    Behaviour::NoData,
];

impl Behaviour {
    /// The share of the day's quantities that a stored set has; `None` where nothing may be stored.
    fn share(self) -> Option<f64> {
        match self {
            Self::Whole | Self::Warning | Self::FailingAssets => Some(1.0),
            Self::LostTail => Some(0.5),
            Self::Restarted => Some(0.05),
            _ => None,
        }
    }

    fn response(self, costs: f64) -> Value {
        let mut response = case("shrinks-1-full");
        let multiply = |response: &mut Value, fields: &[&str], factor: f64| {
            for_each_row(response, |row| {
                for field in fields {
                    row[*field] = json!(row[*field].as_f64().unwrap() * factor);
                }
            });
        };
        let fields = ["cpuCost", "ramCost", "totalCost"];
        multiply(&mut response, &fields, costs);
        match self {
            Self::Whole | Self::FailingAssets => {}
            Self::Warning => response["warning"] = json!("the store was slow"),
            Self::LostTail => {
                multiply(&mut response, &fields, 0.5);
                multiply(&mut response, &["minutes", "cpuCoreHours", "ramByteHours"], 0.5);
                for_each_row(&mut response, |row| row["end"] = json!("2026-11-20T12:00:00Z"));
            }
            Self::Restarted => {
                let rows = response["data"][0].as_object_mut().unwrap();
                let lost: Vec<String> = rows.keys().skip(1).cloned().collect();
                for key in lost {
                    rows.remove(&key);
                }
            }
            Self::Doubled => {
                let set = response["data"][0].clone();
                response["data"].as_array_mut().unwrap().push(set);
            }
            Self::Shifted => for_each_row(&mut response, |row| {
                row["window"] = json!({ "start": "2026-11-20T05:00:00Z", "end": "2026-11-21T05:00:00Z" });
            }),
            Self::IgnoredFilter => {
                let rows = response["data"][0].as_object_mut().unwrap();
                rows.values_mut().last().unwrap()["properties"]["cluster"] = json!("another");
            }
            Self::ErrorStatus => response["status"] = json!("error"),
            Self::NoData => response["data"] = json!([{}]),
        }
        response
    }
}

/// A set of the model.
#[derive(Debug, Clone, Copy)]
struct Stored {
    behaviour: Behaviour,
    share: f64,
    total: f64,
}

#[tokio::test]
async fn the_day_is_the_newest_complete_response_and_every_difference_is_in_the_audit() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let directory = tempfile::tempdir().unwrap();
        let host = start(directory.path()).await;
        let day: Day = days()[7];
        let mut stored: Vec<Stored> = Vec::new();
        let mut behaviours = Vec::new();
        for number in 0..random.u32(2..8) {
            let behaviour = ALL[random.usize(..ALL.len())];
            behaviours.push(behaviour);
            let costs = 1.0 + 0.01 * f64::from(number);
            let assets = assets();
            let respond_assets = move |day: &str| -> Response {
                if behaviour == Behaviour::FailingAssets {
                    StatusCode::FORBIDDEN.into_response()
                } else {
                    assets(day)
                }
            };
            let source = Source::new(moved(&behaviour.response(costs)), respond_assets);
            let outcome = collect_into(&host, &source, &Days::Given(vec![day]), &[]).await;
            assert!(outcome.failures.is_empty(), "{behaviours:?}: {outcome:?}");
            if let Some(share) = behaviour.share() {
                let total = 15.0 * share * costs;
                stored.push(Stored {
                    behaviour,
                    share,
                    total,
                });
            }
            let best = stored.iter().map(|set| set.share).fold(0.0, f64::max);
            let chosen = stored.iter().rfind(|set| set.share > 0.9 * best).copied();
            let is_taken = match behaviour.share() {
                Some(share) => share > 0.9 * best,
                None => behaviour == Behaviour::NoData,
            };
            let is_whole = chosen.is_some_and(|set| set.behaviour != Behaviour::LostTail);
            assert_eq!(
                outcome.is_success(),
                is_taken && is_whole,
                "{behaviours:?}: {outcome:?}"
            );

            let lake = LakeSummary::read(directory.path().to_owned()).await.unwrap();
            let cost = lake
                .clusters
                .get(arn("cases").id())
                .map(|cluster| cluster.total_cost("USD"));
            let differs = cost
                .zip(chosen)
                .map(|(cost, set)| (cost - set.total).abs() > 1e-9 * set.total);
            assert!(
                differs != Some(true) && cost.is_some() == chosen.is_some(),
                "{behaviours:?}: {cost:?} {chosen:?}"
            );
        }
        let report = audit(&host).await;
        let best = stored.iter().map(|set| set.share).fold(0.0, f64::max);
        let chosen = stored.iter().rfind(|set| set.share > 0.9 * best);
        let reported = |list: &str| {
            let findings = report["findings"].as_array().unwrap().iter();
            findings
                .filter_map(|finding| finding[list].as_array())
                .flatten()
                .any(|item| item["date"] == day.to_string())
        };
        let chosen_is = |behaviour| chosen.is_some_and(|set| set.behaviour == behaviour);
        assert_eq!(
            reported("partial"),
            chosen_is(Behaviour::LostTail),
            "{behaviours:?}: {report}"
        );
        assert_eq!(
            reported("assets_unavailable"),
            chosen_is(Behaviour::FailingAssets),
            "{behaviours:?}: {report}"
        );
        let newest_is_thinner = stored.last().is_some_and(|set| set.share < 0.9 * best);
        assert_eq!(reported("thinner"), newest_is_thinner, "{behaviours:?}: {report}");
        host.stop().await;
    }
}
