//! Keys of Kubernetes labels and annotations.

/// Why a text is not the key of a label or annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected [prefix/]name as in Kubernetes: a name of 1 to 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, and optionally a DNS name before it"
)]
pub struct KeyError;

/// Checks the key of a label or annotation by [Kubernetes'
/// rules](https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set).
///
/// # Errors
/// When a rule is broken.
pub fn check_metadata_key(key: &str) -> Result<(), KeyError> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let ends_well = |text: &str| {
        let bytes = text.as_bytes();
        bytes.first().is_some_and(u8::is_ascii_alphanumeric) && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
    };
    let good_name = name.len() <= 63
        && ends_well(name)
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let good_prefix = prefix.is_none_or(|prefix| {
        prefix.len() <= 253
            && prefix.split('.').all(|label| {
                ends_well(label)
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            })
    });
    if good_name && good_prefix {
        Ok(())
    } else {
        Err(KeyError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked_by_the_rules_of_kubernetes() {
        for key in ["app", "app.kubernetes.io/name", "a", "Team_1.x-y", "example.com/A"] {
            assert_eq!(check_metadata_key(key), Ok(()), "{key}");
        }
        for key in [
            "",
            "/a",
            "a/",
            "a/b/c",
            "-a",
            "a-",
            "a b",
            "Example.com/a",
            "a..b/c",
            &"x".repeat(64),
        ] {
            assert_eq!(check_metadata_key(key), Err(KeyError), "{key}");
        }
    }
}
