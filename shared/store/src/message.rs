//! What went wrong in a call of AWS, for people.

use std::error::Error;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// [S3's codes](https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html) for a request that reached the
/// wrong region: by an older region's endpoint, by the signature, and by the endpoint of a region that must be enabled.
const IN_ANOTHER_REGION: [&str; 3] = [
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
];

/// One line about a failed call: the service's code and message where it answered, else the causes from the outermost
/// to the innermost, each once. Never the request or the response themselves, as the SDK's own display of errors has
/// them: they hold headers.
///
/// Where S3 says that a bucket is in another region, the line says how to tell the exporter, whose region is its
/// cluster's: the SDK follows no redirect.
pub fn message<E: Error + ProvideErrorMetadata>(error: &E) -> String {
    if let (Some(code), Some(message)) = (error.code(), error.message()) {
        return format!("{code}: {message}{}", advice(code).unwrap_or_default());
    }
    let message = causes(error);
    // Errors of credentials are wrapped so deeply that only their text is left.
    let advice = ADVICE.iter().find(|(words, _)| message.contains(words));
    format!("{message}{}", advice.map(|(_, advice)| *advice).unwrap_or_default())
}

/// An error and its causes, from the outermost to the innermost, each once.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if !causes.contains(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes.join(": ")
}

fn advice(code: &str) -> Option<&'static str> {
    if IN_ANOTHER_REGION.contains(&code) {
        return Some(": the bucket is in another region than this program: set S3_BUCKET_REGION");
    }
    ADVICE
        .iter()
        .find(|(words, _)| *words == code)
        .map(|(_, advice)| *advice)
}

/// What to do about errors of credentials and proxies, by the service's code or by the SDK's words.
const ADVICE: [(&str, &str); 7] = [
    (
        "InvalidIdentityToken",
        ": the role's account does not know the cluster's identity provider: create an IAM OIDC provider for the cluster's issuer in that account, and name it in the role's trust policy",
    ),
    (
        "AccessDenied: Not authorized to perform sts:",
        ": the role's trust policy does not allow this identity: compare its account, role, namespace and service account",
    ),
    (
        "no providers in chain provided credentials",
        ": there are no credentials: annotate the service account with eks.amazonaws.com/role-arn (serviceAccount in the chart), or associate a role by EKS Pod Identity",
    ),
    (
        "the credential provider was not enabled",
        ": there are no credentials: annotate the service account with eks.amazonaws.com/role-arn (serviceAccount in the chart), or associate a role by EKS Pod Identity",
    ),
    (
        "tunnel error: proxy authorization required",
        ": the proxy wants a user and password: set HTTPS_PROXY to http://<user>:<password>@<host>:<port>",
    ),
    (
        "tunnel error",
        ": the proxy of HTTPS_PROXY refused the connection: allow this host there, or list it in NO_PROXY",
    ),
    (
        "UnknownIssuer",
        ": an unknown CA signed the certificate, such as that of a proxy that looks into TLS: set SSL_CERT_FILE to a file with that CA and the public ones, or list the host in NO_PROXY",
    ),
];

#[cfg(test)]
mod tests {
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Failure {
        text: &'static str,
        metadata: ErrorMetadata,
        source: Option<Box<Failure>>,
    }

    impl ProvideErrorMetadata for Failure {
        fn meta(&self) -> &ErrorMetadata {
            &self.metadata
        }
    }

    fn failure(text: &'static str, source: Option<Failure>) -> Failure {
        Failure {
            text,
            metadata: ErrorMetadata::builder().build(),
            source: source.map(Box::new),
        }
    }

    #[test]
    fn a_response_is_reported_by_code_and_message() {
        let mut refused = failure("service error", None);
        refused.metadata = ErrorMetadata::builder()
            .code("AccessDenied")
            .message("not authorized")
            .build();
        assert_eq!(message(&refused), "AccessDenied: not authorized");
    }

    #[test]
    fn a_bucket_elsewhere_is_reported_with_the_setting() {
        let mut redirected = failure("service error", None);
        redirected.metadata = ErrorMetadata::builder()
            .code("PermanentRedirect")
            .message("use the specified endpoint")
            .build();
        assert_eq!(
            message(&redirected),
            "PermanentRedirect: use the specified endpoint: the bucket is in another region than this program: set S3_BUCKET_REGION"
        );
    }

    #[test]
    fn without_a_response_each_cause_is_reported_once() {
        let inner = failure("dispatch failure", Some(failure("no such file", None)));
        let outer = failure("dispatch failure", Some(failure("no credentials", Some(inner))));
        assert_eq!(message(&outer), "dispatch failure: no credentials: no such file");
    }
}
