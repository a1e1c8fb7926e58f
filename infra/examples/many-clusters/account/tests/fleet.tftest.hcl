# infra/check.sh reads the plan of the last run: it changes nothing but the new cluster's resources.
mock_provider "aws" {
  source = "../../../modules/cluster/tests/mocks"
}

mock_provider "helm" {}

override_data {
  target = data.terraform_remote_state.lake
  values = {
    outputs = {
      bucket = { name = "acme-cost-lake", region = "us-east-1", owner = "444455556666", kms_key_arn = null, staging_prefix = "staging/", plans_prefix = "plans/" }
    }
  }
}

variables {
  account    = "111122223333"
  lake_state = { bucket = "acme-terraform-state", key = "kubecost-lake/lake.tfstate", region = "us-east-1" }
  image      = "registry.example.com/kubecost-lake-exporter"
  chart      = { repository = "registry.example.com/charts", version = "0.1.0" }
}

run "plans_the_clusters_of_the_file" {
  command = plan

  assert {
    condition     = keys(module.cluster) == ["arn:aws:eks:eu-west-1:111122223333:cluster/shop-staging", "arn:aws:eks:us-east-1:111122223333:cluster/shop-production"]
    error_message = "The clusters of this account are planned, and no others."
  }
  assert {
    condition = toset([
      for element in yamldecode(output.application_set).spec.generators[0].list.elements : yamldecode(element.values).source.url
    ]) == toset(["http://opencost.opencost:9003", "http://kubecost-cost-analyzer.kubecost:9090"])
    error_message = "Each cluster has its own values."
  }
}

run "applies_50_clusters" {
  variables {
    clusters_yaml = file("../../../testdata/clusters-50.yaml")
  }

  assert {
    condition     = length(module.cluster) == 50 && length(yamldecode(output.application_set).spec.generators[0].list.elements) == 50
    error_message = "There are 50 clusters."
  }
  assert {
    condition = alltrue([
      for element in yamldecode(output.application_set).spec.generators[0].list.elements :
      yamldecode(element.values).schedule == "" && endswith(yamldecode(element.values).parentRoleArn, "-parent")
    ])
    error_message = "Each cluster runs at its own time and has a parent role."
  }
}

run "adds_the_51st_cluster" {
  command = plan
  variables {
    clusters_yaml = file("../../../testdata/clusters-51.yaml")
  }

  assert {
    condition     = length(module.cluster) == 51
    error_message = "There are 51 clusters."
  }
}
