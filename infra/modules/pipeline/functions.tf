resource "aws_cloudwatch_log_group" "function" {
  for_each = local.functions

  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.logs.retention_days
  kms_key_id        = var.logs.kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:the functions carry no X-Ray instrumentation: logs and metrics tell the same
  #checkov:skip=CKV_AWS_116:failed events go to the queue as destination, which unlike a dead-letter queue keeps the reason
  #checkov:skip=CKV_AWS_117:the functions talk to S3, Glue and SQS only, and no resource of a VPC
  #checkov:skip=CKV_AWS_173:the environment holds names and numbers, no secrets
  #checkov:skip=CKV_AWS_272:releases are checked by their published checksums; code signing needs a profile of the account's own
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

  # LOG_LEVEL says what the functions write. Lambda filters that once more, and takes lines without a level, which carry metrics, for
  # INFO: its filter must let pass all that is written, and INFO always.
  logging_config {
    log_format            = "JSON"
    application_log_level = contains(["TRACE", "DEBUG"], var.logs.level) ? var.logs.level : "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.function[each.key].name
  }

  tags = var.tags

  # Without its policies the first event would fail; without its log group Lambda would make one that keeps logs for ever.
  depends_on = [aws_iam_role_policy.runtime, aws_iam_role_policy.work]
}

# Events come asynchronously: Lambda retries a failure twice, throttling for six hours, then hands the event to the queue.
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

  # Lambda checks on creation that the role may send to the queue.
  depends_on = [aws_iam_role_policy.runtime]
}
