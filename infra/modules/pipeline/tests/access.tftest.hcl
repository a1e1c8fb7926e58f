# Accounts with their own rules: a key of the catalog, Lake Formation, a VPC, readers of other accounts, another region.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  bucket          = { name = "acme-cost-lake" }
  packages        = { s3_bucket = "acme-artifacts" }
  lifecycle_rules = { managed_elsewhere = true }
}

run "uses_the_catalogs_key_through_glue_only" {
  variables {
    glue = { catalog_kms_key_arn = "arn:aws:kms:us-east-1:444455556666:key/catalog" }
  }

  assert {
    condition = one([for statement in jsondecode(aws_iam_role_policy.work["crawler"].policy).Statement : statement if statement.Sid == "KeyOfTheCatalog"]) == {
      Sid       = "KeyOfTheCatalog"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource  = "arn:aws:kms:us-east-1:444455556666:key/catalog"
      Condition = { StringEquals = { "kms:ViaService" = "glue.us-east-1.amazonaws.com" } }
    }
    error_message = "The crawler function may use the catalog's key, through Glue only."
  }
  assert {
    condition     = contains([for statement in jsondecode(aws_iam_role_policy.glue_crawler[0].policy).Statement : statement.Sid], "KeyOfTheCatalog")
    error_message = "The Glue crawler may use the catalog's key."
  }
  assert {
    condition     = alltrue([for name in ["transform", "backfill"] : !strcontains(aws_iam_role_policy.work[name].policy, "key/catalog")])
    error_message = "The other functions do not use the catalog."
  }
}

run "uses_no_key_of_a_catalog_that_it_does_not_change" {
  variables {
    catalog_mode = "none"
    glue         = { catalog_kms_key_arn = "arn:aws:kms:us-east-1:444455556666:key/catalog" }
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.work["crawler"].policy, "kms:")
    error_message = "Without access to the catalog, no function needs its key."
  }
}

run "rejects_an_alias_of_the_catalogs_key" {
  command = plan
  variables {
    glue = { catalog_kms_key_arn = "alias/catalog" }
  }
  expect_failures = [var.glue]
}

run "grants_nothing_in_lake_formation_by_default" {
  assert {
    condition     = length(aws_lakeformation_permissions.database) + length(aws_lakeformation_permissions.partitions) + length(aws_lakeformation_permissions.location) + length(aws_lakeformation_permissions.readers) == 0
    error_message = "Accounts without Lake Formation get no grants."
  }
}

run "grants_in_lake_formation" {
  variables {
    lake_formation   = { grant = true, registered_location = true }
    reader_role_arns = ["arn:aws:iam::444455556666:role/analysts", "arn:aws:iam::111122223333:role/team-*"]
  }

  assert {
    condition     = { for name, grant in aws_lakeformation_permissions.partitions : name => grant.table[0].name } == { for pair in setproduct(["crawler", "glue_crawler"], ["allocations", "assets"]) : join(" ", pair) => pair[1] == "assets" ? "kubecost_table_assets" : "kubecost_table" } && alltrue([for grant in aws_lakeformation_permissions.partitions : !contains(grant.permissions, "DROP") && !contains(grant.permissions, "ALL")])
    error_message = "The crawler function and the Glue crawler may change the partitions of both tables and not drop them."
  }
  assert {
    condition     = toset(keys(aws_lakeformation_permissions.database)) == toset(["crawler", "glue_crawler", "arn:aws:iam::444455556666:role/analysts"]) && alltrue([for grant in aws_lakeformation_permissions.database : toset(grant.permissions) == toset(["DESCRIBE"])])
    error_message = "They and readers without patterns may describe the database."
  }
  assert {
    condition     = { for name, grant in aws_lakeformation_permissions.location : name => grant.data_location[0].arn } == { for pair in setproduct(["crawler", "glue_crawler"], ["allocations", "assets"]) : join(" ", pair) => "arn:aws:s3:::acme-cost-lake/${pair[1] == "assets" ? "assets" : "lake"}" }
    error_message = "They get access to the registered locations of both tables."
  }
  assert {
    condition     = { for name, grant in aws_lakeformation_permissions.readers : split(" ", name)[0] => join(" ", concat(sort(grant.permissions), [grant.table[0].name])) } == { table = "DESCRIBE SELECT kubecost_table", assets = "DESCRIBE SELECT kubecost_table_assets", view = "DESCRIBE SELECT kubecost_view" }
    error_message = "Readers may select from table and view."
  }
  assert {
    condition     = contains([for statement in jsondecode(aws_iam_role_policy.glue_crawler[0].policy).Statement : statement.Action], "lakeformation:GetDataAccess")
    error_message = "The Glue crawler may request credentials for the location."
  }
}

run "runs_in_a_vpc" {
  variables {
    vpc_config = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.vpc_config[0].subnet_ids == toset(["subnet-1", "subnet-2"]) && function.vpc_config[0].security_group_ids == toset(["sg-1"])])
    error_message = "All functions are in the VPC."
  }
  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.runtime["transform"].policy).Statement : [statement.Effect, try(statement.Condition, null)] if strcontains(jsonencode(statement.Action), "ec2:")] == [
      ["Allow", null],
      ["Deny", { ArnEquals = { "lambda:SourceFunctionArn" = "arn:aws:lambda:us-east-1:444455556666:function:kubecost-lake-transform" } }],
    ]
    error_message = "Lambda manages network interfaces by the function's role, and the function's code may not."
  }
}

run "runs_outside_a_vpc" {
  assert {
    condition     = alltrue([for policy in aws_iam_role_policy.runtime : !strcontains(policy.policy, "ec2:")]) && alltrue([for function in aws_lambda_function.this : length(function.vpc_config) == 0])
    error_message = "Without a VPC there are no permissions in EC2."
  }
}

run "rejects_a_vpc_without_subnets" {
  command = plan
  variables {
    vpc_config = { subnet_ids = [], security_group_ids = ["sg-1"] }
  }
  expect_failures = [var.vpc_config]
}

run "allows_readers_of_other_accounts_to_read_the_lake" {
  variables {
    bucket           = { name = "acme-cost-lake", kms_key_arn = "arn:aws:kms:us-east-1:444455556666:key/bucket" }
    reader_role_arns = ["arn:aws:iam::111122223333:role/analysts", "arn:aws:iam::111122223333:role/team-*", "arn:aws:iam::777788889999:role/bi"]
  }

  assert {
    condition = [for statement in output.reader_statements.bucket : [statement.Effect, statement.Action, statement.Resource]] == [
      ["Allow", "s3:GetObject", ["arn:aws:s3:::acme-cost-lake/lake/*", "arn:aws:s3:::acme-cost-lake/assets/*"]],
      ["Allow", "s3:ListBucket", "arn:aws:s3:::acme-cost-lake"],
      ["Allow", "s3:GetBucketLocation", "arn:aws:s3:::acme-cost-lake"],
    ]
    error_message = "Readers get and list the lake, and nothing else in the bucket."
  }
  assert {
    condition = alltrue([
      for statement in concat(output.reader_statements.bucket, output.reader_statements.key, jsondecode(output.reader_statements.catalog).Statement) :
      jsonencode(statement.Principal.AWS) == jsonencode(["arn:aws:iam::111122223333:root", "arn:aws:iam::777788889999:root"]) && jsonencode(statement.Condition.ArnLike["aws:PrincipalArn"]) == jsonencode(var.reader_role_arns)
    ])
    error_message = "Each statement is for these roles only."
  }
  assert {
    condition     = output.reader_statements.bucket[1].Condition.StringLike == { "s3:prefix" = ["lake/*", "assets/*"] }
    error_message = "Readers list below the lake's prefix only."
  }
  assert {
    condition     = output.reader_statements.key[0].Action == "kms:Decrypt" && output.reader_statements.key[0].Condition.StringEquals == { "kms:ViaService" = "s3.us-east-1.amazonaws.com" }
    error_message = "Readers decrypt through S3 only."
  }
  assert {
    condition = jsondecode(output.reader_statements.catalog).Statement[0].Resource == [
      "arn:aws:glue:us-east-1:444455556666:catalog",
      "arn:aws:glue:us-east-1:444455556666:database/kubecost_db",
      "arn:aws:glue:us-east-1:444455556666:table/kubecost_db/kubecost_table",
      "arn:aws:glue:us-east-1:444455556666:table/kubecost_db/kubecost_table_assets",
      "arn:aws:glue:us-east-1:444455556666:table/kubecost_db/kubecost_view",
    ]
    error_message = "Readers see this table and view."
  }
}

run "prints_no_statements_without_readers" {
  assert {
    condition     = length(output.reader_statements.bucket) + length(output.reader_statements.key) + length(jsondecode(output.reader_statements.catalog).Statement) == 0
    error_message = "There is nothing to add."
  }
}

run "rejects_a_reader_that_is_not_a_role" {
  command = plan
  variables {
    reader_role_arns = ["arn:aws:iam::*:role/analysts"]
  }
  expect_failures = [var.reader_role_arns]
}

run "rejects_a_bucket_of_another_region" {
  command = plan
  override_data {
    target = data.aws_s3_bucket.lake[0]
    values = { bucket_region = "eu-west-1" }
  }
  expect_failures = [aws_lambda_function.this]
}

run "does_not_look_for_a_bucket_of_the_same_run" {
  command = plan
  variables {
    bucket = { name = "acme-cost-lake", check = false }
  }

  assert {
    condition     = length(data.aws_s3_bucket.lake) == 0
    error_message = "The bucket does not exist yet."
  }
}

run "rejects_a_bucket_of_another_account" {
  command = plan
  variables {
    bucket = { name = "acme-cost-lake", owner = "111122223333" }
  }
  expect_failures = [aws_lambda_function.this]
}

run "keeps_the_size_of_a_secrets_policy_with_a_pattern" {
  variables {
    private_ca_secrets = {
      "kubecost/ca" = {
        certificate_pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
        reader_arns     = ["arn:aws:iam::444455556666:role/kubecost-lake-*"]
      }
    }
  }

  assert {
    condition = jsondecode(aws_secretsmanager_secret_policy.private_ca["kubecost/ca"].policy).Statement == [{
      Sid       = "Exporters"
      Effect    = "Allow"
      Action    = "secretsmanager:GetSecretValue"
      Resource  = aws_secretsmanager_secret.private_ca["kubecost/ca"].arn
      Principal = { AWS = ["arn:aws:iam::444455556666:root"] }
      Condition = { ArnLike = { "aws:PrincipalArn" = ["arn:aws:iam::444455556666:role/kubecost-lake-*"] } }
    }]
    error_message = "All exporters' roles may read the secret, whose policy has a constant size."
  }
}
