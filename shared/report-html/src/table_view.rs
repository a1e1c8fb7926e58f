//! Results of questions as tables of the page: the rows that matter most, and the sums of all.

use std::collections::{BTreeMap, BTreeSet};

use report::{
    daily::Daily,
    questions::Question,
    table::{Cell, Table, Unit, unnamed},
};
use serde::Serialize;

use crate::words::{count, short};

/// How many rows are shown before the reader wants more.
const SHOWN: usize = 10;
/// How many names a chart has colours for.
pub(crate) const STACKED: usize = 8;

/// How a result is shown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shape {
    /// The heading.
    pub(crate) title: &'static str,
    /// What to say where there are no rows.
    pub(crate) empty: &'static str,
    /// The column that has bars.
    pub(crate) bar: &'static str,
    /// The columns that are summed.
    pub(crate) sums: &'static [&'static str],
    /// The column without which a row counts in no sum, so that the sums agree; empty: all rows count.
    pub(crate) compared: &'static str,
    /// Columns that only a file of the table has.
    pub(crate) hidden: &'static [&'static str],
    /// The column that is not 0 in the rows that are listed; empty: all rows are.
    pub(crate) only: &'static str,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct TableView {
    pub(crate) id: String,
    /// The name of the SQL file that gives the same; empty where there is none.
    pub(crate) question: String,
    pub(crate) title: String,
    /// What the table says, in a sentence.
    pub(crate) what: String,
    pub(crate) empty: String,
    pub(crate) columns: Vec<ColumnView>,
    pub(crate) rows: Vec<Vec<CellView>>,
    /// Rows below those that are shown at first.
    pub(crate) more: Vec<Vec<CellView>>,
    pub(crate) foot: Vec<Vec<CellView>>,
    /// How many rows are listed, shown at first or not.
    pub(crate) listed: usize,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct ColumnView {
    pub(crate) name: String,
    pub(crate) heading: String,
    pub(crate) is_number: bool,
    /// Whether all rows have the same: only a file of the table has the column.
    pub(crate) is_hidden: bool,
    pub(crate) is_summed: bool,
    /// Whether rows without a value in it count in no sum.
    pub(crate) is_compared: bool,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct CellView {
    pub(crate) text: String,
    /// The value for programs, where the text is not it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) raw: Option<String>,
    /// How long a bar is, in hundredths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bar: Option<u8>,
    pub(crate) is_negative: bool,
}

impl CellView {
    fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    fn of(cell: &Cell, column: &report::table::Column, names: &Names) -> Self {
        let raw = match cell {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => short(*number),
            Cell::Null => String::new(),
        };
        let text = match (cell, column.unit) {
            (Cell::Text(text), Unit::Cluster) => names.short(text).to_owned(),
            (Cell::Text(text), _) if text.is_empty() => unnamed(column.name).to_owned(),
            _ => cell.shown(column.unit),
        };
        Self::numeric(text, raw)
    }

    fn numeric(text: String, raw: String) -> Self {
        let is_negative = raw.starts_with('-');
        let text = if is_negative {
            text.replacen('-', "−", 1)
        } else {
            text
        };
        let same = text == raw;
        Self {
            text,
            raw: (!same).then_some(raw),
            bar: None,
            is_negative,
        }
    }

    fn number(number: f64, unit: Unit) -> Self {
        Self::numeric(Cell::Number(number).shown(unit), short(number))
    }
}

/// Clusters as people call them: by their name alone, where that is enough.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    pub(crate) fn new(clusters: impl Iterator<Item = String>) -> Self {
        let clusters: Vec<String> = clusters.collect();
        let name = |id: &str| id.rsplit('/').next().unwrap_or(id).to_owned();
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for id in &clusters {
            *times.entry(name(id)).or_default() += 1;
        }
        let short = clusters.into_iter().map(|id| {
            let name = name(&id);
            let is_one = times.get(&name) == Some(&1);
            (id.clone(), if is_one { name } else { id })
        });
        Self(short.collect())
    }

    pub(crate) fn short<'a>(&'a self, id: &'a str) -> &'a str {
        self.0.get(id).map_or(id, String::as_str)
    }

    /// The names of all clusters by their ids.
    pub(crate) fn all(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

/// A result as a table of at most `most` rows.
pub(crate) fn view(table: &Table, shape: &Shape, names: &Names, most: usize) -> TableView {
    let currency = table.column("currency");
    // One currency is in the page's foot; one cluster is in its head.
    let is_one = |index: usize| {
        table
            .rows
            .iter()
            .map(|row| row[index].text())
            .collect::<BTreeSet<_>>()
            .len()
            < 2
    };
    let columns: Vec<ColumnView> = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| ColumnView {
            name: column.name.to_owned(),
            heading: column.heading(),
            is_number: column.unit.is_number(),
            is_hidden: shape.hidden.contains(&column.name)
                || (column.name == "currency" && is_one(index))
                || (column.name == "cluster_id" && names.all().len() < 2),
            is_summed: shape.sums.contains(&column.name),
            is_compared: column.name == shape.compared,
        })
        .collect();
    let only = table.column(shape.only);
    let is_listed = |row: &&Vec<Cell>| only.is_none_or(|only| row[only].number().is_some_and(|number| number != 0.0));
    let (mut listed, others): (Vec<_>, Vec<_>) = table.rows.iter().partition(is_listed);
    let beyond = listed.split_off(listed.len().min(most));
    let others: Vec<&Vec<Cell>> = beyond.into_iter().chain(others).collect();
    let largest = bars(table, shape.bar, currency);
    let row = |row: &&Vec<Cell>| -> Vec<CellView> {
        let cells = row.iter().zip(&table.columns);
        cells
            .map(|(cell, column)| {
                let mut view = CellView::of(cell, column, names);
                if column.name == shape.bar {
                    let largest = largest.get(currency.map_or("", |index| row[index].text()));
                    view.bar = cell
                        .number()
                        .zip(largest)
                        .and_then(|(number, largest)| hundredths(number, *largest));
                }
                view
            })
            .collect()
    };
    let mut rows: Vec<Vec<CellView>> = listed.iter().map(row).collect();
    // One row more is not worth a click.
    let more = if rows.len() > SHOWN + 1 {
        rows.split_off(SHOWN)
    } else {
        Vec::new()
    };
    TableView {
        id: table.name.replace('_', "-"),
        question: Question::of(table.name).map_or("", |question| question.name).to_owned(),
        title: shape.title.to_owned(),
        what: Question::of(table.name).map_or("", Question::what).to_owned(),
        empty: shape.empty.to_owned(),
        rows,
        more,
        foot: foot(table, &columns, currency, &others),
        columns,
        listed: listed.len(),
    }
}

/// The largest magnitude of a column in each currency.
fn bars<'a>(table: &'a Table, bar: &str, currency: Option<usize>) -> BTreeMap<&'a str, f64> {
    let mut largest: BTreeMap<&str, f64> = BTreeMap::new();
    if let Some(index) = table.column(bar) {
        for row in &table.rows {
            let known = largest
                .entry(currency.map_or("", |index| row[index].text()))
                .or_default();
            *known = known.max(row[index].number().unwrap_or_default().abs());
        }
    }
    largest
}

fn hundredths(number: f64, largest: f64) -> Option<u8> {
    let share = number.abs() / largest;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 100"
    )]
    share.is_finite().then(|| (share.clamp(0.0, 1.0) * 100.0).round() as u8)
}

/// The sums of each currency: of the rows that are not listed, and of all.
fn foot(table: &Table, columns: &[ColumnView], currency: Option<usize>, others: &[&Vec<Cell>]) -> Vec<Vec<CellView>> {
    if table.rows.len() < 2 || !columns.iter().any(|column| column.is_summed) {
        return Vec::new();
    }
    let name = |row: &Vec<Cell>| currency.map_or_else(String::new, |index| row[index].text().to_owned());
    let currencies: BTreeSet<String> = table.rows.iter().map(name).collect();
    let all: Vec<&Vec<Cell>> = table.rows.iter().collect();
    let place = |(index, column): (usize, &ColumnView)| {
        (!column.is_hidden && !column.is_number && Some(index) != currency).then_some(index)
    };
    let label_place = columns.iter().enumerate().find_map(place);
    let compared = columns.iter().position(|column| column.is_compared);
    let counts = |row: &Vec<Cell>| compared.is_none_or(|compared| row[compared].number().is_some());
    let line = |label: String, rows: &[&Vec<Cell>], wanted: &str| -> Vec<CellView> {
        let cells = table.columns.iter().enumerate().map(|(index, column)| {
            if Some(index) == currency {
                CellView::text(wanted)
            } else if columns[index].is_summed {
                let of_currency = rows.iter().filter(|row| name(row) == wanted && counts(row));
                CellView::number(of_currency.filter_map(|row| row[index].number()).sum(), column.unit)
            } else if Some(index) == label_place {
                CellView::text(label.clone())
            } else {
                CellView::default()
            }
        });
        cells.collect()
    };
    let mut foot = Vec::new();
    for wanted in &currencies {
        let number = others.iter().filter(|row| name(row) == *wanted).count();
        if number > 0 {
            foot.push(line(count(number, "other"), others, wanted));
        }
        foot.push(line("Total".to_owned(), &all, wanted));
    }
    foot
}

/// By what a chart is stacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dimension {
    Namespace,
    Cluster,
    Team,
}

/// The names that have a colour in a chart by a dimension, and where the others are.
struct Stack<'a> {
    names: &'a [String],
    /// Whether idle costs are apart: they have no namespace and no team.
    has_idle: bool,
}

impl Stack<'_> {
    /// Where a series is: among the names, behind them with all others, or last with idle costs.
    fn place(&self, index: Option<usize>, is_idle: bool) -> usize {
        if is_idle && self.has_idle {
            self.names.len() + 1
        } else {
            index.map_or(self.names.len(), |index| index.min(self.names.len()))
        }
    }
}

/// The costs of each day by a dimension, the newest day first: the table of a chart.
pub(crate) fn days(daily: &Daily, dimension: Dimension, label: &str, names: &Names, most: usize) -> TableView {
    let (word, all) = match dimension {
        Dimension::Namespace => ("namespace", &daily.namespaces),
        Dimension::Cluster => ("cluster", &daily.clusters),
        Dimension::Team => ("team", &daily.teams),
    };
    let stack = Stack {
        names: &all[..all.len().min(STACKED)],
        has_idle: dimension != Dimension::Cluster,
    };
    let places = stack.names.len() + 2;
    let idle = daily.kinds.iter().position(|kind| kind == "idle");
    // By currency and day: of each name, of all others, and of idle costs.
    let mut sums: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
    for series in &daily.series {
        let index = match dimension {
            Dimension::Namespace => series.namespace,
            Dimension::Cluster => series.cluster,
            Dimension::Team => series.team,
        };
        let place = stack.place(index, Some(series.kind) == idle);
        for (day, cost) in series.costs.iter().enumerate() {
            if let Some(cost) = cost {
                let sums = sums.entry((series.currency, day)).or_insert_with(|| vec![0.0; places]);
                sums[place] += cost;
            }
        }
    }
    let shown = |name: &str| match (dimension, name) {
        (Dimension::Cluster, id) => names.short(id).to_owned(),
        (_, "") => unnamed(word).to_owned(),
        (_, name) => name.to_owned(),
    };
    let column = |name: &str, heading: &str, is_number: bool| ColumnView {
        name: name.to_owned(),
        heading: heading.to_owned(),
        is_number,
        is_summed: is_number,
        is_hidden: name == "currency" && daily.currencies.len() < 2,
        is_compared: false,
    };
    let is_used: Vec<bool> = (0..places)
        .map(|place| sums.values().any(|sums| sums[place] != 0.0))
        .collect();
    let mut columns = vec![column("day", "day", false), column("currency", "currency", false)];
    let headings = stack.names.iter().map(|name| (name.as_str(), shown(name)));
    let headings = headings.chain([("(other)", "other".to_owned()), ("(idle)", "idle".to_owned())]);
    let used = headings.zip(&is_used).filter(|(_, is_used)| **is_used);
    columns.extend(used.map(|((name, heading), _)| column(name, &heading, true)));
    columns.push(column("(total)", "total", true));
    let line = |day: String, currency: usize, sums: &[f64]| -> Vec<CellView> {
        let currency = daily.currencies.get(currency).cloned().unwrap_or_default();
        let mut cells = vec![CellView::text(day), CellView::text(currency)];
        let used = sums.iter().zip(&is_used).filter(|(_, is_used)| **is_used);
        cells.extend(used.map(|(cost, _)| CellView::number(*cost, Unit::Money)));
        cells.push(CellView::number(sums.iter().sum(), Unit::Money));
        cells
    };
    let mut newest: Vec<_> = sums.iter().collect();
    newest.sort_by_key(|((currency, day), _)| (std::cmp::Reverse(*day), *currency));
    let rows: Vec<_> = newest
        .iter()
        .take(most)
        .map(|((currency, day), sums)| {
            let day = daily.days.get(*day).map(ToString::to_string);
            line(day.unwrap_or_default(), *currency, sums)
        })
        .collect();
    let mut foot = Vec::new();
    for currency in 0..daily.currencies.len() {
        let mut add = |label: &str, skipped: usize| {
            let mut total = vec![0.0; places];
            for (_, sums) in newest.iter().skip(skipped).filter(|((own, _), _)| *own == currency) {
                for (total, cost) in total.iter_mut().zip(sums.iter()) {
                    *total += cost;
                }
            }
            foot.push(line(label.to_owned(), currency, &total));
        };
        if newest.len() > most {
            add("earlier days", most);
        }
        add("Total", 0);
    }
    let by = if dimension == Dimension::Team { label } else { word };
    TableView {
        id: format!("days-by-{word}"),
        title: format!("By {by}"),
        what: format!("Cost per day by {by}"),
        columns,
        listed: rows.len(),
        rows,
        foot,
        ..TableView::default()
    }
}

#[cfg(test)]
mod tests {
    use report::table::Column;

    use super::*;

    fn table() -> Table {
        let columns = ["currency", "cluster_id", "namespace", "cost"].map(Column::of).to_vec();
        let row = |currency: &str, namespace: &str, cost: f64| {
            let texts = [currency, "111122223333/eu-west-1/one", namespace];
            let mut row: Vec<Cell> = texts.map(|text| Cell::Text(text.to_owned())).to_vec();
            row.push(Cell::Number(cost));
            row
        };
        let rows = vec![
            row("USD", "a", 2_000.0),
            row("USD", "", -500.0),
            row("EUR", "b", 0.5),
            row("USD", "c", 1.0),
        ];
        Table::new("cost_by_namespace", columns, rows)
    }

    #[test]
    fn currencies_are_summed_apart_and_rows_that_are_not_listed_are_counted() {
        let names = Names::new(["111122223333/eu-west-1/one".to_owned()].into_iter());
        let shape = Shape {
            bar: "cost",
            sums: &["cost"],
            ..Shape::default()
        };
        let view = view(&table(), &shape, &names, 2);
        let texts = |rows: &[Vec<CellView>]| -> Vec<String> {
            let text = |row: &Vec<CellView>| row.iter().map(|cell| cell.text.clone()).collect::<Vec<_>>().join("|");
            rows.iter().map(text).collect()
        };
        assert_eq!(
            texts(&view.rows),
            ["USD|one|a|2,000.00", "USD|one|(no namespace)|−500.00"]
        );
        let foot = [
            "EUR||1 other|0.50",
            "EUR||Total|0.50",
            "USD||1 other|1.00",
            "USD||Total|1,501.00",
        ];
        assert_eq!(texts(&view.foot), foot);
        assert_eq!(view.rows[1][3].raw.as_deref(), Some("-500"));
        assert_eq!(
            [&view.rows[0][3], &view.rows[1][3]].map(|cell| cell.bar),
            [Some(100), Some(25)]
        );
        assert!(view.columns[1].is_hidden && !view.columns[0].is_hidden);
    }

    #[test]
    fn rows_that_cannot_be_compared_count_in_no_sum() {
        let columns = ["namespace", "previous_per_day", "change_per_day"];
        let row = |previous: f64, change: Option<f64>| {
            let change = change.map_or(Cell::Null, Cell::Number);
            vec![Cell::Text("a".to_owned()), Cell::Number(previous), change]
        };
        let rows = vec![row(5.0, Some(-1.0)), row(7.0, None), row(2.0, Some(0.5))];
        let table = Table::new("top_movers", columns.map(Column::of).to_vec(), rows);
        let shape = Shape {
            sums: &["previous_per_day", "change_per_day"],
            compared: "change_per_day",
            ..Shape::default()
        };
        let view = view(&table, &shape, &Names::default(), 100);
        let foot: Vec<&str> = view.foot[0].iter().map(|cell| cell.text.as_str()).collect();
        assert_eq!(foot, ["Total", "7.00", "−0.50"]);
    }

    #[test]
    fn clusters_of_one_name_keep_their_account_and_region() {
        let names = Names::new(["1/a/x", "2/a/x", "1/a/y"].map(str::to_owned).into_iter());
        assert_eq!(["1/a/x", "1/a/y"].map(|id| names.short(id)), ["1/a/x", "y"]);
    }
}
