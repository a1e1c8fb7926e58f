# S3 notifications, whether this module or another configuration manages them.
resource "aws_lambda_permission" "bucket" {
  for_each = toset(var.event_delivery == "eventbridge" ? [] : [for trigger in local.triggers : trigger.function])

  statement_id   = "BucketNotification"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this[each.key].function_name
  principal      = "s3.amazonaws.com"
  source_arn     = local.bucket_arn
  source_account = local.account
}

# A bucket has one notification configuration. This resource replaces it.
resource "aws_s3_bucket_notification" "this" {
  count = var.event_delivery == "notification" || var.enable_bucket_eventbridge ? 1 : 0

  bucket      = var.bucket.name
  eventbridge = var.enable_bucket_eventbridge

  dynamic "lambda_function" {
    for_each = var.event_delivery == "notification" ? local.triggers : {}

    content {
      id                  = "${var.name}-${lambda_function.key}"
      lambda_function_arn = aws_lambda_function.this[lambda_function.value.function].arn
      events              = ["s3:ObjectCreated:*"]
      filter_prefix       = lambda_function.value.prefix
      filter_suffix       = lambda_function.value.suffix
    }
  }

  # S3 verifies that it may invoke the functions.
  depends_on = [aws_lambda_permission.bucket]
}

resource "aws_cloudwatch_event_rule" "object_created" {
  for_each = var.event_delivery == "eventbridge" ? local.triggers : {}

  name        = "${var.name}-object-${each.key}"
  description = "New objects ${each.value.prefix}*${each.value.suffix} start ${var.name}-${each.value.function}"
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.bucket.name] }
      object = { key = [{ wildcard = "${each.value.prefix}*${each.value.suffix}" }] }
    }
  })
  tags = var.tags
}

resource "aws_cloudwatch_event_target" "object_created" {
  for_each = aws_cloudwatch_event_rule.object_created

  rule = each.value.name
  arn  = aws_lambda_function.this[local.triggers[each.key].function].arn

  dead_letter_config {
    arn = aws_sqs_queue.on_failure.arn
  }
}

resource "aws_lambda_permission" "object_created" {
  for_each = aws_cloudwatch_event_rule.object_created

  # A function has one statement of each id.
  statement_id  = local.triggers[each.key].function == each.key ? "ObjectCreatedRule" : "ObjectCreatedRule-${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this[local.triggers[each.key].function].function_name
  principal     = "events.amazonaws.com"
  source_arn    = each.value.arn
}
