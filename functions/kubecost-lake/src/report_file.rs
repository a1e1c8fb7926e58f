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
    /// How shared costs are distributed, with the rules as the user wrote them.
    pub share: Option<(Policy, String)>,
    /// Which days.
    pub selection: Selection,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Render(#[from] RenderError),
    /// There is no place for the file.
    #[error("cannot write {path}: there is no directory {}", directory.display())]
    NoDirectory { path: PathBuf, directory: PathBuf },
    /// The file cannot be written.
    #[error("cannot write {path}: {source}")]
    File { path: PathBuf, source: io::Error },
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The size of the file.
    pub bytes: u64,
    /// Whether it shows no day.
    pub is_empty: bool,
}

/// The directory of a file.
fn directory_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Reads a lake and writes its report.
///
/// # Errors
/// When the lake cannot be read, or the file cannot be written.
pub async fn write(
    lake: &Lake,
    out: &Path,
    options: &ReportOptions,
    now: DateTime<Utc>,
) -> Result<Written, ReportError> {
    let directory = directory_of(out);
    if !directory.is_dir() {
        return Err(ReportError::NoDirectory {
            path: out.to_owned(),
            directory: directory.to_owned(),
        });
    }
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
        policy: options.share.as_ref().map(|(policy, rules)| (policy, rules.as_str())),
        now,
        version: env!("CARGO_PKG_VERSION"),
    })?;
    replace(out, page.as_bytes()).map_err(|source| ReportError::File {
        path: out.to_owned(),
        source,
    })?;
    Ok(Written {
        bytes: page.len() as u64,
        is_empty: cubes.is_empty(),
    })
}

/// Writes a file as a whole: whoever opens it sees the old or the new one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any file that a program writes: the umask takes away what the user does not want.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(directory_of(path))?;
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
    let label = Some(text(matches, "LABEL")).filter(|label| !label.is_empty());
    let out = PathBuf::from(text(matches, "OUT"));
    let options = ReportOptions {
        label: label.map(str::to_owned),
        share: reading::policy(matches)?.map(|policy| (policy, text(matches, "SHARE").to_owned())),
        selection: reading::days(matches)?,
    };
    let lake = reading::open(text(matches, "LAKE")).await?;
    let written = write(&lake, &out, &options, now).await?;
    output::line(format_args!("{} ({})", out.display(), size(written.bytes)));
    if written.is_empty {
        reading::hint_no_days(&lake);
    }
    Ok(ExitCode::SUCCESS)
}
