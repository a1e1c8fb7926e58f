//! Secrets that a process knows, and that no log line and no message shows.

use std::sync::{Mutex, PoisonError};

/// Shorter texts are part of ordinary words.
const SHORTEST: usize = 6;

static SECRETS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Has [`mask`] hide a secret from now on. Texts of less than 6 characters are not hidden.
pub fn register(secret: &str) {
    let mut secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    if secret.len() >= SHORTEST && !secrets.iter().any(|known| known == secret) {
        secrets.push(secret.to_owned());
        // A secret within another one is hidden after it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }
}

/// The text with `***` for each registered secret, such as in what a source echoes.
pub fn mask(text: &str) -> String {
    let secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut text = text.to_owned();
    for secret in secrets.iter() {
        if text.contains(secret) {
            text = text.replace(secret, "***");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_secrets_are_hidden_and_short_ones_are_not() {
        for secret in ["user:a-secret", "a-secret", "cost"] {
            register(secret);
        }
        assert_eq!(mask("sent user:a-secret, a-secret of cost"), "sent ***, *** of cost");
    }
}
