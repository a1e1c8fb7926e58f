//! The configuration that all clients of AWS share.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, identity::IdentityCache, retry::RetryConfig, sts::AssumeRoleProvider,
    timeout::TimeoutConfig,
};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};

use crate::proxy;

/// How long a chained role's session lasts: AWS allows one hour at most. The provider renews it before it ends.
const CHAINED_SESSION: Duration = Duration::from_secs(3600);

/// How often a call is tried, the first time included: S3 answers 503 "Slow Down" and Glue throttles.
pub const ATTEMPTS: u32 = 5;

/// How long connecting may take, through a proxy to the end of the handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one attempt of a call may take until the head of its response is there, and for all but objects the whole
/// response. Calls usually take less than a second; within the crawler's minute there is time for a second attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// The slowest upload that is waited for, in bytes per second: half a megabit per second.
const SLOWEST_UPLOAD: u64 = 64 * 1024;

/// What the waits between all attempts of a call add up to at most.
const WAITS_BETWEEN_ATTEMPTS: Duration = Duration::from_secs(60);

/// How long credentials may take: both hops of a chain, and a second attempt of each.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(80);

/// The timeouts of a call that sends some bytes. A call that is accepted and never answered is tried again. The body of
/// an object that is read takes as long as it takes: the SDK ends it if it stalls.
pub fn timeouts(bytes: usize) -> TimeoutConfig {
    let upload = Duration::from_secs(u64::try_from(bytes).unwrap_or(u64::MAX) / SLOWEST_UPLOAD);
    let attempt = ATTEMPT_TIMEOUT + upload;
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(attempt * ATTEMPTS + WAITS_BETWEEN_ATTEMPTS)
        .build()
}

/// What a call of S3 that sends some bytes overrides of a client's configuration: longer timeouts.
pub(crate) fn patient(bytes: usize) -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::config::Builder::new().timeout_config(timeouts(bytes))
}

/// The configuration of the process's environment: region, credentials by the default chain (environment, IRSA's web
/// identity, EKS Pod Identity, Lambda's role, instance profile), endpoints by `AWS_ENDPOINT_URL` and
/// `AWS_ENDPOINT_URL_<SERVICE>`, the proxy by `HTTPS_PROXY` and `NO_PROXY`. All clients made from it share one pool of
/// connections and one set of root certificates.
pub async fn from_environment() -> SdkConfig {
    let proxy = proxy::from_environment(|name| std::env::var(name).ok()).unwrap_or_else(|reason| {
        tracing::warn!(reason, "requests to AWS do not use a proxy");
        ProxyConfig::disabled()
    });
    let http_client = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .proxy_config(proxy.clone());
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        builder.build()
    });
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts(0))
        .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS_TIMEOUT).build())
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
