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
            let read = read_secret(name, region.clone(), config).await;
            read.map(Some).map_err(|message| CertificateError::Secret {
                name: name.clone(),
                message,
            })
        }
    }
}

#[cfg(feature = "secrets-manager")]
async fn read_secret(
    name: &str,
    region: Option<String>,
    config: impl AsyncFnOnce() -> SdkConfig,
) -> Result<Vec<u8>, String> {
    let config = store::session::in_region(&config().await, region);
    let client = aws_sdk_secretsmanager::Client::new(&config);
    let output = client.get_secret_value().secret_id(name).send().await;
    let text = output.map_err(|error| store::message(&error))?.secret_string;
    let text = text.ok_or_else(|| "it holds bytes, not text: store the PEM as text".to_owned())?;
    Ok(text.into_bytes())
}

#[cfg(not(feature = "secrets-manager"))]
async fn read_secret(
    _name: &str,
    _region: Option<String>,
    _config: impl AsyncFnOnce() -> SdkConfig,
) -> Result<Vec<u8>, String> {
    Err(NO_SECRETS_MANAGER.to_owned())
}

/// What a build without the client says. `.ci/run` compares it.
#[cfg(not(feature = "secrets-manager"))]
const NO_SECRETS_MANAGER: &str = "this program was built without AWS Secrets Manager: use CA_CERTIFICATE_FILE, a released program, or build it \
                                  with --features secrets-manager";
