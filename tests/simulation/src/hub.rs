//! A source that answers for many clusters.

use std::sync::Arc;

use async_trait::async_trait;
use exporter::InProcess;
use serde_json::Value;

use crate::{
    serve::{Asked, Data, serve},
    source::Source,
    world::{Fault, World},
};

pub(crate) struct Hub {
    world: World,
    clusters: Vec<Arc<Source>>,
}

/// Adds the rows of each day to those of other clusters.
fn merge(into: &mut Value, other: Value) {
    let (Value::Array(days), Value::Array(others)) = (into, other) else {
        return;
    };
    for (index, other) in others.into_iter().enumerate() {
        match (days.get_mut(index), other) {
            (Some(Value::Object(rows)), Value::Object(others)) => rows.extend(others),
            (None, other) => days.push(other),
            _ => {}
        }
    }
}

impl Hub {
    pub(crate) fn new(world: &World, clusters: Vec<Arc<Source>>) -> Self {
        Self {
            world: world.clone(),
            clusters,
        }
    }

    fn all(&self, asked: &Asked) -> Data {
        let mut all = Value::Array(Vec::new());
        for cluster in &self.clusters {
            merge(&mut all, cluster.says(asked)?);
        }
        Ok(all)
    }

    fn says(&self, asked: &Asked) -> Data {
        let named = |cluster: &&Arc<Source>| asked.cluster.as_deref() == Some(cluster.name());
        match self.clusters.iter().find(named) {
            None if asked.by_cluster => self.all(asked),
            Some(cluster) if !asked.by_cluster && self.world.happens(Fault::FilterIgnored) => {
                let is_alone = asked.path == "/model/allocation" && self.world.below(2) == 0;
                let other = self.clusters.iter().find(|other| other.name() != cluster.name());
                let what = if is_alone { "another cluster" } else { "all clusters" };
                self.world
                    .note(format!("source hub: sends {what} instead of {}", cluster.name()));
                match other.filter(|_| is_alone) {
                    Some(other) => other.says(asked),
                    None => self.all(asked),
                }
            }
            Some(cluster) => cluster.says(asked),
            None => self.clusters.first().ok_or((404, "no cluster"))?.says(asked),
        }
    }
}

#[async_trait]
impl InProcess for Hub {
    async fn respond(&self, request: reqwest::Request) -> Result<reqwest::Response, String> {
        serve(&self.world, "hub", &request, |asked| self.says(asked)).await
    }
}
