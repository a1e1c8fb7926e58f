//! The identity of the pod and of the parent role, and what they may do in the bucket.

use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use contract::{arn::Arn, check::Check, cluster::ClusterId, documents::Plan, keys::Prefixes};
use store::{Condition, Store, session};

use super::Findings;
use crate::{
    SESSION_NAME,
    settings::{Clusters, Settings},
};

struct Identity {
    account: String,
    arn: String,
}

async fn caller(config: &SdkConfig) -> Result<Identity, String> {
    let client = aws_sdk_sts::Client::new(config);
    let output = client.get_caller_identity().send().await;
    let output = output.map_err(|error| store::message(&error))?;
    match (output.account, output.arn) {
        (Some(account), Some(arn)) => Ok(Identity { account, arn }),
        _ => Err("STS responded without an account or ARN".to_owned()),
    }
}

/// Finds out who the pod is, before and after role chaining. The configuration to access the bucket with, if there is
/// one.
pub(super) async fn identity(findings: &mut Findings<'_>, settings: &Settings, config: SdkConfig) -> Option<SdkConfig> {
    let part = "identity";
    if config.region().is_none() && settings.bucket.region.is_none() {
        findings.failed(
            part,
            "there is no region: set AWS_REGION, which EKS does where a service account has a role, or S3_BUCKET_REGION",
        );
        return None;
    }
    // STS has an endpoint in each region.
    let config = match config.region() {
        Some(_) => config,
        None => session::in_region(&config, settings.bucket.region.clone()),
    };
    let own = match caller(&config).await {
        Ok(own) => own,
        Err(message) => {
            findings.failed(part, message);
            return None;
        }
    };
    let lake = settings.bucket.owner.as_deref();
    match &settings.clusters {
        // Nothing says in which of them the pod runs.
        Clusters::Many(_) => findings.ok(part, own.arn),
        Clusters::One(cluster) if own.account == cluster.id().account() => {
            findings.ok(part, format!("{} in the cluster's account", own.arn));
        }
        // A role may trust the cluster's identity provider from another account.
        Clusters::One(_) if settings.parent_role.is_none() && lake == Some(own.account.as_str()) => {
            findings.ok(part, format!("{} in the bucket's account", own.arn));
        }
        Clusters::One(cluster) => findings.failed(
            part,
            format!(
                "{} is in account {}, but CLUSTER_ID names a cluster of account {}: correct CLUSTER_ID, or the role of the service account",
                own.arn,
                own.account,
                cluster.id().account()
            ),
        ),
    }
    let Some(role) = &settings.parent_role else {
        return Some(config);
    };
    let part = "parent role";
    let config = session::assume_role(&config, role, SESSION_NAME).await;
    match caller(&config).await {
        Err(message) => {
            findings.failed(part, format!("{role} cannot be assumed: {message}"));
            return None;
        }
        Ok(parent) => {
            // S3_BUCKET_OWNER may be a third account, whose bucket policy allows the role: writing shows that.
            let expected: Option<Arn> = role.parse().ok();
            match expected.filter(|expected| expected.account() != parent.account) {
                None => findings.ok(part, parent.arn),
                Some(expected) => findings.failed(
                    part,
                    format!(
                        "{} is in account {}, but IRSA_PARENT_IAM_ROLE_ARN names account {}",
                        parent.arn,
                        parent.account,
                        expected.account()
                    ),
                ),
            }
        }
    }
    Some(config)
}

/// Writes the object that no other program reads, and reads the plan, of each cluster.
pub(super) async fn bucket(findings: &mut Findings<'_>, settings: &Settings, config: &SdkConfig, now: DateTime<Utc>) {
    let store = settings.bucket.store(config);
    let prefixes = &settings.bucket.prefixes;
    match &settings.clusters {
        Clusters::One(cluster) => cluster_objects(findings, &store, prefixes, cluster.id(), now).await,
        Clusters::Many(clusters) => {
            for cluster in clusters.iter() {
                cluster_objects(findings, &store, prefixes, cluster.arn.id(), now).await;
            }
        }
    }
}

async fn cluster_objects(
    findings: &mut Findings<'_>,
    store: &Store,
    prefixes: &Prefixes,
    id: &ClusterId,
    now: DateTime<Utc>,
) {
    let key = prefixes.check(id);
    let place = format!("s3://{}/{key}", store.bucket());
    let check = Check {
        created_at: now,
        producer: env!("CARGO_PKG_VERSION").to_owned(),
    };
    // As with all objects of exporters, a bucket policy may allow to create it and not to replace it.
    match store.put_document_if(&key, &check, &Condition::IfAbsent).await {
        Ok(true) => findings.ok("write", place),
        Ok(false) => findings.ok(
            "write",
            format!("{place} may be written; it is there from an earlier check"),
        ),
        Err(error) => findings.failed("write", error.to_string()),
    }
    let key = prefixes.plan(id);
    match store.get_document::<Plan>(&key).await {
        Ok(Some(plan)) => findings.ok(
            "plan",
            format!("s3://{}/{key} of {}", store.bucket(), plan.created_at.format("%Y-%m-%d %H:%M UTC")),
        ),
        Ok(None) => findings.ok("plan", "may be read; there is none yet, since no run has written an inventory"),
        // The exporter may not list the bucket, so that this is what S3 returns for a plan that does not exist.
        Err(error) if error.is_forbidden() => findings.unknown(
            &["plan"],
            "there is none yet, or it may not be read: S3 returns 403 for both. After the first run it must be ok; otherwise check s3:GetObject of the role on it, and the KMS key's policy",
        ),
        Err(error) => findings.failed("plan", error.to_string()),
    }
}
