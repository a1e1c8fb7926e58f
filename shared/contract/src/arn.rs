//! ARNs: one type for clusters, roles and keys. Partitions and regions are checked by their form and not by a list,
//! since AWS adds some every year.

use std::{fmt, str::FromStr};

/// An ARN: `arn:<partition>:<service>:<region>:<account>:<resource>`. Region and account are empty for resources that
/// belong to none, as IAM roles belong to no region.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arn {
    pub(crate) partition: String,
    pub(crate) service: String,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) resource: String,
}

impl Arn {
    /// The account, 12 digits; empty for resources that belong to none.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Whether it names an IAM role, with or without a path: `arn:aws:iam::111122223333:role/path/name`.
    pub fn is_iam_role(&self) -> bool {
        self.service == "iam"
            && self.region.is_empty()
            && !self.account.is_empty()
            && self.resource.strip_prefix("role/").is_some_and(|name| {
                !name.is_empty() && !name.ends_with('/') && name.bytes().all(|byte| byte.is_ascii_graphic())
            })
    }

    /// Whether it names a KMS key or an alias of one: `arn:aws:kms:us-east-1:111122223333:key/…`.
    pub fn is_kms_key(&self) -> bool {
        self.service == "kms"
            && !self.region.is_empty()
            && !self.account.is_empty()
            && ["key/", "alias/"]
                .iter()
                .any(|kind| self.resource.strip_prefix(kind).is_some_and(|name| !name.is_empty()))
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            service,
            region,
            account,
            resource,
        } = self;
        write!(formatter, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, region, account, resource] = *fields.as_slice() else {
            return Err(ArnError::Shape(text.to_owned()));
        };
        if service.is_empty() || resource.is_empty() {
            return Err(ArnError::Shape(text.to_owned()));
        }
        if !is_partition(partition) {
            return Err(ArnError::Partition(partition.to_owned()));
        }
        if !region.is_empty() && !is_region(region) {
            return Err(ArnError::Region(region.to_owned()));
        }
        if !account.is_empty() && !is_account(account) {
            return Err(ArnError::Account(account.to_owned()));
        }
        if let Some(known) = partition_of_region(region)
            && known != partition
        {
            return Err(ArnError::PartitionOfRegion {
                partition: partition.to_owned(),
                region: region.to_owned(),
                known,
            });
        }
        Ok(Self {
            partition: partition.to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource: resource.to_owned(),
        })
    }
}

/// Whether a text is an AWS account id: 12 digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text has the form of a region code: `us-east-1`, `us-isob-east-1`, `eusc-de-east-1`.
pub fn is_region(text: &str) -> bool {
    let segments: Vec<&str> = text.split('-').collect();
    let [first, middle @ .., last] = segments.as_slice() else {
        return false;
    };
    text.len() <= 32
        && matches!(first.len(), 2 | 4)
        && is_word(first)
        && !middle.is_empty()
        && middle.iter().all(|segment| is_word(segment))
        && (1..=2).contains(&last.len())
        && last.bytes().all(|byte| byte.is_ascii_digit())
}

/// The partition of a region, by the region's prefix; `None` for a region that the product does not know.
pub fn partition_of_region(region: &str) -> Option<&'static str> {
    const BY_PREFIX: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    const COMMERCIAL: [&str; 9] = ["af", "ap", "ca", "eu", "il", "me", "mx", "sa", "us"];
    let special = BY_PREFIX.iter().find(|(prefix, _)| region.starts_with(prefix));
    if let Some((_, partition)) = special {
        return Some(partition);
    }
    // Commercial regions have three segments. More of them mean a partition that came later, such as `us-isox-east-1`.
    let (geography, rest) = region.split_once('-')?;
    (COMMERCIAL.contains(&geography) && rest.split('-').count() == 2).then_some("aws")
}

/// Whether a text has the form of a partition: `aws(-[a-z]+)*`.
fn is_partition(text: &str) -> bool {
    let mut segments = text.split('-');
    segments.next() == Some("aws") && segments.all(is_word)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Why a text is not an ARN, or not a part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// Not the form of an ARN at all.
    #[error("'{0}' is not an ARN: expected arn:<partition>:<service>:<region>:<account>:<resource>")]
    Shape(String),
    /// Not the form of a partition.
    #[error("'{0}' is not a partition of AWS such as aws or aws-us-gov")]
    Partition(String),
    /// The region is known to be in another partition.
    #[error("region '{region}' is in partition '{known}', not in partition '{partition}'")]
    PartitionOfRegion {
        /// The partition that the ARN names.
        partition: String,
        /// The region that the ARN names.
        region: String,
        /// The partition that the region is in.
        known: &'static str,
    },
    /// Not a region code.
    #[error("'{0}' is not a region code such as us-east-1")]
    Region(String),
    /// Not an account id.
    #[error("'{0}' is not an AWS account id of 12 digits")]
    Account(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_accepted_by_form() {
        for region in [
            "us-east-1",
            "ap-southeast-4",
            "us-gov-west-1",
            "us-iso-east-1",
            "us-isob-east-1",
            "eusc-de-east-1",
            "mx-central-1",
        ] {
            assert!(is_region(region) && partition_of_region(region).is_some(), "{region}");
        }
        for region in [
            "",
            "us",
            "us-1",
            "useast1",
            "us-east",
            "us-east-100",
            "US-east-1",
            "us--1",
            "data-1",
        ] {
            assert!(!is_region(region), "{region}");
        }
    }

    #[test]
    fn the_account_is_the_fifth_field() {
        let account = |text: &str| text.parse::<Arn>().unwrap().account().to_owned();
        assert_eq!(account("arn:aws:iam::111122223333:role/a"), "111122223333");
        assert_eq!(account("arn:aws:s3:::bucket"), "");
    }

    #[test]
    fn service_and_resource_must_both_be_there() {
        for text in [
            "arn:aws::us-east-1:111122223333:cluster/a",
            "arn:aws:eks:us-east-1:111122223333:",
            "arn:aws:::111122223333:",
        ] {
            assert_eq!(text.parse::<Arn>(), Err(ArnError::Shape(text.to_owned())));
        }
    }

    #[test]
    fn a_region_that_is_not_known_takes_any_partition() {
        for text in [
            "arn:aws-new:eks:us-isox-east-1:111122223333:cluster/a",
            "arn:aws:eks:us-isox-east-1:111122223333:cluster/a",
            "arn:aws:eks:xx-north-1:111122223333:cluster/a",
        ] {
            assert_eq!(text.parse::<Arn>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_partition_that_contradicts_the_region_is_refused() {
        for (text, message) in [
            (
                "arn:aws:eks:cn-north-1:111122223333:cluster/a",
                "region 'cn-north-1' is in partition 'aws-cn', not in partition 'aws'",
            ),
            (
                "arn:aws-iso:eks:us-isob-east-1:111122223333:cluster/a",
                "region 'us-isob-east-1' is in partition 'aws-iso-b', not in partition 'aws-iso'",
            ),
            (
                "arn:azure:eks:us-east-1:111122223333:cluster/a",
                "'azure' is not a partition of AWS such as aws or aws-us-gov",
            ),
            (
                "arn:aws-:eks:us-east-1:111122223333:cluster/a",
                "'aws-' is not a partition of AWS such as aws or aws-us-gov",
            ),
        ] {
            assert_eq!(text.parse::<Arn>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn roles_and_keys_are_recognised_in_all_partitions() {
        let is = |text: &str, kind: fn(&Arn) -> bool| text.parse::<Arn>().is_ok_and(|arn| kind(&arn));
        for partition in ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b"] {
            assert!(is(
                &format!("arn:{partition}:iam::111122223333:role/path/exporter"),
                Arn::is_iam_role
            ));
        }
        for text in [
            "arn:aws:iam::111122223333:user/me",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam:us-east-1:111122223333:role/a",
            "arn:aws:iam::1111:role/a",
            "arn:aws:iam:::role/a",
        ] {
            assert!(!is(text, Arn::is_iam_role), "{text}");
        }
        for text in [
            "arn:aws:kms:us-east-1:111122223333:key/1234",
            "arn:aws-eusc:kms:eusc-de-east-1:111122223333:alias/lake",
        ] {
            assert!(is(text, Arn::is_kms_key), "{text}");
        }
        for text in [
            "alias/lake",
            "arn:aws:kms::111122223333:key/1",
            "arn:aws:kms:us-east-1:111122223333:key/",
        ] {
            assert!(!is(text, Arn::is_kms_key), "{text}");
        }
    }
}
