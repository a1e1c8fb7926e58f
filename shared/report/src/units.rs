//! Numbers and times as a person reads them.

use chrono::{DateTime, Utc};
use contract::units::with_thousands;

/// A number with its thousands grouped and some decimals: `1,234,567.89`. Never `-0.00`.
pub fn grouped(number: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", number.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let is_zero = text.bytes().all(|byte| byte == b'0' || byte == b'.');
    let sign = if number < 0.0 && !is_zero { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", with_thousands(whole))
}

/// A time in UTC, to the minute: `2026-11-20 05:00`.
pub fn moment(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M").to_string()
}

/// A number for programs: the shortest text that reads back as the same number.
pub(crate) fn plain(number: f64) -> String {
    number.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped_and_nothing_is_minus_zero() {
        let numbers = [0.0, -0.001, 999.0, 1_000.0, -1_234_567.891];
        assert_eq!(
            numbers.map(|number| grouped(number, 2)),
            ["0.00", "0.00", "999.00", "1,000.00", "-1,234,567.89"]
        );
        assert_eq!(grouped(12_345.6, 0), "12,346");
    }
}
