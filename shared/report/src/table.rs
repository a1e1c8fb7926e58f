//! A table of results, and how it is written: as text, CSV or JSON.

use std::{cmp::Ordering, fmt::Write as _};

use serde_json::{Map, Value};

use crate::units::{grouped, plain};

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Text.
    Text,
    /// A cluster: account, region and name.
    Cluster,
    /// An amount in the row's currency.
    Money,
    /// A price in the row's currency, of which small differences matter.
    Price,
    /// A share of 1.
    Share,
    /// A whole number.
    Count,
    /// Any other number.
    Number,
}

impl Unit {
    /// Whether values are numbers, which stand right.
    pub fn is_number(self) -> bool {
        !matches!(self, Self::Text | Self::Cluster)
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name in SQL.
    pub name: &'static str,
    /// What its values are.
    pub unit: Unit,
}

impl Column {
    /// The column of a name in the SQL files: its unit follows from the name.
    pub fn of(name: &'static str) -> Self {
        let unit = match name {
            "cluster_id" => Unit::Cluster,
            "saved" | "forecast" | "run_rate" | "median" | "mad" | "cost_without_team" => Unit::Money,
            "price_per_core_hour" => Unit::Price,
            "share" | "idle_share" | "usage" => Unit::Share,
            "days"
            | "days_in_month"
            | "missing_days"
            | "row_count"
            | "rows"
            | "bytes"
            | "days_without_assets"
            | "unknown_fields" => Unit::Count,
            _ if name == "cost" || name.ends_with("_cost") || name.ends_with("_per_day") => Unit::Money,
            _ if name.contains("_hours") || name.ends_with("_max") => Unit::Number,
            _ if name.ends_with("_rows")
                || name.starts_with("rows_")
                || name.ends_with("_days")
                || name.ends_with("_totals") =>
            {
                Unit::Count
            }
            _ => Unit::Text,
        };
        Self { name, unit }
    }

    /// The heading, for people: "cost without team".
    pub fn heading(&self) -> String {
        let text = match self.name {
            "cluster_id" => "cluster",
            "row_count" => "rows",
            "uncovered_cost" => "cost of other assets",
            "mad" => "median deviation",
            name => name,
        };
        let text = text.replace('_', " ");
        text.replace("cpu", "CPU")
            .replace("ram", "RAM")
            .replace("gib", "GiB")
            .replace("gpu", "GPU")
            .replace("pv", "PV")
    }
}

/// What a person reads in a column where there is no name.
pub fn unnamed(column: &str) -> &'static str {
    match column {
        "namespace" => "(no namespace)",
        "team" => "(no team)",
        "capacity_type" | "gpu_model" => "(unknown)",
        "controller" | "controller_kind" | "node_group" | "cluster" => "(none)",
        _ => "",
    }
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// Unknown.
    Null,
}

impl Cell {
    pub(crate) fn count(number: usize) -> Self {
        Self::Number(number as f64)
    }

    /// A ratio; unknown where there is nothing to divide by.
    pub(crate) fn ratio(number: f64, of: f64) -> Self {
        if of == 0.0 {
            Self::Null
        } else {
            Self::Number(number / of)
        }
    }

    pub(crate) fn is_text(&self, text: &str) -> bool {
        matches!(self, Self::Text(own) if own == text)
    }

    /// The number; `None` for others.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The text; empty for others.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    pub(crate) fn cmp_text(&self, other: &Self) -> Ordering {
        self.text().cmp(other.text())
    }

    /// For a person: thousands grouped, decimals by the unit; a dash where the value is unknown, or has no meaning.
    pub fn shown(&self, unit: Unit) -> String {
        match (self, unit) {
            (Self::Text(text), _) => text.clone(),
            (Self::Null, _) => "–".to_owned(),
            (Self::Number(number), Unit::Money) => grouped(*number, 2),
            (Self::Number(number), Unit::Price) => grouped(*number, 4),
            (Self::Number(number), Unit::Share) => format!("{} %", grouped(number * 100.0, 1)),
            (Self::Number(number), Unit::Count | Unit::Text | Unit::Cluster) => grouped(*number, 0),
            (Self::Number(number), Unit::Number) => grouped(*number, if number.abs() < 10.0 { 2 } else { 1 }),
        }
    }

    /// For programs: every digit.
    fn raw(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => plain(*number),
            Self::Null => String::new(),
        }
    }
}

/// The result of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The question's name: that of its SQL file.
    pub name: &'static str,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

/// Compares the texts of two rows.
fn by_keys(one: &[Cell], other: &[Cell]) -> Ordering {
    let mut texts = one.iter().zip(other).map(|(one, other)| one.cmp_text(other));
    texts.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

impl Table {
    /// A table.
    pub fn new(name: &'static str, columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> Self {
        Self { name, columns, rows }
    }

    /// The index of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    pub(crate) fn sorted_by_keys(mut self) -> Self {
        self.rows.sort_by(|one, other| by_keys(one, other));
        self
    }

    fn sorted_with(mut self, column: &str, value: impl Fn(f64) -> f64) -> Self {
        let Some(column) = self.column(column) else {
            return self.sorted_by_keys();
        };
        let value = |row: &[Cell]| row[column].number().map_or(f64::NEG_INFINITY, &value);
        self.rows.sort_by(|one, other| {
            let by_value = value(other).total_cmp(&value(one));
            by_value.then_with(|| by_keys(one, other))
        });
        self
    }

    /// The largest first, unknown ones last, ties in the order of the keys.
    pub(crate) fn sorted_by(self, column: &str) -> Self {
        self.sorted_with(column, |value| value)
    }

    /// The largest magnitude first.
    pub(crate) fn sorted_by_size(self, column: &str) -> Self {
        self.sorted_with(column, f64::abs)
    }

    /// Formats as aligned text, for a terminal.
    pub fn to_text(&self) -> String {
        let shown = |row: &Vec<Cell>| -> Vec<String> {
            let cells = row.iter().zip(&self.columns);
            let text = |(cell, column): (&Cell, &Column)| match cell {
                Cell::Text(text) if text.is_empty() => unnamed(column.name).to_owned(),
                cell => cell.shown(column.unit),
            };
            cells.map(text).collect()
        };
        let mut lines: Vec<Vec<String>> = vec![self.columns.iter().map(Column::heading).collect()];
        lines.extend(self.rows.iter().map(shown));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = String::new();
        for line in &lines {
            let cells = line.iter().zip(&widths).zip(&self.columns);
            let cells = cells.map(|((cell, width), column)| {
                if column.unit.is_number() {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:width$}")
                }
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    /// Formats as CSV with a line of names, as RFC 4180 has it.
    pub fn to_csv(&self) -> String {
        let quoted = |text: String| {
            if text.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text
            }
        };
        let names = self.columns.iter().map(|column| column.name.to_owned()).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(Cell::raw).collect());
        let lines = std::iter::once(names).chain(rows).map(|line: Vec<String>| {
            let cells: Vec<String> = line.into_iter().map(quoted).collect();
            format!("{}\r\n", cells.join(","))
        });
        lines.collect()
    }

    /// The rows as JSON objects.
    pub fn to_json(&self) -> Value {
        let row = |row: &Vec<Cell>| {
            let cells = row.iter().zip(&self.columns).map(|(cell, column)| {
                let value = match cell {
                    Cell::Text(text) => Value::from(text.as_str()),
                    Cell::Number(number) if column.unit == Unit::Count =>
                    {
                        #[expect(clippy::cast_possible_truncation, reason = "counts are whole and far below 2^53")]
                        Value::from(*number as i64)
                    }
                    Cell::Number(number) => Value::from(*number),
                    Cell::Null => Value::Null,
                };
                (column.name.to_owned(), value)
            });
            Value::Object(cells.collect::<Map<_, _>>())
        };
        Value::Array(self.rows.iter().map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |namespace: &str, cost: Cell| vec![Cell::Text(namespace.to_owned()), cost, Cell::Number(0.5)];
        let columns = ["namespace", "cost", "share"].map(Column::of).to_vec();
        let rows = vec![
            row("b", Cell::Null),
            row("a,\"x\"", Cell::Number(1_234_567.891)),
            row("", Cell::Number(-0.004)),
        ];
        Table::new("cost_by_namespace", columns, rows).sorted_by("cost")
    }

    #[test]
    fn text_is_aligned_with_units_and_thousands() {
        insta::assert_snapshot!(table().to_text(), @r#"
        namespace               cost   share
        a,"x"           1,234,567.89  50.0 %
        (no namespace)          0.00  50.0 %
        b                          –  50.0 %
        "#);
    }

    #[test]
    fn csv_and_json_have_every_digit() {
        assert_eq!(
            table().to_csv(),
            "namespace,cost,share\r\n\"a,\"\"x\"\"\",1234567.891,0.5\r\n,-0.004,0.5\r\nb,,0.5\r\n"
        );
        assert_eq!(
            table().to_json().to_string(),
            r#"[{"cost":1234567.891,"namespace":"a,\"x\"","share":0.5},{"cost":-0.004,"namespace":"","share":0.5},{"cost":null,"namespace":"b","share":0.5}]"#
        );
    }
}
