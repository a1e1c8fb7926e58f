mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "lake"
  source = "./tests/mocks-lake"
}

mock_provider "helm" {}

variables {
  cluster_arn   = "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one"
  oidc_provider = { arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABCDEF" }
  bucket        = { name = "acme-cost-lake", owner = "444455556666" }
  image         = { repository = "registry.example.com/kubecost-lake-exporter" }
}

run "allows_the_pod_to_assume_its_parent_only" {
  assert {
    condition = jsondecode(aws_iam_role.child[0].assume_role_policy).Statement == [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRoleWithWebIdentity"]
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABCDEF" }
      Condition = {
        StringEquals = {
          "oidc.eks.us-east-1.amazonaws.com/id/ABCDEF:aud" = "sts.amazonaws.com"
          "oidc.eks.us-east-1.amazonaws.com/id/ABCDEF:sub" = "system:serviceaccount:kubecost-lake:kubecost-lake-exporter"
        }
      }
    }]
    error_message = "The child role trusts one service account of one namespace of this cluster."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.child[0].policy).Statement == [{
      Sid      = "OnlyItsParent"
      Effect   = "Allow"
      Action   = ["sts:AssumeRole"]
      Resource = "arn:aws:iam::444455556666:role/parent"
    }]
    error_message = "The child role may assume its parent and nothing else."
  }
}

run "grants_the_parent_what_the_exporter_needs" {
  assert {
    condition = jsondecode(aws_iam_role.parent[0].assume_role_policy).Statement == [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole"]
      Principal = { AWS = "arn:aws:iam::111122223333:role/child" }
    }]
    error_message = "The parent role trusts only that child role."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.parent[0].policy).Statement == [
      {
        Sid      = "WriteOwnStaging"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = "arn:aws:s3:::acme-cost-lake/staging/111122223333/us-east-1/cluster-one/*"
      },
      {
        Sid      = "ReadOwnPlan"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "arn:aws:s3:::acme-cost-lake/plans/111122223333/us-east-1/cluster-one/plan.json"
      },
    ]
    error_message = "The parent role writes below the cluster's staging prefix and reads its plan."
  }
  assert {
    condition     = output.exporter_role_arn == "arn:aws:iam::444455556666:role/parent" && output.parent_role_arn == output.exporter_role_arn && output.child_role_arn == "arn:aws:iam::111122223333:role/child"
    error_message = "The outputs name both roles."
  }
}

run "reads_one_secret_and_uses_one_key" {
  variables {
    bucket = { name = "acme-cost-lake", owner = "444455556666", kms_key_arn = "arn:aws:kms:eu-west-1:444455556666:key/bucket", staging_prefix = "costs/in/", plans_prefix = "costs/plans/" }
    private_ca_secret = {
      arn         = "arn:aws:secretsmanager:us-east-1:444455556666:secret:kubecost/ca-AbCdEf"
      name        = "kubecost/ca"
      region      = "us-east-1"
      kms_key_arn = "arn:aws:kms:us-east-1:444455556666:key/secret"
    }
    source_api = { url = "https://kubecost.kubecost:9443" }
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.parent[0].policy).Statement : statement.Sid => [statement.Action, statement.Resource, try(statement.Condition.StringEquals["kms:ViaService"], null)] } == {
      WriteOwnStaging = ["s3:PutObject", "arn:aws:s3:::acme-cost-lake/costs/in/111122223333/us-east-1/cluster-one/*", null]
      ReadOwnPlan     = ["s3:GetObject", "arn:aws:s3:::acme-cost-lake/costs/plans/111122223333/us-east-1/cluster-one/plan.json", null]
      ReadPrivateCa   = ["secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:444455556666:secret:kubecost/ca-AbCdEf", null]
      KeyOfTheBucket  = [["kms:GenerateDataKey", "kms:Decrypt"], "arn:aws:kms:eu-west-1:444455556666:key/bucket", "s3.eu-west-1.amazonaws.com"]
      KeyOfPrivateCa  = ["kms:Decrypt", "arn:aws:kms:us-east-1:444455556666:key/secret", "secretsmanager.us-east-1.amazonaws.com"]
    }
    error_message = "With a private CA and KMS, the parent role may read that secret and use those keys through their services."
  }
  assert {
    condition     = yamldecode(output.helm_values).source.tls.ca.secretsManager == { name = "kubecost/ca", region = "us-east-1" }
    error_message = "The chart's values contain the secret."
  }
}

run "allows_session_tags_of_pod_identity" {
  variables {
    identity      = "pod_identity"
    oidc_provider = null
  }

  assert {
    condition = jsondecode(aws_iam_role.child[0].assume_role_policy).Statement == [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { Service = "pods.eks.amazonaws.com" }
      Condition = {
        StringEquals = {
          "aws:SourceAccount"                         = "111122223333"
          "aws:RequestTag/eks-cluster-arn"            = "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one"
          "aws:RequestTag/kubernetes-namespace"       = "kubecost-lake"
          "aws:RequestTag/kubernetes-service-account" = "kubecost-lake-exporter"
        }
      }
    }]
    error_message = "The child role trusts one service account of one namespace of this cluster."
  }
  assert {
    condition     = jsondecode(aws_iam_role.parent[0].assume_role_policy).Statement[0].Action == ["sts:AssumeRole", "sts:TagSession"] && jsondecode(aws_iam_role_policy.child[0].policy).Statement[0].Action == ["sts:AssumeRole", "sts:TagSession"]
    error_message = "Pod Identity's session tags are passed on to the parent role."
  }
  assert {
    condition     = aws_eks_pod_identity_association.this[0].cluster_name == "cluster-one" && aws_eks_pod_identity_association.this[0].service_account == "kubecost-lake-exporter"
    error_message = "The association assigns the role to the service account."
  }
  assert {
    condition     = yamldecode(output.helm_values).serviceAccount.roleArn == ""
    error_message = "The service account needs no annotation."
  }
}

run "installs_the_chart" {
  variables {
    source_api = { cluster_ids = ["cluster-one", "cluster-1"], redaction = { labels = ["internal/*"] } }
  }

  assert {
    condition = yamldecode(helm_release.exporter[0].values[0]) == {
      image         = { repository = "registry.example.com/kubecost-lake-exporter" }
      clusterArn    = "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one"
      clusters      = []
      parentRoleArn = "arn:aws:iam::444455556666:role/parent"
      bucket = {
        name      = "acme-cost-lake"
        region    = ""
        owner     = "444455556666"
        kmsKeyArn = ""
        prefixes  = { staging = "staging/", plans = "plans/" }
      }
      source = {
        url                = "http://kubecost-cost-analyzer.kubecost:9090"
        kind               = "auto"
        aggregation        = "container"
        filter             = ""
        clusterIds         = ["cluster-one", "cluster-1"]
        idle               = true
        currency           = ""
        backfillPeriodDays = 15
        redaction = {
          labels          = ["internal/*"]
          annotations     = ["kubectl.kubernetes.io/last-applied-configuration"]
          keptLabels      = []
          keptAnnotations = []
        }
      }
      schedule = ""
      serviceAccount = {
        create  = true
        name    = "kubecost-lake-exporter"
        roleArn = "arn:aws:iam::111122223333:role/child"
      }
    }
    error_message = "The release has the chart's values from this module."
  }
  assert {
    condition     = endswith(helm_release.exporter[0].chart, "/helm/kubecost-lake-exporter") && helm_release.exporter[0].namespace == "kubecost-lake"
    error_message = "The release is the chart of this checkout, in the namespace that the role trusts."
  }
}

run "collects_all_days_of_a_kubecost" {
  variables {
    source_api = { backfill_period_days = "all" }
  }

  assert {
    condition     = yamldecode(helm_release.exporter[0].values[0]).source.backfillPeriodDays == "all"
    error_message = "The chart takes a number of days, or all."
  }
}

run "rejects_a_period_that_is_too_long" {
  command = plan

  variables {
    source_api = { backfill_period_days = 367 }
  }

  expect_failures = [var.source_api]
}

run "rejects_all_days_of_an_opencost" {
  command = plan

  variables {
    source_api = { kind = "opencost", backfill_period_days = "all" }
  }

  expect_failures = [var.source_api]
}

run "takes_a_published_chart_and_more_values" {
  variables {
    chart        = { repository = "oci://registry.example.com/charts", name = "kubecost-lake-exporter", version = "0.1.0" }
    chart_values = ["nodeSelector:\n  kubernetes.io/arch: arm64\n"]
  }

  assert {
    condition     = helm_release.exporter[0].repository == "oci://registry.example.com/charts" && helm_release.exporter[0].version == "0.1.0" && length(helm_release.exporter[0].values) == 2
    error_message = "The release is the published chart, with the caller's values after the module's."
  }
}

run "leaves_the_chart_to_others" {
  variables {
    install_chart = false
  }

  assert {
    condition     = length(helm_release.exporter) == 0 && yamldecode(output.helm_values).clusterArn == var.cluster_arn
    error_message = "There is no release, and the values are an output."
  }
}

run "shortens_role_names_and_keeps_them_distinct" {
  variables {
    cluster_arn = "arn:aws:eks:us-east-1:111122223333:cluster/a-cluster-with-a-name-that-is-far-longer-than-what-a-role-name-may-hold-altogether"
  }

  assert {
    condition     = length(aws_iam_role.parent[0].name) <= 64 && aws_iam_role.child[0].name != aws_iam_role.parent[0].name
    error_message = "Role names have at most 64 characters."
  }
}

run "looks_up_the_provider" {
  variables {
    oidc_provider = null
  }

  assert {
    condition     = jsondecode(aws_iam_role.child[0].assume_role_policy).Statement[0].Principal.Federated == "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/FOUND"
    error_message = "Without an ARN, the provider is the cluster's."
  }
  assert {
    condition     = data.aws_eks_cluster.this[0].name == "cluster-one" && data.aws_eks_cluster.this[0].region == "us-east-1"
    error_message = "The cluster is found by the name and region in its ARN."
  }
}

run "does_not_look_up_a_provider_that_is_given" {
  assert {
    condition     = length(data.aws_eks_cluster.this) == 0 && length(data.aws_iam_openid_connect_provider.cluster) == 0
    error_message = "With an ARN, the cluster need not exist yet."
  }
}

# The pipeline has depends_on on a resource of the same run, and the provider's ARN is known only at apply.
run "plans_clusters_together_with_what_they_depend_on" {
  command = plan
  module {
    source = "./tests/same_run"
  }

  assert {
    condition     = module.same_account.parent_role_arn == null
    error_message = "The number of roles is known at plan time."
  }
}

run "names_of_another_lake_differ" {
  variables {
    lake = "finance"
  }

  assert {
    condition     = aws_iam_role.child[0].name == "kubecost-lake-finance-cluster-one-${substr(sha1(var.cluster_arn), 0, 8)}" && aws_iam_role.parent[0].name == "${aws_iam_role.child[0].name}-parent"
    error_message = "Roles have the lake's name after the prefix."
  }
  assert {
    condition     = helm_release.exporter[0].name == "kubecost-lake-exporter-finance" && yamldecode(output.helm_values).serviceAccount.name == "kubecost-lake-exporter-finance"
    error_message = "Release and service account have the lake's name."
  }
  assert {
    condition     = jsondecode(aws_iam_role.child[0].assume_role_policy).Statement[0].Condition.StringEquals["oidc.eks.us-east-1.amazonaws.com/id/ABCDEF:sub"] == "system:serviceaccount:kubecost-lake:kubecost-lake-exporter-finance"
    error_message = "The role trusts that service account."
  }
}

run "a_lake_without_a_name_changes_no_name" {
  assert {
    condition = [aws_iam_role.child[0].name, aws_iam_role.parent[0].name, helm_release.exporter[0].name, yamldecode(output.helm_values).serviceAccount.name] == [
      "kubecost-lake-cluster-one-${substr(sha1(var.cluster_arn), 0, 8)}", "kubecost-lake-cluster-one-${substr(sha1(var.cluster_arn), 0, 8)}-parent", "kubecost-lake-exporter", "kubecost-lake-exporter",
    ]
    error_message = "Existing fleets are not recreated."
  }
}

run "role_names_of_a_lake_have_64_characters_at_most" {
  variables {
    lake        = "sixteen-letters-"
    cluster_arn = "arn:aws:eks:us-east-1:111122223333:cluster/a-cluster-with-a-name-that-is-far-longer-than-what-a-role-name-may-hold-altogether"
  }
  command         = plan
  expect_failures = [var.lake]
}

run "role_names_of_the_longest_lake_fit" {
  variables {
    lake        = "sixteen-letters1"
    cluster_arn = "arn:aws:eks:us-east-1:111122223333:cluster/a-cluster-with-a-name-that-is-far-longer-than-what-a-role-name-may-hold-altogether"
  }

  assert {
    condition     = length(aws_iam_role.parent[0].name) <= 64 && startswith(aws_iam_role.parent[0].name, "kubecost-lake-sixteen-letters1-a-cluster-with")
    error_message = "Role names have at most 64 characters."
  }
}

# The lake's team and the clusters' team each apply their half.
run "the_lakes_team_creates_the_parent" {
  variables {
    create_child  = false
    oidc_provider = null
    bucket        = { name = "acme-cost-lake", owner = "444455556666" }
  }

  assert {
    condition     = length(aws_iam_role.child) == 0 && length(helm_release.exporter) == 0 && length(aws_iam_role.parent) == 1
    error_message = "There is only the parent role."
  }
  assert {
    condition = jsondecode(aws_iam_role.parent[0].assume_role_policy).Statement == [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole"]
      Principal = { AWS = "arn:aws:iam::111122223333:root" }
      Condition = { ArnEquals = { "aws:PrincipalArn" = "arn:aws:iam::111122223333:role/kubecost-lake-cluster-one-${substr(sha1(var.cluster_arn), 0, 8)}" } }
    }]
    error_message = "The parent role trusts the child role by its name, since it does not exist yet."
  }
}

run "the_clusters_team_creates_the_child" {
  variables {
    create_parent = false
  }

  assert {
    condition     = length(aws_iam_role.parent) == 0 && length(data.aws_caller_identity.lake) == 0
    error_message = "There is no parent role, and the lake's provider is not used."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.child[0].policy).Statement[0].Resource == "arn:aws:iam::444455556666:role/kubecost-lake-cluster-one-${substr(sha1(var.cluster_arn), 0, 8)}-parent" && yamldecode(output.helm_values).parentRoleArn == output.parent_role_arn
    error_message = "The child role and the chart have the parent role that the lake's team creates."
  }
}

run "rejects_a_module_with_nothing_to_create" {
  command = plan
  variables {
    create_child = false
    bucket       = { name = "acme-cost-lake", owner = "111122223333" }
  }
  expect_failures = [var.create_parent]
}

run "rejects_an_invalid_cluster_arn" {
  command = plan
  variables {
    cluster_arn = "cluster-one"
  }
  expect_failures = [var.cluster_arn]
}

run "rejects_an_unknown_aggregation" {
  command = plan
  variables {
    source_api = { aggregation = "label" }
  }
  expect_failures = [var.source_api]
}

run "rejects_two_cluster_ids_in_one_text" {
  command = plan
  variables {
    source_api = { cluster_ids = ["one,two"] }
  }
  expect_failures = [var.source_api]
}

run "rejects_swapped_providers" {
  command = plan
  variables {
    bucket = { name = "acme-cost-lake", owner = "777788889999" }
  }
  expect_failures = [aws_iam_role.child]
}
