//! What can go wrong, and whether trying again can help.

use response::allocation::RowError;
use store::StoreError;

/// Input that can never be converted, whatever is tried: it is quarantined.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The manifest was deleted before it could be read.
    #[error("the manifest is gone: the staging area's lifecycle may be too short")]
    ManifestMissing,
    /// The manifest is not a manifest of a known version.
    #[error("{0}")]
    ManifestUnreadable(String),
    /// The manifest claims something that its own key does not agree with.
    #[error(
        "the manifest says {field} '{claimed}', but its key says '{expected}': only what agrees with the key is believed"
    )]
    ManifestMismatch {
        /// What is claimed.
        field: &'static str,
        /// The claim.
        claimed: String,
        /// What the key says.
        expected: String,
    },
    /// A part that the manifest names is not there.
    #[error("{key} is missing, though the manifest names it")]
    PartMissing {
        /// The part.
        key: String,
    },
    /// A part is not what the exporter wrote.
    #[error("{key} has {field} {found}, but the manifest says {expected}")]
    PartMismatch {
        /// The part.
        key: String,
        /// What differs.
        field: &'static str,
        /// What it is.
        found: String,
        /// What the manifest says.
        expected: String,
    },
    /// A part cannot be decompressed.
    #[error("{key} cannot be decompressed: {source}")]
    Compression {
        /// The part.
        key: String,
        /// What the decompressor says.
        source: std::io::Error,
    },
    /// A part is not an answer of the API that it should come from.
    #[error("{key}: {message}")]
    Answer {
        /// The part.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// A row of a part cannot be read.
    #[error("{key}: {source}")]
    Row {
        /// The part.
        key: String,
        /// What is wrong with which row.
        source: RowError,
    },
    /// Rows, and not one cost: answers of another API.
    #[error("not one of {rows} rows has a field with a cost: this is not an answer of the allocation API")]
    NoCosts {
        /// Rows read.
        rows: u64,
    },
    /// Another number of rows than the exporter counted.
    #[error("{found} rows were read, but the exporter counted {expected}")]
    Rows {
        /// Rows read.
        found: u64,
        /// Rows of the manifest.
        expected: u64,
    },
    /// Sums that should be equal are not.
    #[error("the sum of {column} is {found} {place}, but {expected} {other_place}")]
    Totals {
        /// The column.
        column: &'static str,
        /// The sum found.
        found: f64,
        /// Where it was found.
        place: &'static str,
        /// The sum expected.
        expected: f64,
        /// Where the expectation comes from.
        other_place: &'static str,
    },
    /// The rows cannot be written as Parquet.
    #[error("the rows cannot be written as Parquet: {0}")]
    Parquet(String),
}

impl Fault {
    /// The kind of fault: one word, stable, for counting.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ManifestMissing => "manifest_missing",
            Self::ManifestUnreadable(_) => "manifest_unreadable",
            Self::ManifestMismatch { .. } => "manifest_mismatch",
            Self::PartMissing { .. } => "part_missing",
            Self::PartMismatch { .. } => "part_mismatch",
            Self::Compression { .. } => "compression",
            Self::Answer { .. } => "answer",
            Self::Row { .. } => "row",
            Self::NoCosts { .. } => "no_costs",
            Self::Rows { .. } => "rows",
            Self::Totals { .. } => "totals",
            Self::Parquet(_) => "parquet",
        }
    }
}

/// A failure that may pass: Lambda tries the event again, and keeps it in the dead-letter queue at last.
#[derive(Debug, thiserror::Error)]
pub enum TransformError {
    /// A key that is no manifest's.
    #[error("{key} is not the key of a manifest below the staging prefix")]
    NotAManifest {
        /// The key.
        key: String,
    },
    /// S3 refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Other runs kept writing the same day.
    #[error("{key} was written by others {attempts} times in a row while it was being converted")]
    Contended {
        /// The lake's object.
        key: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The conversion broke off without a reason of its own.
    #[error("the conversion broke off: {0}")]
    Broken(String),
}
