//! The currency of the costs: what the source says, else the setting, else US dollars.

use contract::currency::Currency;
use exporter::{Days, NoProgress};

use super::source::{Scripted, bad_window, broken_off, containers, not_found, setup, text};

const DAY: &str = "2026-11-20";
const CONFIGURATION: &str = "/model/getConfigs";

/// A Kubecost that answers a query for its configuration like this.
async fn kubecost(status: u16, configuration: &'static str) -> Scripted {
    Scripted::serve(move |asked| match (asked.path.as_str(), asked.day()) {
        ("/model/allocation", "") => bad_window(),
        ("/model/allocation", day) => text(200, containers(day, &["a".to_owned()])),
        ("/model/assets", _) => text(200, r#"{"code":200,"data":[{}]}"#),
        (CONFIGURATION, _) if status == 0 => broken_off(configuration),
        (CONFIGURATION, _) => text(status, configuration),
        _ => not_found(),
    })
    .await
}

#[tokio::test]
async fn what_the_source_says_is_recorded_and_asked_for_once_a_run() {
    let source = kubecost(200, r#"{"code":200,"data":{"CPU":"0.03","currencyCode":"EUR"}}"#).await;
    for setting in [&[][..], &[("SOURCE_CURRENCY", "eur")]] {
        let setup = setup(&source.url, setting).await;
        assert!(setup.collect(&[DAY, "2026-11-21"]).await.is_success());
        let currencies: Vec<_> = setup.manifests().into_iter().map(|one| one.facts.currency).collect();
        assert_eq!(currencies, [Some(Currency::known("EUR")), Some(Currency::known("EUR"))]);
    }
    assert_eq!(source.asked(CONFIGURATION).len(), 2);
}

#[tokio::test]
async fn a_source_that_does_not_say_it_has_the_settings_or_is_assumed_to_have_dollars() {
    for (status, body) in [
        (404, "404 page not found"),
        (403, "forbidden"),
        (200, "<html></html>"),
        (200, r#"{"code":200,"data":{"currencyCode":""}}"#),
    ] {
        let source = kubecost(status, body).await;
        for (settings, expected) in [
            (&[][..], Currency::assumed()),
            (&[("SOURCE_CURRENCY", "CHF")], Currency::known("CHF")),
        ] {
            let setup = setup(&source.url, settings).await;
            assert!(setup.collect(&[DAY]).await.is_success(), "{body}");
            let facts = setup.manifests().remove(0).facts;
            assert_eq!(facts.currency, Some(expected), "{body}");
            let of_currency = |warning: &String| warning.contains("currency");
            assert!(!facts.warnings.iter().any(of_currency), "{body}: {:?}", facts.warnings);
        }
    }
}

#[tokio::test]
async fn opencost_is_not_asked() {
    let source = Scripted::serve(|asked| match (asked.path.as_str(), asked.day()) {
        ("/allocation/compute", "") => bad_window(),
        ("/allocation/compute", day) => text(200, containers(day, &["a".to_owned()])),
        ("/assets", _) => text(200, r#"{"code":200,"data":{}}"#),
        _ => not_found(),
    })
    .await;
    let setup = setup(&source.url, &[("SOURCE_CURRENCY", "EUR")]).await;
    assert!(setup.collect(&[DAY]).await.is_success());
    assert_eq!(setup.manifests().remove(0).facts.currency, Some(Currency::known("EUR")));
    assert!(source.asked(CONFIGURATION).is_empty());
}

#[tokio::test]
async fn a_setting_that_contradicts_the_source_fails_the_run() {
    let source = kubecost(200, r#"{"code":200,"data":{"currencyCode":"EUR"}}"#).await;
    let setup = setup(&source.url, &[("SOURCE_CURRENCY", "USD")]).await;
    let days = Days::Given(vec![DAY.parse().unwrap()]);
    let error = setup.exporter.run(None, &days, &NoProgress).await.unwrap_err();
    assert!(setup.bucket.keys("staging/").is_empty() && source.asked_for_days().is_empty());
    let message = error.to_string();
    assert!(message.contains("in EUR, but SOURCE_CURRENCY is USD"), "{message}");
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_fails_the_days_without_a_secret_of_it() {
    for (status, body) in [
        (500, "out of memory"),
        (
            0,
            r#"{"code":200,"data":{"awsServiceKeySecret":"hunter2","currencyCode":"E"#,
        ),
    ] {
        let source = kubecost(status, body).await;
        let unset = setup(&source.url, &[("RETRIES", "1")]).await;
        let summary = unset.collect(&[DAY]).await;
        let (_, message) = summary.failed().next().unwrap();
        assert!(unset.bucket.keys("staging/").is_empty() && source.asked_for_days().is_empty());
        assert!(
            message.contains("set SOURCE_CURRENCY") && !message.contains("hunter2"),
            "{message}"
        );
        // With a retry at the start; then for the day, and once more at the end of the run.
        assert_eq!(source.asked(CONFIGURATION).len(), 4, "{message}");
        let set = setup(&source.url, &[("RETRIES", "0"), ("SOURCE_CURRENCY", "EUR")]).await;
        assert!(set.collect(&[DAY]).await.is_success());
        assert_eq!(set.manifests().remove(0).facts.currency, Some(Currency::known("EUR")));
    }
}
