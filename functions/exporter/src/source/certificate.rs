//! The private CA's certificate, from where the settings say.

use aws_config::SdkConfig;

use crate::settings::CaCertificate;

/// Why the certificate cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The file cannot be read.
    #[error("CA_CERTIFICATE_FILE: {path} cannot be read: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Secrets Manager refused or failed.
    #[error("KUBECOST_CA_CERTIFICATE_SECRET_NAME: the secret '{name}' cannot be read: {message}")]
    Secret {
        /// The secret.
        name: String,
        /// Why.
        message: String,
    },
}

/// Reads the certificate: the PEM text, or `None` where public CAs are trusted. The secret is read with the credentials
/// that write to the bucket: it lies in the lake's account. Only then is `config` asked for: elsewhere looking for AWS
/// credentials takes seconds.
///
/// # Errors
/// When it cannot be read.
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
                .ok_or_else(|| failed("it holds bytes and no text: store the PEM as a text".to_owned()))?;
            Ok(Some(text.into_bytes()))
        }
    }
}
