locals {
  # The id of each cluster at the source, and its ARN.
  clusters = yamldecode(file(var.clusters_file))

  # A Kubecost 3 primary, or an OpenCost hub.
  sources = {
    kubecost = { url = "http://kubecost-frontend.kubecost:9090", kind = "kubecost" }
    opencost = { url = "http://opencost.opencost:9003", kind = "opencost" }
  }
}

# The exporter runs in the cluster of the primary or hub, and writes for all clusters of the file. The lake is another configuration's.
module "exporter" {
  source = "../../modules/cluster"

  providers = {
    aws      = aws
    aws.lake = aws.lake
    helm     = helm
  }

  cluster_arn     = var.cluster_arn
  oidc_provider   = var.oidc_provider
  bucket          = var.bucket
  source_clusters = [for id, arn in local.clusters : { id = id, arn = arn }]
  source_api      = merge(local.sources[var.source_kind], var.source_api)
  image           = { repository = var.image }
  install_chart   = var.install_chart
}
