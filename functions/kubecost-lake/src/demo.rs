//! `demo`: collects generated and recorded costs, deletes two days from the lake, and collects them again.

use std::{collections::BTreeSet, io, path::Path, sync::Arc};

use contract::{
    clock::Clock,
    cluster::{ClusterArn, ClusterError},
    day::{Day, DayError},
    documents::SourceKind,
    units::count,
};
use exporter::{
    Days,
    settings::{PeriodSettings, SourceSettings},
};
use report::lake::Lake;
use settings::{Faults, Reader};

use crate::{
    collect::{CollectError, CollectOutcome},
    host::{Host, HostError, LookUp},
    output,
    report_file::{self, ReportOptions},
    simulator::{SimulatedSource, generated::GeneratedCluster, recorded},
};

const GENERATED: &str = "arn:aws:eks:eu-west-1:111122223333:cluster/shop-production";
const RECORDED: &str = "arn:aws:eks:us-east-1:444455556666:cluster/kit-cluster";
const CONTAINERS: usize = 3000;
const SEED: u64 = 15;
/// The label of the generated containers that names their team.
const LABEL: &str = "team";
/// The report's file, beside the lake's prefixes.
const REPORT: &str = "report.html";

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// Some days failed.
    #[error("{0}")]
    Days(String),
    #[error("the simulated source cannot listen on a port: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Day(#[from] DayError),
    #[error(transparent)]
    Settings(#[from] Faults),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error(transparent)]
    Report(#[from] crate::report_file::ReportError),
    #[error(transparent)]
    Lake(#[from] report::lake::LakeError),
}

fn source_settings(url: &str) -> Result<SourceSettings, Faults> {
    let mut reader = Reader::new(|name| (name == "KUBECOST_API_ENDPOINT").then(|| url.to_owned()));
    let settings = SourceSettings::read(&mut reader, &mut Vec::new());
    reader.finish()?;
    settings.ok_or(Faults(Vec::new()))
}

/// Runs the demo on a directory. A second run on the same directory finds most of the work done.
pub async fn run(directory: &Path, look_up: LookUp<'_>, clock: Arc<dyn Clock>) -> Result<(), DemoError> {
    let mut reader = Reader::new(|_| None);
    let period = PeriodSettings::read(&mut reader);
    reader.finish()?;
    let days = period.complete_days(clock.now());
    let (Some(first), Some(last)) = (days.first().copied(), days.last().copied()) else {
        return Err(DemoError::Days("the backfill period has no days".to_owned()));
    };
    let generated: ClusterArn = GENERATED.parse()?;
    let id = generated.id();
    let cluster = GeneratedCluster {
        name: id.name().to_owned(),
        account: id.account().to_owned(),
        region: id.region().to_owned(),
        currency: "USD".to_owned(),
        containers: CONTAINERS,
        seed: SEED,
        first,
        last,
    };
    let now = clock.now();
    output::line(format_args!(
        "The demo does on this machine what the exporter does in clusters and the functions do in AWS. It collects {} of a generated cluster, \
         and recorded responses, into {}, deletes two days, finds the gaps, fills them, and shows the costs.\n",
        count(days.len() as u64, "day"),
        directory.display()
    ));
    let host = Host::start(directory, look_up, clock).await?;

    let kubecost = SimulatedSource::kubecost(cluster).await?;
    output::line(format_args!(
        "1. {}: {} behind Kubecost's API, {first} to {last}",
        id.name(),
        count(CONTAINERS as u64, "generated container")
    ));
    let source = source_settings(&kubecost.url)?;
    let outcome = host
        .collect(generated.clone(), source.clone(), period, None, &Days::Planned)
        .await?;
    print(&outcome).map_err(DemoError::Days)?;

    let opencost = SimulatedSource::saved(SourceKind::Opencost, recorded::ALLOCATION, recorded::ASSETS).await?;
    let recorded_cluster: ClusterArn = RECORDED.parse()?;
    output::line(format_args!(
        "\n2. {}: the recorded responses of an OpenCost for {}",
        recorded_cluster.id().name(),
        recorded::DAY
    ));
    let days = Days::Given(vec![recorded::DAY.parse()?]);
    let outcome = host
        .collect(recorded_cluster, source_settings(&opencost.url)?, period, None, &days)
        .await?;
    print(&outcome).map_err(DemoError::Days)?;

    let lost: BTreeSet<Day> = [first.next().next(), last.minus(4)].into();
    let names: Vec<String> = lost.iter().map(Day::to_string).collect();
    output::line(format_args!(
        "\n3. {}: deleting 2 days from the lake: {}",
        id.name(),
        names.join(", ")
    ));
    for day in &lost {
        host.store.delete(&host.prefixes.lake_object(id, *day)).await?;
    }
    let outcome = host.collect(generated, source, period, None, &Days::Planned).await?;
    print(&outcome).map_err(DemoError::Days)?;
    let found: BTreeSet<Day> = outcome.run.collected().map(|(day, _)| day).collect();
    if !lost.is_subset(&found) {
        return Err(DemoError::Days("the deleted days were not collected again".to_owned()));
    }
    output::text(outcome.lake);

    let out = directory.join(REPORT);
    let options = ReportOptions {
        label: Some(LABEL.to_owned()),
        ..ReportOptions::default()
    };
    report_file::write(&Lake::directory(directory)?, &out, &options, now).await?;
    output::line(format_args!("Report:        {}", out.display()));
    Ok(())
}

/// Prints a step's outcome. A step that failed ends the demo.
fn print(outcome: &CollectOutcome) -> Result<(), String> {
    let planned: Vec<String> = outcome
        .run
        .days
        .iter()
        .map(|(day, _)| format!("{} ({})", day.date, day.reason))
        .collect();
    match planned.as_slice() {
        [] => output::line("   nothing to collect: the lake has every day that the source has"),
        [one] => output::line(format_args!("   to collect: {one}")),
        [first, others @ ..] if planned.len() > 4 => {
            let others = count(others.len() as u64, "other day");
            output::line(format_args!("   to collect: {first} and {others}"));
        }
        some => output::line(format_args!("   to collect: {}", some.join(", "))),
    }
    output::line(format_args!("   {}", outcome.run));
    if outcome.is_success() {
        Ok(())
    } else {
        Err(problems(outcome))
    }
}

/// The failures of a run, one per line.
pub fn problems(outcome: &CollectOutcome) -> String {
    let failed = outcome
        .run
        .failed()
        .map(|(day, reason)| format!("{day} was not collected: {reason}"));
    let failures = outcome
        .failures
        .iter()
        .map(|failure| format!("{} failed: {}", failure.key, failure.reason));
    let incomplete = outcome.incomplete.iter().cloned();
    failed.chain(failures).chain(incomplete).collect::<Vec<_>>().join("\n")
}
