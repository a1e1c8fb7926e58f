mock_provider "aws" {
  source = "../../modules/pipeline/tests/mocks"
}

mock_provider "aws" {
  alias  = "two"
  source = "../../modules/cluster/tests/mocks"
}

mock_provider "helm" {}

mock_provider "helm" {
  alias = "two"
}

variables {
  bucket_name             = "acme-costs-4f1c9a"
  reader_role_arns        = ["arn:aws:iam::444455556666:role/analysts"]
  administrator_role_arns = ["arn:aws:iam::444455556666:role/administrators"]
  packages_directory      = "../../testdata/packages"
  image                   = "registry.example.com/kubecost-lake-exporter"
  private_ca_file         = "../../testdata/ca.pem"
  alarm_topic_arn         = "arn:aws:sns:us-east-1:444455556666:oncall"
  cluster_one = {
    arn               = "arn:aws:eks:us-east-1:444455556666:cluster/cluster-one"
    oidc_provider_arn = "arn:aws:iam::444455556666:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABCDEF"
    kube_context      = "cluster-one"
  }
  cluster_two = {
    arn          = "arn:aws:eks:eu-central-1:111122223333:cluster/cluster-one-blue"
    region       = "eu-central-1"
    aws_profile  = "workloads"
    kube_context = "cluster-two"
    source_url   = "https://kubecost.kubecost:9443"
  }
}

run "applies" {
  assert {
    condition     = module.cluster_one.parent_role_arn == null && module.cluster_two.parent_role_arn != null
    error_message = "Only the cluster in the other account needs a parent role."
  }
  assert {
    condition     = module.cluster_one.staging_prefix == "staging/444455556666/us-east-1/cluster-one/" && module.cluster_two.staging_prefix == "staging/111122223333/eu-central-1/cluster-one-blue/"
    error_message = "Each cluster writes to its own prefix."
  }
  assert {
    condition     = yamldecode(module.cluster_two.helm_values).bucket.region == "us-east-1"
    error_message = "Cluster two's values contain the bucket's region."
  }
  assert {
    condition     = yamldecode(module.cluster_two.helm_values).source.tls.ca.secretsManager == { name = "kubecost-lake/private-ca", region = "us-east-1" }
    error_message = "Cluster two's values contain the private CA's secret."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_s3_bucket_policy.lake.policy).Statement : statement.Effect == "Deny" || try(jsonencode(statement.Condition.ArnLike["aws:PrincipalArn"]) == jsonencode(var.reader_role_arns), false)])
    error_message = "The bucket's policy allows readers, and otherwise only denies; the roles' policies allow."
  }
  assert {
    condition     = !strcontains(aws_s3_bucket_policy.lake.policy, "cluster-one") && length(aws_s3_bucket_policy.lake.policy) < 4096
    error_message = "The bucket's policy names no cluster, so that its size is the same for any number of them."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_s3_bucket_policy.lake.policy).Statement :
      contains(statement.Condition.ArnNotLike["aws:PrincipalArn"], "arn:aws:iam::444455556666:role/administrators") if can(statement.Condition.ArnNotLike)
    ])
    error_message = "Administrators keep their access."
  }
}

run "writes_have_a_condition" {
  assert {
    condition = one([for statement in jsondecode(aws_s3_bucket_policy.lake.policy).Statement : statement.Condition if statement.Sid == "ExportersOnlyCreate"]) == {
      ArnNotLike = { "aws:PrincipalArn" = concat(values(module.pipeline.function_role_arns), var.administrator_role_arns) }
      Null       = { "s3:if-none-match" = "true" }
      Bool       = { "s3:ObjectCreationOperation" = "true" }
    }
    error_message = "By default, objects below staging/ are only created, except by functions and administrators."
  }
  assert {
    condition     = !strcontains(aws_s3_bucket_policy.lake.policy, "LakeOnlyWithCondition")
    error_message = "By default, files can be copied into the lake."
  }
}

run "options" {
  variables {
    create_only_staging = false
    conditional_lake    = true
  }

  assert {
    condition     = !strcontains(aws_s3_bucket_policy.lake.policy, "ExportersOnlyCreate")
    error_message = "Exporters may replace objects below staging/."
  }
  assert {
    condition = one([for statement in jsondecode(aws_s3_bucket_policy.lake.policy).Statement : statement.Condition if statement.Sid == "LakeOnlyWithCondition"]) == {
      Null = { "s3:if-none-match" = "true", "s3:if-match" = "true" }
      Bool = { "s3:ObjectCreationOperation" = "true" }
    }
    error_message = "Objects below lake/ are only written with a condition."
  }
}
