# A root module that creates everything in one run. The pipeline's data sources are deferred by depends_on, and the OIDC provider's ARN is known only at
# apply.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source                = "hashicorp/aws"
      version               = "~> 6.0"
      configuration_aliases = [aws.lake]
    }
    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.0"
    }
  }
}

resource "terraform_data" "network" {
  input = "created in the same run"
}

resource "aws_iam_openid_connect_provider" "cluster" {
  url            = "https://oidc.eks.us-east-1.amazonaws.com/id/ABCDEF"
  client_id_list = ["sts.amazonaws.com"]
}

module "pipeline" {
  source    = "../../../pipeline"
  providers = { aws = aws.lake }

  bucket          = { name = "acme-cost-lake", owner = "444455556666", check = false }
  packages        = { s3_bucket = "acme-artifacts" }
  lifecycle_rules = { manage = true }

  depends_on = [terraform_data.network]
}

module "same_account" {
  source    = "../.."
  providers = { aws = aws.lake, aws.lake = aws.lake, helm = helm }

  cluster_arn   = "arn:aws:eks:us-east-1:444455556666:cluster/one"
  oidc_provider = { arn = aws_iam_openid_connect_provider.cluster.arn }
  bucket        = module.pipeline.bucket
  image         = { repository = "registry.example.com/kubecost-lake-exporter" }
}

module "other_account" {
  source    = "../.."
  providers = { aws = aws, aws.lake = aws.lake, helm = helm }

  cluster_arn   = "arn:aws:eks:us-east-1:111122223333:cluster/one"
  oidc_provider = { arn = aws_iam_openid_connect_provider.cluster.arn }
  bucket        = module.pipeline.bucket
  image         = { repository = "registry.example.com/kubecost-lake-exporter" }
}
