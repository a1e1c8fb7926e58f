//! Numbers and names as the page shows them.

use std::fmt::Write as _;

use contract::units;
use report::units::grouped;

/// An amount with its currency: `$1,234.57`, `-€0.50`, `CHF 12.00`.
pub(crate) fn money(amount: f64, currency: &str) -> String {
    let symbol = match currency {
        "USD" => "$",
        "EUR" => "€",
        "GBP" => "£",
        "JPY" => "¥",
        "INR" => "₹",
        other => &format!("{other}\u{a0}"),
    };
    let text = grouped(amount, 2);
    match text.strip_prefix('-') {
        Some(positive) => format!("−{symbol}{positive}"),
        None => format!("{symbol}{text}"),
    }
}

/// A share of 1 as a percentage: `12.5 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{}\u{a0}%", grouped(share * 100.0, 1))
}

/// A number of things: `1 day`, `3 days`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    units::count(number as u64, thing)
}

/// A number for programs, short: its error is below a millionth.
pub(crate) fn short(number: f64) -> String {
    let rounded = (number * 1e6).round() / 1e6;
    if rounded == 0.0 {
        "0".to_owned()
    } else {
        rounded.to_string()
    }
}

/// JSON that may stand within a `script` element: nothing in it can end the element.
pub(crate) fn json_for_script(json: &str) -> String {
    let mut safe = String::with_capacity(json.len() + 64);
    for character in json.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\u{:04x}", u32::from(character));
            }
            other => safe.push(other),
        }
    }
    safe
}

/// The English name of a month, from `2026-11`: `November 2026`.
pub(crate) fn month_name(month: &str) -> String {
    chrono::NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d")
        .map_or_else(|_| month.to_owned(), |date| date.format("%B %Y").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_their_currency() {
        assert_eq!(money(1_234.567, "USD"), "$1,234.57");
        assert_eq!(money(-0.5, "EUR"), "−€0.50");
        assert_eq!(money(12.0, "CHF"), "CHF\u{a0}12.00");
        assert_eq!(money(-0.001, "USD"), "$0.00");
    }

    #[test]
    fn numbers_for_programs_are_short() {
        let numbers = [0.1 + 0.2, -0.000_000_1, 1_234_567.891, 5.0];
        assert_eq!(numbers.map(short), ["0.3", "0", "1234567.891", "5"]);
    }

    #[test]
    fn json_cannot_end_its_element() {
        let json = serde_json::to_string("</script><!-- & \u{2028}").unwrap();
        let safe = json_for_script(&json);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']));
        assert_eq!(
            serde_json::from_str::<String>(&safe).unwrap(),
            "</script><!-- & \u{2028}"
        );
    }

    #[test]
    fn months_have_names() {
        assert_eq!([month_name("2026-11"), month_name("x")], ["November 2026", "x"]);
        assert_eq!([count(1, "day"), count(1_200, "row")], ["1 day", "1,200 rows"]);
    }
}
