//! What a run reports of how it ended.

use contract::{
    documents,
    run_report::{ErrorClass, RunOutcome, RunReport},
};
use exporter::{Days, NoProgress, RunError, certificate};

use super::source::{NOW, Scripted, Setup, containers, row, setup, text};

fn report(setup: &Setup) -> RunReport {
    let keys = setup.bucket.keys("staging/");
    let mut reports = keys.iter().filter(|key| key.ends_with("/run.json"));
    let key = reports.next().unwrap();
    assert_eq!(reports.next(), None);
    documents::read(&setup.bucket.get(key).unwrap().content).unwrap()
}

/// A source that lists the 21st to the 23rd, and responds to the days with a status.
async fn kubecost(status: u16) -> Scripted {
    Scripted::serve(move |asked| match (asked.path.as_str(), asked.day()) {
        ("/model/allocation", _) if asked.parameter("aggregate") == "cluster" => {
            let sets = (21..=23).map(|day| {
                let row = row(&format!("2026-11-{day}"), "x", r#""cluster":"x""#);
                format!("{{{row}}}")
            });
            let sets: Vec<String> = sets.collect();
            text(200, format!(r#"{{"code":200,"data":[{}]}}"#, sets.join(",")))
        }
        ("/model/allocation", day) => text(status, containers(day, &["a".to_owned()])),
        _ => text(200, r#"{"code":200,"data":[{}]}"#),
    })
    .await
}

async fn run(setup: &Setup) -> Result<(), RunError> {
    let ended = setup.exporter.run(None, &Days::Planned, &NoProgress).await;
    ended.map(|_| ())
}

const KIND: (&str, &str) = ("SOURCE_KIND", "kubecost");

#[tokio::test]
async fn a_run_that_fails_before_its_inventory_says_why() {
    // Nothing listens there.
    let setup = setup("http://127.0.0.1:9", &[("RETRIES", "0")]).await;
    run(&setup).await.unwrap_err();
    assert_eq!(setup.bucket.keys("staging/").len(), 1);
    let report = report(&setup);
    let error = report.error.unwrap();
    assert_eq!(
        (report.outcome, error.class),
        (RunOutcome::Failed, ErrorClass::Connection)
    );
    assert!(error.message.contains("127.0.0.1:9"), "{}", error.message);
    assert_eq!(report.started_at, NOW.parse::<chrono::DateTime<chrono::Utc>>().unwrap());
    assert_eq!(
        (report.producer.as_str(), report.planned),
        (env!("CARGO_PKG_VERSION"), false)
    );
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_reported() {
    let setup = setup("https://127.0.0.1:9", &[("CA_CERTIFICATE_FILE", "/no/such/ca.pem")]).await;
    let config = async || unreachable!("a file needs no AWS");
    let error = certificate::load(&setup.exporter.source.ca_certificate, config)
        .await
        .unwrap_err();
    setup.exporter.report_early_failure(&error.into()).await;
    let error = report(&setup).error.unwrap();
    assert_eq!(error.class, ErrorClass::Credentials);
    assert!(error.message.contains("/no/such/ca.pem"), "{}", error.message);
}

#[tokio::test]
async fn a_run_reports_the_days_that_it_collected_and_those_that_failed() {
    // Without a plan, a run collects the 21st only.
    for (status, outcome, collected) in [(200, RunOutcome::Complete, 1), (400, RunOutcome::Failed, 0)] {
        let source = kubecost(status).await;
        let setup = setup(&source.url, &[KIND, ("RETRIES", "0")]).await;
        run(&setup).await.unwrap();
        let report = report(&setup);
        assert_eq!((report.outcome, report.collected.len()), (outcome, collected));
        assert_eq!(report.failed.len(), 1 - collected);
        for failed in report.failed {
            assert_eq!(failed.error.class, ErrorClass::Status);
        }
    }
}

#[tokio::test]
async fn days_that_a_person_names_are_not_reported() {
    let source = kubecost(200).await;
    let setup = setup(&source.url, &[KIND]).await;
    assert!(setup.collect(&["2026-11-21"]).await.is_success());
    assert!(
        !setup
            .bucket
            .keys("staging/")
            .iter()
            .any(|key| key.ends_with("/run.json"))
    );
}
