//! `demo`: the whole way on made-up and recorded costs, with a gap made and filled.

use std::{collections::BTreeSet, io, path::Path, sync::Arc};

use contract::{
    clock::Clock,
    cluster::{ClusterArn, ClusterError},
    day::{Day, DayError},
    documents::SourceKind,
};
use exporter::{
    Days,
    settings::{PeriodSettings, SourceSettings},
};
use settings::{Faults, Reader};

use crate::{
    collect::{CollectError, Outcome},
    host::{Host, HostError, LookUp},
    output,
    simulator::{Source, generated::GeneratedCluster, recorded},
};

/// The clusters, as their lake knows them.
const GENERATED: &str = "arn:aws:eks:eu-west-1:111122223333:cluster/shop-production";
const RECORDED: &str = "arn:aws:eks:us-east-1:444455556666:cluster/kit-cluster";
/// The generated cluster's size and seed.
const CONTAINERS: usize = 3000;
const SEED: u64 = 15;

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The product cannot run here.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A step failed altogether.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// A step failed for some days.
    #[error("{0}")]
    Days(String),
    /// A made-up source cannot be served, or a file not be removed.
    #[error("the demo cannot use this machine's ports or files: {0}")]
    Io(#[from] io::Error),
    /// A made-up name is wrong.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A made-up day is wrong.
    #[error(transparent)]
    Day(#[from] DayError),
    /// A made-up setting is wrong.
    #[error(transparent)]
    Settings(#[from] Faults),
    /// The bucket.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// The settings that a user of the source would give.
fn source_settings(url: &str) -> Result<SourceSettings, Faults> {
    let mut reader = Reader::new(|name| (name == "KUBECOST_API_ENDPOINT").then(|| url.to_owned()));
    let settings = SourceSettings::read(&mut reader, &mut Vec::new());
    reader.finish()?;
    settings.ok_or(Faults(Vec::new()))
}

/// Runs the demo on a directory; again on the same one, it finds most of the work done.
///
/// # Errors
/// When a step fails.
pub async fn run(directory: &Path, look_up: LookUp<'_>, clock: Arc<dyn Clock>) -> Result<(), DemoError> {
    let mut reader = Reader::new(|_| None);
    let period = PeriodSettings::read(&mut reader);
    reader.finish()?;
    let days = Day::backfill_period(clock.now(), period.days, period.settle);
    let (Some(first), Some(last)) = (days.first().copied(), days.last().copied()) else {
        return Err(DemoError::Days("the backfill period has no days".to_owned()));
    };
    let generated: ClusterArn = GENERATED.parse()?;
    let id = generated.id();
    let cluster = GeneratedCluster {
        name: id.name().to_owned(),
        account: id.account().to_owned(),
        region: id.region().to_owned(),
        containers: CONTAINERS,
        seed: SEED,
        first,
        last,
    };
    let host = Host::start(directory, look_up, clock).await?;

    let kubecost = Source::kubecost(cluster).await?;
    output::line(format_args!(
        "1. {}: {CONTAINERS} containers behind Kubecost's interface, {first} to {last}",
        id.name()
    ));
    let source = source_settings(&kubecost.url)?;
    let outcome = host
        .collect(generated.clone(), source.clone(), period, None, &Days::Planned)
        .await?;
    tell(&outcome).map_err(DemoError::Days)?;

    let opencost = Source::saved(SourceKind::Opencost, recorded::ALLOCATION, recorded::ASSETS).await?;
    let recorded_cluster: ClusterArn = RECORDED.parse()?;
    output::line(format_args!(
        "\n2. {}: what a running OpenCost answered for {}",
        recorded_cluster.id().name(),
        recorded::DAY
    ));
    let days = Days::Given(vec![recorded::DAY.parse()?]);
    let outcome = host
        .collect(recorded_cluster, source_settings(&opencost.url)?, period, None, &days)
        .await?;
    tell(&outcome).map_err(DemoError::Days)?;

    let lost: BTreeSet<Day> = [first.next().next(), last.minus(4)].into();
    let names: Vec<String> = lost.iter().map(Day::to_string).collect();
    output::line(format_args!(
        "\n3. {}: two days are deleted from the lake: {}",
        id.name(),
        names.join(", ")
    ));
    for day in &lost {
        host.store.delete(&host.prefixes.lake_object(id, *day)).await?;
    }
    let outcome = host.collect(generated, source, period, None, &Days::Planned).await?;
    tell(&outcome).map_err(DemoError::Days)?;
    let found: BTreeSet<Day> = outcome.run.collected().map(|(day, _)| day).collect();
    if !lost.is_subset(&found) {
        return Err(DemoError::Days("the gap was not filled".to_owned()));
    }
    output::line(outcome.lake);
    Ok(())
}

/// Tells what a step did; a step that failed ends the demo.
fn tell(outcome: &Outcome) -> Result<(), String> {
    let planned: Vec<String> = outcome
        .run
        .days
        .iter()
        .map(|(day, _)| format!("{} ({})", day.date, day.reason))
        .collect();
    match planned.as_slice() {
        [] => output::line("   nothing to collect: the lake has all days that the source has"),
        [one] => output::line(format_args!("   to collect: {one}")),
        [first, others @ ..] if planned.len() > 4 => {
            output::line(format_args!("   to collect: {first} and {} more", others.len()));
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

/// What went wrong, a line each.
pub fn problems(outcome: &Outcome) -> String {
    let failed = outcome
        .run
        .failed()
        .map(|(day, reason)| format!("{day} was not collected: {reason}"));
    let failures = outcome
        .failures
        .iter()
        .map(|failure| format!("{} failed: {}", failure.key, failure.reason));
    let quarantined = outcome
        .quarantined
        .iter()
        .map(|key| format!("a day cannot be converted; why is in {key}"));
    failed.chain(failures).chain(quarantined).collect::<Vec<_>>().join("\n")
}
