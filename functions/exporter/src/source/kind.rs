//! Detection of the source.

use contract::documents::SourceKind;

use crate::{
    settings::SourceSettings,
    source::{Client, ReadTimeout, SourceError, brief, query, retry},
};

/// Which source it is: as configured, else as detected.
///
/// # Errors
/// When the source cannot be reached or recognised.
pub(crate) async fn of(client: &Client, settings: &SourceSettings) -> Result<SourceKind, SourceError> {
    if let Some(kind) = settings.kind {
        return Ok(kind);
    }
    let read_timeout = ReadTimeout::of_assets(settings);
    let detect = async || detect(client, read_timeout).await;
    let kind = retry::with_retries(settings, detect, SourceError::is_transient).await?;
    tracing::info!(?kind, "detected source");
    Ok(kind)
}

/// Detects which source it is by requesting each one's own path without a window: the right one reports the missing
/// window at once, or responds with data; the wrong one does not know the path.
///
/// # Errors
/// When neither responds like that, with the responses.
pub(crate) async fn detect(client: &Client, read_timeout: ReadTimeout) -> Result<SourceKind, SourceError> {
    let mut tried = Vec::new();
    for kind in [SourceKind::Kubecost, SourceKind::Opencost] {
        let query = query::probe(kind);
        let (status, excerpt) = match client.probe(&query, read_timeout).await {
            Ok(excerpt) => (200, excerpt),
            Err(SourceError::Status { status, excerpt, .. })
                if !matches!(status, 300..=399 | 401 | 403 | 407 | 429 | 502 | 503 | 504) =>
            {
                (status, excerpt)
            }
            Err(error) => return Err(error),
        };
        // The user interfaces of both serve their own page for any path.
        let is_page = excerpt.starts_with('<');
        let is_data = status == 200 && excerpt.starts_with('{');
        if !is_page && (is_data || matches!(status, 400 | 500)) {
            return Ok(kind);
        }
        tried.push(format!(
            "{} returned {status}: {}",
            query.url(client.url()).path(),
            brief(&excerpt)
        ));
    }
    Err(SourceError::Unknown {
        url: client.url().to_string(),
        tried: tried.join("; "),
    })
}
