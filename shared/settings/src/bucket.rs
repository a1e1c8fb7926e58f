//! Names of S3 buckets.

use contract::arn::{is_region, partition_of_region};

/// Why a text is not the name of a general purpose bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BucketNameError {
    /// Length or characters.
    #[error("use 3 to 63 lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit")]
    Characters,
    /// Dots side by side, or an address.
    #[error("two dots side by side and the form of an IP address are not allowed")]
    Dots,
    /// A prefix or suffix that S3 keeps for itself.
    #[error(
        "the prefixes 'xn--', 'sthree-', 'amzn-s3-demo-' and the suffixes '-s3alias', '--ol-s3', '.mrap', '--x-s3' are reserved"
    )]
    Reserved,
}

/// Checks a bucket's name by [S3's
/// rules](https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html).
///
/// # Errors
/// When a rule is broken.
pub(crate) fn check_bucket_name(name: &str) -> Result<(), BucketNameError> {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let ends_well =
        bytes.first().is_some_and(|byte| alphanumeric(*byte)) && bytes.last().is_some_and(|byte| alphanumeric(*byte));
    if !(3..=63).contains(&bytes.len())
        || !ends_well
        || !bytes
            .iter()
            .all(|byte| alphanumeric(*byte) || matches!(byte, b'-' | b'.'))
    {
        return Err(BucketNameError::Characters);
    }
    if name.contains("..") || name.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err(BucketNameError::Dots);
    }
    let reserved = ["xn--", "sthree-", "amzn-s3-demo-"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || ["-s3alias", "--ol-s3", ".mrap", "--x-s3"]
            .iter()
            .any(|suffix| name.ends_with(suffix));
    if reserved {
        Err(BucketNameError::Reserved)
    } else {
        Ok(())
    }
}

/// Whether a name can be guessed from what is public of a company: it holds an account id (12 digits) or a region code.
/// Somebody else can then take the name in a region first ("bucket sniping") and be sent the data.
pub fn invites_sniping(name: &str) -> bool {
    let account = name
        .split(|character: char| !character.is_ascii_digit())
        .any(|digits| digits.len() == 12);
    let parts: Vec<&str> = name.split(['-', '.']).collect();
    let region = (3..=4).any(|length| {
        parts
            .windows(length)
            .map(|window| window.join("-"))
            .any(|text| is_region(&text) && partition_of_region(&text).is_some())
    });
    account || region
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_by_the_rules_of_s3() {
        for name in ["abc", "finops-lake", "a.b.c", "0-1", &"x".repeat(63)] {
            assert_eq!(check_bucket_name(name), Ok(()), "{name}");
        }
        for name in ["ab", "Abc", "-abc", "abc-", "a_b", "a b", "", &"x".repeat(64)] {
            assert_eq!(check_bucket_name(name), Err(BucketNameError::Characters), "{name}");
        }
        for name in ["a..b", "10.0.0.1"] {
            assert_eq!(check_bucket_name(name), Err(BucketNameError::Dots), "{name}");
        }
        for name in ["xn--abc", "abc-s3alias", "sthree-abc", "abc--x-s3"] {
            assert_eq!(check_bucket_name(name), Err(BucketNameError::Reserved), "{name}");
        }
    }

    #[test]
    fn guessable_names_are_noticed() {
        for name in [
            "costs-111122223333",
            "costs-us-east-1",
            "us-gov-west-1-costs",
            "a.eu-central-1.b",
        ] {
            assert!(invites_sniping(name), "{name}");
        }
        for name in ["finops-lake", "costs-1111222233334", "us-east", "team-cost-data"] {
            assert!(!invites_sniping(name), "{name}");
        }
    }
}
