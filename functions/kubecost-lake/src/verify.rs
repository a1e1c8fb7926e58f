//! `verify`: whether a lake is as it was written, and says what its source says.

use std::{collections::BTreeSet, process::ExitCode};

use clap::{ArgMatches, Command};
use contract::{
    cluster::{ClusterArn, ClusterId},
    day::Day,
    keys::{Area, Prefixes},
    units::{count, size},
};
use exporter::{
    certificate,
    settings::SourceSettings,
    totals::{self, COMPARED},
};
use report::verify::{Check, ExpectedLayout, Finding, Verification, VerifiedTable, verify};
use settings::{
    Faults, Reader,
    command_line::{self, add_to, look_up},
    rows,
};
use store::session;
use table::{Origin, TableLayout};

use crate::{
    output,
    progress::Bar,
    reading::{
        AnyError, EXIT_FINDINGS, EXIT_STATUSES, UsageError, format_argument, lake_argument, open, print, range, text,
    },
};

pub(crate) fn command() -> Command {
    let command = Command::new("verify")
        .about("Reads every object of a lake and compares content, footer, metadata, columns and rows; with --source, the costs of each day with the source's")
        .after_help(EXIT_STATUSES)
        .args([lake_argument(), format_argument()])
        .arg(command_line::argument(&rows::CLUSTER).help("The cluster that --source has, by its ARN; not needed if the lake has one cluster"));
    add_to(
        add_to(command, rows::RANGE, "Days to compare with the source"),
        rows::SOURCE,
        "Source",
    )
}

/// The tables of the lake.
fn tables() -> Vec<VerifiedTable> {
    let allocations = VerifiedTable {
        area: Area::Lake,
        parse: Prefixes::parse_lake,
        key: Prefixes::lake_object,
        layout: allocations,
        window: ["window.start", "window.end"],
        cluster: "properties.clusterid",
        each_day: true,
    };
    let assets = VerifiedTable {
        area: Area::Assets,
        parse: Prefixes::parse_assets,
        key: Prefixes::assets_object,
        layout: assets,
        // A day whose source gave no assets has none.
        each_day: false,
        ..allocations.clone()
    };
    vec![allocations, assets]
}

/// The layout of a file of allocations.
fn allocations(columns: &[&str]) -> Result<ExpectedLayout, String> {
    let layout = TableLayout::of_columns(columns).map_err(|faults| faults.to_string())?;
    let configured = layout
        .columns()
        .iter()
        .position(|column| column.origin == Origin::Labels);
    Ok(ExpectedLayout {
        schema: transform::schema(&layout),
        required: configured.unwrap_or(layout.columns().len()),
        fingerprint: transform::fingerprint(&layout),
    })
}

/// The layout of a file of assets, which no setting changes.
fn assets(_columns: &[&str]) -> Result<ExpectedLayout, String> {
    let schema = transform::assets_schema();
    Ok(ExpectedLayout {
        required: schema.fields().len(),
        schema,
        fingerprint: transform::assets_fingerprint(),
    })
}

/// The source to compare with.
struct Source {
    settings: SourceSettings,
    cluster: Option<ClusterArn>,
    from: Option<Day>,
    to: Option<Day>,
}

impl Source {
    /// `None` where no source is given.
    fn read(matches: &ArgMatches) -> Result<Option<Self>, Faults> {
        let look_up = look_up(matches);
        let mut reader = Reader::new(&look_up);
        if reader.optional(&rows::SOURCE_URL).is_none() {
            return Ok(None);
        }
        let cluster = reader.parsed::<ClusterArn>(&rows::CLUSTER);
        let settings = SourceSettings::read(&mut reader, &mut Vec::new());
        let (from, to) = range(&mut reader);
        reader.finish()?;
        Ok(Some(Self {
            settings: settings.ok_or(Faults(Vec::new()))?,
            cluster,
            from,
            to,
        }))
    }

    /// The cluster whose days are compared; `None` if the lake has no days.
    fn cluster(&self, verification: &Verification) -> Result<Option<ClusterId>, UsageError> {
        if let Some(cluster) = &self.cluster {
            return Ok(Some(cluster.id().clone()));
        }
        let clusters: BTreeSet<&ClusterId> = verification.days.keys().map(|(cluster, _)| cluster).collect();
        match clusters.iter().collect::<Vec<_>>().as_slice() {
            [] => Ok(None),
            [one] => Ok(Some((**one).clone())),
            others => {
                let clusters = count(others.len() as u64, "cluster");
                let reason = format!("the lake has {clusters}: name the one that the source has by --cluster");
                Err(UsageError(reason))
            }
        }
    }

    /// Compares the days that are as they were written. Gives how many were compared, and how many the source no longer
    /// has.
    async fn compare(&self, verification: &mut Verification) -> Result<(usize, usize), AnyError> {
        let Some(cluster) = self.cluster(verification)? else {
            return Ok((0, 0));
        };
        let is_wanted = |day: &Day| self.from.is_none_or(|from| from <= *day) && self.to.is_none_or(|to| *day <= to);
        let own = verification.days.keys().filter(|(of, _)| *of == cluster);
        let days: Vec<Day> = own.map(|(_, day)| *day).filter(is_wanted).collect();
        let private_ca = certificate::load(&self.settings.ca_certificate, session::from_environment).await?;
        let bar = Bar::new("source", "days", days.len());
        let found = totals::of_days(&self.settings, private_ca.as_deref(), &days, |_| bar.advance()).await?;
        drop(bar);
        let (mut compared, mut gone) = (0, 0);
        for (day, found) in found {
            let key = Prefixes::default().lake_object(&cluster, day);
            let mut add = |reason: String| verification.findings.push(Finding::new(&key, Check::Source, reason));
            let Some(own) = verification.days.get(&(cluster.clone(), day)) else {
                continue;
            };
            let found = match found {
                Ok(found) if found.rows == 0 => {
                    gone += 1;
                    continue;
                }
                Ok(found) => found,
                Err(error) => {
                    add(format!("the source's costs of the day cannot be read: {error}"));
                    continue;
                }
            };
            compared += 1;
            for ((number, name), source) in COMPARED.into_iter().zip(found.sums) {
                let lake = own.sums.get(table::number_name(number)).copied().unwrap_or(0.0);
                if !totals::agree(lake, source, own.rows + found.rows) {
                    add(format!(
                        "the source now says {source:.5} {name}, the lake {lake:.5}: the source has changed the day since it was collected, or has other settings (filter, idle); collect it again"
                    ));
                }
            }
        }
        Ok((compared, gone))
    }
}

/// Runs the command.
pub(crate) async fn run(matches: &ArgMatches) -> Result<ExitCode, AnyError> {
    let source = Source::read(matches)?;
    let lake = open(text(matches, "LAKE")).await?;
    let bar = Bar::new("verify", "objects", 0);
    let mut verification = verify(&lake, &tables(), &|done, all| bar.set(done, all)).await?;
    drop(bar);
    let mut compared = None;
    if let Some(source) = &source {
        compared = Some(source.compare(&mut verification).await?);
        verification.findings.sort();
    }
    let findings = verification.findings.len();
    match text(matches, "FORMAT") {
        "json" => output::line(serde_json::json!({
            "lake": lake.place(),
            "objects": verification.objects,
            "bytes": verification.bytes,
            "days_compared": compared.map(|(compared, _)| compared),
            "days_gone_from_source": compared.map(|(_, gone)| gone),
            "findings": verification.table().to_json(),
        })),
        "csv" => print(&verification.table(), matches),
        _ => {
            if findings > 0 {
                print(&verification.table(), matches);
                output::line("");
            }
            output::line(match verification.objects {
                0 => format!("{} has no days", lake.place()),
                objects => format!(
                    "{}, {}: {}",
                    count(objects as u64, "object"),
                    size(verification.bytes),
                    if findings == 0 {
                        "as they were written".to_owned()
                    } else {
                        count(findings as u64, "finding")
                    }
                ),
            });
            if let Some((compared, gone)) = compared {
                let compared = count(compared as u64, "day");
                output::line(match gone {
                    0 => format!("{compared} compared with the source"),
                    gone => {
                        let gone = count(gone as u64, "other day");
                        format!("{compared} compared with the source, which no longer has {gone}")
                    }
                });
            }
        }
    }
    let is_fine = findings == 0 && verification.objects > 0;
    Ok(if is_fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_FINDINGS)
    })
}
