//! Clusters whose costs are in different currencies: nothing adds them.

use std::collections::BTreeMap;

use kubecost_lake::simulator::{SimulatedSource, generated::GeneratedCluster};
use report::{
    costs::{self, Selection},
    lake::Lake,
    results, share,
    status::Status,
    table::{Cell, Table, Unit},
};

use crate::support::{days, generated, run, start};

/// The sum of a table's column by currency.
fn by_currency(table: &Table, column: &str) -> BTreeMap<String, f64> {
    let (currency, column) = (table.column("currency").unwrap(), table.column(column).unwrap());
    let mut sums = BTreeMap::new();
    for row in &table.rows {
        let Cell::Number(cost) = row[column] else {
            panic!("{row:?}")
        };
        *sums.entry(row[currency].text().to_owned()).or_default() += cost;
    }
    sums
}

#[tokio::test]
async fn costs_of_two_currencies_are_said_apart() {
    let directory = tempfile::tempdir().unwrap();
    let host = start(directory.path()).await;
    let days = &days()[11..];
    // The same costs, of which one source says that they are in euros, and the other says nothing.
    for (name, currency) in [("euros", "EUR"), ("unknown", "")] {
        let cluster = GeneratedCluster {
            currency: currency.to_owned(),
            ..generated(name, days)
        };
        let source = SimulatedSource::kubecost(cluster).await.unwrap();
        let outcome = run(&host, name, &source).await;
        assert!(outcome.is_success(), "{outcome:?}");
        if name == "unknown" {
            let shown = outcome.lake.to_string();
            let totals: Vec<&str> = shown.lines().filter(|line| line.contains("total cost")).collect();
            assert!(
                totals.len() == 2 && totals[0].ends_with("EUR") && totals[1].ends_with("USD"),
                "{shown}"
            );
        }
    }
    host.stop().await;

    let lake = Lake::directory(directory.path()).unwrap();
    let status = by_currency(&Status::read(&lake).await.unwrap().table(), "cost");
    let (euros, dollars) = (status["EUR"], status["USD"]);
    assert!(
        status.len() == 2 && euros > 1.0 && (euros - dollars).abs() < 1e-9 * euros,
        "{status:?}"
    );

    let cubes = costs::read(
        &lake,
        &Selection {
            label: "team".to_owned(),
            ..Selection::default()
        },
    )
    .await
    .unwrap();
    for name in ["cost_per_day", "cost_by_month", "cost_by_namespace", "cost_by_team"] {
        let sums = by_currency(&results::result(&cubes, name).unwrap(), "cost");
        let is_apart = sums.len() == 2
            && sums
                .iter()
                .all(|(currency, cost)| (cost - status[currency]).abs() < 1e-6);
        assert!(is_apart, "{name}: {sums:?} {status:?}");
    }
    for name in results::NAMES {
        let result = results::result(&cubes, name).unwrap();
        let has_money = result
            .columns
            .iter()
            .any(|column| matches!(column.unit, Unit::Money | Unit::Price));
        assert!(!has_money || result.column("currency").is_some(), "{name}");
    }
    let shared = by_currency(&share::showback(&cubes, &"idle=proportional".parse().unwrap()), "cost");
    assert!(
        shared.len() == 2
            && shared
                .iter()
                .all(|(currency, cost)| (cost - status[currency]).abs() < 0.01),
        "{shared:?}"
    );
}
