//! The function's settings.

use contract::{keys::Prefixes, quantities::Tolerance};
use settings::{Faults, Reader, Setting, logs::LogSettings, rows};
use table::{Metadata, TableLayout};

/// The function's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Events of other buckets are rejected.
    pub bucket: String,
    pub prefixes: Prefixes,
    /// The table's columns, with those of `LABELS` and `ANNOTATIONS`.
    pub layout: TableLayout,
    /// How much of a quantity a set may lose against the best that is known of its day, and still replace it.
    pub tolerance: Tolerance,
    /// `None`: the bucket's default.
    pub kms_key: Option<String>,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// All faults together.
    pub fn read(mut reader: Reader<'_>) -> Result<Self, Faults> {
        let bucket = reader.bucket();
        let prefixes = reader.prefixes();
        let labels = reader.list(&rows::LABELS);
        let annotations = reader.list(&rows::ANNOTATIONS);
        let layout = TableLayout::new(&labels, &annotations);
        if let Err(faults) = &layout {
            for fault in &faults.0 {
                reader.fault(setting_of(fault.metadata()), fault);
            }
        }
        let tolerance = Tolerance::percent(reader.whole_number(&rows::THINNER_TOLERANCE));
        let kms_key = reader.kms_key();
        LogSettings::read(&mut reader);
        reader.finish()?;
        // A faulty layout has ended the reading above.
        let layout = layout.map_err(|_| Faults(Vec::new()))?;
        Ok(Self {
            bucket,
            prefixes,
            layout,
            tolerance,
            kms_key,
        })
    }
}

fn setting_of(metadata: Metadata) -> &'static Setting {
    match metadata {
        Metadata::Label => &rows::LABELS,
        Metadata::Annotation => &rows::ANNOTATIONS,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use settings::Values;

    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<Settings, Faults> {
        Settings::read(Reader::new(|name| {
            values
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn settings_are_read_by_their_names() {
        let settings = read(&[
            ("S3_BUCKET_NAME", "finops-lake"),
            ("LAKE_PREFIX", "kubecost"),
            ("LABELS", "app.kubernetes.io/name, team"),
            ("ANNOTATIONS", "owner"),
            ("THINNER_TOLERANCE_PERCENT", "25"),
            ("KMS_KEY_ARN", "arn:aws:kms:us-east-1:111122223333:key/abc"),
        ])
        .unwrap();
        assert_eq!(settings.bucket, "finops-lake");
        assert_eq!(settings.prefixes.of(contract::keys::Area::Lake), "kubecost/");
        assert_eq!(settings.layout.labels(), ["app.kubernetes.io/name", "team"]);
        assert_eq!(settings.layout.annotations(), ["owner"]);
        assert_eq!(settings.tolerance, Tolerance::percent(25));
        assert!(settings.kms_key.is_some());
    }

    #[test]
    fn all_settings_wrong_are_all_reported() {
        let faults = Settings::read(Reader::new(|_| Some("!".to_owned()))).unwrap_err();
        let reported: BTreeSet<&str> = faults.0.iter().map(|fault| fault.setting).collect();
        let can_be_wrong = rows::all(rows::TRANSFORM.1).filter(|setting| setting.values != Values::Text);
        assert_eq!(reported, can_be_wrong.map(|setting| setting.name).collect());
    }

    #[test]
    fn all_faults_are_reported_together() {
        let faults = read(&[
            ("LABELS", "team,Team,a b"),
            ("ANNOTATIONS", "x,x"),
            ("KMS_KEY_ARN", "key"),
            ("QUARANTINE_PREFIX", "lake/bad"),
        ])
        .unwrap_err();
        insta::assert_snapshot!(faults, @r"
        6 settings are wrong:
          S3_BUCKET_NAME: is required: the name of the S3 bucket
          QUARANTINE_PREFIX: is within the prefix of LAKE_PREFIX: choose prefixes that do not contain one another
          LABELS: labels 'team' and 'Team' differ only in case, and Glue's column names are in lower case: keep one of them; the map column has both
          LABELS: label 'a b' is not a key: expected [prefix/]name as in Kubernetes: a name of 1 to 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, and optionally a DNS name before it
          ANNOTATIONS: annotation 'x' is given twice: name it once
          KMS_KEY_ARN: 'key' is not the ARN of a KMS key or alias
        ");
    }
}
