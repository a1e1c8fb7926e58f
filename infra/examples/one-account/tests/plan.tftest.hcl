mock_provider "aws" {
  source = "../../modules/cluster/tests/mocks"

  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_region" {
    defaults = { region = "us-east-1" }
  }
}

mock_provider "helm" {}

variables {
  bucket_name        = "acme-costs-4f1c9a"
  packages_directory = "../../testdata/packages"
  image              = "registry.example.com/kubecost-lake-exporter"
  cluster_arn        = "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one"
  kube_context       = "cluster-one"
}

run "plans" {
  command = plan

  assert {
    condition     = module.cluster.parent_role_arn == null
    error_message = "Within one account there is one role."
  }
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.lake.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "The default is SSE-S3."
  }
}

run "plans_with_a_key" {
  command = plan

  variables {
    encrypt_with_kms = true
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.lake.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" && aws_kms_key.lake[0].enable_key_rotation
    error_message = "The bucket has its own key, which is rotated."
  }
}

run "plans_for_a_new_account_with_pod_identity" {
  command = plan

  variables {
    identity      = "pod_identity"
    install_chart = false
    functions = {
      transform = { reserved_concurrency = -1 }
      backfill  = { reserved_concurrency = -1 }
      crawler   = { reserved_concurrency = -1 }
    }
  }

  assert {
    condition     = yamldecode(output.helm_values).bucket.region == "us-east-1" && yamldecode(output.helm_values).clusterArn == var.cluster_arn
    error_message = "The chart's values are an output."
  }
}
