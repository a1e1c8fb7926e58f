//! `retire`: marks a cluster as gone, so that the audit leaves it out, or takes the mark back. The cluster's days stay
//! in the lake.

use std::fmt;

use backfill::staged::ClusterObjects;
use chrono::{DateTime, Utc};
use contract::{cluster::ClusterArn, keys::Prefixes, retirement::Retirement};
use store::{Store, StoreError};

#[derive(Debug, Clone)]
pub struct Retire {
    pub cluster: ClusterArn,
    /// Whether the mark is taken back.
    pub undo: bool,
}

/// Why the mark was not changed.
#[derive(Debug, thiserror::Error)]
pub enum RetireError {
    #[error(
        "the audit does not know {cluster}: it has no plan ({plan}) and nothing staged. Check the ARN and the prefixes; \
         there is nothing to retire if they are right"
    )]
    UnknownCluster { cluster: ClusterArn, plan: String },
    #[error("{cluster} is not retired: there is no {key}")]
    NotRetired { cluster: ClusterArn, key: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retired {
    /// The mark was written.
    Marked {
        cluster: ClusterArn,
        /// When the cluster's newest inventory was written, UTC; `None` if none is left.
        newest_inventory: Option<DateTime<Utc>>,
    },
    /// The mark was deleted.
    TakenBack { cluster: ClusterArn },
}

impl Retire {
    /// Writes or deletes the mark.
    ///
    /// # Errors
    /// When the audit does not know the cluster, when it is not retired and the mark is to be taken back, or when S3
    /// refuses or fails.
    pub async fn run(&self, store: &Store, prefixes: &Prefixes, now: DateTime<Utc>) -> Result<Retired, RetireError> {
        let cluster = self.cluster.clone();
        let key = prefixes.retired(cluster.id());
        if self.undo {
            if store.head(&key).await?.is_none() {
                return Err(RetireError::NotRetired { cluster, key });
            }
            store.delete(&key).await?;
            return Ok(Retired::TakenBack { cluster });
        }
        let objects = ClusterObjects {
            store,
            prefixes,
            cluster: cluster.id(),
        };
        let staged = objects.staged().await?;
        let plan = prefixes.plan(cluster.id());
        let has_staged = staged.newest_inventory.is_some() || !staged.sets.is_empty();
        if !has_staged && store.head(&plan).await?.is_none() {
            return Err(RetireError::UnknownCluster { cluster, plan });
        }
        let mark = Retirement {
            cluster: cluster.clone(),
            retired_at: now,
        };
        store.put_document(&key, &mark).await?;
        Ok(Retired::Marked {
            cluster,
            newest_inventory: staged.newest_inventory.map(|(_, written_at)| written_at),
        })
    }
}

impl fmt::Display for Retired {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marked {
                cluster,
                newest_inventory,
            } => {
                writeln!(
                    formatter,
                    "{cluster} is retired: the audit leaves it out, and its days stay in the lake."
                )?;
                match newest_inventory {
                    Some(written_at) => writeln!(
                        formatter,
                        "Its exporter wrote the newest inventory at {}. A newer one ends the retirement: remove the exporter if it still runs.",
                        written_at.format("%Y-%m-%d %H:%M UTC")
                    )?,
                    None => writeln!(formatter, "An inventory of its exporter ends the retirement.")?,
                }
                write!(formatter, "To undo it, run the same command with --undo.")
            }
            Self::TakenBack { cluster } => {
                write!(formatter, "{cluster} is no longer retired: the next audit includes it.")
            }
        }
    }
}
