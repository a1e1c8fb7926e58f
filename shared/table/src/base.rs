//! The first 58 columns: names, order and types are those of the predecessor's table.

use crate::{Kind, numbers::number_index};

/// One of the first 58 columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseColumn {
    /// The name in Parquet. Glue knows the column by the same name in lower case.
    pub name: &'static str,
    /// Where its value comes from.
    pub origin: Origin,
}

impl BaseColumn {
    /// The type, which follows from the origin.
    pub const fn kind(&self) -> Kind {
        match self.origin {
            Origin::WindowStart | Origin::WindowEnd => Kind::Timestamp,
            Origin::Number => Kind::Double,
            Origin::Name | Origin::Property(_) | Origin::ClusterArn | Origin::ClusterName | Origin::Node(_) => {
                Kind::Text
            }
        }
    }

    /// The index among the row's numbers, if the column is one.
    pub fn number(&self) -> Option<usize> {
        match self.origin {
            Origin::Number => number_index(self.name),
            _ => None,
        }
    }
}

/// Where a column's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The allocation's `name`.
    Name,
    /// The allocation's `window.start`; the day's start where it has none.
    WindowStart,
    /// The allocation's `window.end`; the day's end where it has none.
    WindowEnd,
    /// The allocation's numeric field of the column's own name.
    Number,
    /// A field of the allocation's `properties`.
    Property(Property),
    /// The EKS cluster's ARN, from the manifest.
    ClusterArn,
    /// The EKS cluster's name, the last segment of its ARN.
    ClusterName,
    /// What is known of the node: from its asset, else from the node labels among the allocation's labels.
    Node(NodeFact),
}

/// A text field of an allocation's `properties`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Property {
    /// `cluster`: the source's own name of the cluster.
    Cluster,
    /// `container`.
    Container,
    /// `namespace`.
    Namespace,
    /// `pod`.
    Pod,
    /// `node`.
    Node,
    /// `controller`.
    Controller,
    /// `controllerKind`.
    ControllerKind,
    /// `providerID`: on AWS the instance's id.
    ProviderId,
}

impl Property {
    /// All of them, in the order of their values as indexes.
    pub const ALL: [Self; 8] = [
        Self::Cluster,
        Self::Container,
        Self::Namespace,
        Self::Pod,
        Self::Node,
        Self::Controller,
        Self::ControllerKind,
        Self::ProviderId,
    ];

    /// The property of a name, as the sources spell it.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "cluster" => Self::Cluster,
            "container" => Self::Container,
            "namespace" => Self::Namespace,
            "pod" => Self::Pod,
            "node" => Self::Node,
            "controller" => Self::Controller,
            "controllerKind" => Self::ControllerKind,
            "providerID" => Self::ProviderId,
            _ => return None,
        })
    }
}

/// What the table tells of a row's node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeFact {
    /// The cloud provider, such as `AWS`.
    Provider,
    /// The region, such as `us-east-1`.
    Region,
    /// The instance type, such as `m5.large`.
    InstanceType,
    /// The availability zone, such as `us-east-1a`.
    AvailabilityZone,
    /// `ON_DEMAND`, `SPOT`; Karpenter writes them in lower case with a hyphen.
    CapacityType,
    /// The processor's architecture, such as `amd64`.
    Architecture,
    /// The operating system, such as `linux`.
    OperatingSystem,
    /// The EKS managed node group, or Karpenter's provisioner or node pool.
    NodeGroup,
    /// The machine image that the node group uses.
    NodeGroupImage,
}

impl NodeFact {
    /// All of them, in the order of their values as indexes.
    pub const ALL: [Self; 9] = [
        Self::Provider,
        Self::Region,
        Self::InstanceType,
        Self::AvailabilityZone,
        Self::CapacityType,
        Self::Architecture,
        Self::OperatingSystem,
        Self::NodeGroup,
        Self::NodeGroupImage,
    ];

    /// The node labels that tell the fact, the first one found wins; spelled as the sources do, without the prefix
    /// `label_` that Kubecost gives to the labels of assets. The labels of Kubernetes' beta time come last: nodes carry
    /// both.
    pub const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Provider => &[],
            Self::Region => &[
                "topology_kubernetes_io_region",
                "failure_domain_beta_kubernetes_io_region",
            ],
            Self::InstanceType => &["node_kubernetes_io_instance_type", "beta_kubernetes_io_instance_type"],
            Self::AvailabilityZone => &["topology_kubernetes_io_zone", "failure_domain_beta_kubernetes_io_zone"],
            Self::CapacityType => &["eks_amazonaws_com_capacityType", "karpenter_sh_capacity_type"],
            Self::Architecture => &["kubernetes_io_arch", "beta_kubernetes_io_arch"],
            Self::OperatingSystem => &["kubernetes_io_os", "beta_kubernetes_io_os"],
            Self::NodeGroup => &[
                "eks_amazonaws_com_nodegroup",
                "karpenter_sh_provisioner_name",
                "karpenter_sh_nodepool",
            ],
            Self::NodeGroupImage => &["eks_amazonaws_com_nodegroup_image", "karpenter_k8s_aws_instance_ami_id"],
        }
    }
}

const fn number(name: &'static str) -> BaseColumn {
    BaseColumn {
        name,
        origin: Origin::Number,
    }
}

const fn property(name: &'static str, property: Property) -> BaseColumn {
    BaseColumn {
        name,
        origin: Origin::Property(property),
    }
}

const fn node(name: &'static str, fact: NodeFact) -> BaseColumn {
    BaseColumn {
        name,
        origin: Origin::Node(fact),
    }
}

const fn other(name: &'static str, origin: Origin) -> BaseColumn {
    BaseColumn { name, origin }
}

/// The first 58 columns of the table, in order. None of their values is ever NULL: a missing text is empty, a missing
/// number 0.
pub const BASE_COLUMNS: [BaseColumn; 58] = [
    other("name", Origin::Name),
    other("window.start", Origin::WindowStart),
    other("window.end", Origin::WindowEnd),
    number("minutes"),
    number("cpuCores"),
    number("cpuCoreRequestAverage"),
    number("cpuCoreUsageAverage"),
    number("cpuCoreHours"),
    number("cpuCost"),
    number("cpuCostAdjustment"),
    number("cpuEfficiency"),
    number("gpuCount"),
    number("gpuHours"),
    number("gpuCost"),
    number("gpuCostAdjustment"),
    number("networkTransferBytes"),
    number("networkReceiveBytes"),
    number("networkCost"),
    number("networkCrossZoneCost"),
    number("networkCrossRegionCost"),
    number("networkInternetCost"),
    number("networkCostAdjustment"),
    number("loadBalancerCost"),
    number("loadBalancerCostAdjustment"),
    number("pvBytes"),
    number("pvByteHours"),
    number("pvCost"),
    number("pvCostAdjustment"),
    number("ramBytes"),
    number("ramByteRequestAverage"),
    number("ramByteUsageAverage"),
    number("ramByteHours"),
    number("ramCost"),
    number("ramCostAdjustment"),
    number("ramEfficiency"),
    number("sharedCost"),
    number("externalCost"),
    number("totalCost"),
    number("totalEfficiency"),
    node("properties.provider", NodeFact::Provider),
    node("properties.region", NodeFact::Region),
    property("properties.cluster", Property::Cluster),
    other("properties.clusterid", Origin::ClusterArn),
    other("properties.eksClusterName", Origin::ClusterName),
    property("properties.container", Property::Container),
    property("properties.namespace", Property::Namespace),
    property("properties.pod", Property::Pod),
    property("properties.node", Property::Node),
    node("properties.node_instance_type", NodeFact::InstanceType),
    node("properties.node_availability_zone", NodeFact::AvailabilityZone),
    node("properties.node_capacity_type", NodeFact::CapacityType),
    node("properties.node_architecture", NodeFact::Architecture),
    node("properties.node_os", NodeFact::OperatingSystem),
    node("properties.node_nodegroup", NodeFact::NodeGroup),
    node("properties.node_nodegroup_image", NodeFact::NodeGroupImage),
    property("properties.controller", Property::Controller),
    property("properties.controllerKind", Property::ControllerKind),
    property("properties.providerID", Property::ProviderId),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BASE_NUMBERS;

    #[test]
    fn the_numbers_are_the_columns_numbers_in_order() {
        let columns: Vec<&str> = BASE_COLUMNS
            .iter()
            .filter(|column| column.origin == Origin::Number)
            .map(|column| column.name)
            .collect();
        assert_eq!(columns, BASE_NUMBERS);
    }

    #[test]
    fn lists_of_all_values_are_indexed_by_the_value() {
        for (index, property) in Property::ALL.into_iter().enumerate() {
            assert_eq!(property as usize, index);
        }
        for (index, fact) in NodeFact::ALL.into_iter().enumerate() {
            assert_eq!(fact as usize, index);
        }
    }
}
