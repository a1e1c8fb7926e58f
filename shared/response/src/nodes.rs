//! The nodes of an assets response, and which of them an allocation ran on.

use std::{borrow::Cow, collections::HashMap};

use serde::de::{DeserializeSeed, MapAccess};
use table::{NodeFact, Property};

use crate::{
    label_keys::is_key,
    row::{Allocation, RowError, RowFault},
    value::{Object, Pairs, ReadObject, Skipped, Text, Texts, excerpt},
};

/// The facts about a node, by [`NodeFact`]; empty if unknown.
pub type NodeFacts<'a> = [&'a str; NodeFact::ALL.len()];

/// The nodes of a day, found by provider id and by name. It grows with the nodes of the cluster, not with its
/// containers: nodes of one kind share their facts, so that a node costs little more than its id and name.
#[derive(Debug, Default)]
pub struct NodeIndex {
    kinds: Vec<Kind>,
    by_facts: HashMap<Kind, KindId>,
    by_provider_id: HashMap<Box<str>, KindId>,
    by_name: HashMap<Box<str>, Vec<(Box<str>, KindId)>>,
}

/// The facts of nodes of one kind.
type Kind = [Box<str>; NodeFact::ALL.len()];
/// An index into [`NodeIndex::kinds`].
type KindId = u32;

/// An asset, as far as the table needs it.
#[derive(Default)]
struct Asset<'a> {
    kind: Cow<'a, str>,
    node_type: Cow<'a, str>,
    labels: Pairs<'a>,
    provider: Cow<'a, str>,
    cluster: Cow<'a, str>,
    name: Cow<'a, str>,
    provider_id: Cow<'a, str>,
}

struct AssetReader;

impl<'a> ReadObject<'a> for AssetReader {
    type Value = Result<Option<Asset<'a>>, String>;

    fn object<A: MapAccess<'a>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut asset = Asset::default();
        while let Some(field) = fields.next_key::<Text<'a>>()? {
            match field.0.as_ref() {
                "type" => asset.kind = fields.next_value::<Text<'a>>()?.0,
                "nodeType" => asset.node_type = fields.next_value::<Text<'a>>()?.0,
                "labels" => asset.labels = fields.next_value::<Texts<'a>>()?.or_none(),
                "properties" => {
                    for (name, value) in fields.next_value::<Texts<'a>>()?.or_none() {
                        match name.as_ref() {
                            "provider" => asset.provider = value,
                            "cluster" => asset.cluster = value,
                            "name" => asset.name = value,
                            "providerID" => asset.provider_id = value,
                            _ => {}
                        }
                    }
                }
                _ => {
                    fields.next_value::<Skipped>()?;
                }
            }
        }
        Ok(Ok(Some(asset)))
    }

    fn nothing(self) -> Self::Value {
        Ok(None)
    }

    fn other(self, found: String) -> Self::Value {
        Err(found)
    }
}

impl NodeIndex {
    /// An index without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an asset if it is a node; other types and null are ignored. `key` is its key in the response, a path whose
    /// second-to-last segment is the provider id and whose last segment is the name.
    ///
    /// # Errors
    /// When the asset is not an object, or not valid JSON.
    pub fn add(&mut self, key: &str, json: &str) -> Result<(), RowError> {
        let error = |kind| RowError {
            row: excerpt(key),
            kind,
        };
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let asset = Object(AssetReader)
            .deserialize(&mut deserializer)
            .and_then(|asset| deserializer.end().map(|()| asset))
            .map_err(|source| error(RowFault::Syntax(source)))?
            .map_err(|found| error(RowFault::NotAnObject { found }))?;
        let Some(asset) = asset.filter(|asset| asset.kind.eq_ignore_ascii_case("node")) else {
            return Ok(());
        };
        let kind = self.kind_of(&facts_of(&asset.provider, &asset.node_type, &asset.labels));
        let mut segments = key.rsplit('/');
        let (last, second_to_last) = (segments.next().unwrap_or(""), segments.next().unwrap_or(""));
        // Provider ids of Azure and GCP contain slashes: there the key's segment is only a piece of it.
        for provider_id in [second_to_last, &asset.provider_id] {
            if !provider_id.is_empty() {
                self.by_provider_id.entry(bare_id(provider_id).into()).or_insert(kind);
            }
        }
        let name = if asset.name.is_empty() { last } else { &asset.name };
        if !name.is_empty() {
            self.by_name
                .entry(name.into())
                .or_default()
                .push((asset.cluster.into(), kind));
        }
        Ok(())
    }

    /// The facts about the node that a row ran on: from the node's asset, and what that lacks from the node labels
    /// among the row's own labels.
    pub fn facts<'a>(&'a self, row: &'a Allocation<'_>) -> NodeFacts<'a> {
        let mut facts: NodeFacts<'a> = [""; NodeFact::ALL.len()];
        if let Some(kind) = self.find(row).and_then(|kind| self.kinds.get(kind as usize)) {
            for (fact, known) in facts.iter_mut().zip(kind) {
                *fact = known;
            }
        }
        if !row.labels.is_empty() {
            for (fact, value) in NodeFact::ALL.into_iter().zip(&mut facts) {
                if value.is_empty() {
                    *value = first_label(&row.labels, fact);
                }
            }
        }
        let provider = &mut facts[NodeFact::Provider as usize];
        // Only AWS gives instances ids of this form.
        if provider.is_empty() && bare_id(row.property(Property::ProviderId)).starts_with("i-") {
            *provider = "AWS";
        }
        facts
    }

    fn find(&self, row: &Allocation<'_>) -> Option<KindId> {
        let provider_id = row.property(Property::ProviderId);
        if !provider_id.is_empty()
            && let Some(kind) = self.by_provider_id.get(bare_id(provider_id))
        {
            return Some(*kind);
        }
        let node = row.node();
        if node.is_empty() {
            return None;
        }
        let candidates = self.by_name.get(node)?;
        let cluster = row.property(Property::Cluster);
        if let Some((_, kind)) = candidates.iter().find(|(of, _)| **of == *cluster) {
            return Some(*kind);
        }
        // Without the cluster, a name identifies a kind only if all nodes of that name are alike.
        let (_, kind) = candidates.first()?;
        candidates.iter().all(|(_, other)| other == kind).then_some(*kind)
    }

    fn kind_of(&mut self, facts: &NodeFacts<'_>) -> KindId {
        let kind: Kind = facts.map(Box::from);
        let next = KindId::try_from(self.kinds.len()).unwrap_or(KindId::MAX);
        *self.by_facts.entry(kind).or_insert_with_key(|kind| {
            self.kinds.push(kind.clone());
            next
        })
    }
}

/// The facts in the asset itself.
fn facts_of<'a>(provider: &'a str, node_type: &'a str, labels: &'a Pairs<'_>) -> NodeFacts<'a> {
    NodeFact::ALL.map(|fact| match fact {
        NodeFact::Provider => provider,
        NodeFact::InstanceType if !node_type.is_empty() => node_type,
        _ => first_label(labels, fact),
    })
}

/// The first label that holds a fact; empty if none does.
fn first_label<'a>(labels: &'a Pairs<'_>, fact: NodeFact) -> &'a str {
    fact.labels()
        .iter()
        .filter_map(|wanted| labels.iter().find(|(key, _)| is_label(key, wanted)))
        .map(|(_, value)| value.as_ref())
        .find(|value| !value.is_empty())
        .unwrap_or("")
}

/// Whether a label's key is the wanted one, with or without Kubecost's prefix for labels of assets.
fn is_label(key: &str, wanted: &str) -> bool {
    is_key(key, wanted) || key.strip_prefix("label_").is_some_and(|key| is_key(key, wanted))
}

/// An AWS instance's id without the zone that Kubernetes puts before it (`aws:///us-east-1a/i-0…`); other ids as they
/// are.
fn bare_id(provider_id: &str) -> &str {
    match provider_id.rsplit_once('/') {
        Some((_, last)) if last.starts_with("i-") => last,
        _ => provider_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::RowParser;

    const AWS: &str = "AWS/p/1/Compute/c/Node/Kubernetes/i-1/n1";

    fn index(assets: &[(&str, &str)]) -> NodeIndex {
        let mut index = NodeIndex::new();
        for (key, json) in assets {
            index.add(key, json).unwrap();
        }
        index
    }

    fn facts(index: &NodeIndex, row: &str) -> [String; 9] {
        let row = RowParser::new().parse("", row).unwrap();
        index.facts(&row).map(str::to_owned)
    }

    fn instance_type(index: &NodeIndex, row: &str) -> String {
        facts(index, row)[NodeFact::InstanceType as usize].clone()
    }

    fn node(name: &str, cluster: &str, provider_id: &str, node_type: &str) -> String {
        format!(
            r#"{{"type":"Node","properties":{{"cluster":"{cluster}","name":"{name}","providerID":"{provider_id}"}},"nodeType":"{node_type}"}}"#
        )
    }

    #[test]
    fn labels_of_assets_have_a_prefix_or_none() {
        for prefix in ["label_", ""] {
            let json = format!(
                r#"{{"type":"Node","properties":{{"provider":"AWS","cluster":"c","name":"n1","providerID":"i-1"}},"nodeType":"m5.large",
                "labels":{{"{prefix}topology_kubernetes_io_region":"us-east-1","{prefix}topology_kubernetes_io_zone":"us-east-1a",
                "{prefix}failure_domain_beta_kubernetes_io_zone":"other","{prefix}eks_amazonaws_com_capacityType":"ON_DEMAND",
                "{prefix}kubernetes_io_arch":"amd64","{prefix}kubernetes_io_os":"linux","{prefix}eks_amazonaws_com_nodegroup":"ng",
                "{prefix}eks_amazonaws_com_nodegroup_image":"ami-1"}}}}"#
            );
            assert_eq!(
                facts(
                    &index(&[(AWS, &json)]),
                    r#"{"totalCost":1,"properties":{"providerID":"i-1"}}"#
                ),
                [
                    "AWS",
                    "us-east-1",
                    "m5.large",
                    "us-east-1a",
                    "ON_DEMAND",
                    "amd64",
                    "linux",
                    "ng",
                    "ami-1"
                ]
            );
        }
    }

    #[test]
    fn older_newer_and_karpenters_labels_fill_in() {
        let json = r#"{"type":"Node","properties":{"provider":"AWS"},"labels":{"label_failure_domain_beta_kubernetes_io_region":"r",
            "label_failure_domain_beta_kubernetes_io_zone":"z","label_beta_kubernetes_io_arch":"a","label_beta_kubernetes_io_os":"o",
            "label_beta_kubernetes_io_instance_type":"t","label_karpenter_sh_capacity_type":"spot",
            "label_karpenter_sh_nodepool":"pool","label_karpenter_k8s_aws_instance_ami_id":"ami"}}"#;
        assert_eq!(
            facts(
                &index(&[(AWS, json)]),
                r#"{"totalCost":1,"properties":{"providerID":"i-1"}}"#
            ),
            ["AWS", "r", "t", "z", "spot", "a", "o", "pool", "ami"]
        );
        let both = r#"{"type":"Node","labels":{"karpenter.sh/nodepool":"pool","karpenter.sh/provisioner-name":"old"}}"#;
        let facts = facts(
            &index(&[(AWS, both)]),
            r#"{"totalCost":1,"properties":{"providerID":"i-1"}}"#,
        );
        assert_eq!(facts[NodeFact::NodeGroup as usize], "old");
    }

    #[test]
    fn without_an_asset_the_rows_own_labels_count() {
        let row = r#"{"totalCost":1,"properties":{"providerID":"i-9","node":"n9","labels":{"node_kubernetes_io_instance_type":"c6i.large",
            "topology_kubernetes_io_region":"eu-west-1","topology_kubernetes_io_zone":"eu-west-1b","kubernetes_io_arch":"arm64",
            "kubernetes_io_os":"linux","karpenter_sh_nodepool":"np","team":"x"}}}"#;
        let expected = [
            "AWS",
            "eu-west-1",
            "c6i.large",
            "eu-west-1b",
            "",
            "arm64",
            "linux",
            "np",
            "",
        ];
        assert_eq!(facts(&NodeIndex::new(), row), expected);
        assert_eq!(
            facts(&index(&[(AWS, &node("n1", "c", "i-1", "m5.large"))]), row),
            expected
        );
        assert_eq!(
            facts(
                &NodeIndex::new(),
                r#"{"totalCost":1,"properties":{"providerID":"vm-1"}}"#
            )[0],
            ""
        );
    }

    #[test]
    fn what_an_asset_lacks_comes_from_the_rows_labels() {
        for json in [
            r#"{"type":"Node","labels":null,"properties":null}"#,
            r#"{"type":"Node"}"#,
            r#"{"type":"Node","labels":["odd"]}"#,
        ] {
            let row = r#"{"totalCost":1,"properties":{"providerID":"i-1","labels":{"kubernetes_io_os":"linux"}}}"#;
            assert_eq!(
                facts(&index(&[(AWS, json)]), row),
                ["AWS", "", "", "", "", "", "linux", "", ""],
                "{json}"
            );
        }
    }

    #[test]
    fn provider_ids_with_slashes_join() {
        let azure = "azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/v/virtualMachines/0";
        let key = format!("Azure/p/1/Compute/c/Node/Kubernetes/{azure}/aks-0");
        let index = index(&[
            (key.as_str(), &node("aks-0", "c", azure, "Standard_D4")),
            (
                "GCP/p/1/Compute/c/Node/Kubernetes/gke-1/gke-1",
                &node("gke-1", "c", "gce://project/zone/gke-1", "e2"),
            ),
            (AWS, &node("n1", "c", "aws:///us-east-1a/i-1", "m5.large")),
        ]);
        for (provider_id, expected) in [
            (azure, "Standard_D4"),
            ("gke-1", "e2"),
            ("gce://project/zone/gke-1", "e2"),
            ("i-1", "m5.large"),
            ("aws:///us-east-1b/i-1", "m5.large"),
            ("i-2", ""),
        ] {
            let row = format!(r#"{{"totalCost":1,"properties":{{"providerID":"{provider_id}"}}}}"#);
            assert_eq!(instance_type(&index, &row), expected, "{provider_id}");
        }
    }

    #[test]
    fn names_join_within_the_cluster_or_where_they_are_unambiguous() {
        let index = index(&[
            ("a/i-1/n1", &node("n1", "one", "i-1", "m5.large")),
            ("a/i-2/n1", &node("n1", "two", "i-2", "m6.large")),
            ("a/i-3/n3", &node("", "two", "i-3", "m7.large")),
        ]);
        for (properties, expected) in [
            (r#""cluster":"two","node":"n1""#, "m6.large"),
            (r#""cluster":"one","node":"n1","providerID":"i-9""#, "m5.large"),
            (r#""cluster":"three","node":"n1""#, ""),
            (r#""node":"n3""#, "m7.large"),
            (r#""cluster":"two""#, ""),
        ] {
            let row = format!(r#"{{"totalCost":1,"properties":{{{properties}}}}}"#);
            assert_eq!(instance_type(&index, &row), expected, "{properties}");
        }
        assert_eq!(
            instance_type(
                &index,
                r#"{"name":"two/n3/__idle__","totalCost":1,"properties":{"cluster":"two"}}"#
            ),
            "m7.large"
        );
    }

    #[test]
    fn only_nodes_are_indexed_and_nodes_of_one_kind_share_their_facts() {
        let mut index = NodeIndex::new();
        index
            .add("a/b/disk", r#"{"type":"Disk","properties":{"provider":"AWS"}}"#)
            .unwrap();
        index.add("a/b/none", "null").unwrap();
        for number in 0..100 {
            let name = format!("n{number}");
            index
                .add(&format!("a/i-{number}/{name}"), &node(&name, "c", "", "m5.large"))
                .unwrap();
        }
        assert_eq!((index.by_name.len(), index.kinds.len()), (100, 1));
    }

    #[test]
    fn what_is_not_an_asset_is_refused() {
        for json in ["[]", "1", "\"text\"", "{\"type\":"] {
            let message = NodeIndex::new().add("the-key", json).unwrap_err().to_string();
            assert!(message.starts_with("row 'the-key': "), "{message}");
        }
    }
}
