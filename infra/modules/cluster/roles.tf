locals {
  # The issuer of the cluster's tokens as used in conditions: the part of the ARN after oidc-provider/.
  issuer = var.oidc_provider_arn == null ? "" : element(split("oidc-provider/", var.oidc_provider_arn), 1)

  trust = {
    irsa = {
      Effect    = "Allow"
      Action    = ["sts:AssumeRoleWithWebIdentity"]
      Principal = { Federated = coalesce(var.oidc_provider_arn, "none") }
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = "system:serviceaccount:${var.namespace}:${var.service_account}"
        }
      }
    }

    pod_identity = {
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { Service = "pods.eks.amazonaws.com" }
      Condition = {
        StringEquals = {
          "aws:SourceAccount"                         = local.account
          "aws:RequestTag/eks-cluster-arn"            = var.cluster_arn
          "aws:RequestTag/kubernetes-namespace"       = var.namespace
          "aws:RequestTag/kubernetes-service-account" = var.service_account
        }
      }
    }
  }

  # Pod Identity sets transitive session tags, which are passed on when the session assumes another role. That needs sts:TagSession.
  assume_parent = var.identity == "pod_identity" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"]
}

# The pod's role, in the cluster's account. The preconditions detect swapped providers, which would create roles in the wrong account.
resource "aws_iam_role" "child" {
  name                 = coalesce(var.child_role.name, local.role_stem)
  description          = "Kubecost lake exporter of ${local.cluster} (${local.region})"
  path                 = var.child_role.path
  permissions_boundary = var.child_role.permissions_boundary_arn
  assume_role_policy   = jsonencode({ Version = "2012-10-17", Statement = [local.trust[var.identity]] })
  tags                 = var.tags

  lifecycle {
    precondition {
      condition     = data.aws_caller_identity.cluster.account_id == local.account
      error_message = "The provider aws uses account ${data.aws_caller_identity.cluster.account_id}, but cluster_arn is in account ${local.account}: pass the provider of the cluster's account as aws."
    }
    precondition {
      condition     = data.aws_caller_identity.lake.account_id == var.bucket.owner
      error_message = "The provider aws.lake uses account ${data.aws_caller_identity.lake.account_id}, but the bucket belongs to account ${var.bucket.owner}: pass the provider of the bucket's account as aws.lake."
    }
  }
}

resource "aws_iam_role_policy" "child" {
  name = "exporter"
  role = aws_iam_role.child.id
  policy = local.same_account ? local.exporter_policy : jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "OnlyItsParent"
      Effect   = "Allow"
      Action   = local.assume_parent
      Resource = local.exporter_role_arn
    }]
  })
}

resource "aws_eks_pod_identity_association" "this" {
  count = var.identity == "pod_identity" ? 1 : 0

  region          = local.region
  cluster_name    = local.cluster
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.child.arn
  tags            = var.tags
}

# The role in the bucket's account. It trusts only the child role.
resource "aws_iam_role" "parent" {
  count    = local.same_account ? 0 : 1
  provider = aws.lake

  name                 = coalesce(var.parent_role.name, "${local.role_stem}-parent")
  description          = "Kubecost lake exporter of ${var.cluster_arn}"
  path                 = var.parent_role.path
  permissions_boundary = var.parent_role.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = local.assume_parent
      Principal = { AWS = aws_iam_role.child.arn }
    }]
  })
}

resource "aws_iam_role_policy" "parent" {
  count    = local.same_account ? 0 : 1
  provider = aws.lake

  name   = "exporter"
  role   = aws_iam_role.parent[0].id
  policy = local.exporter_policy
}

data "aws_caller_identity" "cluster" {}

# Its DNS suffix is part of the names of services in policies, such as s3.us-east-1.amazonaws.com. Cluster and lake share a partition.
data "aws_partition" "cluster" {}

data "aws_caller_identity" "lake" {
  provider = aws.lake
}
