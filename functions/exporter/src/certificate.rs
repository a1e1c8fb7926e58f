//! Loading the private CA's certificate.

use aws_config::SdkConfig;

use crate::settings::CaCertificate;

/// Why the certificate cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("CA_CERTIFICATE_FILE: {path} cannot be read: {source}")]
    File { path: String, source: std::io::Error },
    #[error("KUBECOST_CA_CERTIFICATE_SECRET_NAME: the secret '{name}' cannot be read: {message}")]
    Secret { name: String, message: String },
}

/// The certificate's PEM text, or `None` where public CAs are trusted. A secret is read with the credentials that write
/// to the bucket, since it is in the lake's account. Only then is `config` called: elsewhere it takes seconds to find
/// that there are no AWS credentials.
pub async fn load(
    ca: &CaCertificate,
    config: impl AsyncFnOnce() -> SdkConfig,
) -> Result<Option<Vec<u8>>, CertificateError> {
    match ca {
        CaCertificate::Public => Ok(None),
        CaCertificate::File(path) => std::fs::read(path).map(Some).map_err(|source| CertificateError::File {
            path: path.display().to_string(),
            source,
        }),
        CaCertificate::Secret { name, region } => {
            let config = store::session::in_region(&config().await, region.clone());
            let client = aws_sdk_secretsmanager::Client::new(&config);
            let failed = |message: String| CertificateError::Secret {
                name: name.clone(),
                message,
            };
            let output = client
                .get_secret_value()
                .secret_id(name)
                .send()
                .await
                .map_err(|error| failed(store::message(&error)))?;
            let text = output
                .secret_string
                .ok_or_else(|| failed("it holds bytes, not text: store the PEM as text".to_owned()))?;
            Ok(Some(text.into_bytes()))
        }
    }
}
