//! Showback: idle and shared costs distributed over teams, so that the teams add up to the total exactly.

use std::{collections::BTreeMap, str::FromStr};

use crate::{
    cube::Cubes,
    names::Id,
    results::columns,
    table::{Cell, Table},
};

/// How a cost is distributed over teams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// By the teams' own costs.
    Proportional,
    /// To each team the same.
    Even,
    /// Not at all.
    None,
}

/// Which costs are distributed, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Idle costs.
    pub idle: Share,
    /// The costs of namespaces that all teams use, such as `kube-system`.
    pub namespaces: BTreeMap<String, Share>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            idle: Share::Proportional,
            namespaces: BTreeMap::new(),
        }
    }
}

/// The text is not a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a rule for shared costs: expected idle=proportional|even|none or namespaces=NAME:proportional|even, separated by commas, as in \
     idle=proportional,namespaces=kube-system:even"
)]
pub struct PolicyError(String);

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let mut policy = Self::default();
        let mut is_namespaces = false;
        for rule in text.split(',').map(str::trim).filter(|rule| !rule.is_empty()) {
            let error = || PolicyError(rule.to_owned());
            let share = |word: &str| match word {
                "proportional" => Ok(Share::Proportional),
                "even" => Ok(Share::Even),
                "none" => Ok(Share::None),
                _ => Err(error()),
            };
            let namespace = match rule.split_once('=') {
                Some(("idle", word)) => {
                    policy.idle = share(word)?;
                    is_namespaces = false;
                    continue;
                }
                Some(("namespaces", namespace)) => {
                    is_namespaces = true;
                    namespace
                }
                // More namespaces of the list.
                None if is_namespaces => rule,
                _ => return Err(error()),
            };
            let (namespace, word) = namespace.split_once(':').ok_or_else(error)?;
            if namespace.is_empty() {
                return Err(error());
            }
            policy.namespaces.insert(namespace.to_owned(), share(word)?);
        }
        Ok(policy)
    }
}

/// The fraction of a currency's unit that amounts are rounded to. Currencies without cents are rounded to theirs too:
/// the sums agree all the same.
const MINOR_UNITS: f64 = 100.0;

/// Splits an amount of minor units by weights, so that the parts add up to it: each part is rounded down, and what is
/// left goes to the parts with the largest remainders. Without a positive weight there are no parts.
pub fn split(amount: i64, weights: &[f64]) -> Option<Vec<i64>> {
    let weight = |weight: f64| if weight.is_finite() { weight.max(0.0) } else { 0.0 };
    let total: f64 = weights.iter().map(|value| weight(*value)).sum();
    if !(total > 0.0 && total.is_finite()) {
        return None;
    }
    let magnitude = amount.unsigned_abs();
    let exact = weights.iter().map(|value| magnitude as f64 * (weight(*value) / total));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "parts of the amount are not negative and no larger than it"
    )]
    let mut parts: Vec<(u64, f64)> = exact.map(|exact| (exact.floor() as u64, exact.fract())).collect();
    // Rounding of the products can exceed the amount by some units.
    let mut sum: u64 = parts.iter().map(|(part, _)| part).sum();
    while sum > magnitude {
        let largest = parts.iter_mut().max_by_key(|(part, _)| *part)?;
        let excess = (sum - magnitude).min(largest.0);
        largest.0 -= excess;
        sum -= excess;
    }
    let mut order: Vec<usize> = (0..parts.len()).filter(|index| weight(weights[*index]) > 0.0).collect();
    order.sort_by(|one, other| parts[*other].1.total_cmp(&parts[*one].1));
    for index in order.into_iter().cycle() {
        if sum >= magnitude {
            break;
        }
        parts[index].0 += 1;
        sum += 1;
    }
    let signed = parts.into_iter().map(|(part, _)| {
        let part = i64::try_from(part).unwrap_or(i64::MAX);
        if amount < 0 { -part } else { part }
    });
    Some(signed.collect())
}

/// Rounds amounts to minor units, so that they add up to their rounded sum.
fn rounded(amounts: &[f64]) -> Vec<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "amounts of money are far below 2^63 cents"
    )]
    let minor = |amount: f64| (amount * MINOR_UNITS).round() as i64;
    let mut parts: Vec<i64> = amounts.iter().map(|amount| minor(*amount)).collect();
    let mut difference = minor(amounts.iter().sum()) - parts.iter().sum::<i64>();
    let error = |index: usize, parts: &[i64]| amounts[index] * MINOR_UNITS - parts[index] as f64;
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|one, other| error(*other, &parts).total_cmp(&error(*one, &parts)));
    if difference < 0 {
        order.reverse();
    }
    for index in order.into_iter().cycle() {
        if difference == 0 {
            break;
        }
        parts[index] += difference.signum();
        difference -= difference.signum();
    }
    parts
}

/// What the teams of a cluster bear, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct TeamCosts {
    own: i64,
    idle: i64,
    shared: i64,
}

/// The teams' costs with idle and shared costs distributed in each cluster. The column `cost` adds up to the total of
/// the currency in minor units. What cannot be distributed, since a cluster has no other costs, has no team.
pub fn showback(cubes: &Cubes, policy: &Policy) -> Table {
    // A pot is what is distributed by one rule; own costs are not.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Pot<'a> {
        Own(Id),
        Idle,
        Namespace(&'a str),
    }
    let mut clusters: BTreeMap<(Id, Id), BTreeMap<Pot<'_>, f64>> = BTreeMap::new();
    for (key, _, cost) in cubes.daily() {
        let namespace = cubes.names.text(key.namespace);
        let shared = policy.namespaces.get_key_value(namespace);
        let pot = if cubes.is(key.kind, "idle") && policy.idle != Share::None {
            Pot::Idle
        } else if let Some((namespace, share)) = shared
            && *share != Share::None
        {
            Pot::Namespace(namespace)
        } else {
            Pot::Own(key.team)
        };
        let pots = clusters.entry((key.currency, key.cluster)).or_default();
        *pots.entry(pot).or_default() += cost;
    }
    // Rounding over all clusters of a currency, so that the total is the rounded total.
    let mut currencies: BTreeMap<Id, Vec<(Id, Pot<'_>, f64)>> = BTreeMap::new();
    for ((currency, cluster), pots) in &clusters {
        let entries = currencies.entry(*currency).or_default();
        entries.extend(pots.iter().map(|(pot, cost)| (*cluster, *pot, *cost)));
    }
    let mut teams: BTreeMap<(Id, Id), TeamCosts> = BTreeMap::new();
    for (currency, entries) in currencies {
        let amounts: Vec<f64> = entries.iter().map(|(.., cost)| *cost).collect();
        let minor = rounded(&amounts);
        for ((cluster, pot, _), amount) in entries.iter().zip(&minor) {
            let share = match pot {
                Pot::Own(team) => {
                    teams.entry((currency, *team)).or_default().own += amount;
                    continue;
                }
                Pot::Idle => policy.idle,
                Pot::Namespace(namespace) => policy.namespaces.get(*namespace).copied().unwrap_or(Share::None),
            };
            let owners: Vec<(Id, f64)> = entries
                .iter()
                .filter(|(other, ..)| other == cluster)
                .filter_map(|(_, pot, cost)| match pot {
                    Pot::Own(team) => Some((*team, *cost)),
                    _ => None,
                })
                .collect();
            let weights: Vec<f64> = owners
                .iter()
                .map(|(_, cost)| if share == Share::Even { 1.0 } else { *cost })
                .collect();
            let parts = split(*amount, &weights);
            let parts = parts.map_or_else(
                || vec![(crate::names::EMPTY, *amount)],
                |parts| owners.iter().map(|(team, _)| *team).zip(parts).collect(),
            );
            for (team, part) in parts {
                let costs_of_team = teams.entry((currency, team)).or_default();
                match pot {
                    Pot::Idle => costs_of_team.idle += part,
                    _ => costs_of_team.shared += part,
                }
            }
        }
    }
    let money = |minor: i64| Cell::Number(minor as f64 / MINOR_UNITS);
    let rows = teams.into_iter().map(|((currency, team), costs_of_team)| {
        vec![
            cubes.text(currency),
            cubes.text(team),
            money(costs_of_team.own),
            money(costs_of_team.idle),
            money(costs_of_team.shared),
            money(costs_of_team.own + costs_of_team.idle + costs_of_team.shared),
        ]
    });
    let names = ["currency", "team", "own_cost", "idle_cost", "shared_cost", "cost"];
    Table::new("cost_by_team", columns(&names), rows.collect()).sorted_by("cost")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_policy_is_read_as_it_is_written() {
        let policy: Policy = "idle=even,namespaces=kube-system:even,monitoring:proportional"
            .parse()
            .unwrap();
        assert_eq!(policy.idle, Share::Even);
        assert_eq!(policy.namespaces["kube-system"], Share::Even);
        assert_eq!(policy.namespaces["monitoring"], Share::Proportional);
        assert_eq!("".parse(), Ok(Policy::default()));
        for wrong in [
            "idle=x",
            "kube-system:even",
            "namespaces=a",
            "namespaces=:even",
            "other=even",
        ] {
            assert!(wrong.parse::<Policy>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_largest_remainders_get_what_is_left() {
        assert_eq!(split(100, &[1.0, 1.0, 1.0]), Some(vec![34, 33, 33]));
        assert_eq!(split(-100, &[1.0, 2.0]), Some(vec![-33, -67]));
        assert_eq!(split(5, &[0.0, -1.0]), None);
        assert_eq!(rounded(&[0.004, 0.004, 0.004]), vec![1, 0, 0]);
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_amount(amount in -10_000_000_000_i64..10_000_000_000, weights in prop::collection::vec(-10.0..1e9_f64, 1..40)) {
            if let Some(parts) = split(amount, &weights) {
                prop_assert_eq!(parts.iter().sum::<i64>(), amount);
                for (part, weight) in parts.iter().zip(&weights) {
                    prop_assert!(*weight > 0.0 || *part == 0);
                }
            } else {
                prop_assert!(weights.iter().all(|weight| *weight <= 0.0));
            }
        }

        #[test]
        fn rounded_amounts_add_up_to_the_rounded_sum(amounts in prop::collection::vec(-1e6..1e6_f64, 1..60)) {
            let sum: f64 = amounts.iter().sum();
            let parts = rounded(&amounts);
            prop_assert_eq!(parts.iter().sum::<i64>(), (sum * MINOR_UNITS).round() as i64);
            for (part, amount) in parts.iter().zip(&amounts) {
                prop_assert!((*part as f64 - amount * MINOR_UNITS).abs() < 2.0);
            }
        }
    }
}
