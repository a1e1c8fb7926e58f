//! Keys of Kubernetes labels and annotations as Kubecost and OpenCost spell them: they replace `.`, `/` and `-` by `_`,
//! in some versions and responses.

use table::{REPLACED_IN_KEYS, replaced_key};

use crate::pairs::Pairs;

/// A label's or annotation's key, in both spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelKey {
    original: String,
    replaced: String,
}

impl LabelKey {
    /// The key as in Kubernetes.
    ///
    /// ```
    /// let pairs = vec![("app_kubernetes_io_part_of".into(), "shop".into())].into();
    /// assert_eq!(response::LabelKey::new("app.kubernetes.io/part-of").find(&pairs), "shop");
    /// ```
    pub fn new(key: &str) -> Self {
        Self {
            original: key.to_owned(),
            replaced: replaced_key(key),
        }
    }

    /// The value of the key among a row's own pairs, else among those of its namespace; empty if there is none.
    ///
    /// ```
    /// let namespace = vec![("team".into(), "blue".into())].into();
    /// assert_eq!(response::LabelKey::new("team").find_or_inherit(&response::Pairs::default(), &namespace), "blue");
    /// ```
    pub fn find_or_inherit<'a>(&self, own: &'a Pairs<'_>, namespace: &'a Pairs<'_>) -> &'a str {
        self.value(own).or_else(|| self.value(namespace)).unwrap_or("")
    }

    /// The value of the key; empty if there is none.
    pub fn find<'a>(&self, pairs: &'a Pairs<'_>) -> &'a str {
        self.value(pairs).unwrap_or("")
    }

    fn value<'a>(&self, pairs: &'a Pairs<'_>) -> Option<&'a str> {
        let value = |wanted: &str| {
            let pair = pairs.iter().find(|(key, _)| key == wanted)?;
            Some(pair.1.as_ref())
        };
        value(&self.replaced).or_else(|| value(&self.original))
    }
}

/// Whether a key is the wanted one, which is given with all characters replaced.
pub(crate) fn is_key(key: &str, wanted: &str) -> bool {
    let replaced = |byte: u8| {
        if REPLACED_IN_KEYS.contains(&byte.into()) {
            b'_'
        } else {
            byte
        }
    };
    key.len() == wanted.len() && key.bytes().map(replaced).eq(wanted.bytes())
}
