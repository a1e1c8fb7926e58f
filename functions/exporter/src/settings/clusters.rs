//! Whose costs are collected: those of one cluster, or of many that send theirs to the same source.

use contract::cluster::ClusterArn;
use settings::{Reader, Setting, rows};

use super::read_cluster;
use crate::source::query::of_clusters;

/// A cluster of a source that has many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCluster {
    pub arn: ClusterArn,
    /// The ids that it has at the source.
    pub ids: Vec<String>,
}

impl SourceCluster {
    /// The filter that selects the cluster, in the syntax of both sources.
    pub fn filter(&self) -> String {
        of_clusters(&self.ids)
    }
}

/// The clusters of a source, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceClusters {
    pub first: SourceCluster,
    pub others: Vec<SourceCluster>,
}

impl SourceClusters {
    /// `None` without any cluster.
    pub fn new(clusters: impl IntoIterator<Item = SourceCluster>) -> Option<Self> {
        let mut clusters = clusters.into_iter();
        Some(Self {
            first: clusters.next()?,
            others: clusters.collect(),
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = &SourceCluster> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// Whose costs are collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clusters {
    /// All costs of the source, or those that its filter selects, are this cluster's.
    One(ClusterArn),
    /// The source has costs of these clusters, and maybe of others.
    Many(SourceClusters),
}

/// Reads either `CLUSTER_ID`, or the list of clusters by a setting and a file. `None` only where a fault was noted.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Clusters> {
    let list = reader.optional(&rows::SOURCE_CLUSTERS);
    let file = reader.optional(&rows::SOURCE_CLUSTERS_FILE);
    if list.is_none() && file.is_none() {
        return read_cluster(reader).map(Clusters::One);
    }
    for setting in [&rows::CLUSTER, &rows::SOURCE_FILTER, &rows::SOURCE_CLUSTER_IDS] {
        if reader.optional(setting).is_some() {
            reader.fault(
                setting,
                "is set, and a list of clusters too (SOURCE_CLUSTERS, SOURCE_CLUSTERS_FILE): remove it, since the list says whose rows go where",
            );
        }
    }
    let mut clusters = Vec::new();
    let mut faults = 0;
    let mut add = |reader: &mut Reader<'_>, setting: &'static Setting, text: &str| {
        if let Err(message) = add(&mut clusters, text) {
            faults += 1;
            reader.fault(setting, message);
        }
    };
    for text in list.iter().flat_map(|list| list.split(',')).map(str::trim) {
        if !text.is_empty() {
            add(reader, &rows::SOURCE_CLUSTERS, text);
        }
    }
    if let Some(file) = &file {
        match std::fs::read_to_string(file) {
            Ok(lines) => {
                for line in lines.lines().map(str::trim) {
                    if !line.is_empty() && !line.starts_with('#') {
                        add(reader, &rows::SOURCE_CLUSTERS_FILE, line);
                    }
                }
            }
            Err(error) => {
                faults += 1;
                reader.fault(
                    &rows::SOURCE_CLUSTERS_FILE,
                    format_args!("{file} cannot be read: {error}"),
                );
            }
        }
    }
    if clusters.is_empty() && faults == 0 {
        let setting = file.map_or(&rows::SOURCE_CLUSTERS, |_| &rows::SOURCE_CLUSTERS_FILE);
        reader.fault(
            setting,
            "names no cluster: expected <id at the source>=<ARN of the EKS cluster>",
        );
    }
    SourceClusters::new(clusters)
        .filter(|_| faults == 0)
        .map(Clusters::Many)
}

/// Adds `<id>=<ARN>`. Several ids may have the same ARN, as after a cluster was renamed at the source.
fn add(clusters: &mut Vec<SourceCluster>, text: &str) -> Result<(), String> {
    let split = text.find("arn:").and_then(|begin| text.split_at_checked(begin));
    let Some((id, arn)) = split.and_then(|(id, arn)| Some((id.trim().strip_suffix('=')?.trim(), arn))) else {
        return Err(format!("'{text}' is not <id at the source>=<ARN of the EKS cluster>"));
    };
    if id.is_empty() || id.contains(['"', '\\', ',']) {
        return Err(format!("'{id}' cannot be the id of a cluster at the source"));
    }
    let arn = arn.parse::<ClusterArn>().map_err(|error| format!("{id}: {error}"))?;
    if let Some(known) = clusters.iter().find(|known| known.ids.iter().any(|known| known == id)) {
        return Err(format!("the id '{id}' is there twice, of {} and of {arn}", known.arn));
    }
    match clusters.iter_mut().find(|known| known.arn == arn) {
        Some(known) => known.ids.push(id.to_owned()),
        None => clusters.push(SourceCluster {
            arn,
            ids: vec![id.to_owned()],
        }),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn arn(name: &str) -> String {
        format!("arn:aws:eks:us-east-1:111122223333:cluster/{name}")
    }

    fn read_all(values: &[(&str, &str)]) -> Result<Option<Clusters>, String> {
        let mut reader = Reader::new(|name| {
            let found = values.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        });
        let clusters = read(&mut reader);
        reader.finish().map_err(|faults| faults.to_string())?;
        Ok(clusters)
    }

    #[test]
    fn setting_and_file_are_one_list() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "# moved\n\n old-two = {}\n three={}", arn("two"), arn("three")).unwrap();
        let file = file.path().to_str().unwrap();
        let list = format!("one={}, two={},", arn("one"), arn("two"));
        let clusters = read_all(&[("SOURCE_CLUSTERS", &list), ("SOURCE_CLUSTERS_FILE", file)]).unwrap();
        let Some(Clusters::Many(clusters)) = clusters else {
            panic!("{clusters:?}")
        };
        let filters: Vec<String> = clusters.iter().map(SourceCluster::filter).collect();
        assert_eq!(
            filters,
            [r#"cluster:"one""#, r#"cluster:"two","old-two""#, r#"cluster:"three""#]
        );
        assert_eq!(clusters.others[1].arn.to_string(), arn("three"));
    }

    #[test]
    fn one_cluster_stays_one_setting() {
        let one = arn("one");
        let clusters = read_all(&[("CLUSTER_ID", &one)]).unwrap();
        assert_eq!(clusters, Some(Clusters::One(one.parse().unwrap())));
    }

    #[test]
    fn faults_of_the_list_are_reported_together() {
        let list = format!(
            "one={0},one={1},x,=arn:aws,a\"b={0},two=arn:aws:eks:here",
            arn("one"),
            arn("other")
        );
        let message = read_all(&[
            ("SOURCE_CLUSTERS", &list),
            ("SOURCE_CLUSTERS_FILE", "/no/such/file"),
            ("CLUSTER_ID", &arn("one")),
            ("SOURCE_FILTER", "cluster:\"one\""),
            ("SOURCE_CLUSTER_IDS", "one"),
        ])
        .unwrap_err();
        for words in [
            "9 settings are wrong",
            "CLUSTER_ID: is set, and a list of clusters too",
            "SOURCE_FILTER: is set",
            "SOURCE_CLUSTER_IDS: is set",
            "the id 'one' is there twice, of arn:aws:eks:us-east-1:111122223333:cluster/one and of",
            "'x' is not <id at the source>",
            "'' cannot be the id",
            "'a\"b' cannot be the id",
            "two: 'arn:aws:eks:here'",
            "/no/such/file cannot be read",
        ] {
            assert!(message.contains(words), "'{words}' is not in: {message}");
        }
        assert!(
            read_all(&[("SOURCE_CLUSTERS", ",")])
                .unwrap_err()
                .contains("names no cluster")
        );
    }
}
