//! The nodes of an assets response, and which of them an allocation ran on.

use std::{borrow::Cow, collections::HashMap};

use serde::de::{DeserializeSeed, MapAccess};
use table::{NodeFact, Property};

use crate::{
    label_keys::is_key,
    row::{Allocation, RowError, RowFault},
    value::{Number, Object, Pairs, ReadObject, Skipped, Text, Texts, excerpt},
};

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
    preemptible: Option<f64>,
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
                "preemptible" => asset.preemptible = fields.next_value::<Number>()?.value(),
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
        self.nodes += 1;
        if self.bytes > MOST_BYTES {
            self.left_out = self.nodes;
            return Ok(());
        }
        let facts = facts_of(&asset);
        let mut segments = key.rsplit('/');
        let (last, second_to_last) = (segments.next().unwrap_or(""), segments.next().unwrap_or(""));
        let name = if asset.name.is_empty() { last } else { &asset.name };
        let texts: [&str; 4] = [second_to_last, &asset.provider_id, name, &asset.cluster];
        if texts.iter().chain(&facts).any(|text| text.len() > LONGEST_TEXT) {
            self.left_out += 1;
            return Ok(());
        }
        let kind = self.kind_of(&facts);
        // Provider ids of Azure and GCP contain slashes: there the key's segment is only a piece of it.
        for provider_id in [second_to_last, &asset.provider_id] {
            if !provider_id.is_empty() {
                self.by_provider_id.entry(bare_id(provider_id).into()).or_insert(kind);
            }
        }
        if !name.is_empty() {
            self.by_name
                .entry(name.into())
                .or_default()
                .push((asset.cluster.as_ref().into(), kind));
        }
        self.bytes += texts.iter().map(|text| text.len() + ENTRY_BYTES).sum::<usize>();
        if self.bytes > MOST_BYTES {
            self.left_out = self.nodes;
            self.kinds = Vec::new();
            self.by_facts = HashMap::new();
            self.by_provider_id = HashMap::new();
            self.by_name = HashMap::new();
        }
        Ok(())
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
        NodeFact::Provider => &asset.provider,
        NodeFact::InstanceType if !asset.node_type.is_empty() => &asset.node_type,
        NodeFact::Preemptible => preemptible(asset.preemptible),
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
