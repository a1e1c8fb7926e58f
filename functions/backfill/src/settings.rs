//! The function's settings.

use chrono::TimeDelta;
use contract::keys::Prefixes;
use settings::{Faults, Reader, logs::LogSettings, rows};

use crate::policy::Policy;

/// The function's settings, validated.
#[derive(Debug, Clone)]
pub struct Settings {
    pub bucket: String,
    pub prefixes: Prefixes,
    /// The KMS key that plans and reports are encrypted with; `None`: the bucket's default.
    pub kms_key: Option<String>,
    pub policy: Policy,
    /// A cluster without an inventory for this long is silent.
    pub silent_after: TimeDelta,
    pub audit_period_days: u32,
    /// How many clusters are audited at the same time.
    pub audit_concurrency: usize,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// All faults together.
    pub fn read(mut reader: Reader<'_>) -> Result<Self, Faults> {
        let settings = Self {
            bucket: reader.bucket(),
            prefixes: reader.prefixes(),
            kms_key: reader.kms_key(),
            policy: Policy {
                restate_age: TimeDelta::days(reader.whole_number(&rows::RESTATE_AGE)),
                restate_interval: TimeDelta::hours(reader.whole_number(&rows::RESTATE_INTERVAL)),
                in_flight: TimeDelta::minutes(reader.whole_number(&rows::IN_FLIGHT)),
                retry_limit: reader.whole_number(&rows::RETRY_LIMIT),
            },
            silent_after: TimeDelta::hours(reader.whole_number(&rows::SILENT_HOURS)),
            audit_period_days: reader.whole_number(&rows::AUDIT_PERIOD),
            audit_concurrency: reader.whole_number(&rows::AUDIT_CONCURRENCY),
        };
        LogSettings::read(&mut reader);
        reader.finish().map(|()| settings)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use settings::Values;

    use super::*;

    #[test]
    fn all_settings_wrong_are_all_reported() {
        let faults = Settings::read(Reader::new(|_| Some("!".to_owned()))).unwrap_err();
        let reported: BTreeSet<&str> = faults.0.iter().map(|fault| fault.setting).collect();
        let can_be_wrong = rows::all(rows::BACKFILL.1).filter(|setting| setting.values != Values::Text);
        assert_eq!(reported, can_be_wrong.map(|setting| setting.name).collect());
    }
}
