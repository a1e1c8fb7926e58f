locals {
  # Only the values that the module knows. The chart's defaults apply to the rest.
  helm_values = {
    image = { for name, value in var.image : name => value if value != null }

    clusterArn    = length(var.source_clusters) == 0 ? var.cluster_arn : ""
    clusters      = var.source_clusters
    parentRoleArn = local.same_account ? "" : local.exporter_role_arn

    bucket = {
      name      = var.bucket.name
      region    = var.bucket.region == null ? "" : var.bucket.region
      owner     = var.bucket.owner
      kmsKeyArn = var.bucket.kms_key_arn == null ? "" : var.bucket.kms_key_arn
      prefixes  = { staging = var.bucket.staging_prefix, plans = var.bucket.plans_prefix }
    }

    source = merge(
      {
        url         = var.source_api.url
        kind        = var.source_api.kind
        aggregation = var.source_api.aggregation
        filter      = var.source_api.filter
        clusterIds  = var.source_api.cluster_ids
        idle        = var.source_api.idle
        currency    = var.source_api.currency
        # A number in the chart, or the word all.
        backfillPeriodDays = try(tonumber(var.source_api.backfill_period_days), var.source_api.backfill_period_days)
        redaction = {
          labels          = var.source_api.redaction.labels
          annotations     = var.source_api.redaction.annotations
          keptLabels      = var.source_api.redaction.kept_labels
          keptAnnotations = var.source_api.redaction.kept_annotations
        }
      },
      {
        for key, secret in { tls = var.private_ca_secret } : key => {
          ca                     = { secretsManager = { name = secret.name, region = secret.region } }
        } if secret != null
      },
    )

    schedule = var.schedule == null ? "" : var.schedule

    serviceAccount = {
      create = true
      name   = local.service_account
      # Pod Identity uses the association, not an annotation.
      roleArn = var.identity == "irsa" ? local.child_arn : ""
    }
  }
}

resource "helm_release" "exporter" {
  count = var.install_chart && var.create_child ? 1 : 0

  name             = local.release
  namespace        = var.namespace
  create_namespace = var.create_namespace
  repository       = var.chart.repository
  chart            = coalesce(var.chart.name, "${path.module}/../../../helm/kubecost-lake-exporter")
  version          = var.chart.version
  values           = concat([yamlencode(local.helm_values)], var.chart_values)
  atomic           = true

  # A pod that starts before its role has permissions would fail.
  depends_on = [
    aws_iam_role_policy.child, aws_iam_role_policy.parent, aws_eks_pod_identity_association.this,
    aws_iam_role_policy_attachment.child_clusters, aws_iam_role_policy_attachment.parent_clusters,
  ]
}
