resource "aws_cloudwatch_log_group" "function" {
  for_each = local.functions

  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.logs.retention_days
  kms_key_id        = var.logs.kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:the functions have no X-Ray instrumentation: logs and metrics contain the same information
  #checkov:skip=CKV_AWS_116:failed events go to an on-failure destination, which unlike a dead-letter queue includes the reason
  #checkov:skip=CKV_AWS_117:the functions use S3, Glue and SQS only, and no resource in a VPC; vpc_config is for accounts that require one
  #checkov:skip=CKV_AWS_173:the environment contains names and numbers, no secrets
  #checkov:skip=CKV_AWS_272:releases have checksums and signed provenance; code signing needs a signing profile in the account
  for_each = local.functions

  function_name = "${var.name}-${each.key}"
  description   = each.value.description
  role          = aws_iam_role.function[each.key].arn

  runtime       = "provided.al2023"
  handler       = "bootstrap"
  architectures = [var.architecture]

  filename         = var.packages.directory == null ? null : "${var.packages.directory}/${var.packages.files[each.key]}"
  s3_bucket        = var.packages.s3_bucket
  s3_key           = var.packages.s3_bucket == null ? null : "${var.packages.s3_prefix}${var.packages.files[each.key]}"
  source_code_hash = var.packages.directory == null ? var.packages.sha256[each.key] : filebase64sha256("${var.packages.directory}/${var.packages.files[each.key]}")

  memory_size                    = each.value.size.memory_mb
  timeout                        = each.value.size.timeout_seconds
  reserved_concurrent_executions = each.value.size.reserved_concurrency

  environment {
    variables = merge(local.common_environment, each.value.environment)
  }

  # LOG_LEVEL controls what the functions write. Lambda filters their lines again, and treats lines without a level, which contain
  # metrics, as INFO. Its filter must therefore pass everything that is written, and INFO in any case.
  logging_config {
    log_format            = "JSON"
    application_log_level = contains(["TRACE", "DEBUG"], var.logs.level) ? var.logs.level : "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.function[each.key].name
  }

  dynamic "vpc_config" {
    for_each = var.vpc_config[*]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  tags = var.tags

  # Without its policies the first event would fail, and Lambda rejects a function in a VPC whose role may not create network interfaces.
  depends_on = [aws_iam_role_policy.runtime, aws_iam_role_policy.work]

  lifecycle {
    precondition {
      condition     = var.bucket.owner == null || var.bucket.owner == data.aws_caller_identity.this.account_id
      error_message = "The provider uses account ${data.aws_caller_identity.this.account_id}, but bucket.owner is ${coalesce(var.bucket.owner, "not set")}: apply the module in the bucket's account."
    }
    precondition {
      condition     = alltrue([for bucket in data.aws_s3_bucket.lake : bucket.bucket_region == local.region])
      error_message = "The bucket ${var.bucket.name} is in ${try(data.aws_s3_bucket.lake[0].bucket_region, "another region")}, but the provider's region is ${local.region}: S3 notifies functions of its own region only. Use a provider of the bucket's region."
    }
  }
}

# Invocations are asynchronous: Lambda retries a failed event twice, and a throttled one for six hours, then sends it to the queue.
resource "aws_lambda_function_event_invoke_config" "this" {
  for_each = local.functions

  function_name                = aws_lambda_function.this[each.key].function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.on_failure.arn
    }
  }

  # On creation, Lambda verifies that the role may send to the queue.
  depends_on = [aws_iam_role_policy.runtime]
}
