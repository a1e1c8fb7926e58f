//! Redelivery of a staged set.

use chrono::TimeDelta;
use contract::documents;
use store::{Store, StoreError};

/// The metadata of a manifest that counts how often audits redelivered it.
pub(crate) const REDELIVERED: &str = "redelivered";

/// How long after the last redelivery there is another one, when there were as many as the limit: once a day.
const LATER: TimeDelta = TimeDelta::hours(20);

/// Whether a set is to be redelivered that was redelivered so often, the last time so long ago. It is never given up:
/// what keeps it from being converted, such as events that are lost, may end.
pub(crate) fn is_due(count: u32, age: TimeDelta, limit: u32) -> bool {
    count < limit || age >= LATER
}

/// Writes a manifest again as it is, so that S3 itself sends its event, in whatever way the bucket's events are
/// configured. Only the count of deliveries is kept of its metadata. `false` if the manifest no longer exists.
pub async fn redeliver(store: &Store, key: &str, count: u32) -> Result<bool, StoreError> {
    let Some(bytes) = store.get_bytes(key, documents::MAX_BYTES).await? else {
        return Ok(false);
    };
    let metadata = [(REDELIVERED, count.to_string())];
    store.put_json_with(key, bytes, &metadata).await.map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_redelivered_so_often_in_a_row_and_then_once_a_day() {
        for (count, hours, expected) in [(0, 1, true), (2, 1, true), (3, 19, false), (3, 20, true), (9, 20, true)] {
            assert_eq!(is_due(count, TimeDelta::hours(hours), 3), expected, "{count} {hours}");
        }
    }
}
