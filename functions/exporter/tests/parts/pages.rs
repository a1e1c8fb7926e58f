//! Days that are asked for page by page.

use super::source::{Scripted, bad_window, containers, setup, text};

const DAY: &str = "2026-11-20";

fn names(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("row-{number}")).collect()
}

#[tokio::test]
async fn pages_become_parts_until_one_is_short() {
    for (rows, pages, requests) in [(25, 3, 3), (20, 2, 3), (5, 1, 1)] {
        let source = Scripted::serve(move |asked| match (asked.path.as_str(), asked.day()) {
            ("/model/allocation", "") => bad_window(),
            ("/model/allocation", day) => {
                let number = |name| asked.parameter(name).parse::<usize>().unwrap();
                let first = number("offset").min(rows);
                text(200, containers(day, &names(first..(first + number("limit")).min(rows))))
            }
            _ => text(200, r#"{"code":200,"data":[{}]}"#),
        })
        .await;
        let setup = setup(&source.url, &[("PAGE_SIZE", "10")]).await;
        let summary = setup.collect(&[DAY]).await;
        assert!(summary.is_success(), "{summary}");
        let manifest = setup.manifests().remove(0);
        assert_eq!(manifest.rows, rows as u64);
        assert!((manifest.total_cost - rows as f64 * 0.5).abs() < 1e-9);
        let keys: Vec<&str> = manifest
            .parts
            .iter()
            .filter_map(|part| part.key.rsplit('/').next())
            .collect();
        let expected: Vec<String> = (1..=pages)
            .map(|page| format!("allocation-{page:04}.json.zst"))
            .collect();
        assert_eq!(keys[..pages], expected);
        assert_eq!(source.asked_for_days().len(), requests);
    }
}

#[tokio::test]
async fn a_source_that_ignores_pages_is_stored_once() {
    for rows in [10, 25] {
        let source = Scripted::kubecost(containers(DAY, &names(0..rows))).await;
        let setup = setup(&source.url, &[("PAGE_SIZE", "10")]).await;
        let summary = setup.collect(&[DAY]).await;
        assert!(summary.is_success(), "{summary}");
        let manifest = setup.manifests().remove(0);
        assert_eq!(manifest.rows, rows as u64);
        assert_eq!(manifest.parts.len(), 2, "one page and the assets");
        assert_eq!(setup.bucket.open_uploads(), 0);
    }
}

#[tokio::test]
async fn pages_between_which_the_order_changed_are_refused() {
    // The row in question was on the page before, and on one further back.
    for repeated in [1, 0] {
        let source = Scripted::serve(move |asked| match (asked.path.as_str(), asked.day()) {
            ("/model/allocation", "") => bad_window(),
            ("/model/allocation", day) => {
                let page = asked.parameter("offset").parse::<usize>().unwrap() / 10;
                let mut rows = names(page * 10..page * 10 + 10);
                if page == 2 {
                    rows[3] = format!("row-{}", repeated * 10 + 7);
                }
                text(200, containers(day, &rows))
            }
            _ => text(200, r#"{"code":200,"data":[{}]}"#),
        })
        .await;
        let setup = setup(&source.url, &[("PAGE_SIZE", "10")]).await;
        let summary = setup.collect(&[DAY]).await;
        let (_, reason) = summary.failed().next().unwrap();
        assert!(reason.contains("page 3") && reason.contains("PAGE_SIZE"), "{reason}");
        assert!(setup.manifests().is_empty() && setup.bucket.open_uploads() == 0);
    }
}

#[tokio::test]
async fn a_page_that_fails_is_asked_for_again_and_no_other() {
    let broken = std::sync::atomic::AtomicBool::new(true);
    let source = Scripted::serve(move |asked| match (asked.path.as_str(), asked.day()) {
        ("/model/allocation", "") => bad_window(),
        ("/model/allocation", day) => match asked.parameter("offset") {
            "0" => text(200, containers(day, &names(0..10))),
            _ if broken.swap(false, std::sync::atomic::Ordering::Relaxed) => text(504, "slow"),
            _ => text(200, containers(day, &names(10..14))),
        },
        _ => text(200, r#"{"code":200,"data":[{}]}"#),
    })
    .await;
    let setup = setup(&source.url, &[("PAGE_SIZE", "10")]).await;
    assert!(setup.collect(&[DAY]).await.is_success());
    assert_eq!(setup.manifests()[0].rows, 14);
    let asked = source.asked_for_days();
    let offsets: Vec<&str> = asked.iter().map(|asked| asked.parameter("offset")).collect();
    assert_eq!(offsets, ["0", "10", "10"]);
}
