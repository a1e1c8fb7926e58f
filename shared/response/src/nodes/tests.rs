use super::*;
use crate::{AssetParser, row::RowParser};

fn add(index: &mut NodeIndex, key: &str, json: &str) {
    if let Some(asset) = AssetParser::new().parse(key, json).unwrap() {
        index.add(key, &asset);
    }
}

const AWS: &str = "AWS/p/1/Compute/c/Node/Kubernetes/i-1/n1";

fn index(assets: &[(&str, &str)]) -> NodeIndex {
    let mut index = NodeIndex::new();
    for (key, json) in assets {
        add(&mut index, key, json);
    }
    index
}

fn facts(index: &NodeIndex, row: &str) -> [String; 9] {
    let row = RowParser::new().parse("", row).unwrap();
    let facts = index.facts(&row);
    std::array::from_fn(|fact| facts[fact].to_owned())
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
fn ids_with_the_same_last_part_are_different_nodes() {
    let id = |set: &str| format!("azure:///subscriptions/s/virtualMachineScaleSets/{set}/virtualMachines/0");
    let index = index(&[
        ("a", &node("aks-v", "c", &id("v"), "Standard_D4")),
        ("b", &node("aks-w", "c", &id("w"), "Standard_E8")),
    ]);
    for (set, expected) in [("v", "Standard_D4"), ("w", "Standard_E8"), ("x", "")] {
        let row = format!(r#"{{"totalCost":1,"properties":{{"providerID":"{}"}}}}"#, id(set));
        assert_eq!(instance_type(&index, &row), expected, "{set}");
    }
}

#[test]
fn the_provider_is_the_assets() {
    let gcp = r#"{"type":"Node","properties":{"provider":"GCP","name":"gke-1"}}"#;
    let row = r#"{"totalCost":1,"properties":{"node":"gke-1"}}"#;
    assert_eq!(
        facts(&index(&[("gke-1", gcp)]), row)[NodeFact::Provider as usize],
        "GCP"
    );
    assert_eq!(facts(&index(&[]), row)[NodeFact::Provider as usize], "");
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
fn two_instances_of_one_name_fill_nothing_by_name() {
    let old = node("n1", "one", "i-1", "m5.large");
    for (new, by_name) in [
        (node("n1", "one", "i-2", "m6.large"), ""),
        // They are alike in all that the table has.
        (node("n1", "one", "i-2", "m5.large"), "m5.large"),
        (node("n1", "two", "i-2", "m6.large"), "m5.large"),
    ] {
        for assets in [
            [("a/i-1/n1", old.as_str()), ("a/i-2/n1", new.as_str())],
            [("a/i-2/n1", new.as_str()), ("a/i-1/n1", old.as_str())],
        ] {
            let index = index(&assets);
            for (properties, expected) in [
                (r#""cluster":"one","node":"n1""#, by_name),
                // The instance says which of them it is.
                (r#""cluster":"one","node":"n1","providerID":"i-1""#, "m5.large"),
            ] {
                let row = format!(r#"{{"totalCost":1,"properties":{{{properties}}}}}"#);
                assert_eq!(instance_type(&index, &row), expected, "{properties} {assets:?}");
            }
        }
    }
}

#[test]
fn only_nodes_are_indexed_and_nodes_of_one_kind_share_their_facts() {
    let mut index = NodeIndex::new();
    add(
        &mut index,
        "a/b/disk",
        r#"{"type":"Disk","properties":{"provider":"AWS"}}"#,
    );
    add(&mut index, "a/b/none", "null");
    for number in 0..100 {
        let name = format!("n{number}");
        add(
            &mut index,
            &format!("a/i-{number}/{name}"),
            &node(&name, "c", "", "m5.large"),
        );
    }
    assert_eq!((index.by_name.len(), index.kinds.len()), (100, 1));
}

#[test]
fn an_index_is_bounded_and_texts_are_too() {
    let most = "x".repeat(1_024);
    let index_of_long = index(&[("a/i-4/n4", &node(&most, "c", "i-4", "m5.large"))]);
    assert_eq!((index_of_long.left_out(), index_of_long.by_name.len()), (0, 1));
    let long = "x".repeat(1_025);
    let mut index = index(&[
        (AWS, &node("n1", "c", "i-1", "m5.large")),
        ("a/i-2/n2", &node("n2", "c", "i-2", &long)),
        ("a/i-3/n3", &node(&long, "c", "i-3", "m5.large")),
    ]);
    assert_eq!(index.left_out(), 2);
    let known = r#"{"totalCost":1,"properties":{"providerID":"i-1","labels":{"kubernetes_io_os":"linux"}}}"#;
    assert_eq!(instance_type(&index, known), "m5.large");
    assert_eq!(
        instance_type(&index, r#"{"totalCost":1,"properties":{"providerID":"i-2"}}"#),
        ""
    );
    for number in 0..60_000 {
        let name = format!("{number}-{}", &long[..900]);
        add(
            &mut index,
            &format!("a/{name}/{name}"),
            &node(&name, "c", &name, "m5.large"),
        );
    }
    assert_eq!(index.left_out(), 60_003);
    assert!(index.by_name.is_empty() && index.by_provider_id.is_empty() && index.kinds.is_empty());
    assert_eq!(facts(&index, known), ["AWS", "", "", "", "", "", "linux", "", ""]);
}

#[test]
fn kinds_of_nodes_count_as_well() {
    let mut index = NodeIndex::new();
    for number in 0..30_000 {
        let kind = format!("{number}-{}", "x".repeat(1_000));
        add(&mut index, "a/b/c", &node("n", "c", "i-1", &kind));
    }
    assert_eq!(index.left_out(), 30_000);
    assert!(index.by_facts.is_empty() && index.by_name.is_empty());
}

#[test]
fn capacity_types_have_one_spelling_and_the_asset_fills_in() {
    let of = |labels: &str, preemptible: &str| {
        let asset = format!(r#"{{"type":"Node","labels":{{{labels}}}{preemptible}}}"#);
        let index = index(&[(AWS, &asset)]);
        let row = RowParser::new()
            .parse("", r#"{"totalCost":1,"properties":{"providerID":"i-1"}}"#)
            .unwrap();
        let of_row = capacity_type(&index.facts(&row)).to_owned();
        let mut parser = AssetParser::new();
        let asset = parser.parse(AWS, &asset).unwrap().unwrap();
        assert_eq!(asset_capacity_type(&asset), of_row);
        of_row
    };
    let eks = |value: &str| format!(r#""eks.amazonaws.com/capacityType":"{value}""#);
    let karpenter = |value: &str| format!(r#""karpenter.sh/capacity-type":"{value}""#);
    for (labels, preemptible, expected) in [
        (eks("SPOT"), "", "spot"),
        (eks("ON_DEMAND"), r#","preemptible":1"#, "on-demand"),
        (karpenter("spot"), r#","preemptible":0"#, "spot"),
        (karpenter("on-demand"), "", "on-demand"),
        (karpenter("reserved"), r#","preemptible":0"#, ""),
        (String::new(), r#","preemptible":1.0"#, "spot"),
        (String::new(), r#","preemptible":0"#, "on-demand"),
        (String::new(), r#","preemptible":0.5"#, ""),
        (String::new(), r#","preemptible":null"#, ""),
        (String::new(), "", ""),
    ] {
        assert_eq!(of(&labels, preemptible), expected, "{labels} {preemptible}");
    }
}
