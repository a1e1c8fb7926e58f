//! The exporter's process.

use std::{io::Write, process::ExitCode, sync::Arc, time::Duration};

use contract::clock::SystemClock;
use exporter::{
    Days, Exporter, NoProgress, RunError, SESSION_NAME, SharedSource, Stop, Stopper, certificate,
    check::{self, Finding, Outcome},
    command,
    settings::{Clusters, Settings},
};
use settings::Faults;
use store::session;
use tokio::signal::unix::{SignalKind, signal};

/// A setting is wrong.
const EXIT_SETTINGS: u8 = 2;

/// The run ended before all of its days were tried.
const EXIT_STOPPED: u8 = 3;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let matches = command::command().get_matches();
    if let Some(matches) = matches.subcommand_matches(command::CHECK) {
        return check(command::read(matches)).await;
    }
    let settings = match command::start(&matches) {
        Ok(settings) => settings,
        Err(faults) => {
            let mut error = clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("{faults}\n"));
            error = error.with_cmd(&command::command());
            let _ = error.print();
            return ExitCode::from(EXIT_SETTINGS);
        }
    };
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    match export(settings).await {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(%error, "nothing was collected");
            ExitCode::FAILURE
        }
    }
}

/// Prints what works and what does not. It does not log: what is to know is in the lines.
async fn check(settings: Result<Settings, Faults>) -> ExitCode {
    // A line that cannot be written is no reason to end.
    let mut show = |finding: &Finding| drop(writeln!(std::io::stdout(), "{finding}"));
    match settings {
        Ok(settings) => {
            if check::run(settings, &SystemClock, &mut show).await {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(faults) => {
            for fault in faults.0 {
                show(&Finding {
                    part: "settings".to_owned(),
                    outcome: Outcome::Failed(format!("{}: {}", fault.setting, fault.message)),
                });
            }
            ExitCode::from(EXIT_SETTINGS)
        }
    }
}

async fn export(mut settings: Settings) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let (stopper, stop) = Stop::new();
    settings.source.stop = stop;
    tokio::spawn(stop_in_time(stopper, settings.deadline));
    let mut config = session::from_environment().await;
    if let Some(role) = &settings.parent_role {
        config = session::assume_role(&config, role, SESSION_NAME).await;
    }
    let store = settings.bucket.store(&config);
    let private_ca = certificate::load(&settings.source.ca_certificate, async || config.clone()).await;
    let exporter = |cluster| Exporter {
        cluster,
        source: settings.source.clone(),
        period: settings.period,
        plan_wait: settings.plan_wait,
        store: store.clone(),
        prefixes: settings.bucket.prefixes.clone(),
        clock: Arc::new(SystemClock),
    };
    let (private_ca, days) = (private_ca.map_err(RunError::from), &Days::Planned);
    match settings.clusters {
        Clusters::One(cluster) => {
            let exporter = exporter(cluster);
            let private_ca = match private_ca {
                Ok(private_ca) => private_ca,
                Err(error) => {
                    exporter.report_early_failure(&error).await;
                    return Err(error.into());
                }
            };
            let summary = exporter.run(private_ca.as_deref(), days, &NoProgress).await?;
            Ok(ended(&summary, summary.is_success(), summary.stopped()))
        }
        Clusters::Many(clusters) => {
            let source = SharedSource::new(clusters, exporter);
            let private_ca = match private_ca {
                Ok(private_ca) => private_ca,
                Err(error) => {
                    source.report_early_failure(&error).await;
                    return Err(error.into());
                }
            };
            let summary = source.run(private_ca.as_deref(), days).await?;
            Ok(ended(&summary, summary.is_success(), summary.stopped()))
        }
    }
}

/// Logs the summary of a run.
fn ended(summary: &dyn std::fmt::Display, is_success: bool, stopped: bool) -> ExitCode {
    if is_success {
        tracing::info!("{summary}");
        return ExitCode::SUCCESS;
    }
    tracing::error!("{summary}");
    if stopped {
        ExitCode::from(EXIT_STOPPED)
    } else {
        ExitCode::FAILURE
    }
}

/// Ends the run at its deadline, or when Kubernetes ends the pod.
async fn stop_in_time(stopper: Stopper, deadline: Option<Duration>) {
    let deadline_passes = async {
        match deadline {
            Some(deadline) => tokio::time::sleep(deadline).await,
            None => std::future::pending().await,
        }
    };
    let signalled = async |kind: SignalKind| match signal(kind) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(_) => std::future::pending().await,
    };
    let reason = tokio::select! {
        () = deadline_passes => "RUN_DEADLINE_SECONDS have passed",
        () = signalled(SignalKind::terminate()) => "SIGTERM",
        () = signalled(SignalKind::interrupt()) => "SIGINT",
    };
    tracing::warn!(reason, "ending the run early");
    stopper.stop(reason);
}
