# Applied by the lake's team, in the lake's account. It needs no access to the accounts of clusters.
locals {
  clusters = yamldecode(var.clusters_yaml == null ? file("${path.module}/../clusters.yaml") : var.clusters_yaml)
}

module "pipeline" {
  source = "../../../modules/pipeline"

  # The account is an input, so that the number of roles is known at plan time in any case.
  bucket                    = { name = var.bucket_name, owner = var.account }
  packages                  = var.packages
  labels                    = ["team", "app.kubernetes.io/name"]
  event_delivery            = "eventbridge"
  enable_bucket_eventbridge = true
  lifecycle_rules           = { manage = true }
}

# The parent roles. Clusters in the lake's own account need none.
module "parent" {
  source   = "../../../modules/cluster"
  for_each = { for arn, cluster in local.clusters : arn => cluster if split(":", arn)[4] != var.account }

  providers = {
    aws      = aws
    aws.lake = aws
    helm     = helm
  }

  cluster_arn  = each.key
  create_child = false
  identity     = "pod_identity"
  bucket       = module.pipeline.bucket
  image        = { repository = "not-installed-here" }
}
