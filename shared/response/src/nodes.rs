//! The nodes of an assets response, and which of them an allocation ran on.

use std::collections::HashMap;

use table::{AssetText, NodeFact, Property};

use crate::{asset::Asset, label_keys::is_key, pairs::Pairs, row::Allocation};

/// The facts about a node, by [`NodeFact`]; empty if unknown.
pub type NodeFacts<'a> = [&'a str; NodeFact::ALL.len()];

/// How many bytes an index takes at most: those of some 100,000 nodes, as many as EKS allows in a cluster.
const MOST_BYTES: usize = 48 * 1024 * 1024;
/// What an entry takes besides its text: headers, hash and free places.
const ENTRY_BYTES: usize = 96;
/// The longest text that an id, a name or a label of a node has, in bytes, with room to spare.
const LONGEST_TEXT: usize = 1024;

/// The nodes of a day, found by provider id and by name. It grows with the nodes of the cluster, not with its
/// containers: nodes of one kind share their facts, so that a node costs little more than its id and name. Its size is
/// bounded: an index that would grow beyond that forgets all nodes, and rows have their own labels alone.
#[derive(Debug, Default)]
pub struct NodeIndex {
    nodes: u64,
    left_out: u64,
    bytes: usize,
    kinds: Vec<Kind>,
    by_facts: HashMap<Kind, KindId>,
    by_provider_id: HashMap<Box<str>, KindId>,
    by_name: HashMap<Box<str>, Vec<(Box<str>, KindId)>>,
}

/// The facts of nodes of one kind.
type Kind = [Box<str>; NodeFact::ALL.len()];
/// An index into [`NodeIndex::kinds`].
type KindId = u32;

impl NodeIndex {
    /// An index without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an asset if it is a node; other types are ignored. `key` is its key in the response, a path whose
    /// second-to-last segment is the provider id and whose last segment is the name.
    pub fn add(&mut self, key: &str, asset: &Asset<'_>) {
        if !asset.is_type("node") {
            return;
        }
        self.nodes += 1;
        if self.bytes > MOST_BYTES {
            self.left_out = self.nodes;
            return;
        }
        let facts = facts_of(asset);
        let mut segments = key.rsplit('/');
        let (last, second_to_last) = (segments.next().unwrap_or(""), segments.next().unwrap_or(""));
        let [name, provider_id, cluster] =
            [AssetText::Name, AssetText::ProviderId, AssetText::Cluster].map(|text| asset.text(text));
        let name = if name.is_empty() { last } else { name };
        let texts = [second_to_last, provider_id, name, cluster];
        if texts.iter().chain(&facts).any(|text| text.len() > LONGEST_TEXT) {
            self.left_out += 1;
            return;
        }
        let kind = self.kind_of(&facts);
        // Provider ids of Azure and GCP contain slashes: there the key's segment is only a piece of it.
        for provider_id in [second_to_last, provider_id] {
            if !provider_id.is_empty() {
                self.by_provider_id.entry(bare_id(provider_id).into()).or_insert(kind);
            }
        }
        if !name.is_empty() {
            self.by_name
                .entry(name.into())
                .or_default()
                .push((cluster.into(), kind));
        }
        self.bytes += texts.iter().map(|text| text.len() + ENTRY_BYTES).sum::<usize>();
        if self.bytes > MOST_BYTES {
            self.left_out = self.nodes;
            self.kinds = Vec::new();
            self.by_facts = HashMap::new();
            self.by_provider_id = HashMap::new();
            self.by_name = HashMap::new();
        }
    }

    /// How many nodes are not in the index, since their texts are too long or there are too many of them.
    pub fn left_out(&self) -> u64 {
        self.left_out
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
        // A name identifies a kind only if all nodes of that name are alike: those of the cluster, where there are any.
        let of_cluster = candidates.iter().filter(|(of, _)| **of == *cluster);
        let mut kinds: Vec<KindId> = of_cluster.map(|(_, kind)| *kind).collect();
        if kinds.is_empty() {
            kinds = candidates.iter().map(|(_, kind)| *kind).collect();
        }
        let kind = *kinds.first()?;
        kinds.iter().all(|other| *other == kind).then_some(kind)
    }

    fn kind_of(&mut self, facts: &NodeFacts<'_>) -> KindId {
        let kind: Kind = facts.map(Box::from);
        let next = KindId::try_from(self.kinds.len()).unwrap_or(KindId::MAX);
        *self.by_facts.entry(kind).or_insert_with_key(|kind| {
            self.kinds.push(kind.clone());
            self.bytes += 2 * kind.iter().map(|text| text.len()).sum::<usize>() + ENTRY_BYTES;
            next
        })
    }
}

/// The facts in the asset itself.
fn facts_of<'a>(asset: &'a Asset<'_>) -> NodeFacts<'a> {
    NodeFact::ALL.map(|fact| match fact {
        NodeFact::Provider => asset.text(AssetText::Provider),
        NodeFact::InstanceType if !asset.text(AssetText::NodeType).is_empty() => asset.text(AssetText::NodeType),
        NodeFact::Preemptible => preemptible(asset.preemptible()),
        _ => first_label(&asset.labels, fact),
    })
}

/// An asset's `preemptible` as a capacity type. Sources write 1 for a spot instance, 0 for any other.
fn preemptible(value: Option<f64>) -> &'static str {
    match value {
        Some(1.0) => SPOT,
        Some(0.0) => ON_DEMAND,
        _ => "",
    }
}

const SPOT: &str = "spot";
const ON_DEMAND: &str = "on-demand";

/// The node's capacity type in one spelling: `spot`, `on-demand`, or empty if it is another or unknown. EKS, Karpenter
/// and others spell it `SPOT`, `spot`, `ON_DEMAND`, `on-demand`. Where labels do not say it, the asset does.
pub fn capacity_type<'a>(facts: &NodeFacts<'a>) -> &'a str {
    let raw = facts[NodeFact::CapacityType as usize];
    if raw.is_empty() {
        return facts[NodeFact::Preemptible as usize];
    }
    let letters = raw
        .bytes()
        .filter(u8::is_ascii_alphabetic)
        .map(|byte| byte.to_ascii_lowercase());
    if letters.clone().eq(*b"spot") {
        SPOT
    } else if letters.eq(*b"ondemand") {
        ON_DEMAND
    } else {
        ""
    }
}

/// The capacity type of a node's asset, as [`capacity_type`] spells it.
pub fn asset_capacity_type<'a>(asset: &'a Asset<'_>) -> &'a str {
    capacity_type(&facts_of(asset))
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
mod tests;
