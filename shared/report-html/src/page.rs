//! The page as a whole.

use chrono::{DateTime, Utc};
use contract::day::Day;
use minijinja::{AutoEscape, Environment, Value, context, syntax::SyntaxConfig, value::Serde};
use report::{Cubes, share::Policy, status::Status};

use crate::{
    assets::{CHARTS, SCRIPT, STYLE, policy},
    data::{Data, data},
    headline::{Sources, headlines},
    sections::{Parts, sections},
    table_view::{Dimension, Names, days},
    words::count,
};

/// The largest page.
pub const MAX_BYTES: usize = 1_500_000;

/// How many rows a table lists at most, by each attempt to fit all into the page.
const ROWS: [usize; 5] = [100, 50, 25, 10, 3];

/// What a page is made of.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The costs.
    pub cubes: &'a Cubes,
    /// The state of the lake.
    pub status: &'a Status,
    /// The lake as the user named it.
    pub place: &'a str,
    /// The label that names teams, as in Kubernetes; empty for none.
    pub label: &'a str,
    /// How shared costs are distributed, with the text that the user wrote; `None`: only idle costs, proportionally.
    pub policy: Option<(&'a Policy, &'a str)>,
    /// When the report is made.
    pub now: DateTime<Utc>,
    /// The version of the program.
    pub version: &'a str,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A template failed: a fault of the program.
    #[error("the report's template failed: {0}")]
    Template(#[from] minijinja::Error),
    /// The names are too long for a page, even with few rows.
    #[error("the report has {0} bytes, more than {MAX_BYTES}: select fewer days or another label")]
    TooLarge(usize),
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("table.html", include_str!("../assets/table.html"))?;
    environment.add_template("page.html", include_str!("../assets/page.html"))?;
    Ok(environment)
}

/// Renders the report: one HTML file of at most [`MAX_BYTES`] that loads nothing.
///
/// # Errors
/// When names are so long that the page would be larger.
pub fn render(input: &Input<'_>) -> Result<String, RenderError> {
    let environment = environment()?;
    let template = environment.get_template("page.html")?;
    let sources = Sources::new(input.cubes);
    let data = data(input.cubes, &sources.idle, &sources.efficiency);
    let names = Names::new(input.status.clusters.keys().map(ToString::to_string));
    let mut bytes = 0;
    for most in ROWS {
        let page = template.render(page(input, &sources, &data, &names, most))?;
        bytes = page.len();
        if bytes <= MAX_BYTES {
            return Ok(page);
        }
    }
    Err(RenderError::TooLarge(bytes))
}

fn page(input: &Input<'_>, sources: &Sources, data: &Data, names: &Names, most: usize) -> Value {
    let parts = Parts {
        cubes: input.cubes,
        status: input.status,
        sources,
        policy: input.policy.map(|(policy, _)| policy),
        policy_text: input.policy.map_or("", |(_, text)| text),
        label: input.label,
        names,
    };
    let daily = &data.daily;
    let mut charts = vec![(Dimension::Namespace, "namespace")];
    if daily.clusters.len() > 1 {
        charts.push((Dimension::Cluster, "cluster"));
    }
    if !input.label.is_empty() {
        charts.push((Dimension::Team, "team"));
    }
    let charts: Vec<Value> = charts
        .into_iter()
        .map(|(dimension, word)| context! { word, table => Value::from(Serde(days(daily, dimension, input.label, names, most))) })
        .collect();
    let range = match (daily.days.first(), daily.days.last()) {
        (Some(first), Some(last)) if first == last => long(*first),
        (Some(first), Some(last)) => format!("{} to {}", long(*first), long(*last)),
        _ => String::new(),
    };
    context! {
        policy => policy(),
        style => Value::from_safe_string(STYLE.to_owned()),
        charts_script => Value::from_safe_string(CHARTS.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        data => Value::from_safe_string(data.json.clone()),
        names => Value::from_safe_string(crate::words::json_for_script(&serde_json::json!(names.all()).to_string())),
        is_empty => daily.days.is_empty(),
        is_complete => input.status.is_complete(),
        range,
        days => count(daily.days.len(), "day"),
        clusters => count(daily.clusters.len(), "cluster"),
        many_currencies => daily.currencies.len() > 1,
        currency => daily.currencies.first(),
        headlines => Value::from(Serde(headlines(sources))),
        charts,
        sections => Value::from(Serde(sections(&parts, most))),
        label => input.label,
        place => input.place,
        now => input.now.format("%-d %B %Y, %H:%M").to_string(),
        version => input.version,
    }
}

/// A day in words: `20 November 2026`.
fn long(day: Day) -> String {
    day.date().format("%-d %B %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_lake_has_a_page_without_scripts_and_places_are_text() {
        let page = render(&Input {
            cubes: &Cubes::default(),
            status: &Status::default(),
            place: "<b>lake</b>",
            label: "team",
            policy: None,
            now: DateTime::UNIX_EPOCH,
            version: "0",
        });
        let page = page.unwrap();
        assert!(
            page.contains("&lt;b&gt;lake&lt;&#x2f;b&gt; has no days") && !page.contains("<script"),
            "{page}"
        );
        assert!(page.contains("on 1 January 1970, 00:00 UTC"));
        assert_eq!(long("2026-11-05".parse().unwrap()), "5 November 2026");
    }
}
