module "pipeline" {
  source = "../../modules/pipeline"

  bucket = {
    name        = aws_s3_bucket.lake.bucket
    kms_key_arn = one(aws_kms_key.lake[*].arn)
    # This configuration creates the bucket.
    check = false
  }
  packages        = { directory = var.packages_directory }
  functions       = var.functions
  labels          = var.labels
  annotations     = var.annotations
  lifecycle_rules = { manage = true }
}

module "cluster" {
  source = "../../modules/cluster"

  providers = {
    aws      = aws
    aws.lake = aws
    helm     = helm
  }

  cluster_arn   = var.cluster_arn
  identity      = var.identity
  bucket        = module.pipeline.bucket
  source_api    = { url = var.source_url }
  image         = { repository = var.image }
  install_chart = var.install_chart
}
