//! What a Parquet object depends on besides its run's responses.

use contract::documents;
use sha2::{Digest, Sha256};
use table::{TableLayout, asset_columns};

/// The version of the conversion. Raise it with any change that makes other rows of the same responses, so that sets
/// that are delivered again replace what an older version wrote. `tests/parts/golden.rs` pins the rows of each version.
const CONVERSION_VERSION: u32 = 3;

/// As [`CONVERSION_VERSION`], of the table of assets.
const ASSETS_CONVERSION_VERSION: u32 = 1;

/// Bytes of the hash that are kept: enough to distinguish the few configurations of one lake.
const BYTES: usize = 8;

/// Names the conversion and the table's columns, their order and their types: `<version>-<16 hexadecimal digits>`.
/// If an object of the lake has another fingerprint than the function, the same responses would now become another
/// file.
pub fn fingerprint(layout: &TableLayout) -> String {
    let columns = layout.columns().iter();
    let columns = columns.map(|column| (column.name.as_ref(), column.origin.kind().glue_type()));
    of_columns(CONVERSION_VERSION, columns)
}

/// As [`fingerprint`], of the table of assets.
pub fn assets_fingerprint() -> String {
    let columns = asset_columns().map(|(name, origin)| (name, origin.kind().glue_type()));
    of_columns(ASSETS_CONVERSION_VERSION, columns)
}

fn of_columns<'a>(version: u32, columns: impl Iterator<Item = (&'a str, &'static str)>) -> String {
    let mut hash = Sha256::new();
    for (name, glue_type) in columns {
        // No key of Kubernetes contains a line break, nor does any other column's name.
        hash.update(name.as_bytes());
        hash.update(b"\n");
        hash.update(glue_type.as_bytes());
        hash.update(b"\n");
    }
    let hash = documents::hexadecimal(hash.finalize().get(..BYTES).unwrap_or_default());
    format!("{version}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(labels: &[&str], annotations: &[&str]) -> String {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<String>>();
        fingerprint(&TableLayout::new(&keys(labels), &keys(annotations)).unwrap())
    }

    #[test]
    fn it_follows_the_columns_and_their_order() {
        let all = [
            of(&[], &[]),
            of(&["team"], &[]),
            of(&[], &["team"]),
            of(&["team", "app"], &[]),
            of(&["app", "team"], &[]),
            of(&["team"], &["team"]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{all:?}");
        }
        assert_eq!(of(&["team"], &[]), all[1]);
        assert_eq!(all[0].len(), "3-0123456789abcdef".len());
    }
}
