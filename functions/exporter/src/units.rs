//! Numbers as a person reads them.

/// A number with its noun: "1 day", "2 days".
pub fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A size in decimal units: "850 bytes", "3.7 KB", "114.6 MB".
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => count(bytes, "byte"),
        1_000..999_950 => format!("{:.1} KB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_sizes_have_their_unit() {
        assert_eq!(
            [0, 1, 2].map(|number| count(number, "day")),
            ["0 days", "1 day", "2 days"]
        );
        let sizes = [1, 999, 1_000, 999_949, 999_950, 114_618_187].map(size);
        assert_eq!(
            sizes,
            ["1 byte", "999 bytes", "1.0 KB", "999.9 KB", "1.0 MB", "114.6 MB"]
        );
    }
}
