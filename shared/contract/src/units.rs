//! Numbers as a person reads them.

/// A number with its thousands grouped, and its noun: "1 day", "2 days", "103,342 rows".
pub fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A size in decimal units: "850 bytes", "3.7 KB", "114.6 MB", "1,234.5 GB".
pub fn size(bytes: u64) -> String {
    let scaled = |unit: f64, name: &str| {
        let tenths = (bytes as f64 / unit * 10.0).round();
        // Sizes are far below 2^53.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and whole"
        )]
        let tenths = tenths as u64;
        format!("{}.{} {name}", grouped(tenths / 10), tenths % 10)
    };
    match bytes {
        0..1_000 => count(bytes, "byte"),
        1_000..999_950 => scaled(1e3, "KB"),
        999_950..999_950_000 => scaled(1e6, "MB"),
        _ => scaled(1e9, "GB"),
    }
}

fn grouped(number: u64) -> String {
    with_thousands(&number.to_string())
}

/// Digits with their thousands grouped: "1,234,567".
pub fn with_thousands(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_thousands_are_grouped_and_sizes_have_their_unit() {
        assert_eq!(
            [0, 1, 2, 999, 1_000, 1_234_567].map(|number| count(number, "day")),
            ["0 days", "1 day", "2 days", "999 days", "1,000 days", "1,234,567 days"]
        );
        let sizes = [
            1,
            999,
            1_000,
            999_949,
            999_950,
            114_618_187,
            999_949_999,
            999_950_000,
            1_234_512_345_678,
        ]
        .map(size);
        assert_eq!(
            sizes,
            [
                "1 byte",
                "999 bytes",
                "1.0 KB",
                "999.9 KB",
                "1.0 MB",
                "114.6 MB",
                "999.9 MB",
                "1.0 GB",
                "1,234.5 GB"
            ]
        );
    }
}
