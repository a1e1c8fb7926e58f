//! The reader of settings, and the faults that it gathers.

use std::{fmt, str::FromStr, time::Duration};

use contract::{
    arn::Arn,
    keys::{Area, Prefixes},
};

use crate::{
    bucket::check_bucket_name,
    row::{ALL, DAY_SECONDS, Setting, Values},
    rows,
};

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting: the name of its environment variable.
    pub setting: &'static str,
    /// What is wrong, and what is expected.
    pub message: String,
}

/// All that is wrong with a program's settings; a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(faults) = self;
        let noun = if faults.len() == 1 {
            "setting is"
        } else {
            "settings are"
        };
        write!(formatter, "{} {noun} wrong:", faults.len())?;
        for Fault { setting, message } in faults {
            write!(formatter, "\n  {setting}: {message}")?;
        }
        Ok(())
    }
}

type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Reads settings by name and gathers what is wrong with them. White space around a value is ignored, an empty value is
/// as none: deployment tools often set a variable that they have no value for.
pub struct Reader<'a> {
    lookup: Box<Lookup<'a>>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    /// A reader of values that a function finds by the setting's name.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self {
            lookup: Box::new(lookup),
            faults: Vec::new(),
        }
    }

    /// A reader of the process's environment.
    pub fn from_environment() -> Reader<'static> {
        Reader::new(|name| std::env::var(name).ok())
    }

    /// Notes a fault.
    pub fn fault(&mut self, setting: &Setting, message: impl fmt::Display) {
        self.faults.push(Fault {
            setting: setting.name,
            message: message.to_string(),
        });
    }

    /// Notes faults that another reader found; those that are known already are left out.
    pub fn extend(&mut self, faults: Faults) {
        for fault in faults.0 {
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
        }
    }

    /// The setting's value, if one is set.
    pub fn optional(&mut self, setting: &Setting) -> Option<String> {
        let value = (self.lookup)(setting.name)?;
        let trimmed = value.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    /// The setting's value, or its default.
    pub fn text(&mut self, setting: &Setting) -> String {
        self.optional(setting).unwrap_or_else(|| setting.default.to_owned())
    }

    /// The setting's value, which must be set. `what` says what to set, for the message.
    pub fn required(&mut self, setting: &Setting, what: &str) -> Option<String> {
        let value = self.optional(setting);
        if value.is_none() {
            self.fault(setting, format_args!("is required: {what}"));
        }
        value
    }

    /// The setting's value, parsed; `None` where none is set, or where it is faulty.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, setting: &Setting) -> Option<T> {
        let text = self.optional(setting)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(setting, error);
                None
            }
        }
    }

    /// A whole number within the setting's range.
    pub fn whole_number<T: TryFrom<u64> + Default>(&mut self, setting: &Setting) -> T {
        let text = self.text(setting);
        let is_allowed = |number: &u64| match setting.values {
            Values::WholeNumber { least, most } | Values::WholeNumberOrAll { least, most } => {
                (least..=most).contains(number)
            }
            _ => false,
        };
        let number = text.parse().ok().filter(is_allowed);
        number.and_then(|number| T::try_from(number).ok()).unwrap_or_else(|| {
            self.fault(
                setting,
                format_args!("'{text}' is not a whole number from {}", setting.values),
            );
            T::default()
        })
    }

    /// A whole number within the setting's range; `None` for the word `all`.
    pub fn whole_number_or_all<T: TryFrom<u64> + Default>(&mut self, setting: &Setting) -> Option<T> {
        (self.text(setting) != ALL).then(|| self.whole_number(setting))
    }

    /// A time in seconds, decimals allowed, above zero and at most a day.
    pub fn seconds(&mut self, setting: &Setting) -> Duration {
        let text = self.text(setting);
        match text.parse::<f64>() {
            Ok(value) if value > 0.0 && value <= f64::from(DAY_SECONDS) => Duration::from_secs_f64(value),
            _ => {
                self.fault(
                    setting,
                    format_args!("'{text}' is not a number of seconds above 0, at most {DAY_SECONDS}"),
                );
                Duration::default()
            }
        }
    }

    /// Yes or no, in the spellings yes, y, true, no, n, false (any case).
    pub fn yes_or_no(&mut self, setting: &Setting) -> bool {
        let text = self.text(setting);
        match text.to_ascii_lowercase().as_str() {
            "yes" | "y" | "true" => true,
            "no" | "n" | "false" => false,
            _ => {
                self.fault(
                    setting,
                    format_args!("'{text}' is not one of yes, no, y, n, true, false"),
                );
                false
            }
        }
    }

    /// One of the setting's words; the default where another text is set, which is a fault.
    pub fn word(&mut self, setting: &Setting) -> &'static str {
        let text = self.text(setting);
        let Values::Words(words) = setting.values else {
            return setting.default;
        };
        words.iter().find(|word| **word == text).copied().unwrap_or_else(|| {
            self.fault(setting, format_args!("'{text}' is not one of {}", setting.values));
            setting.default
        })
    }

    /// A list, comma separated; empty items are left out.
    pub fn list(&mut self, setting: &Setting) -> Vec<String> {
        let text = self.text(setting);
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The bucket's name (`S3_BUCKET_NAME`): required, and by S3's rules.
    pub fn bucket(&mut self) -> String {
        let name = self
            .required(&rows::BUCKET, "the name of the S3 bucket")
            .unwrap_or_default();
        if !name.is_empty()
            && let Err(error) = check_bucket_name(&name)
        {
            self.fault(&rows::BUCKET, format_args!("'{name}' is not a bucket name: {error}"));
        }
        name
    }

    /// The bucket's prefixes; the default for each that is not set.
    pub fn prefixes(&mut self) -> Prefixes {
        let values = Area::ALL.map(|area| (area, self.text(rows::prefix_of(area))));
        let configured = |area| {
            let known = values.iter().find(|(known, _)| *known == area);
            known.map(|(_, value)| value.clone())
        };
        Prefixes::new(configured).unwrap_or_else(|faults| {
            for (area, error) in faults {
                self.fault(rows::prefix_of(area), error);
            }
            Prefixes::default()
        })
    }

    /// The KMS key that objects are encrypted with (`KMS_KEY_ARN`), if one is set: an ARN of a key or of an alias.
    pub fn kms_key(&mut self) -> Option<String> {
        let key = self.optional(&rows::KMS_KEY)?;
        if !key.parse().is_ok_and(|arn: Arn| arn.is_kms_key()) {
            self.fault(
                &rows::KMS_KEY,
                format_args!("'{key}' is not the ARN of a KMS key or alias"),
            );
        }
        Some(key)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All faults, in the order in which they were found.
    pub fn finish(self) -> Result<(), Faults> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Faults(self.faults))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(values: &'static [(&str, &str)]) -> Reader<'static> {
        Reader::new(|name| {
            values
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn all_faults_are_reported_together() {
        let mut reader = reader(&[
            ("S3_BUCKET_NAME", "Not_A_Bucket"),
            ("BACKFILL_PERIOD_DAYS", "2"),
            ("TLS_VERIFY", "maybe"),
            ("CONNECTION_TIMEOUT", "-1"),
            ("SOURCE_KIND", "other"),
            ("KMS_KEY_ARN", "alias/x"),
            ("LAKE_PREFIX", "staging/lake"),
        ]);
        reader.bucket();
        reader.required(&rows::CLUSTER, "the cluster's ARN");
        reader.whole_number_or_all::<u64>(&rows::BACKFILL_PERIOD);
        reader.yes_or_no(&rows::TLS_VERIFY);
        reader.seconds(&rows::CONNECTION_TIMEOUT);
        reader.word(&rows::SOURCE_KIND);
        reader.kms_key();
        reader.prefixes();
        insta::assert_snapshot!(reader.finish().unwrap_err(), @r"
        8 settings are wrong:
          S3_BUCKET_NAME: 'Not_A_Bucket' is not a bucket name: use 3 to 63 lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit
          CLUSTER_ID: is required: the cluster's ARN
          BACKFILL_PERIOD_DAYS: '2' is not a whole number from 3 to 366, or all
          TLS_VERIFY: 'maybe' is not one of yes, no, y, n, true, false
          CONNECTION_TIMEOUT: '-1' is not a number of seconds above 0, at most 86400
          SOURCE_KIND: 'other' is not one of auto, kubecost, opencost
          KMS_KEY_ARN: 'alias/x' is not the ARN of a KMS key or alias
          LAKE_PREFIX: is within the prefix of STAGING_PREFIX: choose prefixes that do not contain one another
        ");
    }

    #[test]
    fn values_are_trimmed_and_empty_is_none() {
        let mut reader = reader(&[("SOURCE_FILTER", "  x "), ("RETRIES", "   "), ("LABELS", "a, b,,c ,")]);
        assert_eq!(reader.optional(&rows::SOURCE_FILTER).as_deref(), Some("x"));
        assert_eq!(reader.whole_number::<u32>(&rows::RETRIES), 6);
        assert_eq!(reader.list(&rows::LABELS), ["a", "b", "c"]);
        assert_eq!(reader.seconds(&rows::CONNECTION_TIMEOUT), Duration::from_secs(10));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn each_default_is_one_of_its_settings_values() {
        let programs = [rows::EXPORTER, rows::TRANSFORM, rows::BACKFILL, rows::CRAWLER];
        for setting in programs.iter().flat_map(|(_, groups)| rows::all(groups)) {
            let mut reader = Reader::new(|_| None);
            match setting.values {
                Values::Text | Values::Form => {}
                Values::WholeNumber { .. } => drop(reader.whole_number::<u64>(setting)),
                Values::WholeNumberOrAll { .. } => drop(reader.whole_number_or_all::<u64>(setting)),
                Values::Seconds => drop(reader.seconds(setting)),
                Values::YesOrNo => drop(reader.yes_or_no(setting)),
                Values::Words(_) => drop(reader.word(setting)),
            }
            assert_eq!(reader.finish(), Ok(()));
        }
    }
}
