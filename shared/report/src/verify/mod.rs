//! Verifies a lake: the content of every object against its checksum, footer, metadata and rows against one another and
//! against the key, and the columns against the computed layout.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use contract::{
    cluster::ClusterId,
    day::Day,
    keys::{Area, Prefixes},
};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    lake::{Lake, LakeError},
    results::columns,
    table::{Cell, Table},
};

mod object;
mod rows;

/// How many objects are read at the same time: each needs memory for a piece of its content and for some columns.
const CONCURRENCY: usize = 4;

/// A table of the lake: what its objects should be.
#[derive(Debug, Clone)]
pub struct VerifiedTable {
    /// Where its objects are.
    pub area: Area,
    /// Reads a key; `None` for one that the product does not write.
    pub parse: fn(&Prefixes, &str) -> Option<(ClusterId, Day)>,
    /// Makes the key of a cluster's day.
    pub key: fn(&Prefixes, &ClusterId, Day) -> String,
    /// Computes the layout of a file that has these columns.
    pub layout: fn(&[&str]) -> Result<ExpectedLayout, String>,
    /// Columns of the start and the end of each row's window, which lie in the object's day.
    pub window: [&'static str; 2],
    /// The column of the cluster's ARN.
    pub cluster: &'static str,
    /// Whether each day between a cluster's first and last has an object.
    pub each_day: bool,
}

/// The layout that a file should have.
#[derive(Debug, Clone)]
pub struct ExpectedLayout {
    /// All columns, in order. A file of an older version lacks some of those after `required`.
    pub schema: arrow_schema::SchemaRef,
    /// So many of the first columns are in every file.
    pub required: usize,
    /// How the object's metadata name the conversion and these columns: `<version>-<hash>`.
    pub fingerprint: String,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The bytes are not those that were written.
    Content,
    /// The Parquet footer does not say what the key, the metadata or the rows say.
    Footer,
    /// The object's metadata are missing or say something else than the footer.
    Metadata,
    /// The columns are not those of the computed layout.
    Layout,
    /// The rows are not those that the footer describes.
    Rows,
    /// The object is not one that the product writes.
    Foreign,
    /// Another object has rows of the same day.
    Twice,
    /// A day between the first and the last is missing.
    Missing,
    /// The source says something else.
    Source,
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Content => "content",
            Self::Footer => "footer",
            Self::Metadata => "metadata",
            Self::Layout => "layout",
            Self::Rows => "rows",
            Self::Foreign => "foreign file",
            Self::Twice => "counted twice",
            Self::Missing => "missing day",
            Self::Source => "source",
        })
    }
}

/// Something that is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The object's key.
    pub key: String,
    /// What it is about.
    pub check: Check,
    /// What was expected, what was found, and what to do.
    pub reason: String,
}

impl Finding {
    /// A finding about an object.
    pub fn new(key: &str, check: Check, reason: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            check,
            reason: reason.into(),
        }
    }
}

/// What the footer of a day's object says of the day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DayTotals {
    /// How many rows there are.
    pub rows: u64,
    /// The sums of the numbers, by column.
    pub sums: BTreeMap<String, f64>,
}

/// The result of verifying a lake.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verification {
    /// How many objects were read, foreign ones included.
    pub objects: usize,
    /// Their size.
    pub bytes: u64,
    /// The days of the table of allocations whose object is as it was written, to compare them with the source.
    pub days: BTreeMap<(ClusterId, Day), DayTotals>,
    /// What is wrong, in the order of the keys.
    pub findings: Vec<Finding>,
}

impl Verification {
    /// The findings as a table.
    pub fn table(&self) -> Table {
        let row = |finding: &Finding| {
            let texts = [&finding.check.to_string(), &finding.key, &finding.reason];
            texts.map(|text| Cell::Text(text.clone())).to_vec()
        };
        let rows = self.findings.iter().map(row).collect();
        Table::new("verify", columns(&["finding", "object", "reason"]), rows)
    }
}

/// What was found out about one object.
#[derive(Debug, Default)]
struct Examined {
    findings: Vec<Finding>,
    totals: Option<DayTotals>,
    /// The cluster and day that its footer names.
    says: Option<(ClusterId, Day)>,
}

/// Verifies all objects of some tables. `progress` is called with the number of objects that are done, and of all.
///
/// # Errors
/// When the bucket or the directory cannot be read. What is wrong with an object is a finding.
pub async fn verify(
    lake: &Lake,
    tables: &[VerifiedTable],
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Verification, LakeError> {
    let prefixes = Prefixes::default();
    let mut verification = Verification::default();
    let mut listed = Vec::new();
    for table in tables {
        let objects = lake.list(prefixes.of(table.area)).await?;
        listed.push((table, objects));
    }
    let total = listed.iter().map(|(_, objects)| objects.len()).sum();
    for (table, objects) in listed {
        let examine = objects.into_iter().map(|object| {
            let own = (table.parse)(&prefixes, &object.key);
            async move {
                let examined = object::examine(lake, table, own.as_ref(), &object).await?;
                Ok::<_, LakeError>((object, own, examined))
            }
        });
        let mut examined = stream::iter(examine).buffered(CONCURRENCY);
        let mut days: BTreeMap<ClusterId, BTreeSet<Day>> = BTreeMap::new();
        while let Some((object, own, examined)) = examined.try_next().await? {
            verification.objects += 1;
            verification.bytes += object.bytes;
            progress(verification.objects, total);
            verification.findings.extend(examined.findings);
            let own_key = |(cluster, day): &(ClusterId, Day)| (table.key)(&prefixes, cluster, *day);
            verification
                .findings
                .extend(misplaced(&object.key, own.as_ref(), examined.says.as_ref(), own_key));
            if let Some((cluster, day)) = own {
                days.entry(cluster.clone()).or_default().insert(day);
                if let Some(totals) = examined.totals.filter(|_| table.area == Area::Lake) {
                    verification.days.insert((cluster, day), totals);
                }
            }
        }
        for (cluster, days) in days.iter().filter(|_| table.each_day) {
            let (Some(first), Some(last)) = (days.first(), days.last()) else {
                continue;
            };
            let missing = Day::range(*first, *last).filter(|day| !days.contains(day));
            verification.findings.extend(missing.map(|day| {
                let reason = "the lake has days before and after it: collect it again, while the source has it";
                Finding::new(&(table.key)(&prefixes, cluster, day), Check::Missing, reason)
            }));
        }
    }
    verification.findings.sort();
    Ok(verification)
}

/// What is wrong with the place of an object: `own` is what its key says, `says` what its footer says.
fn misplaced(
    key: &str,
    own: Option<&(ClusterId, Day)>,
    says: Option<&(ClusterId, Day)>,
    own_key: impl Fn(&(ClusterId, Day)) -> String,
) -> Option<Finding> {
    match (own, says) {
        (Some(_), None) => None,
        (Some(own), Some(says)) if own == says => None,
        (_, Some(says)) => Some(Finding::new(
            key,
            Check::Twice,
            format!(
                "it has the rows of {} of {}, whose object is {}: queries count them twice; delete this one",
                says.0,
                says.1,
                own_key(says)
            ),
        )),
        (None, None) => Some(Finding::new(
            key,
            Check::Foreign,
            "it is not an object of the table, and queries read it: delete it, or move it elsewhere",
        )),
    }
}
