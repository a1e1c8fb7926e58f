//! The exporter's process.

use std::{process::ExitCode, sync::Arc};

use contract::clock::SystemClock;
use exporter::{Days, Exporter, NoProgress, certificate, command, settings::Settings};
use store::session;

/// A setting is wrong.
const EXIT_SETTINGS: u8 = 2;

/// How the sessions of the parent role are named in CloudTrail.
const SESSION_NAME: &str = "kubecost-lake-exporter";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let matches = command::command().get_matches();
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
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!(%error, "nothing was collected");
            ExitCode::FAILURE
        }
    }
}

/// Whether all days were collected.
async fn export(settings: Settings) -> Result<bool, Box<dyn std::error::Error>> {
    let mut config = session::from_environment().await;
    if let Some(role) = &settings.parent_role {
        config = session::assume_role(&config, role, SESSION_NAME).await;
    }
    let store = settings.bucket.store(&config);
    let private_ca = certificate::load(&settings.source.ca_certificate, async || config.clone()).await?;
    let exporter = Exporter {
        cluster: settings.cluster,
        source: settings.source,
        period: settings.period,
        plan_wait: settings.plan_wait,
        store,
        prefixes: settings.bucket.prefixes,
        clock: Arc::new(SystemClock),
    };
    let summary = exporter.run(private_ca.as_deref(), &Days::Planned, &NoProgress).await?;
    if summary.is_success() {
        tracing::info!("{summary}");
    } else {
        tracing::error!("{summary}");
    }
    Ok(summary.is_success())
}
