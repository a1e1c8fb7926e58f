mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "lake"
  source = "./tests/mocks"
}

mock_provider "helm" {}

variables {
  cluster_arn       = "arn:aws:eks:eu-central-1:111122223333:cluster/cluster-one"
  oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABCDEF"
  bucket            = { name = "acme-cost-lake", owner = "111122223333" }
  image             = { repository = "registry.example.com/kubecost-lake-exporter" }
}

run "creates_one_role" {
  assert {
    condition     = length(aws_iam_role.parent) == 0 && length(aws_iam_role_policy.parent) == 0 && output.parent_role_arn == null
    error_message = "There is no parent role."
  }
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.child.policy).Statement : statement.Action => statement.Resource } == {
      "s3:PutObject" = "arn:aws:s3:::acme-cost-lake/staging/111122223333/eu-central-1/cluster-one/*"
      "s3:GetObject" = "arn:aws:s3:::acme-cost-lake/plans/111122223333/eu-central-1/cluster-one/plan.json"
    }
    error_message = "The one role has the exporter's permissions and no others."
  }
  assert {
    condition     = output.exporter_role_arn == aws_iam_role.child.arn && yamldecode(output.helm_values).parentRoleArn == ""
    error_message = "There is no role chaining."
  }
}

run "works_in_other_partitions" {
  variables {
    cluster_arn       = "arn:aws-cn:eks:cn-north-1:111122223333:cluster/cluster-one"
    oidc_provider_arn = "arn:aws-cn:iam::111122223333:oidc-provider/oidc.eks.cn-north-1.amazonaws.com.cn/id/ABCDEF"
    bucket            = { name = "acme-cost-lake", owner = "111122223333", kms_key_arn = "arn:aws-cn:kms:cn-north-1:111122223333:key/bucket" }
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.child.policy).Statement[0].Resource == "arn:aws-cn:s3:::acme-cost-lake/staging/111122223333/cn-north-1/cluster-one/*"
    error_message = "ARNs are those of the cluster's partition."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.child.policy).Statement[2].Condition.StringEquals["kms:ViaService"] == "s3.cn-north-1.amazonaws.com.cn"
    error_message = "Service names are those of the cluster's partition."
  }
}
