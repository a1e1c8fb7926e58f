//! Numbers, lists of names and long texts as a person reads them.

/// A number with its thousands grouped, and its noun: "1 day", "2 days", "103,342 rows".
pub fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// The first so many characters of a text, and `…` where there are more.
pub fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// How many names a message has.
const MOST_NAMES: usize = 10;

/// Names for a message, the first ten: "one, two", "one, two, …, ten and 3 more".
pub fn names(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut shown = String::new();
    let mut more = 0;
    for (index, name) in names.into_iter().enumerate() {
        if index >= MOST_NAMES {
            more += 1;
            continue;
        }
        if index > 0 {
            shown.push_str(", ");
        }
        shown.push_str(name.as_ref());
    }
    match more {
        0 => shown,
        more => format!("{shown} and {} more", grouped(more)),
    }
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
    fn texts_are_cut_at_characters() {
        assert_eq!(["", "äöü", "äöüß"].map(|text| shortened(text, 3)), ["", "äöü", "äöü…"]);
    }

    #[test]
    fn ten_names_are_shown_and_the_others_counted() {
        let numbers = |count: u32| names((1..=count).map(|number| number.to_string()));
        assert_eq!(
            [0, 1, 10, 13].map(numbers),
            [
                "",
                "1",
                "1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
                "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more"
            ]
        );
    }

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
