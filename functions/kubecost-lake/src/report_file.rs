//! `report`: the costs of a lake as one HTML file.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::{DateTime, Utc};
use clap::{Arg, ArgMatches, Command};
use contract::units::size;
use report::{
    costs::{self, Selection},
    lake::{Lake, LakeError},
    share::Policy,
    status::Status,
};
use report_html::{Input, RenderError};

use crate::{
    output,
    reading::{self, AnyError, text},
};

/// How many days a report covers at most: a screen has no room for more bars.
pub const MOST_DAYS: u32 = 400;

/// The label that names teams, where it has a column.
const TEAM: &str = "team";

/// What a report is of.
#[derive(Debug, Clone, Default)]
pub struct ReportOptions {
    /// The label that names teams; `None`: `team` or else another label that has a column.
    pub label: Option<String>,
    /// How shared costs are distributed, as the user wrote it.
    pub share: Option<String>,
    /// Which days.
    pub selection: Selection,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Policy(#[from] report::share::PolicyError),
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The file cannot be written.
    #[error("cannot write {path}: {source}")]
    File { path: PathBuf, source: io::Error },
}

/// Reads a lake and writes its report; gives the size of the file in bytes.
///
/// # Errors
/// When the lake cannot be read, a rule is wrong, or the file cannot be written.
pub async fn write(lake: &Lake, out: &Path, options: &ReportOptions, now: DateTime<Utc>) -> Result<u64, ReportError> {
    let policy: Option<Policy> = options.share.as_deref().map(str::parse).transpose()?;
    let label = match &options.label {
        Some(label) => label.clone(),
        None => {
            let labels = costs::label_columns(lake).await?;
            let team = labels.iter().find(|label| *label == TEAM).or_else(|| labels.first());
            team.cloned().unwrap_or_default()
        }
    };
    let status = Status::read(lake).await?;
    let selection = Selection {
        label: label.clone(),
        newest: Some(MOST_DAYS),
        ..options.selection.clone()
    };
    let cubes = costs::read(lake, &selection).await?;
    let page = report_html::render(&Input {
        cubes: &cubes,
        status: &status,
        place: &lake.place(),
        label: &label,
        policy: policy.as_ref().zip(options.share.as_deref()),
        now,
        version: env!("CARGO_PKG_VERSION"),
    })?;
    replace(out, page.as_bytes()).map_err(|source| ReportError::File {
        path: out.to_owned(),
        source,
    })?;
    Ok(page.len() as u64)
}

/// Writes a file as a whole: whoever opens it sees the old or the new one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any file that a program writes: the umask takes away what the user does not want.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(directory.unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

pub(crate) fn command() -> Command {
    Command::new("report")
        .about("Writes the costs of a lake as one HTML file that opens without a network: charts, tables, filters")
        .args([
            reading::lake_argument(),
            Arg::new("OUT")
                .long("out")
                .value_name("FILE")
                .default_value("report.html")
                .help("The file to write"),
            Arg::new("LABEL")
                .long("by-label")
                .value_name("KEY")
                .help(
                    "The label that names teams, as in Kubernetes. Without it `team`, or else the first label that has a column. \
                     A label without a column is read from the maps of labels, which is slower",
                ),
            Arg::new("SHARE")
                .long("share")
                .value_name("RULES")
                .help("Distributes costs in whole cents, as in idle=proportional,namespaces=kube-system:even"),
        ])
        .args([&settings::rows::FROM, &settings::rows::TO].map(settings::command_line::argument))
}

pub(crate) async fn run(matches: &ArgMatches, now: DateTime<Utc>) -> Result<ExitCode, AnyError> {
    let given = |id: &str| {
        Some(text(matches, id))
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let out = PathBuf::from(text(matches, "OUT"));
    let options = ReportOptions {
        label: given("LABEL"),
        share: given("SHARE"),
        selection: reading::days(matches)?,
    };
    let lake = reading::open(text(matches, "LAKE")).await?;
    let bytes = write(&lake, &out, &options, now).await?;
    output::line(format_args!("{} ({})", out.display(), size(bytes)));
    Ok(ExitCode::SUCCESS)
}
