//! The lake's bucket, and how it is accessed.

use aws_config::SdkConfig;
use contract::keys::Prefixes;
use settings::{Reader, invites_sniping, rows};
use store::{Store, session};

use super::read_region;

/// The lake's bucket.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    pub name: String,
    /// Its region; `None`: the process's own.
    pub region: Option<String>,
    /// The account that must own it.
    pub owner: Option<String>,
    /// The KMS key that objects are encrypted with; `None`: the bucket's default.
    pub kms_key: Option<String>,
    pub prefixes: Prefixes,
}

impl BucketSettings {
    pub fn read(reader: &mut Reader<'_>, warnings: &mut Vec<String>) -> Self {
        let name = reader.bucket();
        let owner = reader.optional(&rows::BUCKET_OWNER);
        if invites_sniping(&name) {
            warnings.push(format!(
                "S3_BUCKET_NAME: '{name}' holds an account id or a region code, so that others can guess it and take the name first (bucket sniping): choose another name, or set S3_BUCKET_OWNER"
            ));
        }
        if let Some(owner) = &owner
            && !contract::arn::is_account(owner)
        {
            reader.fault(
                &rows::BUCKET_OWNER,
                format_args!("'{owner}' is not an AWS account id of 12 digits"),
            );
        }
        Self {
            name,
            region: read_region(reader, &rows::BUCKET_REGION),
            owner,
            kms_key: reader.kms_key(),
            prefixes: reader.prefixes(),
        }
    }

    /// The bucket, accessed with a configuration's credentials.
    pub fn store(&self, config: &SdkConfig) -> Store {
        let config = session::in_region(config, self.region.clone());
        Store::new(session::s3_client(&config), &self.name)
            .with_kms_key(self.kms_key.clone())
            .with_bucket_owner(self.owner.clone())
    }
}
