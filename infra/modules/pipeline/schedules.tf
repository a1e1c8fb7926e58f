# transform has no schedule: backfill redelivers stuck sets.
resource "aws_cloudwatch_event_rule" "schedule" {
  for_each = var.schedules

  name                = "${var.name}-schedule-${each.key}"
  description         = "Starts ${var.name}-${each.key}: ${each.value}"
  schedule_expression = each.value
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "schedule" {
  for_each = var.schedules

  rule = aws_cloudwatch_event_rule.schedule[each.key].name
  arn  = aws_lambda_function.this[each.key].arn

  dead_letter_config {
    arn = aws_sqs_queue.on_failure.arn
  }
}

resource "aws_lambda_permission" "schedule" {
  for_each = var.schedules

  statement_id  = "Schedule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this[each.key].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.schedule[each.key].arn
}
