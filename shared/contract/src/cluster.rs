//! A cluster's name in the lake: the EKS cluster ARN, and the three parts of it that keys are made of.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Account, region and name of a cluster: what a key in the bucket says of it. The ARN's partition is not part of keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterId {
    account: String,
    region: String,
    name: String,
}

impl ClusterId {
    /// A cluster of an account (12 digits), a region code and an EKS cluster name (1 to 100 letters, digits, `-`, `_`).
    ///
    /// # Errors
    /// When one of the three is not of that form.
    pub fn new(account: &str, region: &str, name: &str) -> Result<Self, ClusterError> {
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ClusterError::Account(account.to_owned()));
        }
        if !is_region(region) {
            return Err(ClusterError::Region(region.to_owned()));
        }
        let mut bytes = name.bytes();
        let starts_well = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let goes_on_well = bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !starts_well || !goes_on_well || name.len() > 100 {
            return Err(ClusterError::Name(name.to_owned()));
        }
        Ok(Self {
            account: account.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The AWS account of the cluster: 12 digits, leading zeros kept.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The region code, such as `us-east-1`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The EKS cluster name: the last segment of the ARN.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Reads as in keys: `<account>/<region>/<cluster>`.
impl fmt::Display for ClusterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.account, self.region, self.name)
    }
}

/// An EKS cluster ARN of the partitions `aws`, `aws-cn` and `aws-us-gov`:
/// `arn:aws:eks:us-east-1:111122223333:cluster/cluster-one`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ClusterArn {
    partition: Partition,
    id: ClusterId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Partition {
    Aws,
    China,
    UsGov,
}

impl Partition {
    const ALL: [(Self, &'static str); 3] = [(Self::Aws, "aws"), (Self::China, "aws-cn"), (Self::UsGov, "aws-us-gov")];

    fn of_region(region: &str) -> Self {
        if region.starts_with("cn-") {
            Self::China
        } else if region.starts_with("us-gov-") {
            Self::UsGov
        } else {
            Self::Aws
        }
    }

    fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(partition, _)| *partition == self)
            .map_or("aws", |(_, name)| name)
    }
}

impl ClusterArn {
    /// The parts of the ARN that keys are made of.
    pub fn id(&self) -> &ClusterId {
        &self.id
    }

    /// The ARN of a cluster known by its key; the partition follows from the region.
    pub fn of(id: ClusterId) -> Self {
        Self {
            partition: Partition::of_region(id.region()),
            id,
        }
    }
}

impl fmt::Display for ClusterArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClusterId { account, region, name } = &self.id;
        write!(
            formatter,
            "arn:{}:eks:{region}:{account}:cluster/{name}",
            self.partition.as_str()
        )
    }
}

impl FromStr for ClusterArn {
    type Err = ClusterError;

    fn from_str(text: &str) -> Result<Self, ClusterError> {
        let shape = || ClusterError::Shape(text.to_owned());
        let mut fields = text.splitn(6, ':');
        let mut next = || fields.next().ok_or_else(shape);
        if next()? != "arn" {
            return Err(shape());
        }
        let partition_name = next()?;
        let partition = Partition::ALL
            .iter()
            .find(|(_, name)| *name == partition_name)
            .map(|(partition, _)| *partition)
            .ok_or_else(|| ClusterError::Partition(partition_name.to_owned()))?;
        if next()? != "eks" {
            return Err(shape());
        }
        let (region, account) = (next()?, next()?);
        let name = next()?.strip_prefix("cluster/").ok_or_else(shape)?;
        let id = ClusterId::new(account, region, name)?;
        if Partition::of_region(region) != partition {
            return Err(ClusterError::PartitionOfRegion {
                partition: partition_name.to_owned(),
                region: region.to_owned(),
            });
        }
        Ok(Self { partition, id })
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

/// Whether a text has the form of a region code: `us-east-1`, `us-gov-west-1`, `ap-southeast-4`. New regions appear
/// every year, so the form is checked and no list.
pub fn is_region(text: &str) -> bool {
    let segments: Vec<&str> = text.split('-').collect();
    let [first, middle @ .., last] = segments.as_slice() else {
        return false;
    };
    let letters = |segment: &&str| !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_lowercase());
    text.len() <= 32
        && first.len() == 2
        && letters(first)
        && !middle.is_empty()
        && middle.iter().all(letters)
        && (1..=2).contains(&last.len())
        && last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Why a text does not name a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// Not the form of an EKS cluster ARN at all.
    #[error(
        "'{0}' is not an EKS cluster ARN: expected arn:aws:eks:<region>:<account>:cluster/<name>, as `aws eks describe-cluster --query cluster.arn` prints it"
    )]
    Shape(String),
    /// A partition that is not known.
    #[error("partition '{0}' is not one of aws, aws-cn, aws-us-gov")]
    Partition(String),
    /// Partition and region do not belong together.
    #[error("region '{region}' is not in partition '{partition}'")]
    PartitionOfRegion {
        /// The partition that the ARN names.
        partition: String,
        /// The region that the ARN names.
        region: String,
    },
    /// Not a region code.
    #[error("'{0}' is not a region code such as us-east-1")]
    Region(String),
    /// Not an account id.
    #[error("'{0}' is not an AWS account id of 12 digits")]
    Account(String),
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
        ] {
            let arn: ClusterArn = text.parse().unwrap();
            assert_eq!(arn.to_string(), text);
            assert_eq!(ClusterArn::of(arn.id().clone()), arn);
        }
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
            ("arn:azure:eks:us-east-1:111122223333:cluster/a", "partition 'azure'"),
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
}
