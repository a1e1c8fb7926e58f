# Events that failed after all retries, with the error. Operators send them again after they have fixed the cause.
resource "aws_sqs_queue" "on_failure" {
  name                      = "${var.name}-on-failure"
  message_retention_seconds = var.on_failure_queue.retention_days * 86400
  sqs_managed_sse_enabled   = var.on_failure_queue.kms_key_arn == null ? true : null
  kms_master_key_id         = var.on_failure_queue.kms_key_arn
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "on_failure" {
  queue_url = aws_sqs_queue.on_failure.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.on_failure.arn
        Principal = "*"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        # Events that EventBridge could not deliver to a function.
        Sid       = "UndeliveredByEventBridge"
        Effect    = "Allow"
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.on_failure.arn
        Principal = { Service = "events.amazonaws.com" }
        Condition = {
          ArnEquals = {
            "aws:SourceArn" = concat(values(aws_cloudwatch_event_rule.schedule)[*].arn, values(aws_cloudwatch_event_rule.object_created)[*].arn)
          }
        }
      },
    ]
  })
}
