//! Queries of a source. Kubecost and OpenCost differ in paths and in names of parameters. Each silently ignores the
//! other's, so that all are sent: behind OpenCost's own user interface one looks like the other.

use std::num::NonZeroU32;

use contract::{
    day::Window,
    documents::{AssetScope, SourceKind},
};
use reqwest::Url;
use response::Aggregation;

/// One request: a path below the source's address, and parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    path: &'static str,
    parameters: Vec<(&'static str, String)>,
}

impl Query {
    pub(crate) fn new(path: &'static str) -> Self {
        Self {
            path,
            parameters: Vec::new(),
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.parameters.push((name, value.into()));
        self
    }

    fn with_some(self, name: &'static str, value: Option<String>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The address of the request. A path of the source's address, as behind an ingress, is kept.
    pub(crate) fn url(&self, source: &Url) -> Url {
        let mut url = source.clone();
        url.set_path(&format!("{}{}", source.path().trim_end_matches('/'), self.path));
        if !self.parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.parameters);
        }
        url
    }

    /// Path and parameters, for people and for the manifest.
    pub(crate) fn describe(&self) -> String {
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("{}?{}", self.path, parameters.join("&"))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllocationQuery<'a> {
    pub(crate) kind: SourceKind,
    pub(crate) aggregation: Aggregation,
    /// Whether to name all properties that identify a container.
    ///
    /// Without `aggregate`, Kubecost 1 and OpenCost return a row for each container with all properties; Kubecost 2 may
    /// return rows without pod and container. `aggregate=container` in turn merges containers of the same name across
    /// pods.
    pub(crate) explicit_aggregation: bool,
    pub(crate) filter: Option<&'a str>,
    pub(crate) idle: bool,
}

const fn allocation_path(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Kubecost => "/model/allocation",
        SourceKind::Opencost => "/allocation/compute",
    }
}

impl AllocationQuery<'_> {
    /// The request for a window, or for a page of it: rows from `offset`, at most `limit`.
    pub(crate) fn query(&self, window: Window, page: Option<(u64, NonZeroU32)>) -> Query {
        let mut query = allocations(self.kind, window, self.idle);
        if self.aggregation != Aggregation::Container || self.explicit_aggregation {
            query = query
                .with("aggregate", self.aggregation.query())
                .with("includeAggregatedMetadata", "true");
        }
        query = query.with_some("filter", self.filter.map(str::to_owned));
        if let Some((offset, limit)) = page {
            query = query
                .with("offset", offset.to_string())
                .with("limit", limit.to_string());
        }
        query
    }
}

fn allocations(kind: SourceKind, window: Window, idle: bool) -> Query {
    let idle = idle.to_string();
    Query::new(allocation_path(kind))
        .with("window", window.to_string())
        .with("step", "1d")
        .with("accumulate", "false")
        .with("idle", idle.as_str())
        .with("includeIdle", idle.as_str())
        .with("splitIdle", "true")
        .with("idleByNode", "true")
        .with("shareTenancyCosts", "true")
}

/// The cheap request for the days that a source has: a row for each day.
pub(crate) fn days(kind: SourceKind, window: Window, filter: Option<&str>, idle: bool) -> Query {
    allocations(kind, window, idle)
        .with("aggregate", "cluster")
        .with_some("filter", filter.map(str::to_owned))
}

/// The request for the assets of a window. Of nodes alone, it names the filter as both newer and older sources know it.
/// `clusters`: the ids of the clusters whose assets are wanted; all where there are none.
pub(crate) fn assets(kind: SourceKind, window: Window, scope: AssetScope, clusters: &[String]) -> Query {
    const NODES: &str = "assetType:\"node\"";
    let of_clusters = (!clusters.is_empty()).then(|| of_clusters(clusters));
    let filters: Vec<String> = (scope == AssetScope::Nodes)
        .then(|| NODES.to_owned())
        .into_iter()
        .chain(of_clusters)
        .collect();
    let filter = (!filters.is_empty()).then(|| filters.join("+"));
    let query = match kind {
        SourceKind::Kubecost => Query::new("/model/assets"),
        SourceKind::Opencost => Query::new("/assets"),
    };
    let mut query = query.with("window", window.to_string());
    if kind == SourceKind::Kubecost {
        query = query.with("accumulate", "false");
        if scope == AssetScope::Nodes {
            query = query.with("filterCategories", "Compute").with("filterTypes", "Node");
        }
        query = query.with_some("filterClusters", (!clusters.is_empty()).then(|| clusters.join(",")));
    }
    query.with_some("filter", filter)
}

/// The request for Kubecost's configuration, which says the currency of its costs.
pub(crate) fn configuration() -> Query {
    Query::new("/model/getConfigs")
}

/// The request for what a source says of itself: its version.
pub(crate) fn installation(kind: SourceKind) -> Query {
    Query::new(match kind {
        SourceKind::Kubecost => "/model/installInfo",
        SourceKind::Opencost => "/installInfo",
    })
}

/// The filter of some clusters, in the syntax of both sources.
pub(crate) fn of_clusters(ids: &[String]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    format!("cluster:{}", ids.join(","))
}

/// The request that detects a kind of source: it lacks the window, which each source reports at once.
pub(crate) fn probe(kind: SourceKind) -> Query {
    Query::new(allocation_path(kind))
}

#[cfg(test)]
mod tests {
    use contract::day::Day;

    use super::*;

    #[test]
    fn requests_have_the_parameters_that_the_sources_expect() {
        let window = "2026-11-20".parse::<Day>().unwrap().window();
        let source = Url::parse("https://costs.example.com/kubecost/").unwrap();
        let allocation = |kind, aggregation, explicit_aggregation, filter| AllocationQuery {
            kind,
            aggregation,
            explicit_aggregation,
            filter,
            idle: true,
        };
        let page = Some((20_000, NonZeroU32::new(10_000).unwrap()));
        let queries = [
            allocation(SourceKind::Kubecost, Aggregation::Container, false, None).query(window, None),
            allocation(
                SourceKind::Kubecost,
                Aggregation::Container,
                true,
                Some("cluster:\"a b+c\""),
            )
            .query(window, page),
            allocation(SourceKind::Opencost, Aggregation::Namespace, false, None).query(window, None),
            allocation(SourceKind::Opencost, Aggregation::Pod, false, None).query(window, None),
            AllocationQuery {
                idle: false,
                ..allocation(SourceKind::Opencost, Aggregation::Controller, false, None)
            }
            .query(window, None),
            days(SourceKind::Kubecost, window, None, true),
            assets(SourceKind::Kubecost, window, AssetScope::Nodes, &[]),
            assets(SourceKind::Opencost, window, AssetScope::Nodes, &[]),
            assets(SourceKind::Kubecost, window, AssetScope::All, &["a".to_owned()]),
            assets(
                SourceKind::Opencost,
                window,
                AssetScope::Nodes,
                &["a".to_owned(), "b".to_owned()],
            ),
            assets(SourceKind::Kubecost, window, AssetScope::All, &[]),
            assets(SourceKind::Opencost, window, AssetScope::All, &[]),
            probe(SourceKind::Opencost),
            configuration(),
        ];
        let urls: Vec<String> = queries.iter().map(|query| query.url(&source).to_string()).collect();
        insta::assert_snapshot!(urls.join("\n"));
        assert!(
            queries[0]
                .describe()
                .starts_with("/model/allocation?window=2026-11-20T00:00:00Z,2026-11-21T00:00:00Z&")
        );
    }
}
