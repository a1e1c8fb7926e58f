//! The proxy for requests to AWS.

use aws_smithy_http_client::proxy::ProxyConfig;

/// Where processes get credentials: IMDS, the ECS agent and the EKS Pod Identity agent. They are on the node itself.
const NEVER_PROXIED: [&str; 3] = ["169.254.169.254", "169.254.170.2", "169.254.170.23"];

/// The proxy for `https` requests to AWS. `http` requests, such as those for credentials and to emulators, are direct.
///
/// The variables are read as the source's client reads them, in either case: `HTTPS_PROXY`, else `ALL_PROXY`; and
/// `NO_PROXY`.
///
/// # Errors
/// When the value is not the address of an HTTP proxy. The message does not repeat it: it may hold a password.
pub(crate) fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<ProxyConfig, String> {
    let first = |name: &'static str| {
        let value = variable(name).or_else(|| variable(&name.to_lowercase()))?;
        (!value.is_empty()).then_some((name, value))
    };
    let Some((name, address)) = first("HTTPS_PROXY").or_else(|| first("ALL_PROXY")) else {
        return Ok(ProxyConfig::disabled());
    };
    let address = if address.contains("://") {
        address
    } else {
        format!("http://{address}")
    };
    let not_proxied: Vec<String> = first("NO_PROXY")
        .map(|(_, rules)| rules)
        .into_iter()
        .chain(NEVER_PROXIED.map(str::to_owned))
        .collect();
    // Rules are dropped without a word by `ProxyConfig::from_env().no_proxy()`.
    ProxyConfig::https(address.as_str())
        .map(|proxy| proxy.no_proxy(not_proxied.join(",")))
        .map_err(|_| format!("{name} is not the address of a proxy: expected http://<host>:<port>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variables: &[(&str, &str)]) -> Result<String, String> {
        let look_up = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        };
        from_environment(look_up).map(|proxy| format!("{proxy:?}"))
    }

    #[test]
    fn without_variables_there_is_no_proxy() {
        for variables in [&[][..], &[("HTTP_PROXY", "http://p:1")], &[("HTTPS_PROXY", "")]] {
            assert!(proxy(variables).unwrap().contains("Disabled"), "{variables:?}");
        }
    }

    #[test]
    fn addresses_of_credentials_are_never_proxied() {
        for variables in [
            &[("HTTPS_PROXY", "http://p:3128"), ("NO_PROXY", "a.test,10.0.0.0/8")][..],
            &[("https_proxy", "p:3128"), ("no_proxy", "a.test,10.0.0.0/8")],
            &[
                ("HTTPS_PROXY", ""),
                ("ALL_PROXY", "http://p:3128"),
                ("NO_PROXY", "a.test,10.0.0.0/8"),
            ],
        ] {
            let text = proxy(variables).unwrap();
            for words in [
                "http://p:3128/",
                "a.test,10.0.0.0/8,169.254.169.254,169.254.170.2,169.254.170.23",
                "Https",
            ] {
                assert!(text.contains(words), "'{words}' is not in: {text}");
            }
        }
    }

    #[test]
    fn an_address_that_is_none_is_reported_without_its_password() {
        for address in ["socks5://me:s3cret@p:1080", "ftp://me:s3cret@p", "http://"] {
            let message = proxy(&[("HTTPS_PROXY", address)]).unwrap_err();
            assert!(
                message.starts_with("HTTPS_PROXY") && !message.contains("s3cret"),
                "{message}"
            );
        }
    }
}
