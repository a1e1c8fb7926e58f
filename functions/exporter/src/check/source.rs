//! The source: its name, its certificate, what it is, and what it has.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use contract::{
    day::{Day, Window},
    documents::{AssetScope, SourceKind},
    units::{count, names},
};
use response::{Allocation, Entry, RowKind};
use seams::time::timeout;
use settings::rows;
use table::Property;

use super::Findings;
use crate::{
    inventory,
    settings::{Clusters, OPENCOST_NEEDS_DAYS, Settings, SourceCluster, SourceClusters, SourceSettings},
    source::{Client, CurrencyError, ReadTimeout, SourceError, currency, kind, query, retry, version},
};

/// What depends on the source.
const PARTS: [&str; 5] = ["currency", "days", "clusters", "idle", "assets"];

/// Checks the source, each part as far as those before it work.
pub(super) async fn all(
    findings: &mut Findings<'_>,
    settings: &Settings,
    private_ca: Option<&[u8]>,
    now: DateTime<Utc>,
) {
    let source = &settings.source;
    let client = match Client::new(source, private_ca) {
        Ok(client) => client,
        Err(error) => return findings.failed("source", error.to_string()),
    };
    dns(findings, &client, source.connection_timeout).await;
    if source.url.scheme() == "https" {
        tls(findings, &client, source, private_ca.is_some()).await;
    }
    let Some(kind) = kind(findings, &client, source).await else {
        return findings.unknown(&PARTS, "the source does not work");
    };
    currency(findings, &client, source, kind).await;
    let Some(seen) = rows(findings, &client, settings, kind, now).await else {
        return findings.unknown(&PARTS[2..], "the days of the source are not known");
    };
    match &settings.clusters {
        Clusters::One(_) => clusters(findings, source, &seen),
        Clusters::Many(listed) => listed_clusters(findings, kind, listed, &seen),
    }
    idle(findings, source, &seen);
    assets(findings, &client, source, kind, seen.newest).await;
}

async fn dns(findings: &mut Findings<'_>, client: &Client, limit: Duration) {
    let part = "dns";
    if let Some(proxy) = client.proxy() {
        return findings.ok(part, format!("the proxy {proxy} resolves the name"));
    }
    let url = client.url();
    let (Some(host), Some(port)) = (url.domain(), url.port_or_known_default()) else {
        return findings.ok(part, "the address has no name to resolve");
    };
    let advice = "check the name of the service and of its namespace in KUBECOST_API_ENDPOINT: http://<service>.<namespace>:<port>";
    match timeout(limit, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(addresses)) => {
            let addresses: BTreeSet<String> = addresses.map(|address| address.ip().to_string()).collect();
            let addresses: Vec<String> = addresses.into_iter().collect();
            findings.ok(part, format!("{host} is {}", addresses.join(", ")));
        }
        Ok(Err(error)) => findings.failed(part, format!("{host} cannot be resolved: {error}; {advice}")),
        Err(_) => findings.failed(
            part,
            format!(
                "{host} was not resolved within {} s: check the cluster's DNS; {advice}",
                limit.as_secs_f64()
            ),
        ),
    }
}

async fn tls(findings: &mut Findings<'_>, client: &Client, source: &SourceSettings, private_ca: bool) {
    let reached = client
        .probe(&query::probe(SourceKind::Kubecost), ReadTimeout::of_assets(source))
        .await;
    match reached {
        Err(error @ (SourceError::Connection { .. } | SourceError::Timeout { .. })) => {
            findings.failed("tls", error.to_string());
        }
        _ if !source.tls_verify => findings.ok("tls", "the certificate is not verified, since TLS_VERIFY is no"),
        _ if private_ca => findings.ok("tls", "the private CA signed the source's certificate"),
        _ => findings.ok("tls", "a public CA signed the source's certificate"),
    }
}

const fn name_of(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Kubecost => "Kubecost",
        SourceKind::Opencost => "OpenCost",
    }
}

async fn kind(findings: &mut Findings<'_>, client: &Client, source: &SourceSettings) -> Option<SourceKind> {
    let part = "source";
    let detect = async || kind::detect(client, ReadTimeout::of_assets(source)).await;
    let found = match retry::with_retries(source, detect, SourceError::is_transient).await {
        Ok(found) => found,
        Err(error) => {
            findings.failed(part, error.to_string());
            return None;
        }
    };
    if let Some(set) = source.kind.filter(|set| *set != found) {
        let (set, found) = (name_of(set), name_of(found));
        findings.failed(
            part,
            format!(
                "SOURCE_KIND says {set}, but {} responds as {found}: correct it, or set it to auto",
                client.url()
            ),
        );
        return None;
    }
    let version = match version::of_source(client, source, found).await {
        Some(version) => format!("version {version}"),
        None => "of unknown version".to_owned(),
    };
    findings.ok(part, format!("{} {version} at {}", name_of(found), client.url()));
    Some(found)
}

async fn currency(findings: &mut Findings<'_>, client: &Client, source: &SourceSettings, kind: SourceKind) {
    match currency::of_source(client, source, kind, true).await {
        Ok(currency) if currency.assumed => findings.ok(
            "currency",
            format!(
                "{}, assumed: the source does not report it. If its costs are in another currency, set SOURCE_CURRENCY",
                currency.code
            ),
        ),
        Ok(currency) => findings.ok("currency", currency.code),
        Err(
            error @ (CurrencyError::Contradiction { .. } | CurrencyError::Unknown { .. } | CurrencyError::Source(_)),
        ) => {
            findings.failed("currency", error.to_string());
        }
    }
}

/// What the rows of the period say, aggregated by cluster.
#[derive(Debug, Default)]
struct Seen {
    days: BTreeSet<Day>,
    newest: Option<Day>,
    /// Rows by the id of their cluster.
    clusters: BTreeMap<String, u64>,
    idle_rows: u64,
}

/// Queries the days of the period from Kubecost. OpenCost computes each day again: it is queried for one.
async fn rows(
    findings: &mut Findings<'_>,
    client: &Client,
    settings: &Settings,
    kind: SourceKind,
    now: DateTime<Utc>,
) -> Option<Seen> {
    let (part, source) = ("days", &settings.source);
    let period = match kind {
        SourceKind::Kubecost => settings.period.complete_days(now),
        SourceKind::Opencost => vec![Day::newest_settled(now)],
    };
    let (first, last) = (*period.first()?, *period.last()?);
    let window = Window {
        start: first.start(),
        end: last.end(),
    };
    let query = query::days(kind, window, source.filter.as_deref(), source.idle);
    let read = async || {
        let mut seen = Seen::default();
        let on_row = |_: u32, _: &str, row: &Allocation<'_>| {
            seen.days
                .extend(inventory::day_of(row).filter(|day| (first..=last).contains(day)));
            let cluster = row.property(Property::Cluster);
            if !cluster.is_empty() {
                *seen.clusters.entry(cluster.to_owned()).or_default() += 1;
            }
            seen.idle_rows += u64::from(row.kind() == RowKind::Idle);
            Ok(())
        };
        client.allocations(&query, source, on_row).await?;
        Ok::<Seen, SourceError>(seen)
    };
    let mut seen = match retry::with_retries(source, read, SourceError::is_transient).await {
        Ok(seen) => seen,
        Err(error) => {
            findings.failed(part, error.to_string());
            return None;
        }
    };
    seen.newest = seen.days.last().copied();
    let asked = count(period.len() as u64, "day");
    match (seen.days.first(), seen.newest) {
        (Some(_), Some(_)) if kind == SourceKind::Opencost && settings.period.days.is_none() => {
            findings.failed(part, format!("{} {OPENCOST_NEEDS_DAYS}", rows::BACKFILL_PERIOD.name));
            Some(seen)
        }
        (Some(oldest), Some(newest)) => {
            let found = seen.days.len();
            findings.ok(
                part,
                format!("{found} of {asked} that were queried, {oldest} to {newest}"),
            );
            Some(seen)
        }
        _ => {
            findings.failed(
                part,
                format!(
                    "the source has no data for {asked} from {first} to {last}: check that it collects metrics, and SOURCE_FILTER, which is {}",
                    source.filter.as_deref().unwrap_or("not set")
                ),
            );
            None
        }
    }
}

fn clusters(findings: &mut Findings<'_>, source: &SourceSettings, seen: &Seen) {
    let part = "clusters";
    let found: Vec<&str> = seen.clusters.keys().map(String::as_str).collect();
    let others: Vec<&str> = found
        .iter()
        .copied()
        .filter(|id| source.clusters.iter().all(|accepted| accepted != id))
        .collect();
    let accepted = source.clusters.join(", ");
    if found.is_empty() {
        findings.ok(part, "rows name no cluster");
    } else if source.clusters.is_empty() && found.len() > 1 {
        findings.failed(
            part,
            format!(
                "the source has rows of {}: set SOURCE_FILTER to the id of this cluster, as in cluster:\"{}\"",
                names(&found),
                found[0]
            ),
        );
    } else if !source.clusters.is_empty() && !others.is_empty() {
        findings.failed(
            part,
            format!(
                "the source has rows of {}, but only {accepted} is accepted: set SOURCE_FILTER so that it selects that cluster, or correct SOURCE_CLUSTER_IDS",
                names(&others)
            ),
        );
    } else {
        findings.ok(part, names(&found));
    }
}

/// Compares the list of clusters with what the source has.
fn listed_clusters(findings: &mut Findings<'_>, kind: SourceKind, listed: &SourceClusters, seen: &Seen) {
    let part = "clusters";
    let has = |cluster: &&SourceCluster| cluster.ids.iter().any(|id| seen.clusters.contains_key(id));
    let missing: Vec<&str> = listed
        .iter()
        .filter(|cluster| !has(cluster))
        .flat_map(|cluster| cluster.ids.iter().map(String::as_str))
        .collect();
    let found = seen.clusters.keys().map(String::as_str);
    let unlisted: Vec<&str> = found
        .filter(|id| listed.iter().all(|cluster| cluster.ids.iter().all(|known| known != id)))
        .collect();
    let more = match unlisted.as_slice() {
        [] => String::new(),
        ids => format!("; not on the list, and not stored: {}", names(ids)),
    };
    let of = format!(
        "{} of {} on the list",
        listed.iter().filter(has).count(),
        listed.iter().count()
    );
    if missing.is_empty() {
        findings.ok(part, format!("{of}{more}"));
    } else if kind == SourceKind::Kubecost {
        findings.failed(
            part,
            format!(
                "{of}; the source does not have {}: correct SOURCE_CLUSTERS{more}",
                names(&missing)
            ),
        );
    } else {
        findings.unknown(
            &[part],
            &format!(
                "{of} on the day that was queried; not {}: check SOURCE_CLUSTERS{more}",
                names(&missing)
            ),
        );
    }
}

fn idle(findings: &mut Findings<'_>, source: &SourceSettings, seen: &Seen) {
    let part = "idle";
    if !source.idle {
        findings.ok(
            part,
            "not queried, since SOURCE_IDLE is no: the rows' sum lacks idle costs",
        );
    } else if seen.idle_rows > 0 {
        findings.ok(part, count(seen.idle_rows, "row"));
    } else {
        findings.unknown(
            &[part],
            "there are no idle rows among those by cluster. If the first day in the lake has none either, its sum lacks idle costs: check why at the source, or set SOURCE_IDLE to no to accept that",
        );
    }
}

async fn assets(
    findings: &mut Findings<'_>,
    client: &Client,
    source: &SourceSettings,
    kind: SourceKind,
    day: Option<Day>,
) {
    let part = "assets";
    let Some(day) = day else { return };
    let read = async |scope| {
        let mut assets = 0_u64;
        let rows = &mut |_: Entry<'_>| {
            assets += 1;
            Ok(())
        };
        let query = query::assets(kind, day.window(), scope, &source.clusters);
        client.rows(&query, ReadTimeout::of_assets(source), rows).await?;
        Ok::<u64, SourceError>(assets)
    };
    let error = match read(AssetScope::All).await {
        Ok(0) => {
            return findings.failed(
                part,
                format!("the source has no assets for {day}: days are stored, but node columns come from labels"),
            );
        }
        Ok(assets) => return findings.ok(part, format!("{} for {day}", count(assets, "asset"))),
        Err(error) => error,
    };
    findings.failed(
        part,
        match read(AssetScope::Nodes).await {
            Ok(_) => format!("only nodes can be had, so that the bill lacks the other assets: {error}"),
            Err(_) => format!("days are stored, but node columns come from labels: {error}"),
        },
    );
}

#[cfg(test)]
mod tests {
    use settings::Reader;

    use super::{super::Finding, *};

    /// What is said of clusters, with these settings.
    fn said(set: &[(&str, &str)], ids: &[&str]) -> String {
        let mut reader = Reader::new(|name| {
            let found = set.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        });
        let source = SourceSettings::read(&mut reader, &mut Vec::new()).unwrap();
        let seen = Seen {
            clusters: ids.iter().map(|id| ((*id).to_owned(), 1)).collect(),
            ..Seen::default()
        };
        let mut lines = Vec::new();
        let mut show = |finding: &Finding| lines.push(finding.to_string());
        clusters(
            &mut Findings {
                show: &mut show,
                failed: false,
            },
            &source,
            &seen,
        );
        lines.join("\n")
    }

    #[test]
    fn rows_of_several_clusters_need_a_filter() {
        assert_eq!(said(&[], &["one"]), "ok      clusters: one");
        assert_eq!(said(&[], &[]), "ok      clusters: rows name no cluster");
        let unfiltered = said(&[], &["one", "two"]);
        assert!(
            unfiltered.starts_with("failed")
                && unfiltered.contains(r#"SOURCE_FILTER to the id of this cluster, as in cluster:"one""#),
            "{unfiltered}"
        );
        let ids = [("SOURCE_CLUSTER_IDS", "one")];
        assert_eq!(said(&ids, &["one"]), "ok      clusters: one");
        let others = said(&ids, &["a", "b", "c", "d", "e", "f", "g", "one"]);
        assert!(
            others.contains("a, b, c, d, e, f, g, but only one is accepted"),
            "{others}"
        );
    }
}
