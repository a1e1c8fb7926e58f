//! The commands that read a lake, a directory or a bucket, or say what it contains: `status`, `questions`, `query`,
//! `schema`.

use std::{path::Path, process::ExitCode};

use clap::{Arg, ArgMatches, Command};
use contract::{day::Day, keys::Area, units::names};
use report::{
    costs::{self, Selection},
    lake::Lake,
    last_runs::LastRuns,
    questions::{self, QUESTIONS, Question},
    results,
    schema::{self, LakeTable},
    share::{self, Policy, PolicyError},
    status::Status,
    table::{Cell, Column, Table},
};
use settings::{
    Faults, Reader,
    command_line::{self, look_up},
    rows,
};
use store::{Store, session};
use table::TableLayout;

use crate::output;

/// Any failure of a command.
pub(crate) type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// An argument is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// The command worked, and found something missing or wrong.
pub const EXIT_FINDINGS: u8 = 3;

/// The exit statuses of the commands that examine a lake, for their help.
pub(crate) const EXIT_STATUSES: &str = "Exit status:\n  0  nothing is missing or wrong\n  1  the lake cannot be read\n  2  the command line is wrong\n  \
                             3  something is missing or wrong, or the lake has no days";

pub(crate) fn lake_argument() -> Arg {
    Arg::new("LAKE")
        .long("lake")
        .value_name("DIR|s3://BUCKET")
        .required(true)
        .help("The lake: a directory, or a bucket as s3://BUCKET with the credentials of the environment")
}

pub(crate) fn format_argument() -> Arg {
    Arg::new("FORMAT")
        .long("format")
        .alias("output")
        .value_name("FORMAT")
        .value_parser(["table", "json", "csv"])
        .default_value("table")
        .help("How to print")
}

fn label_argument() -> Arg {
    Arg::new("LABEL")
        .long("label")
        .value_name("KEY")
        .default_value("team")
        .help("The label that names teams, as in Kubernetes")
}

pub(crate) fn commands() -> Vec<Command> {
    vec![
        Command::new("status")
            .about("Shows which days a lake has of each cluster, what is missing, partial or quarantined, and the costs by currency")
            .after_help(EXIT_STATUSES)
            .args([lake_argument(), format_argument()]),
        Command::new("questions")
            .about("Lists questions about the costs, or prints one as SQL for Athena or DuckDB")
            .args([
                Arg::new("NAME").help("The question to print; without it all are listed. `costs` is the statement of the view that they select from"),
                Arg::new("ENGINE")
                    .long("engine")
                    .value_parser(["athena", "duckdb"])
                    .default_value("athena")
                    .help("Athena and Trino need the view `costs` in the catalog. For DuckDB the statements create it from the files of --lake"),
                lake_argument().required(false).help("DuckDB's files: a directory, or a bucket as s3://BUCKET"),
                format_argument().help("How to print the list; a question is printed as SQL"),
                label_argument(),
            ]),
        Command::new("query")
            .about("Gives the result of a question about the costs of a lake, without a database")
            .args([
                Arg::new("NAME").required(true).help("The question, as `questions` lists them"),
                lake_argument(),
                format_argument(),
                label_argument(),
                Arg::new("SHARE")
                    .long("share")
                    .value_name("RULES")
                    .help("For cost_by_team: distributes costs in whole cents, as in idle=proportional,namespaces=kube-system:even"),
            ])
            .args([&rows::FROM, &rows::TO].map(command_line::argument)),
        Command::new("schema")
            .about("Prints the columns of the tables")
            .args([
                Arg::new("TABLE")
                    .long("table")
                    .value_name("TABLE")
                    .value_parser(schema::NAMES)
                    .help("The table; without it, both are printed"),
                Arg::new("FORMAT")
                    .long("format")
                    .alias("output")
                    .value_name("FORMAT")
                    .value_parser(["table", "json", "csv", "ddl"])
                    .default_value("table")
                    .help("How to print; ddl is Athena's CREATE EXTERNAL TABLE"),
                command_line::argument(&rows::LABELS),
                command_line::argument(&rows::ANNOTATIONS),
                Arg::new("LOCATION")
                    .long("location")
                    .value_name("s3://BUCKET/PREFIX/")
                    .requires("TABLE")
                    .help("The table's location, for --format ddl"),
            ]),
    ]
}

/// Runs one of the commands; `None` if it is another one.
pub(crate) async fn run(name: &str, matches: &ArgMatches) -> Option<Result<ExitCode, AnyError>> {
    Some(match name {
        "status" => status(matches).await,
        "questions" => print_questions(matches),
        "query" => query(matches).await,
        "schema" => print_schema(matches),
        _ => return None,
    })
}

pub(crate) fn text<'a>(matches: &'a ArgMatches, id: &str) -> &'a str {
    matches
        .try_get_one::<String>(id)
        .ok()
        .flatten()
        .map_or("", String::as_str)
}

/// Opens the lake that the user names.
///
/// # Errors
/// When there is no such directory, or the name has more than a bucket.
pub(crate) async fn open(name: &str) -> Result<Lake, AnyError> {
    let Some(bucket) = name.strip_prefix("s3://") else {
        return Ok(Lake::directory(Path::new(name))?);
    };
    let bucket = bucket.trim_end_matches('/');
    if bucket.is_empty() || bucket.contains('/') {
        let reason = format!("'{name}' is not a bucket: name it as s3://bucket, without a prefix");
        return Err(UsageError(reason).into());
    }
    let config = session::from_environment().await;
    if config.region().is_none() {
        return Err(UsageError("no region is known: set AWS_REGION to the region of the bucket".to_owned()).into());
    }
    Ok(Lake::Bucket(Store::new(session::s3_client(&config), bucket)))
}

pub(crate) fn print(table: &Table, matches: &ArgMatches) {
    match text(matches, "FORMAT") {
        "json" => output::line(table.to_json()),
        "csv" => output::text(table.to_csv()),
        _ => output::text(table.to_text()),
    }
}

async fn status(matches: &ArgMatches) -> Result<ExitCode, AnyError> {
    let lake = open(text(matches, "LAKE")).await?;
    let status = Status::read(&lake).await?;
    let findings = status.findings();
    let runs = LastRuns::read(&lake).await?;
    match text(matches, "FORMAT") {
        "json" => output::line(serde_json::json!({
            "lake": lake.place(),
            "complete": status.is_complete(),
            "clusters": status.table().to_json(),
            "findings": findings.to_json(),
            "audited_at": runs.as_ref().map(|runs| runs.audited_at),
            "last_runs": runs.map(|runs| runs.table.to_json()),
        })),
        "table" if status.clusters.is_empty() && findings.rows.is_empty() => {
            output::line(format_args!("{} has no days", lake.place()));
        }
        format => {
            print(&status.table(), matches);
            if format == "table" && !findings.rows.is_empty() {
                output::line("");
                print(&findings, matches);
            }
            if let Some(runs) = runs.filter(|_| format == "table") {
                output::line(format_args!(
                    "\nlast runs, as audited at {}:",
                    runs.audited_at.format("%Y-%m-%d %H:%M UTC")
                ));
                print(&runs.table, matches);
            }
        }
    }
    Ok(if status.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_FINDINGS)
    })
}

fn print_questions(matches: &ArgMatches) -> Result<ExitCode, AnyError> {
    let name = text(matches, "NAME");
    if name.is_empty() {
        let row = |question: &Question| {
            [question.name, question.what()]
                .map(|text| Cell::Text(text.to_owned()))
                .to_vec()
        };
        let columns = ["question", "what"].map(Column::of).to_vec();
        print(
            &Table::new("questions", columns, QUESTIONS.iter().map(row).collect()),
            matches,
        );
        return Ok(ExitCode::SUCCESS);
    }
    if name == "costs" {
        output::text(questions::COSTS_VIEW);
        return Ok(ExitCode::SUCCESS);
    }
    let question = Question::of(name).ok_or_else(|| {
        let reason = format!("there is no question '{name}': `kubecost-lake questions` lists them");
        UsageError(reason)
    })?;
    if text(matches, "ENGINE") == "duckdb" {
        let files = |area| duckdb_files(text(matches, "LAKE"), area);
        let layout = TableLayout::new(&[], &[])?;
        output::text(questions::duckdb_views(
            &files(Area::Lake),
            &files(Area::Assets),
            &layout,
        ));
        output::line("");
    }
    output::text(question.with_label(text(matches, "LABEL")));
    Ok(ExitCode::SUCCESS)
}

/// Reads the days that `--from` and `--to` select; each may be missing.
pub(crate) fn range(reader: &mut Reader<'_>) -> (Option<Day>, Option<Day>) {
    let (from, to) = (reader.parsed::<Day>(&rows::FROM), reader.parsed::<Day>(&rows::TO));
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        reader.fault(&rows::FROM, format_args!("{from} is later than TO, {to}"));
    }
    (from, to)
}

/// The part of a lake that `--from` and `--to` select.
///
/// # Errors
/// When one is not a day, or the first day is later than the last.
pub(crate) fn days(matches: &ArgMatches) -> Result<Selection, Faults> {
    let mut reader = Reader::new(look_up(matches));
    let (from, to) = range(&mut reader);
    reader.finish()?;
    Ok(Selection {
        from,
        to,
        ..Selection::default()
    })
}

/// The rules of `--share`, where they are given.
///
/// # Errors
/// When one is no rule.
pub(crate) fn policy(matches: &ArgMatches) -> Result<Option<Policy>, UsageError> {
    let rules = Some(text(matches, "SHARE")).filter(|rules| !rules.is_empty());
    let policy = rules.map(str::parse).transpose();
    policy.map_err(|error: PolicyError| UsageError(error.to_string()))
}

/// Says that there is nothing to show.
pub(crate) fn hint_no_days(lake: &Lake) {
    output::hint_line(format_args!(
        "{} has no days, or none of those that were asked for: see `kubecost-lake status`",
        lake.place()
    ));
}

async fn query(matches: &ArgMatches) -> Result<ExitCode, AnyError> {
    let name = text(matches, "NAME");
    let selection = Selection {
        label: text(matches, "LABEL").to_owned(),
        ..days(matches)?
    };
    let policy = policy(matches)?;
    if policy.is_some() && name != results::COST_BY_TEAM {
        let reason = format!("--share is for the question '{}' only", results::COST_BY_TEAM);
        return Err(UsageError(reason).into());
    }
    if !results::NAMES.contains(&name) {
        let reason = if Question::of(name).is_some() {
            let engine = "`kubecost-lake questions NAME --engine duckdb --lake DIR | duckdb`";
            format!(
                "'{name}' has no result without a database: {}",
                engine.replace("NAME", name)
            )
        } else {
            let known = results::NAMES.join(", ");
            format!("there is no question '{name}': expected one of {known}")
        };
        return Err(UsageError(reason).into());
    }
    let lake = open(text(matches, "LAKE")).await?;
    let cubes = costs::read(&lake, &selection).await?;
    let table = match policy {
        Some(policy) => Some(share::showback(&cubes, &policy)),
        None => results::result(&cubes, name),
    };
    if let Some(table) = table {
        print(&table, matches);
    }
    if cubes.is_empty() {
        hint_no_days(&lake);
    }
    if results::BY_TEAM.contains(&name) && cubes.lacks_label() {
        let columns = match costs::label_columns(&lake).await?.as_slice() {
            [] => "no label has a column".to_owned(),
            columns => format!("labels with a column are {}", names(columns)),
        };
        output::hint_line(format_args!("no row has the label '{}': {columns}", selection.label));
    }
    Ok(ExitCode::SUCCESS)
}

/// The files of a table that DuckDB reads; none in a directory that has none, since a pattern without files is an
/// error.
fn duckdb_files(lake: &str, table: Area) -> Vec<String> {
    let prefix = table.default_prefix();
    let pattern = |place: &str| format!("{place}/{prefix}**/*.parquet");
    let is_there = |place: &str| Path::new(place).join(prefix).is_dir();
    match lake.strip_prefix("s3://") {
        _ if lake.is_empty() && (table == Area::Lake || is_there(".")) => vec![pattern(".")],
        _ if lake.is_empty() => Vec::new(),
        Some(bucket) => vec![pattern(&format!("s3://{}", bucket.trim_end_matches('/')))],
        None if is_there(lake) => vec![pattern(lake.trim_end_matches('/'))],
        None => Vec::new(),
    }
}

fn print_schema(matches: &ArgMatches) -> Result<ExitCode, AnyError> {
    let keys = |id: &str| -> Vec<String> {
        let keys = text(matches, id).split(',').map(str::trim);
        keys.filter(|key| !key.is_empty()).map(str::to_owned).collect()
    };
    let layout = TableLayout::new(&keys(rows::LABELS.name), &keys(rows::ANNOTATIONS.name));
    let layout = layout.map_err(|faults| UsageError(faults.to_string()))?;
    let (wanted, location) = (text(matches, "TABLE"), text(matches, "LOCATION"));
    let tables: Vec<LakeTable> = schema::tables(&layout)
        .into_iter()
        .filter(|table| wanted.is_empty() || table.name == wanted)
        .collect();
    if text(matches, "FORMAT") != "ddl" {
        print(&schema::columns(&tables), matches);
        return Ok(ExitCode::SUCCESS);
    }
    let statements: Vec<String> = tables
        .iter()
        .map(|table| match location {
            "" => schema::ddl(table, &format!("s3://BUCKET/{}", table.area.default_prefix())),
            location => schema::ddl(table, location),
        })
        .collect();
    output::text(statements.join("\n"));
    Ok(ExitCode::SUCCESS)
}
