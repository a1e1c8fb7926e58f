mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # The bucket\'s owner manages its lifecycle.
  lifecycle_rules = { managed_elsewhere = true }

  bucket   = { name = "acme-cost-lake" }
  packages = { s3_bucket = "acme-artifacts", s3_prefix = "kubecost-lake/0.1.0/" }
}

run "runs_three_functions_on_arm64" {
  assert {
    condition     = toset([for function in aws_lambda_function.this : function.function_name]) == toset(["kubecost-lake-transform", "kubecost-lake-backfill", "kubecost-lake-crawler"])
    error_message = "There are three functions, named after the pipeline."
  }
  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.runtime == "provided.al2023" && function.handler == "bootstrap" && function.architectures[0] == "arm64"])
    error_message = "The functions run bootstrap on provided.al2023 and arm64."
  }
  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.logging_config[0].application_log_level == "INFO"])
    error_message = "Metrics, whose lines have no level, pass Lambda's log filter."
  }
  assert {
    condition     = aws_lambda_function.this["backfill"].s3_key == "kubecost-lake/0.1.0/backfill.zip" && aws_lambda_function.this["backfill"].filename == null
    error_message = "The zip comes from S3."
  }
  assert {
    condition     = alltrue([for name, group in aws_cloudwatch_log_group.function : group.name == "/aws/lambda/kubecost-lake-${name}" && group.retention_in_days == 365])
    error_message = "Each function has a log group with a retention."
  }
  assert {
    condition     = alltrue([for config in aws_lambda_function_event_invoke_config.this : config.maximum_retry_attempts == 2 && config.destination_config[0].on_failure[0].destination == aws_sqs_queue.on_failure.arn])
    error_message = "An event that fails after all retries is kept in the queue."
  }
}

run "configures_the_functions" {
  variables {
    bucket      = { name = "acme-cost-lake", kms_key_arn = "arn:aws:kms:us-east-1:444455556666:key/11111111-2222-3333-4444-555555555555" }
    labels      = ["team", "app.kubernetes.io/name"]
    annotations = ["example.com/owner"]
    logs        = { level = "DEBUG" }
    prefixes    = { staging = "costs/staging/" }
    backfill    = { restate_age_days = 0, silent_hours = 24 }
    transform   = { thinner_tolerance_percent = 0 }
  }

  assert {
    condition = aws_lambda_function.this["transform"].environment[0].variables == tomap({
      S3_BUCKET_NAME            = "acme-cost-lake"
      STAGING_PREFIX            = "costs/staging/"
      PLANS_PREFIX              = "plans/"
      LAKE_PREFIX               = "lake/"
      ASSETS_PREFIX             = "assets/"
      QUARANTINE_PREFIX         = "quarantine/"
      REPORTS_PREFIX            = "reports/"
      LOG_LEVEL                 = "debug"
      KMS_KEY_ARN               = "arn:aws:kms:us-east-1:444455556666:key/11111111-2222-3333-4444-555555555555"
      LABELS                    = "team,app.kubernetes.io/name"
      ANNOTATIONS               = "example.com/owner"
      THINNER_TOLERANCE_PERCENT = "0"
    })
    error_message = "transform's environment is that of its variables."
  }
  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.logging_config[0].application_log_level == "DEBUG"])
    error_message = "Lambda's log filter passes what the functions write."
  }
  assert {
    condition = { for name, value in aws_lambda_function.this["backfill"].environment[0].variables : name => value if !endswith(name, "_PREFIX") } == {
      S3_BUCKET_NAME         = "acme-cost-lake"
      LOG_LEVEL              = "debug"
      KMS_KEY_ARN            = "arn:aws:kms:us-east-1:444455556666:key/11111111-2222-3333-4444-555555555555"
      RESTATE_AGE_DAYS       = "0"
      RESTATE_INTERVAL_HOURS = "20"
      RETRY_LIMIT            = "3"
      IN_FLIGHT_MINUTES      = "60"
      SILENT_HOURS           = "24"
      AUDIT_PERIOD_DAYS      = "30"
      AUDIT_CONCURRENCY      = "16"
    }
    error_message = "backfill's environment is that of its variables."
  }
  assert {
    condition = { for name, value in aws_lambda_function.this["crawler"].environment[0].variables : name => value if strcontains(name, "GLUE") || name == "CATALOG_MODE" } == {
      CATALOG_MODE           = "crawler"
      GLUE_CRAWLER_NAME      = "kubecost_crawler"
      GLUE_DATABASE_NAME     = "kubecost_db"
      GLUE_TABLE_NAME        = "kubecost_table"
      GLUE_ASSETS_TABLE_NAME = "kubecost_table_assets"
    }
    error_message = "crawler's environment is that of its variables."
  }
}

run "passes_metrics_at_any_log_level" {
  variables {
    logs = { level = "ERROR" }
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.logging_config[0].application_log_level == "INFO" && function.environment[0].variables.LOG_LEVEL == "error"])
    error_message = "The functions log errors only, and their metrics still pass."
  }
}

run "takes_local_zips" {
  variables {
    packages     = { directory = "../../testdata/packages" }
    architecture = "x86_64"
    functions    = { transform = { memory_mb = 1024, reserved_concurrency = -1 } }
  }

  assert {
    condition     = aws_lambda_function.this["crawler"].filename == "../../testdata/packages/crawler.zip" && aws_lambda_function.this["crawler"].source_code_hash == filebase64sha256("../../testdata/packages/crawler.zip")
    error_message = "The zip is a local file, and changes are detected by its content."
  }
  assert {
    condition     = aws_lambda_function.this["transform"].memory_size == 1024 && aws_lambda_function.this["transform"].timeout == 300 && aws_lambda_function.this["transform"].reserved_concurrent_executions == -1
    error_message = "One size can be set while the others keep their defaults."
  }
  assert {
    condition     = aws_lambda_function.this["transform"].architectures[0] == "x86_64"
    error_message = "The architecture can be chosen."
  }
}

run "rejects_packages_without_a_location" {
  command = plan
  variables {
    packages = {}
  }
  expect_failures = [var.packages]
}

run "rejects_packages_that_do_not_exist" {
  command = plan
  variables {
    packages = { directory = "../../testdata" }
  }
  expect_failures = [var.packages]
}

run "rejects_prefixes_that_contain_each_other" {
  command = plan
  variables {
    prefixes = { lake = "costs/", staging = "costs/staging/" }
  }
  expect_failures = [var.prefixes]
}

run "rejects_prefixes_without_a_slash" {
  command = plan
  variables {
    prefixes = { lake = "lake" }
  }
  expect_failures = [var.prefixes]
}

run "rejects_labels_that_differ_only_in_case" {
  command = plan
  variables {
    labels = ["team", "Team"]
  }
  expect_failures = [var.labels]
}

run "rejects_an_invalid_annotation_key" {
  command = plan
  variables {
    annotations = ["not a key"]
  }
  expect_failures = [var.annotations]
}

run "rejects_a_reserved_concurrency_of_zero" {
  command = plan
  variables {
    functions = { crawler = { reserved_concurrency = 0 } }
  }
  expect_failures = [var.functions]
}

run "rejects_a_bucket_arn_as_a_name" {
  command = plan
  variables {
    bucket = { name = "arn:aws:s3:::acme-cost-lake" }
  }
  expect_failures = [var.bucket]
}

run "rejects_a_tolerance_that_transform_rejects" {
  command = plan
  variables {
    transform = { thinner_tolerance_percent = 101 }
  }
  expect_failures = [var.transform]
}

run "rejects_numbers_that_backfill_rejects" {
  command = plan
  variables {
    backfill = { retry_limit = 0 }
  }
  expect_failures = [var.backfill]
}
