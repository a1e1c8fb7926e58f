//! A source that a run is connected to, and what is known of it.

use std::sync::atomic::AtomicBool;

use contract::{
    currency::Currency,
    documents::{SourceInfo, SourceKind},
};
use tokio::sync::OnceCell;

use crate::{
    run_error::RunError,
    settings::SourceSettings,
    source::{Client, CurrencyError, currency, kind},
};

pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) source: SourceInfo,
    /// The currency of all costs; not set while the source cannot be queried for it.
    pub(crate) currency: OnceCell<Currency>,
    /// Whether queries name all properties that identify a container: set by the first day that needs it.
    pub(crate) explicit_aggregation: AtomicBool,
}

impl Connection {
    /// Detects the source, and queries it for its currency.
    pub(crate) async fn new(settings: &SourceSettings, private_ca: Option<&[u8]>) -> Result<Self, RunError> {
        let client = Client::new(settings, private_ca)?;
        let source = SourceInfo {
            kind: kind::of(&client, settings).await?,
            version: None,
        };
        let currency = known_currency(&client, settings, source.kind).await?;
        Ok(Self {
            client,
            source,
            currency: OnceCell::new_with(currency),
            explicit_aggregation: AtomicBool::new(false),
        })
    }
}

/// The currency of all costs; `None` where the source cannot be queried for it now.
async fn known_currency(
    client: &Client,
    settings: &SourceSettings,
    kind: SourceKind,
) -> Result<Option<Currency>, CurrencyError> {
    match currency::of_source(client, settings, kind, true).await {
        Ok(currency) => Ok(Some(currency)),
        Err(error @ CurrencyError::Source(_)) => {
            tracing::warn!(%error, "querying it again before a day is collected");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
