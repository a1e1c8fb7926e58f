# With 50 clusters whose names have 100 characters. `infra/render.sh` writes the role and its policies to tests/deployed-many.json, and the tests load
# them into an emulator of AWS.
mock_provider "aws" {
  source = "../../modules/cluster/tests/mocks-lake"
}

mock_provider "aws" {
  alias  = "lake"
  source = "../../modules/cluster/tests/mocks-lake"
}

mock_provider "helm" {}

override_resource {
  target = module.exporter.aws_iam_role.child[0]
  values = { arn = "arn:aws:iam::444455556666:role/kubecost-lake-costs-5d46200f" }
}

variables {
  cluster_arn   = "arn:aws:eks:us-east-1:444455556666:cluster/costs"
  oidc_provider = { arn = "arn:aws:iam::444455556666:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ONE" }
  kube_context  = "costs"
  bucket        = { name = "finops-lake", owner = "444455556666" }
  image         = "registry.example.com/kubecost-lake-exporter"
  clusters_file = "tests/clusters.yaml"
}

run "one_role_for_all_clusters" {
  assert {
    condition     = length(output.staging_prefixes) == 50 && output.exporter_role_arn == "arn:aws:iam::444455556666:role/kubecost-lake-costs-5d46200f"
    error_message = "The role writes below the prefix of each cluster of the file."
  }
  assert {
    condition     = length(yamldecode(output.helm_values).clusters) == 50 && yamldecode(output.helm_values).clusterArn == ""
    error_message = "The chart has the clusters of the file."
  }
}

run "the_clusters_of_the_example" {
  command = plan

  variables {
    clusters_file = "clusters.yaml"
  }

  assert {
    condition     = output.staging_prefixes == ["staging/444455556666/us-east-1/costs/", "staging/111122223333/us-east-1/production/", "staging/111122223333/eu-west-1/staging/"]
    error_message = "Each cluster of the file has its prefix."
  }
}

run "an_opencost_hub" {
  command = plan

  variables {
    source_kind = "opencost"
    source_api  = { backfill_period_days = 30 }
  }

  assert {
    condition     = { for name in ["url", "kind", "backfillPeriodDays"] : name => tostring(yamldecode(output.helm_values).source[name]) } == { url = "http://opencost.opencost:9003", kind = "opencost", backfillPeriodDays = "30" }
    error_message = "The chart queries the hub."
  }
  assert {
    condition     = length(output.staging_prefixes) == 50 && length(yamldecode(output.helm_values).clusters) == 50
    error_message = "The hub has the same clusters."
  }
}

run "all_days_of_a_primary" {
  command = plan

  variables {
    source_api = { backfill_period_days = "all" }
  }

  assert {
    condition     = yamldecode(output.helm_values).source.backfillPeriodDays == "all" && yamldecode(output.helm_values).source.kind == "kubecost"
    error_message = "The chart collects all days that the primary keeps."
  }
}
