mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # The bucket\'s owner manages its lifecycle.
  lifecycle_rules = { managed_elsewhere = true }

  bucket   = { name = "acme-cost-lake" }
  packages = { s3_bucket = "acme-artifacts" }
}

run "grants_transform_what_it_needs" {
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.work["transform"].policy).Statement : statement.Sid => [statement.Action, statement.Resource] } == {
      ReadStagedSetsAndTheLake = ["s3:GetObject", ["arn:aws:s3:::acme-cost-lake/staging/*", "arn:aws:s3:::acme-cost-lake/lake/*", "arn:aws:s3:::acme-cost-lake/assets/*"]]
      WriteLakeAndQuarantine   = ["s3:PutObject", ["arn:aws:s3:::acme-cost-lake/lake/*", "arn:aws:s3:::acme-cost-lake/assets/*", "arn:aws:s3:::acme-cost-lake/quarantine/*"]]
      GiveUpUploads            = ["s3:AbortMultipartUpload", ["arn:aws:s3:::acme-cost-lake/lake/*", "arn:aws:s3:::acme-cost-lake/assets/*"]]
      KnowWhatIsAbsent         = ["s3:ListBucket", "arn:aws:s3:::acme-cost-lake"]
    }
    error_message = "transform reads staged sets and both tables, and writes both tables and the quarantine."
  }
}

run "grants_backfill_what_it_needs" {
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.work["backfill"].policy).Statement : statement.Sid => [statement.Action, statement.Resource] } == {
      ReadDocuments = ["s3:GetObject", [
        "arn:aws:s3:::acme-cost-lake/staging/*/inventory.json",
        "arn:aws:s3:::acme-cost-lake/staging/*/run.json",
        "arn:aws:s3:::acme-cost-lake/staging/*/manifest.json",
        "arn:aws:s3:::acme-cost-lake/plans/*/plan.json",
        "arn:aws:s3:::acme-cost-lake/quarantine/*.json",
        "arn:aws:s3:::acme-cost-lake/reports/*.json",
      ]]
      KnowRunsOfTheLake    = ["s3:GetObject", "arn:aws:s3:::acme-cost-lake/lake/*.snappy.parquet"]
      WritePlansAndReports = ["s3:PutObject", ["arn:aws:s3:::acme-cost-lake/plans/*/plan.json", "arn:aws:s3:::acme-cost-lake/reports/*.json"]]
      DeliverAgain         = ["s3:PutObject", "arn:aws:s3:::acme-cost-lake/staging/*/manifest.json"]
      ListTheBucket        = ["s3:ListBucket", "arn:aws:s3:::acme-cost-lake"]
    }
    error_message = "backfill reads documents and the lake's metadata, and writes plans, reports and manifests."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.work["backfill"].policy).Statement[4].Condition == { StringLikeIfExists = { "s3:prefix" = ["assets/*", "lake/*", "plans/*", "quarantine/*", "reports/*", "staging/*"] } }
    error_message = "backfill lists below the product's prefixes only."
  }
}

run "grants_crawler_what_registering_needs" {
  variables {
    catalog_mode = "register"
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.work["crawler"].policy).Statement : statement.Sid => statement.Action } == {
      ListTheLake        = "s3:ListBucket"
      ReadTheTable       = ["glue:GetTable", "glue:GetPartition", "glue:GetPartitions"]
      RegisterPartitions = ["glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:BatchUpdatePartition"]
    }
    error_message = "The crawler function registers partitions and starts nothing."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.work["crawler"].policy).Statement[2].Resource == [
      "arn:aws:glue:us-east-1:444455556666:catalog",
      "arn:aws:glue:us-east-1:444455556666:database/kubecost_db",
      "arn:aws:glue:us-east-1:444455556666:table/kubecost_db/kubecost_table",
      "arn:aws:glue:us-east-1:444455556666:table/kubecost_db/kubecost_table_assets",
    ]
    error_message = "It registers them in its own tables only."
  }
}

run "grants_crawler_what_registering_and_starting_need" {
  assert {
    condition     = toset([for statement in jsondecode(aws_iam_role_policy.work["crawler"].policy).Statement : statement.Sid]) == toset(["ListTheLake", "ReadTheTable", "RegisterPartitions", "RunTheCrawler"])
    error_message = "By default, the crawler function registers partitions and starts the Glue crawler."
  }
  assert {
    condition     = toset(flatten([for statement in jsondecode(aws_iam_role_policy.glue_crawler[0].policy).Statement : statement.Action if startswith(flatten([statement.Action])[0], "s3:")])) == toset(["s3:GetObject", "s3:ListBucket"])
    error_message = "The Glue crawler reads the lake and writes nothing."
  }
  assert {
    condition = (
      jsondecode(aws_iam_role.glue_crawler[0].assume_role_policy).Statement[0].Condition == { StringEqualsIfExists = { "aws:SourceAccount" = "444455556666" } } &&
      one([for statement in jsondecode(aws_iam_role_policy.glue_crawler[0].policy).Statement : statement.Condition if statement.Sid == "ListTheLake"]) == { StringLikeIfExists = { "s3:prefix" = ["lake/*", "assets/*"] } }
    )
    error_message = "Only Glue in this account may assume the crawler's role, and a request without these keys is not denied."
  }
}

run "grants_crawler_nothing_in_the_catalog" {
  variables {
    catalog_mode = "none"
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.work["crawler"].policy).Statement : statement.Sid] == ["ListTheLake"] && length(aws_glue_crawler.this) == 0
    error_message = "With mode none, nothing changes the catalog."
  }
}

run "allows_functions_the_key_through_s3_only" {
  variables {
    bucket = { name = "acme-cost-lake", kms_key_arn = "arn:aws:kms:us-east-1:444455556666:key/11111111-2222-3333-4444-555555555555" }
  }

  assert {
    condition = alltrue([
      for name in ["transform", "backfill"] : one([for statement in jsondecode(aws_iam_role_policy.work[name].policy).Statement : [statement.Resource, statement.Condition.StringEquals["kms:ViaService"]] if statement.Sid == "KeyOfTheBucket"]) ==
      ["arn:aws:kms:us-east-1:444455556666:key/11111111-2222-3333-4444-555555555555", "s3.us-east-1.amazonaws.com"]
    ])
    error_message = "transform and backfill may use the bucket's key through S3 only."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.work["crawler"].policy, "kms:")
    error_message = "The crawler function reads no object and needs no key."
  }
}

run "grants_each_function_its_log_group_and_the_queue" {
  assert {
    condition = jsondecode(aws_iam_role_policy.runtime["backfill"].policy).Statement[*].Resource == [
      "arn:aws:logs:us-east-1:444455556666:log-group:/aws/lambda/kubecost-lake-backfill:*",
      "arn:aws:sqs:us-east-1:444455556666:mocked",
    ]
    error_message = "A function may write to its own log group and to the queue."
  }
}

run "stores_private_ca_certificates" {
  variables {
    private_ca_secrets = {
      "kubecost/ca" = {
        certificate_pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
        reader_arns     = ["arn:aws:iam::444455556666:role/kubecost-lake-one-parent"]
      }
    }
  }

  assert {
    condition = jsondecode(aws_secretsmanager_secret_policy.private_ca["kubecost/ca"].policy).Statement == [{
      Sid       = "Exporters"
      Effect    = "Allow"
      Action    = "secretsmanager:GetSecretValue"
      Resource  = aws_secretsmanager_secret.private_ca["kubecost/ca"].arn
      Principal = { AWS = ["arn:aws:iam::444455556666:role/kubecost-lake-one-parent"] }
    }]
    error_message = "Only the listed readers may read the secret."
  }
  assert {
    condition     = output.private_ca_secrets["kubecost/ca"].region == "us-east-1"
    error_message = "The output contains the secret's region."
  }
}

run "rejects_a_private_key" {
  command = plan
  variables {
    private_ca_secrets = {
      ca = {
        certificate_pem = "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"
        reader_arns     = ["arn:aws:iam::444455556666:role/one"]
      }
    }
  }
  expect_failures = [var.private_ca_secrets]
}
