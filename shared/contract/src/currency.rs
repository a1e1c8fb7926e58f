//! Currencies, as ISO 4217 names them.

use serde::{Deserialize, Serialize};

/// The currency of costs of which neither the source nor a setting says it.
pub const ASSUMED: &str = "USD";

/// The codes of ISO 4217 that money is counted in today, without funds, metals and codes for tests.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF \
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT \
    MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR \
    SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV \
    WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// The currency of a source's costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Currency {
    /// The code of ISO 4217, such as `USD`.
    pub code: String,
    /// Whether the source did not say it, and no setting did: then it is US dollars.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub assumed: bool,
}

impl Currency {
    /// A currency that a source or a setting names.
    pub fn known(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            assumed: false,
        }
    }

    /// The currency of costs of which nothing says it.
    pub fn assumed() -> Self {
        Self {
            code: ASSUMED.to_owned(),
            assumed: true,
        }
    }
}

/// The code of ISO 4217 that a text names, in any case and with blanks around it; `None` if it names none.
pub fn code_of(text: &str) -> Option<&'static str> {
    let text = text.trim();
    CODES
        .split_ascii_whitespace()
        .find(|code| code.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_found_in_any_case_and_nothing_else_is() {
        for (text, code) in [
            ("USD", Some("USD")),
            (" eur ", Some("EUR")),
            ("jPy", Some("JPY")),
            ("", None),
            ("EURO", None),
            ("€", None),
            ("US", None),
            ("USD EUR", None),
            ("XXX", None),
        ] {
            assert_eq!(code_of(text), code, "{text:?}");
        }
    }

    #[test]
    fn each_code_stands_once_in_order() {
        let codes: Vec<&str> = CODES.split_ascii_whitespace().collect();
        let sorted: BTreeSet<&str> = codes.iter().copied().collect();
        assert_eq!(codes, sorted.into_iter().collect::<Vec<_>>());
        assert!(
            codes
                .iter()
                .all(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
        );
        assert!(codes.contains(&ASSUMED));
    }

    #[test]
    fn only_dollars_are_assumed() {
        let assumed = Currency::assumed();
        assert_eq!((&*assumed.code, assumed.assumed), ("USD", true));
        let known = Currency::known("EUR");
        assert_eq!((&*known.code, known.assumed), ("EUR", false));
    }
}
