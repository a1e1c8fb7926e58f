//! The exporter's settings, validated.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use chrono::TimeDelta;
use contract::{
    arn::{Arn, is_region},
    cluster::ClusterArn,
    documents::SourceKind,
};
use reqwest::Url;
use settings::{Faults, Reader};

mod bucket;
pub mod table;

pub use bucket::BucketSettings;

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregation {
    /// One row for each container: the default, and the finest.
    Container,
    /// One row for each pod.
    Pod,
    /// One row for each namespace.
    Namespace,
    /// One row for each controller.
    Controller,
    /// One row for each kind of controller.
    ControllerKind,
    /// One row for each node.
    Node,
    /// One row for each cluster.
    Cluster,
}

impl Aggregation {
    /// The aggregations, as the setting and the sources spell them.
    pub const WORDS: &[(&str, Self)] = &[
        ("container", Self::Container),
        ("pod", Self::Pod),
        ("namespace", Self::Namespace),
        ("controller", Self::Controller),
        ("controllerKind", Self::ControllerKind),
        ("node", Self::Node),
        ("cluster", Self::Cluster),
    ];

    /// As the setting and the sources spell it.
    pub fn as_str(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, aggregation)| *aggregation == self)
            .map_or("", |(word, _)| word)
    }
}

/// Where the private CA's certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaCertificate {
    /// There is none: public CAs are trusted.
    Public,
    /// A PEM file.
    File(PathBuf),
    /// A secret in AWS Secrets Manager whose text is PEM.
    Secret {
        /// The secret's name or ARN.
        name: String,
        /// Its region; `None`: the process's own.
        region: Option<String>,
    },
}

/// How to authenticate to the source. The secret itself stays in its file and is read for each request, since tokens
/// are renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all.
    None,
    /// `Authorization: Bearer <token>`.
    Bearer(PathBuf),
    /// `Authorization: Basic <base64 of user:password>`.
    Basic(PathBuf),
    /// `X-API-KEY: <key>`.
    ApiKey(PathBuf),
}

/// The source, and how it is asked.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// The source's address.
    pub url: Url,
    /// Which of the two it is; `None`: find out.
    pub kind: Option<SourceKind>,
    /// What a row is.
    pub aggregation: Aggregation,
    /// A filter that the source applies to allocations.
    pub filter: Option<String>,
    /// Rows asked for at a time; `None`: all at once.
    pub page_size: Option<NonZeroU32>,
    /// Days collected at the same time.
    pub concurrency: usize,
    /// How long a connection may take.
    pub connection_timeout: Duration,
    /// How long the source may stay silent on allocations.
    pub allocation_read_timeout: Duration,
    /// How long the source may stay silent on assets.
    pub assets_read_timeout: Duration,
    /// How often a request is repeated.
    pub retries: u32,
    /// How long to wait before the first repetition; twice as long before each further one, half a minute at most.
    pub retry_delay: Duration,
    /// Whether the certificate is verified.
    pub tls_verify: bool,
    /// The private CA.
    pub ca_certificate: CaCertificate,
    /// How to authenticate.
    pub authentication: Authentication,
}

/// Which days there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodSettings {
    /// How many days back gaps are looked for.
    pub days: u32,
    /// How long after its end a day counts as complete.
    pub settle: TimeDelta,
}

/// All settings of the exporter.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The lake's bucket.
    pub bucket: BucketSettings,
    /// Whose costs are collected.
    pub cluster: ClusterArn,
    /// The role to assume.
    pub parent_role: Option<String>,
    /// How long to wait for a plan.
    pub plan_wait: Duration,
    /// Which days there are.
    pub period: PeriodSettings,
    /// The source.
    pub source: SourceSettings,
    /// What is allowed and yet not wise, for the log.
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
        let cluster = read_cluster(&mut reader);
        let parent_role = reader.optional("IRSA_PARENT_IAM_ROLE_ARN");
        if let Some(role) = &parent_role
            && !role.parse().is_ok_and(|arn: Arn| arn.is_iam_role())
        {
            reader.fault(
                "IRSA_PARENT_IAM_ROLE_ARN",
                format_args!("'{role}' is not the ARN of an IAM role: arn:aws:iam::<account>:role/<name>"),
            );
        }
        let plan_wait = Duration::from_secs(reader.whole_number("PLAN_WAIT_SECONDS", 120, 0..=3600));
        let period = PeriodSettings::read(&mut reader);
        let source = SourceSettings::read(&mut reader, &mut warnings);
        for (setting, advice) in RETIRED {
            if reader.optional(setting).is_some() {
                warnings.push(format!("{setting}: {advice}"));
            }
        }
        match (cluster, source) {
            (Some(cluster), Some(source)) if reader.is_faultless() => Ok(Self {
                bucket,
                cluster,
                parent_role,
                plan_wait,
                period,
                source,
                warnings,
            }),
            _ => Err(reader.finish().err().unwrap_or(Faults(Vec::new()))),
        }
    }
}

/// Settings of the program that this one succeeds, which have no effect here.
pub const RETIRED: &[(&str, &str)] = &[
    (
        "LABELS",
        "labels are a setting of the transform function now, since the table belongs to the lake and not to one cluster; here it has no effect",
    ),
    (
        "ANNOTATIONS",
        "annotations are a setting of the transform function now, since the table belongs to the lake and not to one cluster; here it has no effect",
    ),
    (
        "KUBECOST_ALLOCATION_API_PAGINATE",
        "has no effect any more: answers are streamed; PAGE_SIZE asks for pages where a proxy needs them",
    ),
    ("KUBECOST_ALLOCATION_API_RESOLUTION", "has no effect any more"),
];

/// Reads the cluster's ARN, which is required.
pub fn read_cluster(reader: &mut Reader<'_>) -> Option<ClusterArn> {
    reader.required("CLUSTER_ID", "the EKS cluster's ARN")?;
    reader.parsed("CLUSTER_ID")
}

impl PeriodSettings {
    /// Reads the settings of days.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let days = reader.whole_number("BACKFILL_PERIOD_DAYS", 15, 3..=366);
        let hours = reader.whole_number("SETTLE_HOURS", 3, 0..=72);
        Self {
            days: u32::try_from(days).unwrap_or(15),
            settle: TimeDelta::hours(i64::try_from(hours).unwrap_or(3)),
        }
    }
}

impl SourceSettings {
    /// Reads the settings of the source. `None` only where a fault was noted.
    pub fn read(reader: &mut Reader<'_>, warnings: &mut Vec<String>) -> Option<Self> {
        let text = reader
            .optional("KUBECOST_API_ENDPOINT")
            .unwrap_or_else(|| default_of("KUBECOST_API_ENDPOINT").to_owned());
        let url = read_url(reader, "KUBECOST_API_ENDPOINT", &text);
        let kind = reader.one_of(
            "SOURCE_KIND",
            None,
            &[
                ("auto", None),
                ("kubecost", Some(SourceKind::Kubecost)),
                ("opencost", Some(SourceKind::Opencost)),
            ],
        );
        let aggregation = reader.one_of("AGGREGATION", Aggregation::Container, Aggregation::WORDS);
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let page_size = NonZeroU32::new(narrow(reader.whole_number("PAGE_SIZE", 0, 0..=1_000_000)));
        let concurrency = reader.whole_number("SOURCE_CONCURRENCY", 1, 1..=16);
        let tls_verify = reader.yes_or_no("TLS_VERIFY", true);
        if !tls_verify {
            warnings.push("TLS_VERIFY: the source's certificate is not verified, so that anybody in between can read and change the costs".to_owned());
        }
        let settings = Self {
            url: url?,
            kind,
            aggregation,
            filter: reader.optional("SOURCE_FILTER"),
            page_size,
            concurrency: usize::try_from(concurrency).unwrap_or(1),
            connection_timeout: reader.seconds("CONNECTION_TIMEOUT", Duration::from_secs(10)),
            allocation_read_timeout: reader.seconds("KUBECOST_ALLOCATION_API_READ_TIMEOUT", Duration::from_secs(300)),
            assets_read_timeout: reader.seconds("KUBECOST_ASSETS_API_READ_TIMEOUT", Duration::from_secs(120)),
            retries: narrow(reader.whole_number("RETRIES", 3, 0..=20)),
            retry_delay: Duration::from_secs(1),
            tls_verify,
            ca_certificate: read_ca_certificate(reader),
            authentication: read_authentication(reader),
        };
        Some(settings)
    }
}

fn default_of(name: &str) -> &'static str {
    let all = [
        table::LAKE_SETTINGS,
        table::PERIOD_SETTINGS,
        table::SOURCE_SETTINGS,
        table::LOG_SETTINGS,
    ];
    all.into_iter()
        .flatten()
        .find(|setting| setting.name == name)
        .map_or("", |setting| setting.default)
}

fn read_url(reader: &mut Reader<'_>, setting: &str, text: &str) -> Option<Url> {
    let expected = "expected http://<host>:<port> or https://<host>:<port>";
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
            reader.fault(
                setting,
                format_args!("'{text}' is not the address of a source: {expected}"),
            );
            None
        }
        // The value is not repeated: it holds a password.
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            reader.fault(
                setting,
                "has a user or password in it: use SOURCE_AUTHENTICATION=basic and SOURCE_AUTHENTICATION_FILE",
            );
            None
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            reader.fault(setting, format_args!("'{text}' has a query or fragment: {expected}"));
            None
        }
        Ok(url) => Some(url),
        Err(error) => {
            reader.fault(setting, format_args!("'{text}' is not a URL ({error}): {expected}"));
            None
        }
    }
}

fn read_region(reader: &mut Reader<'_>, setting: &str) -> Option<String> {
    let region = reader.optional(setting)?;
    if !is_region(&region) {
        reader.fault(
            setting,
            format_args!("'{region}' is not a region code such as us-east-1"),
        );
    }
    Some(region)
}

fn read_ca_certificate(reader: &mut Reader<'_>) -> CaCertificate {
    let file = reader.optional("CA_CERTIFICATE_FILE");
    let secret = reader.optional("KUBECOST_CA_CERTIFICATE_SECRET_NAME");
    let region = read_region(reader, "KUBECOST_CA_CERTIFICATE_SECRET_REGION");
    match (file, secret) {
        (Some(_), Some(_)) => {
            reader.fault(
                "CA_CERTIFICATE_FILE",
                "is set, and KUBECOST_CA_CERTIFICATE_SECRET_NAME too: set one of them",
            );
            CaCertificate::Public
        }
        (Some(file), None) => CaCertificate::File(file.into()),
        (None, Some(name)) => CaCertificate::Secret { name, region },
        (None, None) => CaCertificate::Public,
    }
}

fn read_authentication(reader: &mut Reader<'_>) -> Authentication {
    type Make = fn(PathBuf) -> Authentication;
    let make = reader.one_of::<Option<Make>>(
        "SOURCE_AUTHENTICATION",
        None,
        &[
            ("none", None),
            ("bearer", Some(Authentication::Bearer)),
            ("basic", Some(Authentication::Basic)),
            ("x-api-key", Some(Authentication::ApiKey)),
        ],
    );
    match (make, reader.optional("SOURCE_AUTHENTICATION_FILE")) {
        (Some(make), Some(file)) => make(file.into()),
        (Some(_), None) => {
            reader.fault(
                "SOURCE_AUTHENTICATION_FILE",
                "is required with SOURCE_AUTHENTICATION: the file that holds the secret",
            );
            Authentication::None
        }
        (None, Some(_)) => {
            reader.fault(
                "SOURCE_AUTHENTICATION",
                "is required with SOURCE_AUTHENTICATION_FILE: bearer, basic or x-api-key",
            );
            Authentication::None
        }
        (None, None) => Authentication::None,
    }
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
        assert_eq!(settings.source.aggregation, Aggregation::Container);
        assert_eq!((settings.source.retries, settings.source.concurrency), (3, 1));
        assert_eq!(settings.period.days, 15);
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
            ("PAGE_SIZE", "-1"),
            ("CONNECTION_TIMEOUT", "0"),
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
    fn a_password_in_the_address_is_not_repeated() {
        let faults = read(&[BUCKET, CLUSTER, ("KUBECOST_API_ENDPOINT", "http://me:secret@kubecost")]);
        let message = faults.unwrap_err().to_string();
        assert!(
            message.contains("SOURCE_AUTHENTICATION") && !message.contains("secret"),
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
