locals {
  # The issuer of the cluster's tokens as used in conditions: the part of the ARN after oidc-provider/.
  provider_arn = var.oidc_provider == null ? one(data.aws_iam_openid_connect_provider.cluster[*].arn) : var.oidc_provider.arn
  issuer       = local.provider_arn == null ? "" : element(split("oidc-provider/", local.provider_arn), 1)

  trust = {
    irsa = {
      Effect    = "Allow"
      Action    = ["sts:AssumeRoleWithWebIdentity"]
      Principal = { Federated = coalesce(local.provider_arn, "none") }
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = "system:serviceaccount:${var.namespace}:${local.service_account}"
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
          "aws:RequestTag/kubernetes-service-account" = local.service_account
        }
      }
    }
  }

  # IAM rejects a principal that does not exist. A child role of another configuration may be created later: its account is the principal, with
  # a condition on the role.
  parent_trust = concat(
    [
      for create in [true] : {
        Effect    = "Allow"
        Action    = local.assume_parent
        Principal = { AWS = local.child_arn }
      } if var.create_child == create
    ],
    [
      for create in [false] : {
        Effect    = "Allow"
        Action    = local.assume_parent
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Condition = { ArnEquals = { "aws:PrincipalArn" = local.child_arn } }
      } if var.create_child == create
    ],
  )

  lake_account           = one(data.aws_caller_identity.lake[*].account_id)
  lake_provider_is_right = !local.in_lake || local.lake_account == var.bucket.owner
  lake_provider_is_wrong = "The provider aws.lake uses account ${coalesce(local.lake_account, "unknown")}, but the bucket belongs to account ${var.bucket.owner}: pass the provider of the bucket's account as aws.lake."

  # Pod Identity sets transitive session tags, which are passed on when the session assumes another role. That needs sts:TagSession.
  assume_parent = var.identity == "pod_identity" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"]
}

# The pod's role, in the cluster's account. The preconditions detect swapped providers, which would create roles in the wrong account.
resource "aws_iam_role" "child" {
  count = var.create_child ? 1 : 0

  name                 = local.child_name
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
      condition     = local.lake_provider_is_right
      error_message = local.lake_provider_is_wrong
    }
  }
}

moved {
  from = aws_iam_role.child
  to   = aws_iam_role.child[0]
}

resource "aws_iam_role_policy" "child" {
  count = var.create_child ? 1 : 0

  name = "exporter"
  role = aws_iam_role.child[0].id
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

moved {
  from = aws_iam_role_policy.child
  to   = aws_iam_role_policy.child[0]
}

# Of many clusters, see `managed_policies`.
resource "aws_iam_policy" "child_clusters" {
  count = var.create_child && local.same_account ? length(local.managed_policies) : 0

  name        = "${local.managed_policy_name}-${count.index + 1}"
  description = "Objects of clusters whose costs the exporter of ${local.cluster} (${local.region}) collects"
  path        = var.child_role.path
  policy      = local.managed_policies[count.index]
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "child_clusters" {
  count = length(aws_iam_policy.child_clusters)

  role       = aws_iam_role.child[0].name
  policy_arn = aws_iam_policy.child_clusters[count.index].arn
}

resource "aws_eks_pod_identity_association" "this" {
  count = var.identity == "pod_identity" && var.create_child ? 1 : 0

  region          = local.region
  cluster_name    = local.cluster
  namespace       = var.namespace
  service_account = local.service_account
  role_arn        = local.child_arn
  tags            = var.tags
}

# The role in the bucket's account. It trusts only the child role.
resource "aws_iam_role" "parent" {
  count    = local.create_parent ? 1 : 0
  provider = aws.lake

  name                 = local.parent_name
  description          = "Kubecost lake exporter of ${var.cluster_arn}"
  path                 = var.parent_role.path
  permissions_boundary = var.parent_role.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.parent_trust
  })

  lifecycle {
    precondition {
      condition     = local.lake_provider_is_right
      error_message = local.lake_provider_is_wrong
    }
  }
}

resource "aws_iam_role_policy" "parent" {
  count    = local.create_parent ? 1 : 0
  provider = aws.lake

  name   = "exporter"
  role   = aws_iam_role.parent[0].id
  policy = local.exporter_policy
}

resource "aws_iam_policy" "parent_clusters" {
  count    = local.create_parent ? length(local.managed_policies) : 0
  provider = aws.lake

  name        = "${local.managed_policy_name}-${count.index + 1}"
  description = "Objects of clusters whose costs the exporter of ${var.cluster_arn} collects"
  path        = var.parent_role.path
  policy      = local.managed_policies[count.index]
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "parent_clusters" {
  count    = length(aws_iam_policy.parent_clusters)
  provider = aws.lake

  role       = aws_iam_role.parent[0].name
  policy_arn = aws_iam_policy.parent_clusters[count.index].arn
}

data "aws_caller_identity" "cluster" {}

# Its DNS suffix is part of the names of services in policies, such as s3.us-east-1.amazonaws.com. Cluster and lake share a partition.
data "aws_partition" "cluster" {}

data "aws_caller_identity" "lake" {
  count    = local.in_lake ? 1 : 0
  provider = aws.lake
}

# The cluster's OIDC provider, where the caller passes none. `oidc_provider` is an object, so that Terraform knows whether it is null even if its
# ARN is known only at apply.
data "aws_eks_cluster" "this" {
  count = var.identity == "irsa" && var.create_child && var.oidc_provider == null ? 1 : 0

  region = local.region
  name   = local.cluster
}

data "aws_iam_openid_connect_provider" "cluster" {
  count = length(data.aws_eks_cluster.this)

  url = data.aws_eks_cluster.this[0].identity[0].oidc[0].issuer
}
