//! One object: content, footer, metadata and layout, each against the others.

use arrow_schema::Schema;
use contract::{
    cluster::{ClusterArn, ClusterId},
    day::Day,
    keys::RUN_METADATA,
    record::{RECORD_METADATA, TABLE_METADATA},
};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use store::Crc32;

use super::{Check, DayTotals, Examined, ExpectedLayout, Finding, VerifiedTable, rows};
use crate::{
    file::Footer,
    lake::{Head, Lake, LakeError, Object},
};

/// How much of an object is read at a time.
const PIECE: u64 = 8 * 1024 * 1024;

/// Examines an object. `own`: what its key says.
///
/// # Errors
/// When the bucket or the directory cannot be read.
pub(super) async fn examine(
    lake: &Lake,
    table: &VerifiedTable,
    own: Option<&(ClusterId, Day)>,
    object: &Object,
) -> Result<Examined, LakeError> {
    let mut examined = Examined::default();
    match try_examine(lake, table, own, object, &mut examined).await {
        Ok(()) => Ok(examined),
        Err(error @ (LakeError::Parquet { .. } | LakeError::File { .. } | LakeError::Deleted(_))) => {
            // A file of another kind is foreign, whatever is in it.
            if own.is_some() {
                let reason = format!("{error}. {COLLECT_AGAIN}");
                examined.findings.push(Finding::new(&object.key, Check::Footer, reason));
            }
            Ok(examined)
        }
        Err(error) => Err(error),
    }
}

const COLLECT_AGAIN: &str = "Replay or collect the day again";

async fn try_examine(
    lake: &Lake,
    table: &VerifiedTable,
    own: Option<&(ClusterId, Day)>,
    object: &Object,
    examined: &mut Examined,
) -> Result<(), LakeError> {
    let key = &object.key;
    if own.is_some()
        && let Some(finding) = content(lake, object).await?
    {
        // Everything else would follow from it.
        examined.findings.push(finding);
        return Ok(());
    }
    let footer = Footer::read(lake, key, object.bytes).await?;
    examined.says = named(&footer);
    let Some((_, day)) = own else {
        return Ok(());
    };
    let head = lake.head(key).await?.unwrap_or_default();
    let mut add = |check, reason: String| examined.findings.push(Finding::new(key, check, reason));
    let totals = match totals(&footer) {
        Ok(totals) => totals,
        Err(reason) => {
            add(Check::Footer, format!("{reason}. {COLLECT_AGAIN}"));
            return Ok(());
        }
    };
    for reason in contradictions(&footer, &head) {
        add(Check::Metadata, format!("{reason}. {COLLECT_AGAIN}"));
    }
    let options = ArrowReaderOptions::new();
    let metadata = match ArrowReaderMetadata::try_new(footer.parquet.clone(), options) {
        Ok(metadata) => metadata,
        Err(error) => {
            add(
                Check::Layout,
                format!("the schema cannot be read: {error}. {COLLECT_AGAIN}"),
            );
            return Ok(());
        }
    };
    let schema = metadata.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let fault = match (table.layout)(&names) {
        Ok(expected) => layout_fault(schema, &expected, head.metadata.get(TABLE_METADATA).map(String::as_str)),
        Err(reason) => Some(reason),
    };
    if let Some(reason) = fault {
        add(Check::Layout, format!("{reason}. {COLLECT_AGAIN}"));
        return Ok(());
    }
    let cluster = footer.value("cluster").unwrap_or_default().to_owned();
    let expected = rows::Expected {
        day: *day,
        cluster: &cluster,
        totals: &totals,
    };
    match rows::fault(lake, table, key, &footer, &metadata, &expected).await? {
        Some(reason) => add(Check::Rows, format!("{reason}. {COLLECT_AGAIN}")),
        None => examined.totals = Some(totals),
    }
    Ok(())
}

/// Compares the content with the checksum that was kept when it was written.
async fn content(lake: &Lake, object: &Object) -> Result<Option<Finding>, LakeError> {
    let key = &object.key;
    let Some(expected) = lake.checksum(key).await? else {
        let reason = "no checksum of its content is kept: it was changed by something else than transform, or written by an older version; replay writes it again";
        return Ok(Some(Finding::new(key, Check::Content, reason)));
    };
    let mut checksum = Crc32::default();
    let mut start = 0;
    while start < object.bytes {
        let length = PIECE.min(object.bytes - start);
        checksum.update(&lake.range(key, start, length).await?);
        start += length;
    }
    let found = checksum.finish();
    if found == expected {
        return Ok(None);
    }
    let reason = format!(
        "its CRC-32 is {found}, and {expected} when it was written: the content has changed since. {COLLECT_AGAIN}"
    );
    Ok(Some(Finding::new(key, Check::Content, reason)))
}

/// The cluster and day that a footer names.
fn named(footer: &Footer) -> Option<(ClusterId, Day)> {
    let cluster: ClusterArn = footer.value("cluster")?.parse().ok()?;
    Some((cluster.id().clone(), footer.value("date")?.parse().ok()?))
}

/// What the footer says of the day, if it agrees with the file's row groups.
fn totals(footer: &Footer) -> Result<DayTotals, String> {
    let value = |name: &str| footer.value(name).ok_or_else(|| format!("the footer has no '{name}'"));
    for name in ["cluster", "date", RUN_METADATA] {
        value(name)?;
    }
    if named(footer).is_none() {
        return Err("the footer's 'cluster' is not an ARN, or its 'date' not a date".to_owned());
    }
    let rows = value("rows")?;
    let rows: u64 = rows.parse().map_err(|_| format!("the footer's 'rows' is '{rows}'"))?;
    let sums = serde_json::from_str(value("totals")?)
        .map_err(|error| format!("the footer's 'totals' cannot be read: {error}"))?;
    let in_groups: u64 = footer
        .parquet
        .row_groups()
        .iter()
        .map(|group| u64::try_from(group.num_rows()).unwrap_or(0))
        .sum();
    for (found, place) in [(footer.rows(), "the file"), (in_groups, "the row groups together")] {
        if found != rows {
            return Err(format!("the footer says {rows} rows, and {place} has {found}"));
        }
    }
    Ok(DayTotals { rows, sums })
}

/// Where the object's metadata say something else than the footer.
fn contradictions(footer: &Footer, head: &Head) -> Vec<String> {
    let compared = [RUN_METADATA, RECORD_METADATA].into_iter().filter_map(|name| {
        let (said, found) = (footer.value(name), head.metadata.get(name).map(String::as_str));
        (said != found).then(|| match found {
            Some(found) => format!(
                "the metadata's '{name}' is '{found}', and the footer's '{}'",
                said.unwrap_or("")
            ),
            None => format!("the object's metadata have no '{name}'"),
        })
    });
    let table = head.metadata.contains_key(TABLE_METADATA);
    let table = (!table).then(|| format!("the object's metadata have no '{TABLE_METADATA}'"));
    compared.chain(table).collect()
}

/// Compares the columns with the computed layout. `written_as`: how the metadata name the conversion and the columns.
fn layout_fault(schema: &Schema, expected: &ExpectedLayout, written_as: Option<&str>) -> Option<String> {
    let mut columns = expected.schema.fields().iter().enumerate();
    let mut next = 0;
    for field in schema.fields() {
        let Some((index, column)) = columns.find(|(_, column)| column.name() == field.name()) else {
            return Some(format!(
                "the column '{}' is not one of the table's, or not in the table's order",
                field.name()
            ));
        };
        if index > next && next < expected.required {
            return Some(format!(
                "the column '{}' is missing",
                expected.schema.field(next).name()
            ));
        }
        if column.data_type() != field.data_type() {
            return Some(format!(
                "the column '{}' has the type {}, expected {}",
                field.name(),
                field.data_type(),
                column.data_type()
            ));
        }
        next = index + 1;
    }
    if schema.fields().len() < expected.required {
        return Some(format!(
            "the column '{}' is missing",
            expected.schema.field(next).name()
        ));
    }
    let version = |fingerprint: &str| fingerprint.split_once('-').map(|(version, _)| version.to_owned());
    let is_whole = schema.fields().len() == expected.schema.fields().len();
    let written_as = written_as.filter(|written| is_whole && version(written) == version(&expected.fingerprint))?;
    (written_as != expected.fingerprint).then(|| {
        format!(
            "the metadata name the columns {written_as}, and those of the file are {}",
            expected.fingerprint
        )
    })
}
