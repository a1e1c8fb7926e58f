//! The reader of settings, and the faults that it gathers.

use std::{fmt, ops::RangeInclusive, str::FromStr, time::Duration};

use contract::{
    arn::Arn,
    keys::{Area, Prefixes},
};

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting: the name of its environment variable.
    pub setting: String,
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
    pub fn fault(&mut self, setting: &str, message: impl fmt::Display) {
        self.faults.push(Fault {
            setting: setting.to_owned(),
            message: message.to_string(),
        });
    }

    /// The setting's value, if it has one.
    pub fn optional(&mut self, setting: &str) -> Option<String> {
        let value = (self.lookup)(setting)?;
        let trimmed = value.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    /// The setting's value, which must be there. `what` says what to give, for the message.
    pub fn required(&mut self, setting: &str, what: &str) -> Option<String> {
        let value = self.optional(setting);
        if value.is_none() {
            self.fault(setting, format_args!("is required: {what}"));
        }
        value
    }

    /// The setting's value, read; `None` where there is none, or where it is faulty.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, setting: &str) -> Option<T> {
        let text = self.optional(setting)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(setting, error);
                None
            }
        }
    }

    /// A whole number within a range, or the default.
    pub fn whole_number(&mut self, setting: &str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some(text) = self.optional(setting) else {
            return default;
        };
        match text.parse() {
            Ok(value) if range.contains(&value) => value,
            _ => {
                self.fault(
                    setting,
                    format_args!(
                        "'{text}' is not a whole number from {} to {}",
                        range.start(),
                        range.end()
                    ),
                );
                default
            }
        }
    }

    /// A time in seconds, decimals allowed, larger than zero and at most a day; or the default.
    pub fn seconds(&mut self, setting: &str, default: Duration) -> Duration {
        const DAY: f64 = 86_400.0;
        let Some(text) = self.optional(setting) else {
            return default;
        };
        match text.parse::<f64>() {
            Ok(value) if value > 0.0 && value <= DAY => Duration::from_secs_f64(value),
            _ => {
                self.fault(
                    setting,
                    format_args!("'{text}' is not a number of seconds above 0, at most {DAY}"),
                );
                default
            }
        }
    }

    /// Yes or no, in the spellings yes, y, true, no, n, false (any case); or the default.
    pub fn yes_or_no(&mut self, setting: &str, default: bool) -> bool {
        let Some(text) = self.optional(setting) else {
            return default;
        };
        match text.to_ascii_lowercase().as_str() {
            "yes" | "y" | "true" => true,
            "no" | "n" | "false" => false,
            _ => {
                self.fault(
                    setting,
                    format_args!("'{text}' is not one of yes, no, y, n, true, false"),
                );
                default
            }
        }
    }

    /// One of several words, or the default. The words are matched as they are spelled.
    pub fn one_of<T: Copy>(&mut self, setting: &str, default: T, words: &[(&str, T)]) -> T {
        let Some(text) = self.optional(setting) else {
            return default;
        };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.fault(setting, format_args!("'{text}' is not one of {}", known.join(", ")));
        default
    }

    /// A list, comma separated; empty items are left out.
    pub fn list(&mut self, setting: &str) -> Vec<String> {
        let text = self.optional(setting).unwrap_or_default();
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The bucket's name: required, and by S3's rules.
    pub fn bucket(&mut self, setting: &str) -> String {
        let name = self.required(setting, "the name of the S3 bucket").unwrap_or_default();
        if !name.is_empty()
            && let Err(error) = crate::check_bucket_name(&name)
        {
            self.fault(setting, format_args!("'{name}' is not a bucket name: {error}"));
        }
        name
    }

    /// The bucket's prefixes; the default for each that is not set.
    pub fn prefixes(&mut self) -> Prefixes {
        let values: Vec<(Area, Option<String>)> = Area::ALL
            .iter()
            .map(|area| (*area, self.optional(area.setting())))
            .collect();
        let configured = |area| {
            values
                .iter()
                .find(|(known, _)| *known == area)
                .and_then(|(_, value)| value.clone())
        };
        Prefixes::new(configured).unwrap_or_else(|faults| {
            for (area, error) in faults {
                self.fault(area.setting(), error);
            }
            Prefixes::default()
        })
    }

    /// The key of KMS that objects are encrypted with, if one is set: an ARN of a key or of an alias.
    pub fn kms_key(&mut self, setting: &str) -> Option<String> {
        let key = self.optional(setting)?;
        if !key.parse().is_ok_and(|arn: Arn| arn.is_kms_key()) {
            self.fault(setting, format_args!("'{key}' is not the ARN of a KMS key or alias"));
        }
        Some(key)
    }

    /// Whether nothing was wrong so far.
    pub fn is_faultless(&self) -> bool {
        self.faults.is_empty()
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
            ("DAYS", "2"),
            ("TLS", "maybe"),
            ("WAIT", "-1"),
            ("KIND", "other"),
            ("KMS_KEY_ARN", "alias/x"),
            ("LAKE_PREFIX", "staging/lake"),
        ]);
        reader.bucket("S3_BUCKET_NAME");
        reader.required("CLUSTER_ID", "the cluster's ARN");
        reader.whole_number("DAYS", 15, 3..=90);
        reader.yes_or_no("TLS", true);
        reader.seconds("WAIT", Duration::from_secs(1));
        reader.one_of("KIND", 1, &[("one", 1), ("two", 2)]);
        reader.kms_key("KMS_KEY_ARN");
        reader.prefixes();
        insta::assert_snapshot!(reader.finish().unwrap_err(), @r"
        8 settings are wrong:
          S3_BUCKET_NAME: 'Not_A_Bucket' is not a bucket name: use 3 to 63 lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit
          CLUSTER_ID: is required: the cluster's ARN
          DAYS: '2' is not a whole number from 3 to 90
          TLS: 'maybe' is not one of yes, no, y, n, true, false
          WAIT: '-1' is not a number of seconds above 0, at most 86400
          KIND: 'other' is not one of one, two
          KMS_KEY_ARN: 'alias/x' is not the ARN of a KMS key or alias
          LAKE_PREFIX: is within the prefix of STAGING_PREFIX: choose prefixes that do not contain one another
        ");
    }

    #[test]
    fn values_are_trimmed_and_empty_is_none() {
        let mut reader = reader(&[("A", "  x "), ("B", "   "), ("L", "a, b,,c ,")]);
        assert_eq!(reader.optional("A").as_deref(), Some("x"));
        assert_eq!(reader.optional("B"), None);
        assert_eq!(reader.list("L"), ["a", "b", "c"]);
        assert_eq!(
            reader.seconds("S", Duration::from_millis(1500)),
            Duration::from_millis(1500)
        );
        assert_eq!(reader.finish(), Ok(()));
    }
}
