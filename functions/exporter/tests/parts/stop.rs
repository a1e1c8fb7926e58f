//! A run that ends before its work is done.

use std::time::{Duration, Instant};

use axum::response::IntoResponse;
use exporter::Stop;

use super::source::{Scripted, bad_window, containers, setup, text};

const SLOW: &str = "2026-11-19";

#[tokio::test]
async fn a_run_that_ends_early_keeps_what_is_there_and_says_what_is_missing() {
    // The newest day comes at once, the second breaks off in the middle and is silent, the third is not asked for.
    let source = Scripted::serve(|asked| match (asked.path.as_str(), asked.day()) {
        ("/model/allocation", "") => bad_window(),
        ("/model/allocation", SLOW) => {
            let body = containers(SLOW, &["a".to_owned()]);
            let begun = futures_util::stream::iter([Ok::<_, std::io::Error>(body[..100].to_owned())]);
            let silent = futures_util::stream::pending();
            axum::body::Body::from_stream(futures_util::StreamExt::chain(begun, silent)).into_response()
        }
        ("/model/allocation", day) => text(200, containers(day, &["a".to_owned()])),
        _ => text(200, r#"{"code":200,"data":[{}]}"#),
    })
    .await;
    let (stopper, stop) = Stop::new();
    let mut setup = setup(&source.url, &[]).await;
    setup.exporter.source.stop = stop;
    let began = Instant::now();
    let run = setup.collect(&["2026-11-18", SLOW, "2026-11-20"]);
    let end = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stopper.stop("SIGTERM");
    };
    let (summary, ()) = tokio::join!(run, end);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(summary.stopped());
    let collected: Vec<String> = summary.collected().map(|(day, _)| day.to_string()).collect();
    assert_eq!(collected, ["2026-11-20"]);
    let line = summary.to_string();
    assert_eq!(
        line.matches("not collected, since the run ended early: SIGTERM")
            .count(),
        2,
        "{line}"
    );
    assert_eq!(setup.bucket.open_uploads(), 0);
    assert_eq!(source.asked_for_days().len(), 2);
}

#[tokio::test]
async fn waits_between_retries_end_with_the_run() {
    let source = Scripted::serve(|asked| match asked.day() {
        "" => bad_window(),
        _ => text(503, "starting"),
    })
    .await;
    let (stopper, stop) = Stop::new();
    let mut setup = setup(&source.url, &[]).await;
    setup.exporter.source.stop = stop;
    setup.exporter.source.retry_delay = Duration::from_secs(600);
    let end = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stopper.stop("RUN_DEADLINE_SECONDS have passed");
    };
    let began = Instant::now();
    let (summary, ()) = tokio::join!(setup.collect(&[SLOW]), end);
    assert!(
        began.elapsed() < Duration::from_secs(5) && !summary.is_success(),
        "{summary}"
    );
}
