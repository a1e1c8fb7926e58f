//! The columns of the table of assets: one list, from which the files, Glue's description and the documents follow.
//!
//! Names are those of the source's fields, as in the table of allocations. A text that a source lacks is empty; a
//! number or a flag is NULL.

use crate::Kind;

/// Where the value of a column of the table of assets comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssetOrigin {
    /// The asset's key in the response: a path that ends with provider id and name.
    Key,
    /// The asset's `window.start`; the day's start if it has none.
    WindowStart,
    /// The asset's `window.end`; the day's end if it has none.
    WindowEnd,
    /// The asset's `start`: when the source first observed it within its window; NULL if it lacks it.
    ObservedStart,
    /// The asset's `end`: when the source last observed it; NULL if it lacks it.
    ObservedEnd,
    /// A text.
    Text(AssetText),
    /// The EKS cluster's ARN, from the manifest.
    ClusterArn,
    /// The EKS cluster's name, the last segment of its ARN.
    ClusterName,
    /// A number, by its index in [`ASSET_NUMBERS`]; NULL if the asset lacks it.
    Number(usize),
    /// `private`: whether a load balancer has a private address only; NULL if the asset lacks it.
    Private,
    /// The node's capacity type in one spelling: `spot`, `on-demand`, or empty if it is neither or unknown.
    CapacityType,
    /// All labels, as the source spells them.
    Labels,
    /// Whether the allocations of the day contain the asset's cost; NULL if the asset is not one of the cluster's or of
    /// a type that is not known.
    Covered,
    /// Whether the day's assets are `all` of them or its `nodes` alone.
    Scope,
    /// The currency of all costs of the row, as in ISO 4217; empty if the exporter did not record it.
    Currency,
}

impl AssetOrigin {
    /// The column's type.
    pub const fn kind(self) -> Kind {
        match self {
            Self::WindowStart | Self::WindowEnd | Self::ObservedStart | Self::ObservedEnd => Kind::Timestamp,
            Self::Number(_) => Kind::Double,
            Self::Private | Self::Covered => Kind::Boolean,
            Self::Labels => Kind::TextMap,
            Self::Key
            | Self::Text(_)
            | Self::ClusterArn
            | Self::ClusterName
            | Self::CapacityType
            | Self::Scope
            | Self::Currency => Kind::Text,
        }
    }
}

/// A text field of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssetText {
    /// `type`: `Node`, `Disk`, `LoadBalancer`, `ClusterManagement`, `Network`, `Cloud`, `Shared`.
    Type,
    /// `properties.category`: `Compute`, `Storage`, `Network`, `Management`, …
    Category,
    /// `properties.provider`, such as `AWS`.
    Provider,
    /// `properties.account`.
    Account,
    /// `properties.project`.
    Project,
    /// `properties.service`, such as `Kubernetes`.
    Service,
    /// `properties.cluster`: the source's own name of the cluster.
    Cluster,
    /// `properties.name`.
    Name,
    /// `properties.providerID`.
    ProviderId,
    /// `nodeType`: the instance type.
    NodeType,
    /// `pool`: the node group.
    Pool,
    /// `storageClass` of a disk; `__local__` for a node's own.
    StorageClass,
    /// `volumeName`: the persistent volume of a disk.
    VolumeName,
    /// `claimName`: the claim that is bound to it.
    ClaimName,
    /// `claimNamespace`: the claim's namespace.
    ClaimNamespace,
    /// `ip`: a load balancer's address or name.
    Ip,
}

impl AssetText {
    /// All of them, in the order of their values as indexes.
    pub const ALL: [Self; 16] = [
        Self::Type,
        Self::Category,
        Self::Provider,
        Self::Account,
        Self::Project,
        Self::Service,
        Self::Cluster,
        Self::Name,
        Self::ProviderId,
        Self::NodeType,
        Self::Pool,
        Self::StorageClass,
        Self::VolumeName,
        Self::ClaimName,
        Self::ClaimNamespace,
        Self::Ip,
    ];

    /// The field of the asset itself of a name, as the sources spell it.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "type" => Self::Type,
            "nodeType" => Self::NodeType,
            "pool" => Self::Pool,
            "storageClass" => Self::StorageClass,
            "volumeName" => Self::VolumeName,
            "claimName" => Self::ClaimName,
            "claimNamespace" => Self::ClaimNamespace,
            "ip" => Self::Ip,
            _ => return None,
        })
    }

    /// The field of the asset's `properties` of a name.
    pub fn of_property(name: &str) -> Option<Self> {
        Some(match name {
            "category" => Self::Category,
            "provider" => Self::Provider,
            "account" => Self::Account,
            "project" => Self::Project,
            "service" => Self::Service,
            "cluster" => Self::Cluster,
            "name" => Self::Name,
            "providerID" => Self::ProviderId,
            _ => return None,
        })
    }
}

/// The numbers of an asset, in the table's order: by the path of the field.
pub const ASSET_NUMBERS: [&str; 35] = [
    "minutes",
    "cpuCores",
    "cpuCoreHours",
    "ramBytes",
    "ramByteHours",
    "gpuCount",
    "gpuHours",
    "bytes",
    "byteHours",
    "byteHoursUsed",
    "byteUsageMax",
    "cpuCost",
    "gpuCost",
    "ramCost",
    "adjustment",
    "discount",
    "credit",
    "totalCost",
    "preemptible",
    "local",
    "cpuBreakdown.idle",
    "cpuBreakdown.other",
    "cpuBreakdown.system",
    "cpuBreakdown.user",
    "ramBreakdown.idle",
    "ramBreakdown.other",
    "ramBreakdown.system",
    "ramBreakdown.user",
    "breakdown.idle",
    "breakdown.other",
    "breakdown.system",
    "breakdown.user",
    "overhead.CpuOverheadFraction",
    "overhead.RamOverheadFraction",
    "overhead.OverheadCostFraction",
];

/// The index of `minutes`.
pub const ASSET_MINUTES: usize = 0;
/// The index of `totalCost`: what the asset costs in its window, everything included, in the source's currency.
pub const ASSET_TOTAL_COST: usize = 17;
/// The index of `preemptible`: 1 for a spot instance.
pub const ASSET_PREEMPTIBLE: usize = 18;
/// The index of `local`: 1 for a node's own disk.
pub const ASSET_LOCAL: usize = 19;

const BEFORE_NUMBERS: [(&str, AssetOrigin); 21] = [
    ("key", AssetOrigin::Key),
    ("window.start", AssetOrigin::WindowStart),
    ("window.end", AssetOrigin::WindowEnd),
    ("type", AssetOrigin::Text(AssetText::Type)),
    ("properties.category", AssetOrigin::Text(AssetText::Category)),
    ("properties.provider", AssetOrigin::Text(AssetText::Provider)),
    ("properties.account", AssetOrigin::Text(AssetText::Account)),
    ("properties.project", AssetOrigin::Text(AssetText::Project)),
    ("properties.service", AssetOrigin::Text(AssetText::Service)),
    ("properties.cluster", AssetOrigin::Text(AssetText::Cluster)),
    ("properties.clusterid", AssetOrigin::ClusterArn),
    ("properties.eksClusterName", AssetOrigin::ClusterName),
    ("properties.name", AssetOrigin::Text(AssetText::Name)),
    ("properties.providerID", AssetOrigin::Text(AssetText::ProviderId)),
    ("nodeType", AssetOrigin::Text(AssetText::NodeType)),
    ("pool", AssetOrigin::Text(AssetText::Pool)),
    ("storageClass", AssetOrigin::Text(AssetText::StorageClass)),
    ("volumeName", AssetOrigin::Text(AssetText::VolumeName)),
    ("claimName", AssetOrigin::Text(AssetText::ClaimName)),
    ("claimNamespace", AssetOrigin::Text(AssetText::ClaimNamespace)),
    ("ip", AssetOrigin::Text(AssetText::Ip)),
];

const AFTER_NUMBERS: [(&str, AssetOrigin); 8] = [
    ("private", AssetOrigin::Private),
    ("observed.start", AssetOrigin::ObservedStart),
    ("observed.end", AssetOrigin::ObservedEnd),
    ("capacityType", AssetOrigin::CapacityType),
    ("labels", AssetOrigin::Labels),
    ("covered", AssetOrigin::Covered),
    ("scope", AssetOrigin::Scope),
    ("currency", AssetOrigin::Currency),
];

/// The columns of the table of assets, in order. New ones are only ever added at the end.
pub fn asset_columns() -> impl Iterator<Item = (&'static str, AssetOrigin)> {
    let numbers = ASSET_NUMBERS.iter().enumerate();
    let numbers = numbers.map(|(index, name)| (*name, AssetOrigin::Number(index)));
    BEFORE_NUMBERS.into_iter().chain(numbers).chain(AFTER_NUMBERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_different_names_in_lower_case() {
        let mut names: Vec<String> = asset_columns().map(|(name, _)| crate::glue_name(name)).collect();
        let columns = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), columns);
        for key in crate::PARTITION_KEYS {
            assert!(!names.contains(&key.to_owned()), "{key} is a partition key");
        }
    }

    #[test]
    fn indexes_and_fields_are_those_of_their_names() {
        let named = [ASSET_MINUTES, ASSET_TOTAL_COST, ASSET_PREEMPTIBLE, ASSET_LOCAL].map(|index| ASSET_NUMBERS[index]);
        assert_eq!(named, ["minutes", "totalCost", "preemptible", "local"]);
        for (index, text) in AssetText::ALL.into_iter().enumerate() {
            assert_eq!(text as usize, index);
        }
        for (name, origin) in asset_columns() {
            if let AssetOrigin::Text(text) = origin {
                let found = match name.strip_prefix("properties.") {
                    Some(property) => AssetText::of_property(property),
                    None => AssetText::of(name),
                };
                assert_eq!(found, Some(text), "{name}");
            }
        }
    }
}
