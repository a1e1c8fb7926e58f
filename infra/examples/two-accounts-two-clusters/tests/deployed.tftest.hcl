# The example with the ARNs that AWS would return. `infra/render.sh` writes the result to tests/deployed.json, and the tests load its roles,
# policies, table and view into emulators of AWS.
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

override_resource {
  target = module.pipeline.aws_iam_role.function["transform"]
  values = { arn = "arn:aws:iam::444455556666:role/kubecost-lake-transform" }
}

override_resource {
  target = module.pipeline.aws_iam_role.function["backfill"]
  values = { arn = "arn:aws:iam::444455556666:role/kubecost-lake-backfill" }
}

override_resource {
  target = module.pipeline.aws_iam_role.function["crawler"]
  values = { arn = "arn:aws:iam::444455556666:role/kubecost-lake-crawler" }
}

override_resource {
  target = module.pipeline.aws_iam_role.glue_crawler[0]
  values = { arn = "arn:aws:iam::444455556666:role/kubecost-lake-glue-crawler" }
}

override_resource {
  target = module.cluster_one.aws_iam_role.child[0]
  values = { arn = "arn:aws:iam::444455556666:role/kubecost-lake-cluster-one-ca5190f1" }
}

override_resource {
  target = module.cluster_two.aws_iam_role.child[0]
  values = { arn = "arn:aws:iam::111122223333:role/kubecost-lake-cluster-one-blue-f427b50c" }
}

override_resource {
  target = module.cluster_two.aws_iam_role.parent[0]
  values = { arn = "arn:aws:iam::444455556666:role/kubecost-lake-cluster-one-blue-f427b50c-parent" }
}

variables {
  bucket_name        = "finops-lake"
  reader_role_arns   = ["arn:aws:iam::444455556666:role/analysts", "arn:aws:iam::777788889999:role/bi-*"]
  packages_directory = "../../testdata/packages"
  image              = "registry.example.com/kubecost-lake-exporter"
  private_ca_file    = "../../testdata/ca.pem"
  alarm_topic_arn    = "arn:aws:sns:us-east-1:444455556666:oncall"
  cluster_one = {
    arn               = "arn:aws:eks:us-east-1:444455556666:cluster/cluster-one"
    oidc_provider_arn = "arn:aws:iam::444455556666:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ONE"
    kube_context      = "cluster-one"
  }
  cluster_two = {
    arn               = "arn:aws:eks:eu-central-1:111122223333:cluster/cluster-one-blue"
    oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/TWO"
    region            = "eu-central-1"
    aws_profile       = "workloads"
    kube_context      = "cluster-two"
    source_url        = "https://kubecost.kubecost:9443"
  }
}

run "deploys" {
  assert {
    condition     = module.cluster_one.exporter_role_arn == module.cluster_one.child_role_arn
    error_message = "Within one account there is one role."
  }
  assert {
    condition     = module.cluster_two.child_role_arn != module.cluster_two.parent_role_arn
    error_message = "Across two accounts there are two roles."
  }
}
