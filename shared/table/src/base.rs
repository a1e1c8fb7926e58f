//! Where the columns' values come from, and the first 58 columns: their names, order and types are those of the
//! predecessor's table.

use std::borrow::Cow;

use crate::{BASE_NUMBERS, Kind};

/// A column of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name in Parquet.
    pub name: Cow<'static, str>,
    /// Where its value comes from; the type follows from it.
    pub origin: Origin,
}

impl Column {
    /// The name in Glue.
    pub fn glue_name(&self) -> String {
        glue_name(&self.name)
    }
}

/// The name in Glue of a column with this name in Parquet: Glue keeps names in lower case, and engines match them with
/// Parquet's regardless of case.
pub fn glue_name(name: &str) -> String {
    name.to_lowercase()
}

/// Where a column's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The allocation's `name`.
    Name,
    /// The allocation's `window.start`; the day's start if it has none.
    WindowStart,
    /// The allocation's `window.end`; the day's end if it has none.
    WindowEnd,
    /// A numeric field of the allocation, by its index among all numbers; 0 if a row lacks it.
    Number(usize),
    /// A numeric field that newer sources have, by its index among all numbers; NULL if a row lacks it.
    NewerNumber(usize),
    /// A field of the allocation's `properties`.
    Property(Property),
    /// The EKS cluster's ARN, from the manifest.
    ClusterArn,
    /// The EKS cluster's name, the last segment of its ARN.
    ClusterName,
    /// A fact about the node: from its asset, or from the node labels among the allocation's labels.
    Node(NodeFact),
    /// A configured label, by its index in [`TableLayout::labels`](crate::TableLayout::labels); empty if a row lacks
    /// it.
    Label(usize),
    /// A configured annotation, by its index in [`TableLayout::annotations`](crate::TableLayout::annotations); empty
    /// if a row lacks it.
    Annotation(usize),
    /// All labels.
    Labels,
    /// All annotations.
    Annotations,
    /// The allocation's `start`: when the source first observed the row within its window; NULL if a row lacks it.
    ObservedStart,
    /// The allocation's `end`: when the source last observed it; NULL if a row lacks it.
    ObservedEnd,
    /// What the row is: `workload`, `idle`, `unmounted`, `unallocated` or `shared`.
    RowKind,
    /// The node's capacity type in one spelling: `spot`, `on-demand`, or empty if it is neither or unknown.
    CapacityType,
    /// The currency of all costs of the row, as in ISO 4217; empty if the exporter did not record it.
    Currency,
    /// A text of `gpuAllocation`; empty if a row lacks it.
    Gpu(GpuText),
    /// `gpuAllocation.isGPUShared`; NULL if a row lacks it.
    GpuShared,
    /// `properties.services`.
    Services,
    /// `pvs`: the row's share of each volume.
    Volumes,
    /// `lbAllocations`: the row's share of each load balancer.
    LoadBalancers,
    /// All labels of the row's namespace.
    NamespaceLabels,
    /// All annotations of the row's namespace.
    NamespaceAnnotations,
}

impl Origin {
    /// The column's type, which follows from the origin.
    pub const fn kind(self) -> Kind {
        match self {
            Self::WindowStart | Self::WindowEnd | Self::ObservedStart | Self::ObservedEnd => Kind::Timestamp,
            Self::Number(_) | Self::NewerNumber(_) => Kind::Double,
            Self::Labels | Self::Annotations | Self::NamespaceLabels | Self::NamespaceAnnotations => Kind::TextMap,
            Self::GpuShared => Kind::Boolean,
            Self::Services => Kind::TextList,
            Self::Volumes => Kind::Volumes,
            Self::LoadBalancers => Kind::LoadBalancers,
            Self::Name
            | Self::Property(_)
            | Self::ClusterArn
            | Self::ClusterName
            | Self::Node(_)
            | Self::Label(_)
            | Self::Annotation(_)
            | Self::RowKind
            | Self::CapacityType
            | Self::Currency
            | Self::Gpu(_) => Kind::Text,
        }
    }
}

/// A text field of an allocation's `gpuAllocation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GpuText {
    /// `gpuModel`, such as `Tesla T4`.
    Model,
    /// `gpuDevice`, such as `nvidia0`.
    Device,
    /// `gpuUUID`.
    Uuid,
}

impl GpuText {
    /// All of them, in the order of their values as indexes.
    pub const ALL: [Self; 3] = [Self::Model, Self::Device, Self::Uuid];

    /// The field of a name, as the sources spell it.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "gpuModel" => Self::Model,
            "gpuDevice" => Self::Device,
            "gpuUUID" => Self::Uuid,
            _ => return None,
        })
    }
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

    /// The field's name, as the sources spell it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Container => "container",
            Self::Namespace => "namespace",
            Self::Pod => "pod",
            Self::Node => "node",
            Self::Controller => "controller",
            Self::ControllerKind => "controllerKind",
            Self::ProviderId => "providerID",
        }
    }
}

/// What the table has about a row's node.
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
    /// `spot` or `on-demand`, from the asset's `preemptible`. It fills [`Origin::CapacityType`] where
    /// [`NodeFact::CapacityType`] does not, and has no column of its own.
    Preemptible,
}

impl NodeFact {
    /// All of them, in the order of their values as indexes.
    pub const ALL: [Self; 10] = [
        Self::Provider,
        Self::Region,
        Self::InstanceType,
        Self::AvailabilityZone,
        Self::CapacityType,
        Self::Architecture,
        Self::OperatingSystem,
        Self::NodeGroup,
        Self::NodeGroupImage,
        Self::Preemptible,
    ];

    /// The node labels that hold the fact; the first one found counts. They are spelled as the sources spell them,
    /// without the prefix `label_` that Kubecost gives to labels of assets. Kubernetes' older beta labels come last:
    /// nodes have both.
    pub const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Provider | Self::Preemptible => &[],
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

/// The columns before the numbers.
const BEFORE_NUMBERS: [(&str, Origin); 3] = [
    ("name", Origin::Name),
    ("window.start", Origin::WindowStart),
    ("window.end", Origin::WindowEnd),
];

/// The columns after the numbers.
const AFTER_NUMBERS: [(&str, Origin); 19] = [
    ("properties.provider", Origin::Node(NodeFact::Provider)),
    ("properties.region", Origin::Node(NodeFact::Region)),
    ("properties.cluster", Origin::Property(Property::Cluster)),
    ("properties.clusterid", Origin::ClusterArn),
    ("properties.eksClusterName", Origin::ClusterName),
    ("properties.container", Origin::Property(Property::Container)),
    ("properties.namespace", Origin::Property(Property::Namespace)),
    ("properties.pod", Origin::Property(Property::Pod)),
    ("properties.node", Origin::Property(Property::Node)),
    ("properties.node_instance_type", Origin::Node(NodeFact::InstanceType)),
    (
        "properties.node_availability_zone",
        Origin::Node(NodeFact::AvailabilityZone),
    ),
    ("properties.node_capacity_type", Origin::Node(NodeFact::CapacityType)),
    ("properties.node_architecture", Origin::Node(NodeFact::Architecture)),
    ("properties.node_os", Origin::Node(NodeFact::OperatingSystem)),
    ("properties.node_nodegroup", Origin::Node(NodeFact::NodeGroup)),
    (
        "properties.node_nodegroup_image",
        Origin::Node(NodeFact::NodeGroupImage),
    ),
    ("properties.controller", Origin::Property(Property::Controller)),
    ("properties.controllerKind", Origin::Property(Property::ControllerKind)),
    ("properties.providerID", Origin::Property(Property::ProviderId)),
];

/// The first 58 columns of the table, in order. None of their values is ever NULL: a missing text is empty, a missing
/// number 0.
pub(crate) fn base_columns() -> impl Iterator<Item = Column> {
    let numbers = BASE_NUMBERS.iter().enumerate();
    let numbers = numbers.map(|(index, name)| (*name, Origin::Number(index)));
    let columns = BEFORE_NUMBERS.into_iter().chain(numbers).chain(AFTER_NUMBERS);
    columns.map(|(name, origin)| Column {
        name: Cow::Borrowed(name),
        origin,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_all_values_are_indexed_by_the_value() {
        for (index, property) in Property::ALL.into_iter().enumerate() {
            assert_eq!(property as usize, index);
        }
        for (index, fact) in NodeFact::ALL.into_iter().enumerate() {
            assert_eq!(fact as usize, index);
        }
        for (index, text) in GpuText::ALL.into_iter().enumerate() {
            assert_eq!(text as usize, index);
        }
    }
}
