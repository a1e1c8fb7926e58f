//! Waiting for the plan, and doing without.

use std::time::Duration;

use contract::{
    day::Day,
    documents::{self, Inventory, Plan, PlanReason, PlannedDay},
    keys::Prefixes,
};
use end_to_end::{
    bucket::{BUCKET_NAME, Bucket},
    staging::cluster,
};
use exporter::{Days, NoProgress, RunSummary};

use super::source::{Scripted, bad_window, containers, setup, text};

/// A Kubecost that has the days from the 12th to the 23rd.
async fn kubecost() -> Scripted {
    Scripted::serve(|asked| match (asked.path.as_str(), asked.day()) {
        ("/model/allocation", "") => bad_window(),
        ("/model/allocation", _) if asked.parameter("aggregate") == "cluster" => {
            let sets: Vec<String> = (12..=23)
                .map(|day| {
                    format!(
                        "{{{}}}",
                        super::source::row(&format!("2026-11-{day}"), "x", r#""cluster":"x""#)
                    )
                })
                .collect();
            text(200, format!(r#"{{"code":200,"data":[{{}},null,{}]}}"#, sets.join(",")))
        }
        ("/model/allocation", day) => text(200, containers(day, &["a".to_owned()])),
        _ => text(200, r#"{"code":200,"data":[{}]}"#),
    })
    .await
}

fn inventory(bucket: &Bucket) -> Option<Inventory> {
    let key = bucket
        .keys("staging/")
        .into_iter()
        .find(|key| key.ends_with("inventory.json"))?;
    Some(documents::read(&bucket.get(&key)?.content).unwrap())
}

/// Runs with a function that answers the inventory with a plan, after a wait.
async fn run_with(plan: impl Fn(&Inventory) -> Plan + Send + 'static) -> (RunSummary, Inventory) {
    let source = kubecost().await;
    let mut setup = setup(&source.url, &[]).await;
    setup.exporter.plan_wait = Duration::from_secs(3);
    let bucket = setup.bucket.clone();
    let function = tokio::spawn(async move {
        loop {
            if let Some(inventory) = inventory(&bucket) {
                let key = Prefixes::default().plan(cluster().id());
                bucket.put(&key, documents::write(&plan(&inventory)).unwrap());
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let summary = setup.exporter.run(None, &Days::Planned, &NoProgress).await.unwrap();
    function.await.unwrap();
    (summary, inventory(&setup.bucket).unwrap())
}

fn plan(inventory: &Inventory, days: &[&str]) -> Plan {
    let day = |day: &&str| PlannedDay {
        date: day.parse().unwrap(),
        reason: PlanReason::Missing,
    };
    Plan {
        run: inventory.run,
        created_at: inventory.created_at,
        days: days.iter().map(day).collect(),
    }
}

fn dates(summary: &RunSummary) -> Vec<String> {
    summary.collected().map(|(day, _)| day.to_string()).collect()
}

#[tokio::test]
async fn the_plan_of_the_run_is_followed_newest_day_first() {
    let (summary, inventory) = run_with(|inventory| plan(inventory, &["2026-11-13", "2026-11-22", "2026-11-15"])).await;
    assert!(summary.planned && summary.is_success());
    assert_eq!(dates(&summary), ["2026-11-22", "2026-11-15", "2026-11-13"]);
    let days: Vec<Day> = (12..=23).map(|day| format!("2026-11-{day}").parse().unwrap()).collect();
    assert_eq!(
        inventory.days, days,
        "what the source has of the period, less what has not settled"
    );
}

#[tokio::test]
async fn days_that_the_inventory_does_not_name_are_not_collected() {
    let (summary, _) = run_with(|inventory| plan(inventory, &["2026-11-22", "2020-01-01", "2026-11-24"])).await;
    assert_eq!(dates(&summary), ["2026-11-22"]);
}

#[tokio::test]
async fn a_plan_of_another_run_is_no_plan() {
    let (summary, _) = run_with(|inventory| Plan {
        run: "019aaaaa-0000-7000-8000-000000000001".parse().unwrap(),
        ..plan(inventory, &["2026-11-13"])
    })
    .await;
    assert!(!summary.planned);
    assert_eq!(dates(&summary), ["2026-11-21"], "72 to 48 hours ago");
}

#[tokio::test]
async fn without_permission_to_list_no_plan_looks_like_403_and_is_waited_for() {
    let source = kubecost().await;
    let mut setup = setup(&source.url, &[]).await;
    setup.exporter.plan_wait = Duration::from_millis(1500);
    setup.bucket.break_reads(&Prefixes::default().plan(cluster().id()), 1);
    let bucket = setup.bucket.clone();
    let function = tokio::spawn(async move {
        loop {
            if let Some(inventory) = inventory(&bucket) {
                let key = Prefixes::default().plan(cluster().id());
                bucket.put(&key, documents::write(&plan(&inventory, &["2026-11-20"])).unwrap());
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let summary = setup.exporter.run(None, &Days::Planned, &NoProgress).await.unwrap();
    function.await.unwrap();
    assert!(summary.planned);
    assert_eq!(dates(&summary), ["2026-11-20"]);
}

#[tokio::test]
async fn an_empty_plan_is_followed_too() {
    let (summary, _) = run_with(|inventory| plan(inventory, &[])).await;
    assert!(summary.planned && summary.is_success() && summary.days.is_empty());
}

#[tokio::test]
async fn a_plan_that_is_never_to_be_read_is_no_plan() {
    let source = kubecost().await;
    let mut setup = setup(&source.url, &[]).await;
    setup.exporter.plan_wait = Duration::from_millis(10);
    let key = Prefixes::default().plan(cluster().id());
    setup.bucket.break_reads(&key, u32::MAX);
    let summary = setup.exporter.run(None, &Days::Planned, &NoProgress).await.unwrap();
    assert!(!summary.planned && summary.is_success());
    assert_eq!(dates(&summary), ["2026-11-21"]);
    let setup = super::source::setup(&source.url, &[]).await;
    setup.bucket.put(&key, r#"{"version":2,"of":"the future"}"#);
    let summary = setup.exporter.run(None, &Days::Planned, &NoProgress).await;
    assert_eq!(dates(&summary.unwrap()), ["2026-11-21"]);
}

#[tokio::test]
async fn an_inventory_that_cannot_be_written_ends_the_run() {
    let source = kubecost().await;
    let mut setup = setup(&source.url, &[]).await;
    let client = setup.bucket.serve_to_stranger("not the secret").await;
    setup.exporter.store = store::Store::new(client, BUCKET_NAME);
    let error = setup.exporter.run(None, &Days::Planned, &NoProgress).await;
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("inventory") && message.contains("s3://kubecost-lake/staging/"),
        "{message}"
    );
    assert!(source.asked("/model/assets").is_empty());
}
