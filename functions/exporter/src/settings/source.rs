//! The settings of the source, and of how it is queried.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use contract::{currency, documents::SourceKind};
use reqwest::Url;
use response::{Aggregation, KeyRules, Redaction};
use settings::{Reader, Setting, rows};

use super::read_region;
use crate::{source::Transport, stop::Stop};

/// Where the private CA's certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaCertificate {
    /// There is none: public CAs are trusted.
    Public,
    /// A PEM file.
    File(PathBuf),
    /// A secret in AWS Secrets Manager whose text is PEM.
    Secret {
        /// Or its ARN.
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

/// The source, and how it is queried.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    pub url: Url,
    /// How requests reach it.
    pub transport: Transport,
    /// `None`: detect it.
    pub kind: Option<SourceKind>,
    pub aggregation: Aggregation,
    /// A filter that the source applies to allocations.
    pub filter: Option<String>,
    /// The cluster's ids at the source that are accepted; empty: any, but only one.
    pub clusters: Vec<String>,
    /// Whether idle costs are asked for.
    pub idle: bool,
    /// The code of ISO 4217 of the source's costs; `None`: what the source says.
    pub currency: Option<&'static str>,
    /// Rows for each request; `None`: all at once.
    pub page_size: Option<NonZeroU32>,
    /// Days collected at the same time.
    pub concurrency: usize,
    pub connection_timeout: Duration,
    pub allocation_read_timeout: Duration,
    pub assets_read_timeout: Duration,
    pub retries: u32,
    /// How long to wait before the first retry; twice as long before each further one, a minute at most.
    pub retry_delay: Duration,
    /// How long one response may take, or all pages of a day; no less than a read timeout.
    pub longest_response: Duration,
    /// Ends the run early.
    pub stop: Stop,
    pub tls_verify: bool,
    pub ca_certificate: CaCertificate,
    pub authentication: Authentication,
    /// Labels and annotations that do not leave the cluster.
    pub redaction: Redaction,
}

impl SourceSettings {
    /// Reads the settings of the source. `None` only where a fault was noted.
    pub fn read(reader: &mut Reader<'_>, warnings: &mut Vec<String>) -> Option<Self> {
        let url = read_url(reader);
        let kind = match reader.word(&rows::SOURCE_KIND) {
            "kubecost" => Some(SourceKind::Kubecost),
            "opencost" => Some(SourceKind::Opencost),
            _ => None,
        };
        let aggregation = Aggregation::of(reader.word(&rows::AGGREGATION)).unwrap_or(Aggregation::Container);
        let filter = reader.optional(&rows::SOURCE_FILTER);
        let clusters = accepted_clusters(reader.list(&rows::SOURCE_CLUSTER_IDS), filter.as_deref());
        let idle = reader.yes_or_no(&rows::SOURCE_IDLE);
        let currency = read_currency(reader);
        let page_size = NonZeroU32::new(reader.whole_number(&rows::PAGE_SIZE));
        let concurrency = reader.whole_number(&rows::SOURCE_CONCURRENCY);
        let connection_timeout = reader.seconds(&rows::CONNECTION_TIMEOUT);
        let allocation_read_timeout = reader.seconds(&rows::ALLOCATION_READ_TIMEOUT);
        let assets_read_timeout = reader.seconds(&rows::ASSETS_READ_TIMEOUT);
        let retries = reader.whole_number(&rows::RETRIES);
        let tls_verify = reader.yes_or_no(&rows::TLS_VERIFY);
        if !tls_verify {
            warnings.push("TLS_VERIFY: the source's certificate is not verified, so that anybody in between can read and change the costs".to_owned());
        }
        let ca_certificate = read_ca_certificate(reader);
        let authentication = read_authentication(reader);
        let redaction = Redaction {
            labels: read_key_rules(reader, &rows::REDACTED_LABELS, &rows::KEPT_LABELS),
            annotations: read_key_rules(reader, &rows::REDACTED_ANNOTATIONS, &rows::KEPT_ANNOTATIONS),
        };
        Some(Self {
            url: url?,
            kind,
            aggregation,
            filter,
            clusters,
            idle,
            currency,
            page_size,
            concurrency,
            connection_timeout,
            allocation_read_timeout,
            assets_read_timeout,
            retries,
            retry_delay: Duration::from_secs(4),
            longest_response: Duration::from_secs(3600),
            transport: Transport::Http,
            stop: Stop::never(),
            tls_verify,
            ca_certificate,
            authentication,
            redaction,
        })
    }
}

/// The ids that are configured, else those of a filter of the form `cluster:"a","b"`, which names nothing but clusters.
fn accepted_clusters(configured: Vec<String>, filter: Option<&str>) -> Vec<String> {
    if !configured.is_empty() {
        return configured;
    }
    let ids = filter.and_then(|filter| filter.trim().strip_prefix("cluster:"));
    let id = |quoted: &str| {
        let id = quoted.trim().strip_prefix('"')?.strip_suffix('"')?;
        (!id.contains('"')).then(|| id.to_owned())
    };
    ids.and_then(|ids| ids.split(',').map(id).collect()).unwrap_or_default()
}

fn read_currency(reader: &mut Reader<'_>) -> Option<&'static str> {
    let text = reader.optional(&rows::SOURCE_CURRENCY)?;
    let code = currency::code_of(&text);
    if code.is_none() {
        reader.fault(
            &rows::SOURCE_CURRENCY,
            format_args!("'{text}' is not a currency code of ISO 4217, such as EUR"),
        );
    }
    code
}

fn read_url(reader: &mut Reader<'_>) -> Option<Url> {
    let setting = &rows::SOURCE_URL;
    let text = reader.text(setting);
    let expected = "expected http://<host>:<port> or https://<host>:<port>";
    match Url::parse(&text) {
        // The value is not repeated: it holds a password.
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            reader.fault(
                setting,
                "has a user or password in it: use SOURCE_AUTHENTICATION=basic and SOURCE_AUTHENTICATION_FILE",
            );
            None
        }
        // Nor is a query, which may hold a token.
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            reader.fault(setting, format_args!("has a query or fragment: {expected}"));
            None
        }
        Ok(url) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
            reader.fault(
                setting,
                format_args!("'{text}' is not the address of a source: {expected}"),
            );
            None
        }
        Ok(url) => Some(url),
        Err(error) if text.contains(['@', '?']) => {
            reader.fault(setting, format_args!("is not a URL ({error}): {expected}"));
            None
        }
        Err(error) => {
            reader.fault(setting, format_args!("'{text}' is not a URL ({error}): {expected}"));
            None
        }
    }
}

fn read_key_rules(reader: &mut Reader<'_>, redacted: &'static Setting, kept: &'static Setting) -> KeyRules {
    let lists = [redacted, kept].map(|setting| {
        let keys = reader.list(setting);
        if let Err(error) = KeyRules::new(&keys, &[]) {
            reader.fault(setting, error);
        }
        keys
    });
    KeyRules::new(&lists[0], &lists[1]).unwrap_or_default()
}

fn read_ca_certificate(reader: &mut Reader<'_>) -> CaCertificate {
    let file = reader.optional(&rows::CA_FILE);
    let secret = reader.optional(&rows::CA_SECRET);
    let region = read_region(reader, &rows::CA_SECRET_REGION);
    match (file, secret) {
        (Some(_), Some(_)) => {
            reader.fault(
                &rows::CA_FILE,
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
    let scheme = reader.word(&rows::AUTHENTICATION);
    match (scheme, reader.optional(&rows::AUTHENTICATION_FILE)) {
        ("bearer", Some(file)) => Authentication::Bearer(file.into()),
        ("basic", Some(file)) => Authentication::Basic(file.into()),
        ("x-api-key", Some(file)) => Authentication::ApiKey(file.into()),
        (_, Some(_)) => {
            // A misspelt scheme is a fault already.
            if reader.text(&rows::AUTHENTICATION) == scheme {
                reader.fault(
                    &rows::AUTHENTICATION,
                    "is required with SOURCE_AUTHENTICATION_FILE: bearer, basic or x-api-key",
                );
            }
            Authentication::None
        }
        ("none", None) => Authentication::None,
        (_, None) => {
            reader.fault(
                &rows::AUTHENTICATION_FILE,
                "is required with SOURCE_AUTHENTICATION: the file that holds the secret",
            );
            Authentication::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A setting with each of its words in turn.
    fn with_each_word<T>(setting: &settings::Setting, read: impl Fn(&mut Reader<'_>) -> T) -> Vec<T> {
        let settings::Values::Words(words) = setting.values else {
            panic!("{} has no words", setting.name);
        };
        let look_up = |word: &'static str| {
            move |name: &str| match name {
                "SOURCE_AUTHENTICATION_FILE" if word != "none" => Some("secret".to_owned()),
                _ => (name == setting.name).then(|| word.to_owned()),
            }
        };
        words.iter().map(|word| read(&mut Reader::new(look_up(word)))).collect()
    }

    #[test]
    fn each_word_of_a_setting_has_its_meaning() {
        let settings::Values::Words(words) = rows::AGGREGATION.values else {
            panic!("no words");
        };
        let aggregations: Vec<&str> = Aggregation::WORDS.iter().map(|(word, _)| *word).collect();
        assert_eq!(aggregations, words);
        let kinds = with_each_word(&rows::SOURCE_KIND, |reader| {
            SourceSettings::read(reader, &mut Vec::new()).unwrap().kind
        });
        assert_eq!(kinds, [None, Some(SourceKind::Kubecost), Some(SourceKind::Opencost)]);
        let file = || PathBuf::from("secret");
        assert_eq!(
            with_each_word(&rows::AUTHENTICATION, read_authentication),
            [
                Authentication::None,
                Authentication::Bearer(file()),
                Authentication::Basic(file()),
                Authentication::ApiKey(file())
            ]
        );
    }

    #[test]
    fn accepted_clusters_are_configured_or_named_by_a_filter_of_clusters_alone() {
        for (configured, filter, expected) in [
            (&[][..], None, &[][..]),
            (&["old", "new"], Some(r#"cluster:"x""#), &["old", "new"]),
            (&[], Some(r#" cluster:"x" "#), &["x"]),
            (&[], Some(r#"cluster:"x","y""#), &["x", "y"]),
            (&[], Some(r#"cluster:"x"+namespace:"n""#), &[]),
            (&[], Some(r#"namespace:"n""#), &[]),
            (&[], Some("cluster:x"), &[]),
        ] {
            let configured = configured.iter().map(|id| (*id).to_owned()).collect();
            assert_eq!(accepted_clusters(configured, filter), expected, "{filter:?}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_not_repeated() {
        let mut reader =
            Reader::new(|name| (name == "KUBECOST_API_ENDPOINT").then(|| "http://me:secret@kubecost".to_owned()));
        assert!(SourceSettings::read(&mut reader, &mut Vec::new()).is_none());
        let message = reader.finish().unwrap_err().to_string();
        assert!(
            message.contains("SOURCE_AUTHENTICATION") && !message.contains("secret"),
            "{message}"
        );
    }
}
