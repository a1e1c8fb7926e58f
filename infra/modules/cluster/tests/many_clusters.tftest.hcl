mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "lake"
  source = "./tests/mocks-lake"
}

mock_provider "helm" {}

variables {
  cluster_arn   = "arn:aws:eks:us-east-1:111122223333:cluster/primary"
  oidc_provider = { arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABCDEF" }
  bucket        = { name = "acme-cost-lake-of-a-company-whose-name-fills-all-63-characters0", owner = "444455556666" }
  image         = { repository = "registry.example.com/kubecost-lake-exporter" }
  # Names of 100 characters, in a region with a long name.
  source_clusters = [for number in range(50) : {
    id  = "cluster-${number}"
    arn = "arn:aws:eks:ap-southeast-1:1111222233${format("%02d", number)}:cluster/${format("%02d", number)}${join("", [for character in range(98) : "x"])}"
  }]
}

run "the_role_has_exactly_the_prefixes_and_plans_of_50_clusters" {
  assert {
    condition     = alltrue([for policy in aws_iam_policy.parent_clusters : length(policy.policy) <= 6144]) && length(aws_iam_policy.parent_clusters) <= 10
    error_message = "A managed policy has at most 6,144 characters, and a role at most 10 of them."
  }
  assert {
    condition = sort(flatten([for policy in aws_iam_policy.parent_clusters : jsondecode(policy.policy).Statement[0].Resource])) == sort([
      for cluster in var.source_clusters : "arn:aws:s3:::${var.bucket.name}/staging/${split(":", cluster.arn)[4]}/ap-southeast-1/${trimprefix(split(":", cluster.arn)[5], "cluster/")}/*"
    ])
    error_message = "The role writes below the prefix of each cluster on the list, and no other."
  }
  assert {
    condition = sort(flatten([for policy in aws_iam_policy.parent_clusters : jsondecode(policy.policy).Statement[1].Resource])) == sort([
      for cluster in var.source_clusters : "arn:aws:s3:::${var.bucket.name}/plans/${split(":", cluster.arn)[4]}/ap-southeast-1/${trimprefix(split(":", cluster.arn)[5], "cluster/")}/plan.json"
    ])
    error_message = "The role reads the plan of each cluster on the list, and no other."
  }
  assert {
    condition     = length(aws_iam_role_policy_attachment.parent_clusters) == length(aws_iam_policy.parent_clusters) && length(aws_iam_policy.child_clusters) == 0 && jsondecode(aws_iam_role_policy.parent[0].policy).Statement[*].Action == ["sts:GetCallerIdentity"]
    error_message = "All of them are attached to the parent role, whose inline policy has nothing but its identity."
  }
  assert {
    condition     = output.exporter_role_arn == "arn:aws:iam::444455556666:role/parent" && length(output.staging_prefixes) == 50
    error_message = "The outputs name the role, and all prefixes."
  }
  assert {
    condition     = yamldecode(output.helm_values).clusterArn == "" && yamldecode(output.helm_values).clusters == [for cluster in var.source_clusters : { id = cluster.id, arn = cluster.arn }]
    error_message = "The chart has the same list."
  }
}

run "within_one_account_the_only_role_has_them" {
  variables {
    cluster_arn = "arn:aws:eks:us-east-1:444455556666:cluster/primary"
    bucket      = { name = "acme-cost-lake", owner = "444455556666", kms_key_arn = "arn:aws:kms:eu-west-1:444455556666:key/bucket" }
    identity    = "pod_identity"
    source_clusters = [
      { id = "one", arn = "arn:aws:eks:us-east-1:444455556666:cluster/one" },
      { id = "one-before", arn = "arn:aws:eks:us-east-1:444455556666:cluster/one" },
      { id = "two", arn = "arn:aws:eks:us-east-1:444455556666:cluster/two" },
    ]
  }
  providers = {
    aws      = aws.lake
    aws.lake = aws.lake
    helm     = helm
  }

  assert {
    condition     = length(aws_iam_policy.child_clusters) == 1 && length(jsondecode(aws_iam_policy.child_clusters[0].policy).Statement[0].Resource) == 2 && length(aws_iam_policy.parent_clusters) == 0
    error_message = "Two clusters fit into one policy, of the only role. A cluster of two ids has one prefix."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.child[0].policy).Statement[*].Sid == ["KeyOfTheBucket", "NameOwnIdentity"]
    error_message = "What is not of one cluster stays in the inline policy."
  }
}

run "a_list_of_one_is_as_one_cluster" {
  variables {
    source_clusters = [{ id = "one", arn = "arn:aws:eks:us-east-1:111122223333:cluster/other" }]
  }
  assert {
    condition     = length(aws_iam_policy.parent_clusters) == 0 && jsondecode(aws_iam_role_policy.parent[0].policy).Statement[0].Resource == "arn:aws:s3:::${var.bucket.name}/staging/111122223333/us-east-1/other/*"
    error_message = "The permissions of one cluster fit into the inline policy."
  }
}

run "the_list_goes_with_no_filter_and_no_id_twice" {
  command = plan

  variables {
    source_api = { filter = "cluster:\"one\"" }
    source_clusters = [
      { id = "one", arn = "arn:aws:eks:us-east-1:111122223333:cluster/one" },
      { id = "one", arn = "arn:aws:eks:us-east-1:111122223333:cluster/two" },
    ]
  }

  expect_failures = [var.source_clusters]
}
