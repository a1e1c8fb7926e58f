//! The numbers on top of the page, by currency. Each is a sum of cells of a question's result.

use std::collections::BTreeMap;

use report::{
    Cubes, results,
    table::{Cell, Table},
};
use serde::Serialize;

use crate::words::{count, money, month_name, percent, short};

/// The numbers of a currency.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Headline {
    pub(crate) currency: String,
    pub(crate) cards: Vec<Card>,
}

/// A number.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Card {
    pub(crate) id: &'static str,
    pub(crate) label: String,
    pub(crate) value: String,
    /// The value for programs; empty where it is unknown.
    pub(crate) raw: String,
    pub(crate) note: String,
}

/// The results that the headline is computed from.
pub(crate) struct Sources {
    months: Table,
    forecast: Table,
    movers: Table,
    pub(crate) idle: Table,
    pub(crate) efficiency: Table,
}

impl Sources {
    pub(crate) fn new(cubes: &Cubes) -> Self {
        let result = |name| results::result(cubes, name).unwrap_or_else(|| Table::new(name, Vec::new(), Vec::new()));
        Self {
            months: result("cost_by_month"),
            forecast: result("forecast"),
            movers: result("top_movers"),
            idle: result("idle_by_node_group"),
            efficiency: result("efficiency"),
        }
    }
}

fn cell<'a>(table: &Table, row: &'a [Cell], name: &str) -> Option<&'a Cell> {
    row.get(table.column(name)?)
}

fn text<'a>(table: &Table, row: &'a [Cell], name: &str) -> &'a str {
    cell(table, row, name).map_or("", Cell::text)
}

fn number(table: &Table, row: &[Cell], name: &str) -> Option<f64> {
    cell(table, row, name).and_then(Cell::number)
}

/// The sum of a column over the rows of a currency; `None` without such rows.
fn sum(table: &Table, currency: &str, name: &str) -> Option<f64> {
    let rows = table.rows.iter().filter(|row| text(table, row, "currency") == currency);
    let numbers: Vec<f64> = rows.filter_map(|row| number(table, row, name)).collect();
    (!numbers.is_empty()).then(|| numbers.iter().sum())
}

/// Costs per day of the newest week and of the week before it, of the clusters that have days in both.
fn weeks(movers: &Table, currency: &str) -> (f64, f64) {
    let of_currency = movers
        .rows
        .iter()
        .filter(|row| text(movers, row, "currency") == currency);
    let both = of_currency.filter_map(|row| {
        let week = number(movers, row, "newest_per_day")?;
        Some((week, number(movers, row, "previous_per_day")?))
    });
    both.fold((0.0, 0.0), |(week, before), row| (week + row.0, before + row.1))
}

/// The headlines of all currencies, by their names.
pub(crate) fn headlines(sources: &Sources) -> Vec<Headline> {
    let months = &sources.months;
    let mut currencies: Vec<&str> = months.rows.iter().map(|row| text(months, row, "currency")).collect();
    currencies.sort_unstable();
    currencies.dedup();
    currencies
        .into_iter()
        .map(|currency| headline(sources, currency))
        .collect()
}

/// The cost and the days of each month in a currency. Clusters may have different days: the most count.
fn by_month(months: &Table, currency: &str) -> BTreeMap<String, (f64, f64)> {
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for row in months
        .rows
        .iter()
        .filter(|row| text(months, row, "currency") == currency)
    {
        let (cost, days) = sums.entry(text(months, row, "month").to_owned()).or_default();
        *cost += number(months, row, "cost").unwrap_or_default();
        *days = days.max(number(months, row, "days").unwrap_or_default());
    }
    sums
}

fn headline(sources: &Sources, currency: &str) -> Headline {
    let months = by_month(&sources.months, currency);
    let amount = |amount: Option<f64>| amount.map_or_else(|| "–".to_owned(), |amount| money(amount, currency));
    let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
    let raw = |number: Option<f64>| number.map_or_else(String::new, short);
    let card = |id, label: String, value: String, number: Option<f64>, note: String| Card {
        id,
        label,
        value,
        raw: raw(number),
        note,
    };
    let total: f64 = months.values().map(|(cost, _)| cost).sum();
    let trend = match weeks(&sources.movers, currency) {
        (week, before) if before > 0.0 => trend(week / before - 1.0),
        _ => String::new(),
    };
    let forecast = sources
        .forecast
        .rows
        .iter()
        .find(|row| text(&sources.forecast, row, "currency") == currency);
    let of_forecast = |name| forecast.and_then(|row| number(&sources.forecast, row, name));
    let newest = forecast.map(|row| text(&sources.forecast, row, "month").to_owned());
    let newest = newest
        .or_else(|| months.keys().next_back().cloned())
        .unwrap_or_default();
    let month_note = match (of_forecast("days"), of_forecast("days_in_month")) {
        (Some(days), Some(of)) => format!("{days:.0} of {of:.0} days"),
        _ => String::new(),
    };
    let rate_note =
        of_forecast("run_rate").map_or_else(String::new, |rate| format!("at {} a day", money(rate, currency)));
    let last = months.range(..newest.clone()).next_back();
    let last_label = last.map_or_else(|| "Last month".to_owned(), |(month, _)| month_name(month));
    let last_note = last.map_or_else(|| "no earlier month".to_owned(), |(_, (_, days))| days_note(*days));
    let node = sum(&sources.idle, currency, "node_cost");
    let idle = sum(&sources.idle, currency, "idle_cost");
    let idle_share = node
        .zip(idle)
        .filter(|(node, _)| *node > 0.0)
        .map(|(node, idle)| idle / node);
    let cost = sum(&sources.efficiency, currency, "cost");
    let unused = sum(&sources.efficiency, currency, "unused_cost");
    let efficiency = cost
        .zip(unused)
        .filter(|(cost, _)| *cost > 0.0)
        .map(|(cost, unused)| 1.0 - unused / cost);
    let cards = vec![
        card("total", "Total".to_owned(), money(total, currency), Some(total), trend),
        card(
            "month",
            format!("{} so far", month_name(&newest)),
            amount(of_forecast("cost")),
            of_forecast("cost"),
            month_note,
        ),
        card(
            "forecast",
            format!("{} forecast", month_name(&newest)),
            amount(of_forecast("forecast")),
            of_forecast("forecast"),
            rate_note,
        ),
        card(
            "last",
            last_label,
            amount(last.map(|(_, (cost, _))| *cost)),
            last.map(|(_, (cost, _))| *cost),
            last_note,
        ),
        card(
            "idle",
            "Idle".to_owned(),
            share(idle_share),
            idle_share,
            idle.map_or_else(String::new, |idle| format!("{} of node costs", money(idle, currency))),
        ),
        card(
            "efficiency",
            "Efficiency".to_owned(),
            share(efficiency),
            efficiency,
            unused.map_or_else(String::new, |unused| format!("{} not used", money(unused, currency))),
        ),
    ];
    Headline {
        currency: currency.to_owned(),
        cards,
    }
}

fn days_note(days: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days of a month")]
    let days = days as usize;
    count(days, "day")
}

/// How the newest week compares with the one before it.
fn trend(change: f64) -> String {
    let text = percent(change.abs());
    let arrow = match change {
        _ if !text.contains(|digit: char| ('1'..='9').contains(&digit)) => "",
        change if change < 0.0 => "▼ ",
        _ => "▲ ",
    };
    format!("{arrow}{text} week on week")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_lake_has_no_numbers() {
        assert!(headlines(&Sources::new(&Cubes::default())).is_empty());
    }

    #[test]
    fn trends_say_the_direction() {
        assert_eq!(trend(0.125), "▲ 12.5\u{a0}% week on week");
        assert_eq!(trend(-0.01), "▼ 1.0\u{a0}% week on week");
        assert_eq!(trend(-0.0001), "0.0\u{a0}% week on week");
    }
}
