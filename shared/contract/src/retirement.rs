//! The mark of a cluster that is gone: `plans/<account>/<region>/<cluster>/retired.json`. The audit leaves the cluster
//! out until it sends an inventory again. Only the mark's key and time count, so that an empty object works as well.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{cluster::ClusterArn, documents::Document};

/// The cluster is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    /// The cluster.
    pub cluster: ClusterArn,
    /// When it was retired, UTC.
    pub retired_at: DateTime<Utc>,
}

impl Document for Retirement {
    const NAME: &'static str = "mark of a retired cluster";
}
