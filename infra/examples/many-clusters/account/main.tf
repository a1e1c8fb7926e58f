# Applied once for each account, by the team of its clusters. All clusters of the account are one module call.
locals {
  all      = yamldecode(var.clusters_yaml == null ? file("${path.module}/../clusters.yaml") : var.clusters_yaml)
  clusters = { for arn, cluster in local.all : arn => cluster if split(":", arn)[4] == var.account }
}

data "terraform_remote_state" "lake" {
  backend = "s3"
  config  = var.lake_state
}

module "cluster" {
  source   = "../../../modules/cluster"
  for_each = local.clusters

  providers = {
    aws = aws
    # Not used: the lake's team creates the parent roles.
    aws.lake = aws
    helm     = helm
  }

  cluster_arn   = each.key
  create_parent = false
  identity      = "pod_identity"
  bucket        = data.terraform_remote_state.lake.outputs.bucket
  source_api    = try({ url = each.value.source_url }, {})
  image         = { repository = var.image }
  # Argo CD does.
  install_chart = false
}
