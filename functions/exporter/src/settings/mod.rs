//! The exporter's settings, validated.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    arn::{Arn, is_region},
    cluster::ClusterArn,
    day::Day,
    documents::SourceKind,
};
use settings::{Faults, Reader, Setting, logs::LogSettings, rows};

mod bucket;
mod clusters;
mod source;

pub use bucket::BucketSettings;
pub use clusters::{Clusters, SourceCluster, SourceClusters};
pub use source::{Authentication, CaCertificate, SourceSettings};

/// What to do where all days of an OpenCost are wanted.
pub(crate) const OPENCOST_NEEDS_DAYS: &str = "is all, but an OpenCost cannot be queried cheaply for the days that it has: set the number of days that its Prometheus or its collector keeps";

/// Which days there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodSettings {
    /// How many days back to search for gaps; `None`: as far as the source has days.
    pub days: Option<u32>,
    /// How long after its end a day counts as complete.
    pub settle: TimeDelta,
}

/// All settings of the exporter.
#[derive(Debug, Clone)]
pub struct Settings {
    pub bucket: BucketSettings,
    pub clusters: Clusters,
    /// The role to assume; `None`: the process's own role writes to the bucket.
    pub parent_role: Option<String>,
    pub plan_wait: Duration,
    /// How long a run may take; `None`: as long as it takes.
    pub deadline: Option<Duration>,
    pub period: PeriodSettings,
    pub source: SourceSettings,
    /// What is allowed but not advisable, for the log.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// All faults together.
    pub fn read(mut reader: Reader<'_>) -> Result<Self, Faults> {
        let mut warnings = Vec::new();
        let bucket = BucketSettings::read(&mut reader, &mut warnings);
        let clusters = clusters::read(&mut reader);
        let parent_role = reader.optional(&rows::PARENT_ROLE);
        if let Some(role) = &parent_role
            && !role.parse().is_ok_and(|arn: Arn| arn.is_iam_role())
        {
            reader.fault(
                &rows::PARENT_ROLE,
                format_args!("'{role}' is not the ARN of an IAM role: arn:aws:iam::<account>:role/<name>"),
            );
        }
        let plan_wait = Duration::from_secs(reader.whole_number(&rows::PLAN_WAIT));
        let deadline = reader.whole_number(&rows::RUN_DEADLINE);
        let deadline = (deadline > 0).then(|| Duration::from_secs(deadline));
        let period = PeriodSettings::read(&mut reader);
        let source = SourceSettings::read(&mut reader, &mut warnings);
        let is_opencost = source
            .as_ref()
            .is_some_and(|source| source.kind == Some(SourceKind::Opencost));
        if period.days.is_none() && is_opencost {
            reader.fault(&rows::BACKFILL_PERIOD, OPENCOST_NEEDS_DAYS);
        }
        LogSettings::read(&mut reader);
        for retired in rows::EXPORTER_RETIRED {
            if reader.optional(retired).is_some() {
                warnings.push(format!("{}: {}", retired.name, retired.help));
            }
        }
        reader.finish()?;
        // Without one of them the reader has faults.
        let (clusters, source) = clusters.zip(source).ok_or(Faults(Vec::new()))?;
        Ok(Self {
            bucket,
            clusters,
            parent_role,
            plan_wait,
            deadline,
            period,
            source,
            warnings,
        })
    }
}

/// Reads the cluster's ARN, which is required. `None` only where a fault was noted.
pub fn read_cluster(reader: &mut Reader<'_>) -> Option<ClusterArn> {
    reader.required(&rows::CLUSTER, "the EKS cluster's ARN")?;
    reader.parsed(&rows::CLUSTER)
}

impl PeriodSettings {
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            days: reader.whole_number_or_all(&rows::BACKFILL_PERIOD),
            settle: TimeDelta::hours(reader.whole_number(&rows::SETTLE_HOURS)),
        }
    }

    /// The complete days to look for, oldest first. Where all that the source has are wanted: those that it is queried
    /// for.
    pub fn complete_days(&self, now: DateTime<Utc>) -> Vec<Day> {
        Day::backfill_period(now, self.days.unwrap_or(rows::MOST_BACKFILL_DAYS), self.settle)
    }
}

fn read_region(reader: &mut Reader<'_>, setting: &Setting) -> Option<String> {
    let region = reader.optional(setting)?;
    if !is_region(&region) {
        reader.fault(
            setting,
            format_args!("'{region}' is not a region code such as us-east-1"),
        );
    }
    Some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<Settings, Faults> {
        Settings::read(Reader::new(|name| {
            values
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        }))
    }

    const BUCKET: (&str, &str) = ("S3_BUCKET_NAME", "finops-lake");
    const CLUSTER: (&str, &str) = ("CLUSTER_ID", "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one");

    #[test]
    fn two_settings_are_enough() {
        let settings = read(&[BUCKET, CLUSTER]).unwrap();
        assert_eq!(
            settings.source.url.as_str(),
            "http://kubecost-cost-analyzer.kubecost:9090/"
        );
        assert_eq!(settings.source.aggregation, response::Aggregation::Container);
        assert_eq!((settings.source.retries, settings.source.concurrency), (6, 1));
        assert_eq!(settings.period.days, Some(15));
        assert!(settings.source.tls_verify && settings.warnings.is_empty());
    }

    #[test]
    fn faults_name_each_setting() {
        let faults = read(&[
            ("S3_BUCKET_NAME", "Finops"),
            ("S3_BUCKET_REGION", "there"),
            ("CLUSTER_ID", "cluster-one"),
            ("IRSA_PARENT_IAM_ROLE_ARN", "arn:aws:iam::1:role/x"),
            ("S3_BUCKET_OWNER", "me"),
            ("KUBECOST_API_ENDPOINT", "kubecost:9090"),
            ("SOURCE_KIND", "prometheus"),
            ("AGGREGATION", "deployment"),
            ("BACKFILL_PERIOD_DAYS", "2"),
            ("SOURCE_CURRENCY", "EURO"),
            ("PAGE_SIZE", "-1"),
            ("CONNECTION_TIMEOUT", "0"),
            ("LOG_LEVEL", "verbose"),
            ("TLS_VERIFY", "perhaps"),
            ("CA_CERTIFICATE_FILE", "/ca.pem"),
            ("KUBECOST_CA_CERTIFICATE_SECRET_NAME", "ca"),
            ("KUBECOST_CA_CERTIFICATE_SECRET_REGION", "here"),
            ("SOURCE_AUTHENTICATION", "bearer"),
        ])
        .unwrap_err();
        insta::assert_snapshot!(faults);
    }

    #[test]
    fn all_days_are_those_of_a_kubecost_only() {
        let all = ("BACKFILL_PERIOD_DAYS", "all");
        let period = read(&[BUCKET, CLUSTER, all]).unwrap().period;
        assert_eq!(period.days, None);
        let days = period.complete_days("2026-11-24T05:00:00Z".parse().unwrap());
        assert_eq!(days.len(), 366, "the most that the setting accepts as a number");
        assert_eq!(days.last().unwrap().to_string(), "2026-11-23");
        let faults = read(&[BUCKET, CLUSTER, all, ("SOURCE_KIND", "opencost")]).unwrap_err();
        let message = faults.to_string();
        assert!(
            message.contains("BACKFILL_PERIOD_DAYS: is all, but an OpenCost")
                && message.contains("set the number of days"),
            "{message}"
        );
    }

    #[test]
    fn settings_of_the_predecessor_are_taken_or_explained() {
        let settings = read(&[
            ("S3_BUCKET_NAME", "costs-111122223333"),
            CLUSTER,
            ("IRSA_PARENT_IAM_ROLE_ARN", "arn:aws:iam::111122223333:role/path/parent"),
            ("KUBECOST_API_ENDPOINT", "https://kubecost.example.com:443/base/"),
            ("BACKFILL_PERIOD_DAYS", "30"),
            ("AGGREGATION", "controllerKind"),
            ("CONNECTION_TIMEOUT", "2.5"),
            ("TLS_VERIFY", "No"),
            ("KUBECOST_ALLOCATION_API_PAGINATE", "Yes"),
            ("LABELS", "app"),
            ("ANNOTATIONS", ""),
        ])
        .unwrap();
        assert_eq!(settings.source.connection_timeout, Duration::from_millis(2500));
        assert_eq!(settings.source.aggregation.as_str(), "controllerKind");
        let names: Vec<&str> = settings
            .warnings
            .iter()
            .filter_map(|warning| warning.split(':').next())
            .collect();
        assert_eq!(
            names,
            [
                "S3_BUCKET_NAME",
                "TLS_VERIFY",
                "LABELS",
                "KUBECOST_ALLOCATION_API_PAGINATE"
            ]
        );
    }
}
