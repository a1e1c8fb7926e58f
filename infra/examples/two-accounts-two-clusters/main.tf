module "pipeline" {
  source = "../../modules/pipeline"

  bucket         = { name = var.bucket_name, kms_key_arn = var.bucket_kms_key_arn }
  packages       = { directory = var.packages_directory }
  labels         = ["team", "app.kubernetes.io/name"]
  annotations    = ["example.com/owner"]
  event_delivery = "eventbridge"
  # The bucket has no notifications. With `false`, an administrator must enable its EventBridge events.
  enable_bucket_eventbridge = true
  lifecycle_rules           = { manage = true }
  reader_role_arns          = var.reader_role_arns
  alarms                    = { sns_topic_arns = [var.alarm_topic_arn] }

  private_ca_secrets = {
    "kubecost-lake/private-ca" = {
      certificate_pem = file(var.private_ca_file)
      # All exporters' roles have such a name. A list of roles would grow with each cluster, and a policy is limited in size.
      reader_arns = ["arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:role/kubecost-lake-*"]
    }
  }
}

# In the lake's account, with one role.
module "cluster_one" {
  source = "../../modules/cluster"

  providers = {
    aws      = aws
    aws.lake = aws
    helm     = helm
  }

  cluster_arn   = var.cluster_one.arn
  oidc_provider = { arn = var.cluster_one.oidc_provider_arn }
  bucket        = module.pipeline.bucket
  image         = { repository = var.image }
}

# In another account, with a child role there and a parent role here.
module "cluster_two" {
  source = "../../modules/cluster"

  providers = {
    aws      = aws.two
    aws.lake = aws
    helm     = helm.two
  }

  cluster_arn       = var.cluster_two.arn
  identity          = var.cluster_two.oidc_provider_arn == null ? "pod_identity" : "irsa"
  oidc_provider     = var.cluster_two.oidc_provider_arn == null ? null : { arn = var.cluster_two.oidc_provider_arn }
  bucket            = module.pipeline.bucket
  private_ca_secret = module.pipeline.private_ca_secrets["kubecost-lake/private-ca"]
  source_api        = { url = var.cluster_two.source_url }
  image             = { repository = var.image }
  chart_values      = [file("${path.module}/cluster-two-values.yaml")]
}
