//! The currency of a source's costs. Kubecost says it in its configuration, OpenCost nowhere.

use contract::{
    currency::{self, Currency},
    documents::SourceKind,
    units::shortened,
};
use serde_json::Value;

use crate::{
    settings::SourceSettings,
    source::{Client, ReadTimeout, SourceError, query, retry},
};

/// Why the currency of a source's costs is not known.
#[derive(Debug, thiserror::Error)]
pub enum CurrencyError {
    #[error(
        "the source says that its costs are in {said}, but SOURCE_CURRENCY is {setting}: correct the setting, or remove it to use what the source says"
    )]
    Contradiction { said: &'static str, setting: &'static str },
    #[error(
        "the source says that its costs are in '{said}', which is not a currency code of ISO 4217: correct it in Kubecost's settings, or set SOURCE_CURRENCY"
    )]
    Unknown { said: String },
    #[error(
        "cannot query the currency of the source's costs; if the source cannot report it, set SOURCE_CURRENCY: {0}"
    )]
    Source(#[from] SourceError),
}

impl CurrencyError {
    pub(crate) fn source_error(&self) -> Option<&SourceError> {
        match self {
            Self::Source(error) => Some(error),
            _ => None,
        }
    }
}

/// The currency of all costs of the source: what the source says, else what the setting says, else US dollars.
/// `retries`: whether to retry after transient errors.
///
/// # Errors
/// When source and setting contradict each other, since one of them is wrong about all costs; and when nothing says the
/// currency because the source cannot be queried.
pub(crate) async fn of_source(
    client: &Client,
    settings: &SourceSettings,
    kind: SourceKind,
    retries: bool,
) -> Result<Currency, CurrencyError> {
    let said = match kind {
        SourceKind::Opencost => None,
        SourceKind::Kubecost => {
            let query = async || configured(client, settings).await;
            let is_retried = |error: &SourceError| retries && error.is_transient() && !error.is_timeout();
            match retry::with_retries(settings, query, is_retried).await {
                Ok(said) => said,
                Err(error) if settings.currency.is_some() => {
                    tracing::warn!(%error, "cannot query the currency of the source's costs: using SOURCE_CURRENCY");
                    None
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    let currency = decide(said.as_deref(), settings.currency)?;
    tracing::info!(
        currency = currency.code,
        assumed = currency.assumed,
        "currency of the source's costs"
    );
    Ok(currency)
}

fn decide(said: Option<&str>, setting: Option<&'static str>) -> Result<Currency, CurrencyError> {
    match (said.map(|said| (said, currency::code_of(said))), setting) {
        (None, None) => Ok(Currency::assumed()),
        (Some((_, Some(said))), Some(setting)) if said != setting => {
            Err(CurrencyError::Contradiction { said, setting })
        }
        (Some((_, Some(code))), _) | (None, Some(code)) => Ok(Currency::known(code)),
        (Some((said, None)), Some(setting)) => {
            tracing::warn!(
                said,
                "the source's currency is not a code of ISO 4217: using SOURCE_CURRENCY"
            );
            Ok(Currency::known(setting))
        }
        (Some((said, None)), None) => Err(CurrencyError::Unknown { said: said.to_owned() }),
    }
}

/// What Kubecost's configuration says; `None` where it does not say it. The configuration holds secrets: nothing of it
/// is in an error.
async fn configured(client: &Client, settings: &SourceSettings) -> Result<Option<String>, SourceError> {
    match client
        .document(&query::configuration(), ReadTimeout::of_assets(settings))
        .await
    {
        Ok(body) => Ok(said(&body)),
        Err(SourceError::Refused(_)) => Ok(None),
        // Older versions do not have it, and some proxies do not let it through.
        Err(error @ SourceError::Status { status: 300..=499, .. }) if !error.is_transient() => Ok(None),
        Err(error) => Err(error),
    }
}

fn said(body: &[u8]) -> Option<String> {
    let response: Value = serde_json::from_slice(body).ok()?;
    let code = response.pointer("/data/currencyCode")?.as_str()?.trim();
    (!code.is_empty()).then(|| shortened(code, 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_comes_before_the_default_and_nothing_contradicts_it() {
        let code = |said, setting| decide(said, setting).map(|currency| (currency.code, currency.assumed));
        let known = |code: &str| (code.to_owned(), false);
        assert_eq!(code(None, None).unwrap(), ("USD".to_owned(), true));
        assert_eq!(code(None, Some("EUR")).unwrap(), known("EUR"));
        assert_eq!(code(Some("EUR"), None).unwrap(), known("EUR"));
        assert_eq!(code(Some("eur"), Some("EUR")).unwrap(), known("EUR"));
        assert_eq!(code(Some("Euro"), Some("EUR")).unwrap(), known("EUR"));
        let contradiction = code(Some("EUR"), Some("USD")).unwrap_err().to_string();
        assert!(
            contradiction.contains("in EUR, but SOURCE_CURRENCY is USD"),
            "{contradiction}"
        );
        let unknown = code(Some("Euro"), None).unwrap_err().to_string();
        assert!(unknown.contains("'Euro'"), "{unknown}");
    }

    #[test]
    fn a_configuration_says_a_currency_or_nothing() {
        for (body, expected) in [
            (
                r#"{"code":200,"data":{"CPU":"0.03","currencyCode":"EUR"}}"#,
                Some("EUR"),
            ),
            (r#"{"code":200,"data":{"currencyCode":" "}}"#, None),
            (r#"{"code":200,"data":{"CPU":"0.03"}}"#, None),
            (r#"{"code":200,"data":null}"#, None),
            (r#"{"code":200,"data":{"currencyCode":7}}"#, None),
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(said(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
