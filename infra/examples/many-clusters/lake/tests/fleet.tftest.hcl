mock_provider "aws" {
  source = "../../../modules/pipeline/tests/mocks"
}

mock_provider "helm" {}

variables {
  account     = "444455556666"
  bucket_name = "acme-cost-lake"
  packages    = { s3_bucket = "acme-artifacts", s3_prefix = "kubecost-lake/0.1.0/" }
}

run "plans_the_clusters_of_the_file" {
  command = plan

  assert {
    condition     = length(module.parent) == 3
    error_message = "Each cluster of another account has a parent role."
  }
}

run "plans_50_clusters" {
  command = plan
  variables {
    clusters_yaml = join("\n", [for n in range(50) : "arn:aws:eks:us-east-1:${111122220000 + floor(n / 5)}:cluster/team-${n}: {}"])
  }

  assert {
    condition     = length(module.parent) == 50 && length(distinct([for parent in module.parent : parent.staging_prefix])) == 50
    error_message = "Each of 50 clusters in 10 accounts has a parent role and a prefix of its own."
  }
}

run "needs_no_parent_roles_for_clusters_of_its_own_account" {
  command = plan
  variables {
    clusters_yaml = "arn:aws:eks:us-east-1:444455556666:cluster/one: {}"
  }

  assert {
    condition     = length(module.parent) == 0
    error_message = "A cluster in the lake's account has one role, in its account's root."
  }
}
