//! The configuration that all clients of AWS share.

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, sts::AssumeRoleProvider};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// How long a chained role's session lasts: AWS allows one hour at most. The provider renews it before it ends.
const CHAINED_SESSION: std::time::Duration = std::time::Duration::from_secs(3600);

/// How often a call is tried, the first time included: S3 answers 503 "Slow Down" and Glue throttles.
const ATTEMPTS: u32 = 5;

/// The configuration of the process's environment: region, credentials by the default chain (environment, IRSA's web
/// identity, EKS Pod Identity, Lambda's role, instance profile), endpoints by `AWS_ENDPOINT_URL` and
/// `AWS_ENDPOINT_URL_<SERVICE>`. All clients made from it share one pool of connections and one set of root
/// certificates.
pub async fn from_environment() -> SdkConfig {
    let http_client = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .load()
        .await
}

/// The same configuration with the credentials of a role that is assumed with the credentials so far (role chaining).
/// Both hops are renewed for as long as the process runs: a web identity's token file is read each time.
pub async fn assume_role(base: &SdkConfig, role_arn: &str, session_name: &str) -> SdkConfig {
    let provider = AssumeRoleProvider::builder(role_arn)
        .configure(base)
        .session_name(session_name)
        .session_length(CHAINED_SESSION)
        .build()
        .await;
    let shared = aws_sdk_s3::config::SharedCredentialsProvider::new(provider);
    base.to_builder().credentials_provider(shared).build()
}

/// The same configuration for another region; `None`: as it is. Credentials are still had from where they were.
pub fn in_region(config: &SdkConfig, region: Option<String>) -> SdkConfig {
    match region {
        Some(region) => config.to_builder().region(Region::new(region)).build(),
        None => config.clone(),
    }
}

/// A client of S3. Where the environment names another endpoint than AWS's own, as for emulators and S3-compatible
/// stores, the bucket is named in the path and not in the host.
pub fn s3_client(config: &SdkConfig) -> aws_sdk_s3::Client {
    let other_endpoint = config.endpoint_url().is_some()
        || ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    let config = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(other_endpoint)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
