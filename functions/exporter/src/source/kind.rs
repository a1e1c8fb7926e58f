//! Which of the two sources answers at an address.

use contract::documents::SourceKind;

use crate::source::{Client, SourceError, client::Patience, query};

/// Finds out which source it is by asking each one's own path without a window: the right one misses the window at
/// once, or answers all the same; the wrong one does not know the path.
///
/// # Errors
/// When neither answers so, telling what came instead.
pub async fn detect(client: &Client, patience: Patience) -> Result<SourceKind, SourceError> {
    let mut tried = Vec::new();
    for kind in [SourceKind::Kubecost, SourceKind::Opencost] {
        let query = query::probe(kind);
        let (status, excerpt) = client.look(&query, patience).await?;
        // The user interfaces of both answer any path with their own page.
        let is_page = excerpt.starts_with('<');
        let is_answer = status == 200 && excerpt.starts_with('{');
        if !is_page && (is_answer || matches!(status, 400 | 500)) {
            return Ok(kind);
        }
        if matches!(status, 300..=399 | 401 | 403 | 429 | 502 | 503 | 504) {
            let url = query.url(client.url()).to_string();
            return Err(SourceError::Status { url, status, excerpt });
        }
        tried.push(format!(
            "{} answered {status}: {excerpt}",
            query.url(client.url()).path()
        ));
    }
    Err(SourceError::Unknown {
        url: client.url().to_string(),
        tried: tried.join("; "),
    })
}
