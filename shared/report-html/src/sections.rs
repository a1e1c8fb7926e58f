//! The sections of the page, what people look at first on top, and how each result is shown.

use report::{
    Cubes, results,
    share::{self, Policy},
    status::{ClusterStatus, Status},
    table::{Cell, Column, Table},
    units::moment,
};
use serde::Serialize;

use crate::{
    headline::Sources,
    table_view::{Names, Shape, TableView, view},
};

/// A section.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Section {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) tables: Vec<TableView>,
    /// What to know about the section; empty for nothing.
    pub(crate) note: String,
    /// Whether two tables stand side by side, since they are narrow.
    pub(crate) is_paired: bool,
}

/// Everything that the sections show.
pub(crate) struct Parts<'a> {
    pub(crate) cubes: &'a Cubes,
    pub(crate) status: &'a Status,
    pub(crate) sources: &'a Sources,
    pub(crate) policy: Option<&'a Policy>,
    /// How the policy is written.
    pub(crate) policy_text: &'a str,
    /// The label that names teams; empty for none.
    pub(crate) label: &'a str,
    pub(crate) names: &'a Names,
}

/// All sections, with tables of at most `most` rows.
pub(crate) fn sections(parts: &Parts<'_>, most: usize) -> Vec<Section> {
    let of = |name: &'static str, shape: Shape| {
        let table = match name {
            "idle_by_node_group" => parts.sources.idle.clone(),
            "efficiency" => parts.sources.efficiency.clone(),
            _ => results::result(parts.cubes, name).unwrap_or_else(|| Table::new(name, Vec::new(), Vec::new())),
        };
        view(&table, &shape, parts.names, most)
    };
    let mut sections = vec![
        Section {
            id: "namespaces",
            title: "Namespaces and months",
            tables: vec![
                of(
                    "cost_by_namespace",
                    Shape {
                        title: "By namespace",
                        bar: "cost",
                        sums: &["cost"],
                        ..Shape::default()
                    },
                ),
                of(
                    "cost_by_month",
                    Shape {
                        title: "By month",
                        bar: "cost",
                        sums: &["cost"],
                        ..Shape::default()
                    },
                ),
            ],
            note: String::new(),
            is_paired: true,
        },
        Section {
            id: "changes",
            title: "What changed",
            tables: vec![
                of(
                    "top_movers",
                    Shape {
                        title: "Top movers",
                        bar: "change_per_day",
                        sums: &["previous_per_day", "newest_per_day", "change_per_day"],
                        compared: "change_per_day",
                        ..Shape::default()
                    },
                ),
                of(
                    "anomalies",
                    Shape {
                        title: "Unusual days",
                        empty: "No namespace had an unusual day in the newest week.",
                        ..Shape::default()
                    },
                ),
            ],
            note: "Costs are averages per day: the newest 7 days against the 7 days before them. Sums are of clusters that have days in both."
                .to_owned(),
            is_paired: false,
        },
    ];
    sections.push(teams(parts, most));
    sections.extend([
        Section {
            id: "waste",
            title: "Idle and unused",
            tables: vec![
                of(
                    "idle_by_node_group",
                    Shape {
                        title: "Idle by node group",
                        bar: "idle_cost",
                        sums: &["node_cost", "idle_cost"],
                        ..Shape::default()
                    },
                ),
                of(
                    "efficiency",
                    Shape {
                        title: "Efficiency by workload",
                        bar: "unused_cost",
                        sums: &["cost", "unused_cost"],
                        hidden: &["controller_kind"],
                        ..Shape::default()
                    },
                ),
            ],
            note: String::new(),
            is_paired: false,
        },
        Section {
            id: "capacity",
            title: "Spot and GPUs",
            tables: vec![
                of(
                    "spot_savings",
                    Shape {
                        title: "Spot against on-demand",
                        bar: "cost",
                        sums: &["cpu_core_hours", "cost", "saved"],
                        ..Shape::default()
                    },
                ),
                of(
                    "gpu",
                    Shape {
                        title: "GPUs by model",
                        empty: "No row has the cost of a GPU.",
                        bar: "cost",
                        sums: &["gpu_hours", "cost"],
                        ..Shape::default()
                    },
                ),
            ],
            note: String::new(),
            is_paired: false,
        },
        Section {
            id: "storage",
            title: "Volumes and load balancers",
            tables: vec![
                of(
                    "volumes",
                    Shape {
                        title: "Volumes",
                        empty: "No row has the cost of a volume.",
                        bar: "cost",
                        sums: &["gib_hours", "cost"],
                        ..Shape::default()
                    },
                ),
                of(
                    "load_balancers",
                    Shape {
                        title: "Load balancers",
                        empty: "No row has the cost of a load balancer.",
                        bar: "cost",
                        sums: &["cost"],
                        ..Shape::default()
                    },
                ),
            ],
            note: String::new(),
            is_paired: false,
        },
        quality(parts, most),
    ]);
    sections
}

fn teams(parts: &Parts<'_>, most: usize) -> Section {
    let label = parts.label;
    if label.is_empty() {
        return Section {
            id: "teams",
            title: "Teams",
            tables: Vec::new(),
            note: "No label has a column in this lake. With --by-label KEY, kubecost-lake report takes teams from the maps of labels, which is slower."
                .to_owned(),
            is_paired: false,
        };
    }
    let mut by_team = match parts.policy {
        Some(policy) => view(
            &share::showback(parts.cubes, policy),
            &Shape {
                title: "Showback",
                bar: "cost",
                sums: &["own_cost", "idle_cost", "shared_cost", "cost"],
                ..Shape::default()
            },
            parts.names,
            most,
        ),
        None => view(
            &results::result(parts.cubes, results::COST_BY_TEAM)
                .unwrap_or_else(|| Table::new(results::COST_BY_TEAM, Vec::new(), Vec::new())),
            &Shape {
                title: "Cost by team",
                bar: "cost",
                sums: &["own_cost", "idle_cost", "cost"],
                ..Shape::default()
            },
            parts.names,
            most,
        ),
    };
    let mut note = format!("Teams are the values of the label {label}.");
    if parts.cubes.lacks_label() {
        note.push_str(" No row has it, so that no cost has a team.");
    }
    if parts.policy.is_some() {
        by_team.question = String::new();
        by_team.what = format!(
            "Costs are distributed by the rules {}, in whole cents that add up to the total.",
            parts.policy_text
        );
    } else {
        note.push_str(" Idle costs of each cluster are distributed over its teams by their own costs.");
    }
    let coverage = results::result(parts.cubes, "label_coverage");
    let coverage = coverage.map(|table| {
        view(
            &table,
            &Shape {
                title: "Cost without a team",
                bar: "cost_without_team",
                only: "cost_without_team",
                empty: "All costs have a team.",
                sums: &["cost", "cost_without_team"],
                ..Shape::default()
            },
            parts.names,
            most,
        )
    });
    Section {
        id: "teams",
        title: "Teams",
        tables: std::iter::once(by_team).chain(coverage).collect(),
        note,
        is_paired: true,
    }
}

/// What the files' own records say of the clusters' days.
fn records(status: &Status) -> Table {
    let names = [
        "cluster_id",
        "days",
        "missing_days",
        "partial_days",
        "quarantined_days",
        "days_without_assets",
        "computed_totals",
        "unknown_fields",
        "newest_run",
    ];
    let row = |id: String, cluster: &ClusterStatus| {
        let number = |number: usize| Cell::Number(number as f64);
        let run = cluster.newest_run.map(|run| moment(run.began()));
        vec![
            Cell::Text(id),
            number(cluster.days.len()),
            number(cluster.gaps.len()),
            number(cluster.partial.len()),
            number(cluster.quarantined.len()),
            number(cluster.without_assets.len()),
            Cell::Number(cluster.computed_totals as f64),
            Cell::Number(cluster.unknown_fields as f64),
            Cell::Text(run.unwrap_or_default()),
        ]
    };
    let rows = status.clusters.iter().map(|(id, cluster)| row(id.to_string(), cluster));
    let columns = names.map(Column::of).to_vec();
    Table::new("records", columns, rows.collect())
}

fn quality(parts: &Parts<'_>, most: usize) -> Section {
    let mut records = view(
        &records(parts.status),
        &Shape {
            title: "Days",
            ..Shape::default()
        },
        parts.names,
        most,
    );
    records.what = "Which days does the lake have, and what do their records say? Of the whole lake, also days that this report leaves out.".to_owned();
    let mut findings = view(
        &parts.status.findings(),
        &Shape {
            title: "Findings",
            empty: "No day is missing, partial, quarantined or without assets.",
            ..Shape::default()
        },
        parts.names,
        most,
    );
    findings.what = "Which days are missing or wrong, and why?".to_owned();
    let rows = results::result(parts.cubes, "data_quality").map(|table| {
        view(
            &table,
            &Shape {
                title: "Rows",
                ..Shape::default()
            },
            parts.names,
            most,
        )
    });
    let is_complete = if parts.status.is_complete() {
        "The lake is complete: each cluster has all days between its first and last one, and none is partial or quarantined."
    } else {
        "Something is missing or wrong: costs of those days are too low."
    };
    Section {
        id: "quality",
        title: "Data quality",
        tables: [findings, records].into_iter().chain(rows).collect(),
        note: format!(
            "{is_complete} The total of each day was compared with that of the source when the day was converted; a day that differed is quarantined. \
             Costs in different currencies are never added."
        ),
        is_paired: false,
    }
}
