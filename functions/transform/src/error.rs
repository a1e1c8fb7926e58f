//! What can go wrong, and whether a retry can help.

use chrono::{DateTime, Utc};
use response::RowError;
use store::StoreError;

use crate::output::OutputError;

/// Input that can never be converted: it is quarantined.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the manifest was deleted: the lifecycle of the staging area may be too short")]
    ManifestMissing,
    #[error("{0}")]
    ManifestUnreadable(String),
    #[error(
        "the manifest says {field} '{claimed}', but its key says '{expected}': a manifest is accepted only if it agrees with its key"
    )]
    ManifestMismatch {
        field: &'static str,
        claimed: String,
        expected: String,
    },
    #[error(
        "the run claims to have begun at {began}{}: the clock of the machine it ran on is ahead. Correct that clock; the next run collects the day again",
        .written_at.map(|written_at| format!(", and its manifest was written at {written_at}")).unwrap_or_default()
    )]
    RunAhead {
        began: DateTime<Utc>,
        written_at: Option<DateTime<Utc>>,
    },
    #[error("the day ends at {end}: a day is converted when it has ended")]
    NotEnded { end: DateTime<Utc> },
    /// The manifest counts rows and names no part that they could be in.
    #[error("the manifest says {rows} rows, but names no part with allocations")]
    RowsWithoutParts { rows: u64 },
    #[error("{key} is missing, though the manifest names it")]
    PartMissing { key: String },
    #[error("{key} has {field} {found}, but the manifest says {expected}")]
    PartMismatch {
        key: String,
        field: &'static str,
        found: String,
        expected: String,
    },
    #[error("{key} cannot be decompressed: {source}")]
    Compression { key: String, source: std::io::Error },
    #[error("{key}: {message}")]
    Response { key: String, message: String },
    #[error("{key}: {source}")]
    Row { key: String, source: RowError },
    #[error("none of the {rows} rows has a field with a cost: this is not a response of the allocation API")]
    NoCosts { rows: u64 },
    /// The rows are not the whole response to the question, or count something twice.
    #[error("{0}")]
    Refused(String),
    #[error("{found} rows were read, but the exporter counted {expected}")]
    Rows { found: u64, expected: u64 },
    #[error("the sum of totalCost over the rows is {found}, but the exporter counted {expected}")]
    TotalCost { found: f64, expected: f64 },
    #[error("{what}: {found} were read, but the exporter counted {expected}")]
    Assets {
        what: &'static str,
        found: String,
        expected: String,
    },
    #[error("the rows cannot be written as Parquet: {0}")]
    Parquet(String),
}

impl Fault {
    /// The kind of fault: one word, stored in the quarantine document, so it must not change.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::ManifestMissing => "manifest_missing",
            Self::ManifestUnreadable(_) => "manifest_unreadable",
            Self::ManifestMismatch { .. } | Self::RowsWithoutParts { .. } => "manifest_mismatch",
            Self::RunAhead { .. } => "run_ahead",
            Self::NotEnded { .. } => "not_ended",
            Self::PartMissing { .. } => "part_missing",
            Self::PartMismatch { .. } => "part_mismatch",
            Self::Compression { .. } => "compression",
            Self::Response { .. } => "answer",
            Self::Row { .. } => "row",
            Self::NoCosts { .. } => "no_costs",
            Self::Refused(_) => "refused",
            Self::Rows { .. } => "rows",
            Self::TotalCost { .. } => "totals",
            Self::Assets { .. } => "assets",
            Self::Parquet(_) => "parquet",
        }
    }
}

/// A failure that may be transient: Lambda retries the event, and moves it to the dead-letter queue after the last
/// retry.
#[derive(Debug, thiserror::Error)]
pub enum TransformError {
    #[error("{key} is not the key of a manifest below the staging prefix")]
    NotAManifest { key: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{key} was written by other runs during each of {attempts} attempts to convert it")]
    Contended { key: String, attempts: u32 },
    #[error("the conversion stopped: {0}")]
    Stopped(String),
}

/// Why the converting thread stopped.
#[derive(Debug)]
pub(crate) enum ConvertError {
    Fault(Fault),
    /// The other side closed the input or the output, and reports why.
    Closed,
}

impl From<Fault> for ConvertError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<OutputError> for ConvertError {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Closed => Self::Closed,
            OutputError::Parquet(error) => Self::Fault(Fault::Parquet(error.to_string())),
        }
    }
}

/// Why a day is not in the lake.
pub(crate) enum ConvertDayError {
    Fault(Fault),
    Error(TransformError),
}

impl From<Fault> for ConvertDayError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<TransformError> for ConvertDayError {
    fn from(error: TransformError) -> Self {
        Self::Error(error)
    }
}

impl From<StoreError> for ConvertDayError {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}
