//! Days that are asked for page by page.

use std::ops::Range;

use axum::response::Response;

use super::source::{Asked, Scripted, bad_window, containers, row, setup, text};

const DAY: &str = "2026-11-20";

fn names(range: Range<usize>) -> Vec<String> {
    range.map(|number| format!("row-{number}")).collect()
}

/// A source with so many rows, each of which costs 0.5. A case decides which rows a page has; the day by cluster is
/// right.
async fn source(rows: usize, page: impl Fn(&Asked, usize, usize) -> Response + Send + Sync + 'static) -> Scripted {
    Scripted::serve(move |asked| match (asked.path.as_str(), asked.day()) {
        ("/model/allocation", "") => bad_window(),
        ("/model/allocation", day) if asked.parameter("aggregate") == "cluster" => {
            let cost = 0.5 * rows as f64;
            let row = row(day, "x", r#""cluster":"x""#).replace("0.5", &cost.to_string());
            text(200, format!(r#"{{"code":200,"data":[{{{row}}}]}}"#))
        }
        ("/model/allocation", _) => {
            let number = |name| asked.parameter(name).parse::<usize>().unwrap_or(usize::MAX);
            let (offset, limit) = (number("offset"), number("limit"));
            page(asked, if offset == usize::MAX { 0 } else { offset }, limit)
        }
        _ => text(200, r#"{"code":200,"data":[{}]}"#),
    })
    .await
}

fn page(rows: Range<usize>) -> Response {
    text(200, containers(DAY, &names(rows)))
}

/// How a collected day came about, or why it was not.
struct Outcome {
    rows: u64,
    parts: usize,
    offsets: Vec<String>,
    reason: Option<String>,
}

async fn collect(source: &Scripted) -> Outcome {
    let setup = setup(&source.url, &[("PAGE_SIZE", "10"), ("RETRIES", "1")]).await;
    let summary = setup.collect(&[DAY]).await;
    assert_eq!(setup.bucket.open_uploads(), 0);
    let asked = source.asked_for_days();
    let pages = asked.iter().filter(|asked| asked.parameter("aggregate").is_empty());
    let offsets = pages.map(|asked| asked.parameter("offset").to_owned()).collect();
    let manifests = setup.manifests();
    let reason = summary.failed().next().map(|(_, reason)| reason);
    assert_eq!(manifests.is_empty(), reason.is_some());
    let manifest = manifests.first();
    Outcome {
        rows: manifest.map_or(0, |manifest| manifest.rows),
        parts: manifest.map_or(0, |manifest| manifest.parts.len().saturating_sub(1)),
        offsets,
        reason,
    }
}

#[tokio::test]
async fn pages_become_parts_until_one_is_empty() {
    for (rows, parts, offsets) in [
        (25, 3, &["0", "10", "20", "25"][..]),
        (20, 2, &["0", "10", "20"]),
        (5, 1, &["0", "5"]),
        (0, 0, &["0"]),
    ] {
        let source = source(rows, move |_, offset, limit| {
            page(offset.min(rows)..offset.saturating_add(limit).min(rows))
        })
        .await;
        let outcome = collect(&source).await;
        assert_eq!(outcome.reason, None);
        assert_eq!(
            (outcome.rows, outcome.offsets),
            (rows as u64, offsets.iter().map(|offset| (*offset).to_owned()).collect())
        );
        assert!(outcome.parts == parts || rows == 0);
    }
}

#[tokio::test]
async fn a_source_that_caps_pages_is_read_to_its_end() {
    let source = source(25, |_, offset, limit| {
        page(offset.min(25)..(offset.saturating_add(limit.min(4))).min(25))
    })
    .await;
    let outcome = collect(&source).await;
    assert_eq!((outcome.reason, outcome.rows, outcome.parts), (None, 25, 7));
}

#[tokio::test]
async fn a_source_that_knows_no_pages_is_stored_once() {
    for rows in [5, 10, 25] {
        let source = source(rows, move |_, _, _| page(0..rows)).await;
        let outcome = collect(&source).await;
        assert_eq!(
            (outcome.reason, outcome.rows, outcome.parts),
            (None, rows as u64, 1),
            "{rows}"
        );
    }
}

#[tokio::test]
async fn a_source_that_ignores_the_offset_is_queried_once_without_pages() {
    // It knows the limit; without one it sends everything.
    let source = source(25, |_, _, limit| page(0..limit.min(25))).await;
    let outcome = collect(&source).await;
    assert_eq!((outcome.reason, outcome.rows), (None, 25));
    assert_eq!(outcome.offsets, ["0", "10", ""]);
}

#[tokio::test]
async fn pages_that_do_not_add_up_to_the_day_are_refused() {
    // Rows are lost whatever is asked for; rows are lost between two pages; the last page is missing.
    let lost: fn(usize, usize) -> Range<usize> = |_, limit| 0..limit.min(10);
    let skipped: fn(usize, usize) -> Range<usize> = |offset, limit| {
        let first = if offset == 0 { 0 } else { offset + 2 };
        first.min(25)..first.saturating_add(limit).min(25)
    };
    let ended: fn(usize, usize) -> Range<usize> = |offset, limit| offset.min(20)..offset.saturating_add(limit).min(20);
    for rows in [lost, skipped, ended] {
        let source = source(25, move |_, offset, limit| page(rows(offset, limit))).await;
        let outcome = collect(&source).await;
        let reason = outcome.reason.unwrap();
        assert!(
            reason.contains("total cost") && reason.contains("set PAGE_SIZE to 0"),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn pages_between_which_the_order_changed_are_refused() {
    // The row in question was on the page before, and on one further back.
    for repeated in [1, 0] {
        let source = source(1000, move |_, offset, _| {
            let page = offset / 10;
            let mut rows = names(page * 10..page * 10 + 10);
            if page == 2 {
                rows[3] = format!("row-{}", repeated * 10 + 7);
            }
            text(200, containers(DAY, &rows))
        })
        .await;
        let reason = collect(&source).await.reason.unwrap();
        assert!(reason.contains("page 3") && reason.contains("PAGE_SIZE"), "{reason}");
    }
}

#[tokio::test]
async fn a_page_that_fails_is_asked_for_again_and_no_other() {
    let broken = std::sync::atomic::AtomicBool::new(true);
    let source = source(14, move |_, offset, _| match offset {
        0 => page(0..10),
        10 if broken.swap(false, std::sync::atomic::Ordering::Relaxed) => text(504, "slow"),
        _ => page(offset..14),
    })
    .await;
    let outcome = collect(&source).await;
    assert_eq!((outcome.reason, outcome.rows), (None, 14));
    assert_eq!(outcome.offsets, ["0", "10", "10", "14"]);
}

#[tokio::test]
async fn small_pages_grow_so_that_a_manifest_can_name_them() {
    let source = source(2_500, |_, offset, limit| {
        page(offset.min(2_500)..offset.saturating_add(limit).min(2_500))
    })
    .await;
    let outcome = collect(&source).await;
    // 199 pages of 10 rows, and 26 of 20.
    assert_eq!((outcome.reason, outcome.rows, outcome.parts), (None, 2_500, 225));
}

#[tokio::test]
async fn a_listing_without_end_is_given_up() {
    let source = source(25, |_, offset, limit| page(offset..offset + limit)).await;
    let mut setup = setup(&source.url, &[("PAGE_SIZE", "10")]).await;
    setup.exporter.source.longest_response = std::time::Duration::from_millis(500);
    let summary = setup.collect(&[DAY]).await;
    let (_, reason) = summary.failed().next().unwrap();
    assert!(
        reason.contains("too slow") && reason.contains("raise PAGE_SIZE"),
        "{reason}"
    );
}

#[tokio::test]
async fn opencost_has_no_pages() {
    let source = Scripted::serve(|asked| match asked.path.as_str() {
        "/allocation/compute" => text(200, containers(asked.day(), &names(0..25))),
        _ => text(200, r#"{"code":200,"data":{}}"#),
    })
    .await;
    let setup = setup(&source.url, &[("PAGE_SIZE", "10"), ("SOURCE_KIND", "opencost")]).await;
    assert!(setup.collect(&[DAY]).await.is_success());
    assert_eq!(setup.manifests()[0].rows, 25);
    assert_eq!(source.asked("/allocation/compute").len(), 1);
}
