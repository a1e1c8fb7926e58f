//! The table against the recorded list of the predecessor's columns, and against the file that Terraform reads.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{env, fs, path::Path};

use table::{Kind, NodeFact, Origin, PARTITION_KEYS, TableLayout, columns_json};

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Splits a line of the list; only the last field is quoted, where it holds commas.
fn fields(line: &str) -> [&str; 5] {
    let mut fields = line.splitn(5, ',');
    std::array::from_fn(|_| fields.next().unwrap().trim_matches('"'))
}

#[test]
fn the_first_columns_are_the_predecessors() {
    let list = fs::read_to_string(file("tests/table-columns.csv")).unwrap();
    let lines: Vec<&str> = list.lines().skip(1).collect();
    assert_eq!(lines.len(), 58);
    let layout = TableLayout::new(&[], &[]).unwrap();
    for (index, line) in lines.iter().enumerate() {
        let [name, glue_name, glue_type, missing, comes_from] = fields(line);
        let column = &layout.columns()[index];
        let kind = column.origin.kind();
        assert_eq!(column.name, name);
        assert_eq!((column.glue_name().as_str(), kind.glue_type()), (glue_name, glue_type));
        let expected_missing = match kind {
            Kind::Text => "empty string",
            Kind::Timestamp => "never missing",
            Kind::Double => "0",
            _ => "",
        };
        assert_eq!(missing, expected_missing, "{name}");
        check_origin(column.origin, name, comes_from);
    }
}

fn check_origin(origin: Origin, name: &str, comes_from: &str) {
    match origin {
        Origin::Name | Origin::WindowStart | Origin::WindowEnd | Origin::Number(_) => {
            assert_eq!(comes_from, format!("allocation: {name}"));
        }
        Origin::Property(property) => {
            let field = comes_from.strip_prefix("allocation: properties.").unwrap();
            let field = field.split(' ').next().unwrap();
            assert_eq!(property.field(), field);
        }
        Origin::ClusterArn | Origin::ClusterName => {
            assert!(comes_from.starts_with("configuration: "), "{name}")
        }
        Origin::Node(NodeFact::Provider) => assert_eq!(comes_from, "asset: properties.provider"),
        Origin::Node(NodeFact::InstanceType) => assert_eq!(comes_from, "asset: nodeType"),
        Origin::Node(fact) => {
            let named: Vec<&str> = comes_from
                .split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                .filter_map(|word| word.strip_prefix("label_"))
                .collect();
            assert!(
                !named.is_empty() && fact.labels().starts_with(&named),
                "{name}: {named:?}"
            );
        }
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn columns_of_numbers_carry_the_index_of_their_name() {
    let layout = TableLayout::new(&[], &[]).unwrap();
    let mut indexes = Vec::new();
    for column in layout.columns() {
        if let Origin::Number(index) | Origin::NewerNumber(index) = column.origin {
            assert_eq!(column.name, table::number_name(index));
            indexes.push(index);
        }
    }
    assert_eq!(indexes, (0..table::NUMBERS).collect::<Vec<_>>());
}

#[test]
fn the_file_that_terraform_reads_is_current() {
    let (path, current) = (file("../../infra/modules/pipeline/columns.json"), columns_json());
    if env::var_os("UPDATE_COLUMNS").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        stored, current,
        "run `UPDATE_COLUMNS=1 cargo test -p table` and commit the module's columns.json"
    );
}

#[test]
fn partition_keys_are_no_columns() {
    let layout = TableLayout::new(&[], &[]).unwrap();
    assert!(
        layout
            .columns()
            .iter()
            .all(|column| !PARTITION_KEYS.contains(&column.glue_name().as_str()))
    );
}
