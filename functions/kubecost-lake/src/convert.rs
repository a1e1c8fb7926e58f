//! `convert`: a saved response as Parquet, by the same programs that collect a source's.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Arg, ArgMatches, Command};
use contract::{clock::Clock, cluster::ClusterArn, day::Day, documents::SourceKind, units::count};
use exporter::{
    Days,
    settings::{PeriodSettings, SourceSettings, read_cluster},
};
use response::{Entry, FeedError, ResponseFault, RowParser, Scanner};
use settings::{
    Faults, Reader,
    command_line::{add_to, look_up},
    rows,
};

use crate::{
    collect::{CollectError, CollectOutcome},
    host::{Host, LookUp, check_settings},
    simulator::SimulatedSource,
};

/// What zstd files begin with, such as those below the staging prefix.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// How much of a response is parsed at a time.
const PIECE: usize = 1024 * 1024;

pub(crate) fn command() -> Command {
    let command = Command::new("convert")
        .about("Converts saved responses of a Kubecost or OpenCost into Parquet files below a directory")
        .long_about(
            "Converts saved responses of a Kubecost or OpenCost into Parquet files below a directory, with all checks of a collection. A file \
             is JSON as the source sends it, or compressed with zstd as below the staging prefix. It is held in memory.",
        )
        .after_help(crate::collect::EXIT_STATUSES)
        .args([
            Arg::new("ALLOCATIONS").required(true).help("The file with the response of the allocation API"),
            Arg::new("ASSETS")
                .long("assets")
                .value_name("FILE")
                .help("The file with the response of the assets API; without it node columns come from labels"),
        ]);
    let command = add_to(command, rows::LOCAL_LAKE, "Lake");
    add_to(add_to(command, rows::TABLE, "Table"), rows::SAVED, "Response")
}

/// What to convert.
#[derive(Debug)]
pub struct Conversion {
    cluster: ClusterArn,
    source: SourceSettings,
    period: PeriodSettings,
    allocations: PathBuf,
    assets: Option<PathBuf>,
    lake: PathBuf,
}

/// Why nothing was converted.
#[derive(Debug, thiserror::Error)]
pub enum ConversionError {
    /// A file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The file is no response of the allocation API.
    #[error(
        "{path}: {reason}. Save what /model/allocation (Kubecost) or /allocation/compute (OpenCost) sends, with step=1d"
    )]
    Response {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The response has no rows with a window.
    #[error("{0}: the response has no rows: save the response to a window that has data")]
    Empty(PathBuf),
    /// No port is free.
    #[error("the response cannot be served on a port of this machine: {0}")]
    Io(#[from] io::Error),
    /// The collection failed.
    #[error(transparent)]
    Collect(Box<CollectError>),
}

impl Conversion {
    /// Reads what to convert, and checks the functions' settings, so that all faults are reported together.
    pub(crate) fn read(matches: &ArgMatches) -> Result<Self, Faults> {
        let look_up = look_up(matches);
        let mut reader = Reader::new(|name| match name {
            // The address of the saved response is not known yet.
            "KUBECOST_API_ENDPOINT" => None,
            // It is on this machine, and does not change.
            "RETRIES" => Some("0".to_owned()),
            _ => look_up(name),
        });
        let cluster = read_cluster(&mut reader);
        let source = SourceSettings::read(&mut reader, &mut Vec::new());
        let period = PeriodSettings::read(&mut reader);
        let lake = reader.required(&rows::LAKE_DIRECTORY, "the directory to put the lake in (--lake)");
        if let Err(faults) = check_settings(&look_up) {
            reader.extend(faults);
        }
        reader.finish()?;
        // Without one of them the reader has faults.
        let missing = || Faults(Vec::new());
        let path = |id| matches.get_one::<String>(id).map(PathBuf::from);
        Ok(Self {
            cluster: cluster.ok_or_else(missing)?,
            source: source.ok_or_else(missing)?,
            period,
            allocations: path("ALLOCATIONS").ok_or_else(missing)?,
            assets: path("ASSETS"),
            lake: lake.ok_or_else(missing)?.into(),
        })
    }

    /// Converts each day of the response.
    ///
    /// # Errors
    /// When nothing could be converted. Single days that failed are in the outcome.
    pub(crate) async fn run(
        self,
        look_up: LookUp<'_>,
        clock: Arc<dyn Clock>,
    ) -> Result<CollectOutcome, ConversionError> {
        let allocations = read(&self.allocations)?;
        let days = days_of(&allocations).map_err(|reason| ConversionError::Response {
            path: self.allocations.clone(),
            reason,
        })?;
        if days.is_empty() {
            return Err(ConversionError::Empty(self.allocations));
        }
        tracing::info!(days = count(days.len() as u64, "day"), "converting a saved response");
        let assets = self.assets.as_deref().map(read).transpose()?;
        let kind = self.source.kind.unwrap_or(SourceKind::Kubecost);
        let saved = SimulatedSource::of_responses(kind, allocations.into(), assets.map(Into::into)).await?;
        let mut source = self.source;
        source.kind = Some(kind);
        source.url = saved.url.parse().map_err(io::Error::other)?;
        let failed = |error| ConversionError::Collect(Box::new(error));
        let host = Host::start(&self.lake, look_up, clock)
            .await
            .map_err(|error| failed(error.into()))?;
        let days = Days::Given(days.into_iter().collect());
        host.collect(self.cluster, source, self.period, None, &days)
            .await
            .map_err(failed)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ConversionError> {
    let failed = |source| ConversionError::File {
        path: path.to_owned(),
        source,
    };
    let bytes = std::fs::read(path).map_err(failed)?;
    if !bytes.starts_with(&ZSTD) {
        return Ok(bytes);
    }
    let mut content = Vec::new();
    let mut decoder = zstd::Decoder::new(bytes.as_slice()).map_err(failed)?;
    decoder.read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// The days of a response's rows.
fn days_of(response: &[u8]) -> Result<BTreeSet<Day>, String> {
    let mut parser = RowParser::new();
    let mut days = BTreeSet::new();
    let mut on_row = |Entry { key, value, .. }: Entry<'_>| {
        let row = parser.parse(key, value).map_err(|error| error.to_string())?;
        let start = row.window_start.and_then(chrono::DateTime::from_timestamp_millis);
        days.extend(start.map(Day::of));
        Ok::<_, String>(())
    };
    let mut scanner = Scanner::new();
    for piece in response.chunks(PIECE) {
        scanner.feed(piece, &mut on_row).map_err(|error| match error {
            FeedError::Sink(reason) => reason,
            FeedError::Response(fault) => fault.to_string(),
        })?;
    }
    scanner.finish().map_err(|fault: ResponseFault| fault.to_string())?;
    Ok(days)
}
