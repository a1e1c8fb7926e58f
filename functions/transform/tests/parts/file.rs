//! The Parquet file, as other readers see it.

use arrow::array::Array;
use contract::{currency::Currency, record::DayRecord};
use end_to_end::staging::{self, Staging};
use parquet::basic::{Compression, LogicalType, TimeUnit, Type};
use transform::TransformOutcome;

use super::{Lake, lake_key, table::Table};

/// The columns that other tables and dashboards count on.
fn base_columns() -> Vec<(String, String)> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/table/tests/table-columns.csv"
    );
    let columns = std::fs::read_to_string(path).unwrap();
    let fields = columns.lines().skip(1).map(|line| {
        let mut fields = line.split(',');
        (fields.next().unwrap().to_owned(), fields.nth(1).unwrap().to_owned())
    });
    fields.collect()
}

async fn convert() -> Table {
    let lake = Lake::with("app.kubernetes.io/name,team", "prometheus.io/path").await;
    let staging = Staging::of(
        staging::run(7),
        &recordings::read("kubecost/kubecost_allocation_1day.json"),
        None,
        Some(&recordings::read("kubecost/kubecost_assets_1day_nodes.json")),
    );
    let outcome = lake.deliver(staging).await;
    assert!(
        matches!(outcome, TransformOutcome::Written { rows: 16, .. }),
        "{outcome:?}"
    );
    assert_eq!(lake.bucket.keys("lake/"), [lake_key()]);
    lake.table()
}

#[tokio::test]
async fn columns_stand_in_their_order() {
    let table = convert().await;
    let names = table.names();
    let base: Vec<String> = base_columns().into_iter().map(|(name, _)| name).collect();
    assert_eq!(base.len(), 58);
    assert_eq!(names[..58], base);
    assert_eq!(
        names[58..63],
        [
            "properties.labels.app.kubernetes.io/name",
            "properties.labels.team",
            "properties.annotations.prometheus.io/path",
            "labels",
            "annotations",
        ]
    );
    let newer = 63 + table::NEWER_NUMBERS.len();
    assert_eq!(names[63..newer], table::NEWER_NUMBERS);
    assert_eq!(
        names[newer..],
        [
            "observed.start",
            "observed.end",
            "rowKind",
            "capacityType",
            "currency",
            "gpuModel",
            "gpuDevice",
            "gpuUUID",
            "isGPUShared",
            "services",
            "pvs",
            "lbAllocations",
            "namespaceLabels",
            "namespaceAnnotations",
        ]
    );
}

#[tokio::test]
async fn types_are_those_that_every_engine_reads() {
    let table = convert().await;
    let schema = table.metadata.file_metadata().schema_descr();
    for (index, (name, glue_type)) in base_columns().into_iter().enumerate() {
        let column = schema.column(index);
        assert_eq!(column.name(), name);
        let physical = column.physical_type();
        let logical = column.logical_type_ref().cloned();
        match glue_type.as_str() {
            "string" => assert_eq!(
                (physical, logical),
                (Type::BYTE_ARRAY, Some(LogicalType::String)),
                "{name}"
            ),
            "double" => assert_eq!((physical, logical), (Type::DOUBLE, None), "{name}"),
            "timestamp" => {
                assert_eq!(physical, Type::INT64, "{name}");
                let Some(LogicalType::Timestamp(timestamp)) = logical else {
                    panic!("{name}: {logical:?}")
                };
                assert!(timestamp.is_adjusted_to_u_t_c, "{name}");
                assert_eq!(timestamp.unit, TimeUnit::MILLIS, "{name}");
            }
            other => panic!("{name}: {other}"),
        }
    }
    let map = schema
        .root_schema()
        .get_fields()
        .iter()
        .find(|field| field.name() == "labels")
        .unwrap();
    assert_eq!(map.get_basic_info().logical_type_ref(), Some(&LogicalType::Map));
    for group in table.metadata.row_groups() {
        assert!(
            group
                .columns()
                .iter()
                .all(|column| column.compression() == Compression::SNAPPY)
        );
    }
}

#[tokio::test]
async fn the_first_58_columns_have_no_nulls() {
    for (file, set) in super::responses::CONVERTIBLE {
        let lake = Lake::new().await;
        let run = staging::run(1);
        lake.deliver(Staging::of(run, &recordings::read(file), set, None)).await;
        let table = lake.table();
        assert_eq!(table.footer("run"), run.to_string());
        for (name, column) in table.names().iter().zip(table.rows.columns()).take(60) {
            assert_eq!(column.null_count(), 0, "{file}: {name}");
        }
    }
}

#[tokio::test]
async fn object_and_footer_say_where_the_data_comes_from() {
    let table = convert().await;
    let run = staging::run(7).to_string();
    let metadata = |name: &str| table.object.metadata.get(name).map(String::as_str);
    assert_eq!(metadata("run"), Some(run.as_str()));
    assert!(metadata("table").unwrap().starts_with("3-"));
    for (key, expected) in [
        ("run", run.as_str()),
        ("cluster", staging::CLUSTER),
        ("date", staging::DAY),
        ("rows", "16"),
        ("unknown_fields", "0"),
        ("null_rows", "0"),
        ("rows_outside_window", "0"),
    ] {
        assert_eq!(table.footer(key), expected, "{key}");
    }
    assert_eq!(Some(table.footer("day")), metadata("day"));
    let record = DayRecord::from_metadata(metadata("day")).unwrap();
    assert_eq!((record.quantities, record.quantities.rows), (record.best, 12));
    let total: f64 = table.footer("total_cost").parse().unwrap();
    let sum: f64 = table.numbers("totalCost").into_iter().flatten().sum();
    assert!((total - sum).abs() < 1e-9, "{total} {sum}");
    let totals: serde_json::Map<String, serde_json::Value> = serde_json::from_str(table.footer("totals")).unwrap();
    assert_eq!(totals.len(), table::NUMBERS);
}

#[tokio::test]
async fn the_currency_of_the_manifest_stands_in_column_footer_and_metadata() {
    for currency in [Some(Currency::known("EUR")), Some(Currency::assumed()), None] {
        let lake = Lake::with("", "").await;
        let response = recordings::read("kubecost/kubecost_allocation_1day.json");
        let mut staging = Staging::of(staging::run(7), &response, None, None);
        staging.manifest.facts.currency = currency.clone();
        lake.deliver(staging).await;
        let table = lake.table();
        let code = currency.as_ref().map(|currency| currency.code.as_str());
        let all = [code.unwrap_or(""); 16];
        assert_eq!(table.texts("currency"), all);
        assert_eq!(table.find_footer("currency"), code);
        let record = DayRecord::from_metadata(table.object.metadata.get("day").map(String::as_str)).unwrap();
        assert_eq!(record.currency, currency);
    }
}

#[tokio::test]
async fn configured_labels_have_their_values() {
    let table = convert().await;
    let row = "cluster-one/ip-10-123-0-0.ec2.internal/team-003-prod/worker-084-161e07ea63-8d0d8/worker";
    assert_eq!(
        table.text(row, "properties.labels.app.kubernetes.io/name"),
        "worker-084"
    );
    assert_eq!(table.text(row, "properties.labels.team"), "team-03");
    assert_eq!(table.text(row, "properties.annotations.prometheus.io/path"), "/metrics");
    let idle = "cluster-one/ip-10-123-0-0.ec2.internal/__idle__";
    assert_eq!(table.text(idle, "properties.labels.team"), "");
    assert_eq!(table.maps("labels")[table.row(row)].len(), 21);
    assert!(table.maps("labels")[table.row(idle)].is_empty());
}
