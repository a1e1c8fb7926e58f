//! What names a cluster: the EKS cluster ARN, and the three parts of it that keys are made of.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::arn::{self, Arn, ArnError};

/// An account and a region: what many clusters share.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountRegion {
    account: String,
    region: String,
}

impl AccountRegion {
    /// A region (its code) of an account (12 digits).
    ///
    /// # Errors
    /// When one of the two is not of that form.
    pub fn new(account: &str, region: &str) -> Result<Self, ArnError> {
        if !arn::is_account(account) {
            return Err(ArnError::Account(account.to_owned()));
        }
        if !arn::is_region(region) {
            return Err(ArnError::Region(region.to_owned()));
        }
        Ok(Self {
            account: account.to_owned(),
            region: region.to_owned(),
        })
    }

    /// The AWS account: 12 digits, leading zeros kept.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The region code, such as `us-east-1`.
    pub fn region(&self) -> &str {
        &self.region
    }
}

/// Formats as in keys: `<account>/<region>`.
impl fmt::Display for AccountRegion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.account, self.region)
    }
}

/// Account, region and name of a cluster: what a key in the bucket says of it. Keys do not hold the ARN's partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterId {
    account_region: AccountRegion,
    name: String,
}

impl ClusterId {
    /// A cluster of an account (12 digits), a region code and an EKS cluster name (1 to 100 letters, digits, `-`, `_`).
    ///
    /// # Errors
    /// When one of the three is not of that form.
    pub fn new(account: &str, region: &str, name: &str) -> Result<Self, ClusterError> {
        let account_region = AccountRegion::new(account, region)?;
        let mut bytes = name.bytes();
        let starts_well = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let continues_well = bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !starts_well || !continues_well || name.len() > 100 {
            return Err(ClusterError::Name(name.to_owned()));
        }
        Ok(Self {
            account_region,
            name: name.to_owned(),
        })
    }

    /// The account and region of the cluster.
    pub fn account_region(&self) -> &AccountRegion {
        &self.account_region
    }

    /// The AWS account of the cluster: 12 digits, leading zeros kept.
    pub fn account(&self) -> &str {
        self.account_region.account()
    }

    /// The region code, such as `us-east-1`.
    pub fn region(&self) -> &str {
        self.account_region.region()
    }

    /// The EKS cluster name: the last segment of the ARN.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster's ARN; `None` where the partition of its region is not known.
    pub fn arn(&self) -> Option<ClusterArn> {
        Some(ClusterArn {
            partition: arn::partition_of_region(self.region())?.to_owned(),
            id: self.clone(),
        })
    }

    /// The cluster's ARN as text; `<account>/<region>/<cluster>` where the partition of its region is not known.
    pub fn arn_or_id(&self) -> String {
        self.arn().map_or_else(|| self.to_string(), String::from)
    }
}

/// Formats as in keys: `<account>/<region>/<cluster>`.
impl fmt::Display for ClusterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.account_region, self.name)
    }
}

/// An EKS cluster ARN of any partition: `arn:aws:eks:us-east-1:111122223333:cluster/cluster-one`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ClusterArn {
    partition: String,
    id: ClusterId,
}

impl ClusterArn {
    /// The parts of the ARN that keys are made of.
    pub fn id(&self) -> &ClusterId {
        &self.id
    }
}

impl fmt::Display for ClusterArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, id } = self;
        let (region, account, name) = (id.region(), id.account(), id.name());
        write!(formatter, "arn:{partition}:eks:{region}:{account}:cluster/{name}")
    }
}

impl FromStr for ClusterArn {
    type Err = ClusterError;

    fn from_str(text: &str) -> Result<Self, ClusterError> {
        let not_a_cluster = || ClusterError::NotACluster(text.to_owned());
        let arn: Arn = text.parse().map_err(|error| match error {
            ArnError::Shape(_) => not_a_cluster(),
            other => other.into(),
        })?;
        let name = arn.resource.strip_prefix("cluster/").ok_or_else(not_a_cluster)?;
        if arn.service != "eks" {
            return Err(not_a_cluster());
        }
        Ok(Self {
            id: ClusterId::new(&arn.account, &arn.region, name)?,
            partition: arn.partition,
        })
    }
}

impl TryFrom<String> for ClusterArn {
    type Error = ClusterError;

    fn try_from(text: String) -> Result<Self, ClusterError> {
        text.parse()
    }
}

impl From<ClusterArn> for String {
    fn from(arn: ClusterArn) -> Self {
        arn.to_string()
    }
}

/// Why a text does not name a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// Not the form of an EKS cluster ARN at all.
    #[error(
        "'{0}' is not an EKS cluster ARN: expected arn:aws:eks:<region>:<account>:cluster/<name>, as `aws eks describe-cluster --query cluster.arn` prints it"
    )]
    NotACluster(String),
    /// A part that all ARNs have is wrong.
    #[error(transparent)]
    Arn(#[from] ArnError),
    /// Not an EKS cluster name.
    #[error("'{0}' is not an EKS cluster name: 1 to 100 letters, digits, '-' and '_', starting with a letter or digit")]
    Name(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_all_partitions_round_trip() {
        for text in [
            "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one",
            "arn:aws-cn:eks:cn-north-1:000000000001:cluster/c_2",
            "arn:aws-us-gov:eks:us-gov-west-1:111122223333:cluster/A",
            "arn:aws:eks:ap-southeast-4:111122223333:cluster/x-y_z9",
            "arn:aws-eusc:eks:eusc-de-east-1:111122223333:cluster/a",
            "arn:aws-iso:eks:us-iso-east-1:111122223333:cluster/a",
            "arn:aws-iso-b:eks:us-isob-east-1:111122223333:cluster/a",
        ] {
            let arn: ClusterArn = text.parse().unwrap();
            assert_eq!(arn.to_string(), text);
            assert_eq!(arn.id().arn(), Some(arn));
        }
    }

    #[test]
    fn a_cluster_of_an_unknown_region_keeps_its_own_partition() {
        let text = "arn:aws-new:eks:us-isox-east-1:111122223333:cluster/a";
        let arn: ClusterArn = text.parse().unwrap();
        assert_eq!(arn.to_string(), text);
        assert_eq!(arn.id().arn(), None);
        assert_eq!(arn.id().arn_or_id(), "111122223333/us-isox-east-1/a");
    }

    #[test]
    fn faults_name_the_part_that_is_wrong() {
        for (text, part) in [
            ("", "not an EKS cluster ARN"),
            ("arn:aws:eks:us-east-1:111122223333", "not an EKS cluster ARN"),
            ("arn:aws:ecs:us-east-1:111122223333:cluster/a", "not an EKS cluster ARN"),
            (
                "arn:aws:eks:us-east-1:111122223333:nodegroup/a",
                "not an EKS cluster ARN",
            ),
            (
                "arn:azure:eks:us-east-1:111122223333:cluster/a",
                "'azure' is not a partition",
            ),
            (
                "arn:aws:eks:cn-north-1:111122223333:cluster/a",
                "not in partition 'aws'",
            ),
            (
                "arn:aws:eks:useast1:111122223333:cluster/a",
                "'useast1' is not a region",
            ),
            ("arn:aws:eks:us-east-1:1111:cluster/a", "'1111' is not an AWS account"),
            ("arn:aws:eks:us-east-1:111122223333:cluster/", "not an EKS cluster name"),
            (
                "arn:aws:eks:us-east-1:111122223333:cluster/-a",
                "not an EKS cluster name",
            ),
            (
                "arn:aws:eks:us-east-1:111122223333:cluster/a/b",
                "not an EKS cluster name",
            ),
            (
                "arn:aws:eks:us-east-1:111122223333:cluster/..",
                "not an EKS cluster name",
            ),
        ] {
            let error = text.parse::<ClusterArn>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_cluster_is_named_by_its_parts_or_its_arn() {
        let text = "arn:aws:eks:us-east-1:111122223333:cluster/one";
        let arn: ClusterArn = text.parse().unwrap();
        let id = arn.id();
        assert_eq!(
            (id.account(), id.region(), id.name()),
            ("111122223333", "us-east-1", "one")
        );
        let of_all = id.account_region();
        assert_eq!((of_all.account(), of_all.region()), ("111122223333", "us-east-1"));
        assert_eq!(of_all.to_string(), "111122223333/us-east-1");
        assert_eq!(id.to_string(), "111122223333/us-east-1/one");
        assert_eq!(id.arn_or_id(), text);
        assert_eq!(serde_json::to_value(&arn).unwrap(), text);
        assert_eq!(serde_json::from_value::<ClusterArn>(text.into()).unwrap(), arn);
    }
}
