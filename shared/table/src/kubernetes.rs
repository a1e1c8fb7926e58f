//! Keys of Kubernetes labels and annotations.

/// Characters of keys that Kubecost and OpenCost replace by `_`, in some versions and responses.
pub const REPLACED_IN_KEYS: [char; 3] = ['.', '/', '-'];

/// A label's or annotation's key with all characters replaced, as the sources and the table's maps spell it.
pub fn replaced_key(key: &str) -> String {
    key.replace(REPLACED_IN_KEYS, "_")
}

/// Whether a text is the key of a label or annotation by [Kubernetes'
/// rules](https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set).
pub(crate) fn is_metadata_key(key: &str) -> bool {
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
    good_name && good_prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked_by_the_rules_of_kubernetes() {
        for key in ["app", "app.kubernetes.io/name", "a", "Team_1.x-y", "example.com/A"] {
            assert!(is_metadata_key(key), "{key}");
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
            assert!(!is_metadata_key(key), "{key}");
        }
    }
}
