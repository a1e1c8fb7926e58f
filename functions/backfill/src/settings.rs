//! The function's settings.

use chrono::TimeDelta;
use contract::keys::Prefixes;
use settings::{Faults, Reader};

use crate::policy::Policy;

/// What the function needs to know, validated.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The bucket's name (`S3_BUCKET_NAME`).
    pub bucket: String,
    /// The bucket's prefixes.
    pub prefixes: Prefixes,
    /// The KMS key that plans and reports are encrypted with (`KMS_KEY_ARN`).
    pub kms_key: Option<String>,
    /// When a day is collected, again, or no more.
    pub policy: Policy,
    /// A cluster without an inventory for this long is silent (`SILENT_HOURS`, 36 by default).
    pub silent_after: TimeDelta,
    /// How many days back the audit looks (`AUDIT_PERIOD_DAYS`, 30 by default).
    pub audit_period_days: u32,
    /// How many clusters the audit looks at at the same time (`AUDIT_CONCURRENCY`, 16 by default).
    pub audit_concurrency: usize,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// All faults together.
    pub fn read(mut reader: Reader<'_>) -> Result<Self, Faults> {
        let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let settings = Self {
            bucket: reader.bucket("S3_BUCKET_NAME"),
            prefixes: reader.prefixes(),
            kms_key: reader.kms_key("KMS_KEY_ARN"),
            policy: Policy {
                restate_age: TimeDelta::days(whole(reader.whole_number("RESTATE_AGE_DAYS", 3, 0..=60))),
                restate_interval: TimeDelta::hours(whole(reader.whole_number("RESTATE_INTERVAL_HOURS", 20, 1..=720))),
                in_flight: TimeDelta::minutes(whole(reader.whole_number("IN_FLIGHT_MINUTES", 60, 0..=1440))),
                retry_limit: narrow(reader.whole_number("RETRY_LIMIT", 3, 1..=100)),
            },
            silent_after: TimeDelta::hours(whole(reader.whole_number("SILENT_HOURS", 36, 1..=8760))),
            audit_period_days: narrow(reader.whole_number("AUDIT_PERIOD_DAYS", 30, 1..=366)),
            audit_concurrency: usize::try_from(reader.whole_number("AUDIT_CONCURRENCY", 16, 1..=256)).unwrap_or(16),
        };
        reader.finish().map(|()| settings)
    }
}
