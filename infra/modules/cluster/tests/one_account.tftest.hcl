mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "lake"
  source = "./tests/mocks"
}

mock_provider "helm" {}

variables {
  cluster_arn   = "arn:aws:eks:eu-central-1:111122223333:cluster/cluster-one"
  oidc_provider = { arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABCDEF" }
  bucket        = { name = "acme-cost-lake", owner = "111122223333" }
  image         = { repository = "registry.example.com/kubecost-lake-exporter" }
}

run "creates_one_role" {
  assert {
    condition     = length(aws_iam_role.parent) == 0 && length(aws_iam_role_policy.parent) == 0 && output.parent_role_arn == null
    error_message = "There is no parent role."
  }
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.child[0].policy).Statement : statement.Action => statement.Resource } == {
      "s3:PutObject" = "arn:aws:s3:::acme-cost-lake/staging/111122223333/eu-central-1/cluster-one/*"
      "s3:GetObject" = "arn:aws:s3:::acme-cost-lake/plans/111122223333/eu-central-1/cluster-one/plan.json"
    }
    error_message = "The one role has the exporter's permissions and no others."
  }
  assert {
    condition     = output.exporter_role_arn == aws_iam_role.child[0].arn && yamldecode(output.helm_values).parentRoleArn == ""
    error_message = "There is no role chaining."
  }
}

run "works_in_other_partitions" {
  override_data {
    target = data.aws_partition.cluster
    values = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn" }
  }
  variables {
    cluster_arn   = "arn:aws-cn:eks:cn-north-1:111122223333:cluster/cluster-one"
    oidc_provider = { arn = "arn:aws-cn:iam::111122223333:oidc-provider/oidc.eks.cn-north-1.amazonaws.com.cn/id/ABCDEF" }
    bucket        = { name = "acme-cost-lake", owner = "111122223333", kms_key_arn = "arn:aws-cn:kms:cn-north-1:111122223333:key/bucket" }
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.child[0].policy).Statement[0].Resource == "arn:aws-cn:s3:::acme-cost-lake/staging/111122223333/cn-north-1/cluster-one/*"
    error_message = "ARNs are those of the cluster's partition."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.child[0].policy).Statement[2].Condition.StringEquals["kms:ViaService"] == "s3.cn-north-1.amazonaws.com.cn"
    error_message = "Service names are those of the cluster's partition."
  }
}

run "accepts_a_partition_by_its_form" {
  variables {
    cluster_arn   = "arn:aws-eusc:eks:eusc-de-east-1:111122223333:cluster/x"
    oidc_provider = { arn = "arn:aws-eusc:iam::111122223333:oidc-provider/oidc.eks.eusc-de-east-1.amazonaws.eu/id/ABCDEF" }
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.child[0].policy).Statement[0].Resource == "arn:aws-eusc:s3:::acme-cost-lake/staging/111122223333/eusc-de-east-1/x/*"
    error_message = "ARNs are those of the cluster's partition."
  }
}

run "accepts_us_iso" {
  command = plan
  variables {
    cluster_arn = "arn:aws-iso:eks:us-iso-east-1:111122223333:cluster/x"
  }

  assert {
    condition     = endswith(output.staging_prefix, "/x/")
    error_message = "The cluster's ARN is accepted."
  }
}

run "accepts_us_isob" {
  command = plan
  variables {
    cluster_arn = "arn:aws-iso-b:eks:us-isob-east-1:111122223333:cluster/x"
  }

  assert {
    condition     = endswith(output.staging_prefix, "/x/")
    error_message = "The cluster's ARN is accepted."
  }
}

run "accepts_us_gov" {
  command = plan
  variables {
    cluster_arn = "arn:aws-us-gov:eks:us-gov-west-1:111122223333:cluster/x"
  }

  assert {
    condition     = endswith(output.staging_prefix, "/x/")
    error_message = "The cluster's ARN is accepted."
  }
}

run "rejects_another_cloud" {
  command = plan
  variables {
    cluster_arn = "arn:azure:eks:us-east-1:111122223333:cluster/x"
  }
  expect_failures = [var.cluster_arn]
}

run "rejects_a_region_without_hyphens" {
  command = plan
  variables {
    cluster_arn = "arn:aws:eks:useast1:111122223333:cluster/x"
  }
  expect_failures = [var.cluster_arn]
}

run "rejects_a_partition_that_ends_with_a_hyphen" {
  command = plan
  variables {
    cluster_arn = "arn:aws-:eks:us-east-1:111122223333:cluster/x"
  }
  expect_failures = [var.cluster_arn]
}
