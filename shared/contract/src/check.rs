//! What `exporter check` leaves in the bucket.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::documents::Document;

/// Shows that an exporter may write: `staging/…/check.json`. No program reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// When it was written, UTC.
    pub created_at: DateTime<Utc>,
    /// The version of the exporter.
    pub producer: String,
}

impl Document for Check {
    const NAME: &'static str = "check document";
}
