//! Odd values, each as the table is to have it.

use contract::documents::{Question, SetFacts};
use end_to_end::staging::{self, Staging};
use transform::TransformOutcome;

use super::{Lake, table::Table};

async fn convert(file: &str) -> Table {
    let lake = Lake::with("version,port,emoji,no-such-label", "quotes").await;
    let outcome = lake
        .deliver(Staging::of(staging::run(1), &recordings::read(file), None, None))
        .await;
    assert!(matches!(outcome, TransformOutcome::Written { .. }), "{outcome:?}");
    lake.table()
}

#[tokio::test]
async fn numbers() {
    let table = convert("shapes/numbers.json").await;
    let number = |row: &str, column| table.number(&format!("one/n/ns/p/{row}"), column);
    for (row, column, expected) in [
        ("integers", "minutes", 720.0),
        ("integers", "pvBytes", 18_446_744_073_709_551_616.0),
        ("integers", "ramBytes", 9_007_199_254_740_992.0),
        ("integers", "externalCost", 0.0),
        ("decimals", "cpuCores", 0.758_66),
        ("decimals", "totalCost", 0.300_000_000_000_000_04),
        ("decimals", "ramBytes", 1.5e9),
        ("decimals", "networkCost", 1e-7),
        ("negative", "cpuCostAdjustment", -0.5),
        ("zero", "minutes", 0.0),
        ("zero", "cpuCost", 0.0),
        ("zero", "totalCost", 0.0),
        ("null", "totalEfficiency", 0.0),
        ("null", "cpuCost", 1.0),
        ("texts", "minutes", 1440.0),
        ("texts", "totalCost", 0.25),
    ] {
        assert_eq!(number(row, column), Some(expected), "{row} {column}");
    }
    assert_eq!(number("null", "gpuEfficiency"), None);
}

#[tokio::test]
async fn texts_stay_as_they_are() {
    let table = convert("shapes/texts.json").await;
    let odd = "one/node-1/ns/🦀/\"quoted\"\nname";
    for (column, expected) in [
        ("properties.container", "8080"),
        ("properties.namespace", "001"),
        ("properties.pod", "1.20"),
        ("properties.node", "NA"),
        ("properties.providerID", "null"),
        ("properties.controller", "null"),
        ("properties.controllerKind", "NA"),
        ("properties.labels.version", "1.20"),
        ("properties.labels.port", "8080"),
        ("properties.labels.emoji", "🦀 ☃"),
        ("properties.labels.no-such-label", ""),
        ("properties.annotations.quotes", "say \"hi\" and 'bye'"),
    ] {
        assert_eq!(table.text(odd, column), expected, "{column}");
    }
    let labels = &table.maps("labels")[table.row(odd)];
    assert_eq!(labels["padded"], "001");
    assert_eq!(labels["newlines"], "a\nb\r\n\tc");
    assert_eq!(labels["empty"], "");
    assert_eq!(labels.len(), 20);
    let others = &table.maps("labels")[table.row("other-types")];
    assert_eq!(
        (
            others["number"].as_str(),
            others["true"].as_str(),
            others["null"].as_str()
        ),
        ("1.5", "true", "")
    );
}

#[tokio::test]
async fn escapes_are_undone() {
    let table = convert("shapes/escapes.json").await;
    let row = "one/n/ns/p/c🦀";
    assert_eq!(table.text(row, "properties.container"), "c🦀");
    assert_eq!(table.text(row, "properties.pod"), "a\"b\\c\nd");
    assert_eq!(table.maps("labels")[0]["key"], "välue");
}

#[tokio::test]
async fn windows() {
    let table = convert("shapes/windows.json").await;
    let milliseconds = |text: &str| {
        text.parse::<chrono::DateTime<chrono::Utc>>()
            .unwrap()
            .timestamp_millis()
    };
    let day = ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    for (row, (start, end)) in [
        ("missing", day),
        ("null", day),
        ("empty", day),
        ("null-times", day),
        ("fractions", ("2026-11-20T05:06:07.123Z", "2026-11-20T23:59:59.999Z")),
        ("offset", day),
    ] {
        let index = table.row(row);
        assert_eq!(table.times("window.start")[index], milliseconds(start), "{row}");
        assert_eq!(table.times("window.end")[index], milliseconds(end), "{row}");
    }
    assert_eq!(table.footer("rows_outside_window"), "0");
}

#[tokio::test]
async fn null_rows_are_counted_and_are_no_rows() {
    let table = convert("shapes/null_rows.json").await;
    assert_eq!(table.texts("name"), ["one/n/ns/p/a", "one/n/ns/p/b"]);
    assert_eq!(table.footer("null_rows"), "1");
}

#[tokio::test]
async fn volumes_are_lists() {
    let table = convert("shapes/volumes_and_balancers.json").await;
    assert_eq!(table.names().len(), 58 + 5 + 2 + table::NEWER_NUMBERS.len() + 14);
    assert_eq!(table.footer("unknown_fields"), "0");
    assert_eq!(table.number("pvs-many", "pvCost"), Some(0.25));
    assert_eq!(table.number("balancer", "loadBalancerCost"), Some(0.6));
}

#[tokio::test]
async fn unknown_fields_are_counted_and_newer_ones_kept() {
    let table = convert("shapes/unknown_fields.json").await;
    assert_eq!(table.footer("unknown_fields"), "6");
    assert_eq!(table.number("new", "cpuCoreLimitAverage"), Some(2.0));
    assert_eq!(table.number("new", "gpuEfficiency"), Some(0.5));
    assert_eq!(table.number("old", "cpuCoreLimitAverage"), None);
    assert_eq!(table.number("new", "totalCost"), Some(2.0));
}

#[tokio::test]
async fn rows_of_another_day_are_left_out_as_the_exporter_did() {
    let row = |day: u32| {
        format!(
            r#"{{"totalCost":1,"properties":{{"pod":"p","container":"c"}},"window":{{"start":"2026-11-{day}T00:00:00Z","end":"2026-11-{}T00:00:00Z"}}}}"#,
            day + 1
        )
    };
    let response = format!(
        r#"{{"code":200,"data":[{{"a":{},"b":{},"c":{},"d":{}}}]}}"#,
        row(19),
        row(20),
        row(20),
        row(21)
    );
    let left_out = |outcome: &TransformOutcome| {
        matches!(
            outcome,
            TransformOutcome::Written {
                rows: 2,
                total_cost: 2.0,
                ..
            }
        )
    };
    // Older exporters counted them.
    let mut staging = Staging::of(staging::run(1), &response, None, None);
    let lake = Lake::new().await;
    let outcome = lake.deliver(Staging::of(staging::run(1), &response, None, None)).await;
    assert!(left_out(&outcome), "{outcome:?}");
    assert_eq!(lake.table().footer("rows_outside_window"), "2");
    staging.manifest.rows = 2;
    staging.manifest.total_cost = 2.0;
    staging.manifest.parts[0].rows = 2;
    staging.manifest.facts = SetFacts {
        question: Some(Question {
            aggregation: "container".to_owned(),
            filter: None,
            idle: true,
        }),
        rows_left_out: 2,
        ..SetFacts::default()
    };
    let lake = Lake::new().await;
    let outcome = lake.deliver(staging).await;
    assert!(left_out(&outcome), "{outcome:?}");
    assert_eq!(lake.table().texts("name"), ["b", "c"]);
}

#[tokio::test]
async fn missing_fields_are_empty_or_zero() {
    let table = convert("shapes/missing_fields.json").await;
    assert_eq!(table.number("name-and-cost", "totalCost"), Some(1.0));
    assert_eq!(table.number("no-cost-at-all", "totalCost"), Some(0.0));
    assert_eq!(table.number("k2", "totalCost"), Some(0.5), "computed from its parts");
    let mut names = table.texts("name");
    names.sort_unstable();
    assert_eq!(
        names,
        ["k2", "k4", "name-and-cost", "no-cost-at-all", "null-everything"]
    );
}
