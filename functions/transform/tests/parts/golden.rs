//! The rows of a conversion, pinned by the conversion's version.

use arrow::datatypes::DataType;
use contract::documents;
use end_to_end::staging::{self, Staging};
use sha2::{Digest, Sha256};
use transform::TransformOutcome;

use super::{Lake, table::Table};

/// By `CONVERSION_VERSION`: the hashes of the rows of the recorded and of the written day.
const PINNED: &[(&str, [&str; 2])] = &[
    (
        "1",
        [
            "81d54b9cbef2215beed69883fb735a268d0d22a6fbcf3912c0960571657c8d18",
            "e4b77e8827206a145562a4e17cecef47e4fb212896477c4106315a3f3062088f",
        ],
    ),
    (
        "2",
        [
            "81d54b9cbef2215beed69883fb735a268d0d22a6fbcf3912c0960571657c8d18",
            "8ba82550d351dc3621a430567cc3d4abdc7e0244b95e13c3efbfb8eff956b7e1",
        ],
    ),
    (
        "3",
        [
            "3c4257dfebd39b8643af09092097b618d32563331292f4a118729d11e287a048",
            "bbfa01783338ae507cf33388b3c7ed1e54c68d08b6b4cfe1191c0f6579911653",
        ],
    ),
];

/// A hash of names, types and values of all columns, whatever their encoding in the file.
fn hash(table: &Table) -> String {
    let text = |text: &str| format!("{} {text}", text.len());
    let mut hash = Sha256::new();
    for field in table.rows.schema().fields() {
        let name = field.name();
        let (kind, values): (_, Vec<String>) = match field.data_type() {
            DataType::Utf8 => ("text", table.texts(name).into_iter().map(text).collect()),
            DataType::Float64 => {
                let numbers = table.numbers(name).into_iter();
                let bits =
                    numbers.map(|number| number.map_or("null".to_owned(), |number| number.to_bits().to_string()));
                ("number", bits.collect())
            }
            DataType::Timestamp(..) if name.starts_with("window.") => {
                ("time", table.times(name).iter().map(i64::to_string).collect())
            }
            DataType::Map(..) => {
                let pair = |(key, value): (&String, &String)| text(key) + &text(value);
                let maps = table.maps(name).into_iter();
                ("map", maps.map(|map| map.iter().map(pair).collect()).collect())
            }
            _ => {
                let cells = (0..table.rows.num_rows()).map(|row| table.cell(name, row).to_string());
                ("cell", cells.collect())
            }
        };
        hash.update(format!("{name} {kind}\n{}\n", values.join("\n")));
    }
    documents::hexadecimal(&hash.finalize())
}

async fn convert(staging: Staging) -> (String, String) {
    let lake = Lake::with("app.kubernetes.io/name,team", "prometheus.io/path").await;
    let outcome = lake.deliver(staging).await;
    assert!(matches!(outcome, TransformOutcome::Written { .. }), "{outcome:?}");
    let table = lake.table();
    let (version, _) = table.object.metadata["table"].split_once('-').unwrap();
    (version.to_owned(), hash(&table))
}

#[tokio::test]
async fn another_conversion_has_another_version() {
    let recorded = Staging::of(
        staging::run(1),
        &recordings::read("kubecost/kubecost_allocation_1day.json"),
        None,
        Some(&recordings::read("kubecost/kubecost_assets_1day_nodes.json")),
    );
    let mut written = Staging::empty(staging::run(1));
    for shape in [
        "escapes",
        "missing_fields",
        "null_rows",
        "numbers",
        "provider_ids",
        "special_rows",
        "texts",
        "unknown_fields",
        "volumes_and_balancers",
    ] {
        written.add_page(&recordings::read(&format!("shapes/{shape}.json")), None);
    }
    let (version, recorded) = convert(recorded).await;
    let (_, written) = convert(written).await;
    let pinned = PINNED.iter().find(|(pinned, _)| *pinned == version);
    assert_eq!(
        pinned.map(|(_, hashes)| *hashes),
        Some([recorded.as_str(), written.as_str()]),
        "the conversion of version {version} now makes other rows: raise CONVERSION_VERSION in src/fingerprint.rs, and \
         pin the hashes of the new version in the same commit; keep those of older versions"
    );
}
