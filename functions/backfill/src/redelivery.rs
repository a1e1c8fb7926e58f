//! Redelivery of a staged set.

use contract::documents;
use store::{Store, StoreError};

/// The metadata of a manifest that counts how often audits redelivered it.
pub(crate) const REDELIVERED: &str = "redelivered";

/// Writes a manifest again as it is, so that S3 itself sends its event, in whatever way the bucket's events are
/// configured. Only the count of deliveries is kept of its metadata. `false` if the manifest no longer exists.
pub async fn redeliver(store: &Store, key: &str, count: u32) -> Result<bool, StoreError> {
    let Some(bytes) = store.get_bytes(key, documents::MAX_BYTES).await? else {
        return Ok(false);
    };
    let metadata = [(REDELIVERED, count.to_string())];
    store.put_json_with(key, bytes, &metadata).await.map(|()| true)
}
