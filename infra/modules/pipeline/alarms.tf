locals {
  metric_namespace = "KubecostLake"
  # The dimensions of the audit's metrics: bucket and the function's short name.
  audit_dimensions = { Bucket = var.bucket.name, Function = "backfill" }

  audit_report = "s3://${var.bucket.name}/${var.prefixes.reports}audit.json"

  # Each audit writes its metrics once. Missing data is ignored where the next audit counts the same again, so that an alarm keeps its state between
  # audits, whatever the schedule. What is counted once, by the audit that finds it, is an event: its alarm ends within the hour, so that it fires again
  # for the next. The metrics count only what may still get better, so that no alarm stays in its state for ever.
  audit_alarms = {
    gap-days                = { metric = "GapDays", threshold = var.alarms.gap_days_allowed, missing = "ignore", description = "Days are missing from the lake that a source still has, or that failed: see ${local.audit_report}." }
    uncollected-days        = { metric = "UncollectedDays", threshold = 0, missing = "ignore", description = "No run has collected days that a source may have: see ${local.audit_report}, and the exporters' logs." }
    stuck-sets              = { metric = "StuckSets", threshold = 0, missing = "ignore", description = "Staged sets were not converted within ${var.backfill.in_flight_minutes} minutes: check the log of ${var.name}-transform." }
    quarantined-sets        = { metric = "QuarantinedSets", threshold = 0, missing = "ignore", description = "Staged sets cannot be converted: the reasons are below s3://${var.bucket.name}/${var.prefixes.quarantine}." }
    refused-documents       = { metric = "RefusedDocuments", threshold = 0, missing = "ignore", description = "Inventories were rejected, so that their clusters get no plan: see ${local.audit_report}." }
    partial-days            = { metric = "PartialDays", threshold = 0, missing = "ignore", description = "Days in the lake are partial, and are collected again while their sources have them: see ${local.audit_report} for their shares and reasons." }
    thinner-sets            = { metric = "ThinnerSets", threshold = 0, missing = "ignore", description = "Sets of days lost more than ${var.transform.thinner_tolerance_percent} % of what the lake has, and did not replace it: see ${local.audit_report}." }
    assets-unavailable-days = { metric = "AssetsUnavailableDays", threshold = 0, missing = "ignore", description = "Days were stored without the source's assets, and are collected again while their sources have them: see ${local.audit_report}." }
    assets-missing-days     = { metric = "AssetsMissingDays", threshold = 0, missing = "ignore", description = "Days lack their objects below s3://${var.bucket.name}/${var.prefixes.assets}, and their sets are delivered again: see ${local.audit_report}, and the log of ${var.name}-transform." }
    silent-clusters         = { metric = "NewlySilentClusters", threshold = 0, missing = "notBreaching", description = "Clusters have sent no inventory for ${var.backfill.silent_hours} hours: ${local.audit_report} names them (newly_silent). Check their CronJobs, or retire clusters that are gone." }
    failing-clusters        = { metric = "NewlyFailingClusters", threshold = 0, missing = "notBreaching", description = "The last runs of exporters collected nothing: ${local.audit_report} names the clusters (newly_failing) with the errors, and so does the log of ${var.name}-backfill." }
    lost-days               = { metric = "LostDays", threshold = 0, missing = "notBreaching", description = "Sources no longer have days that they had, and that the lake lacks: see ${local.audit_report}." }
  }
}

resource "aws_cloudwatch_metric_alarm" "audit" {
  for_each = var.alarms.create ? local.audit_alarms : {}

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = local.metric_namespace
  metric_name         = each.value.metric
  dimensions          = local.audit_dimensions
  statistic           = "Maximum"
  period              = 3600
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing
  alarm_actions       = var.alarms.sns_topic_arns
  ok_actions          = var.alarms.sns_topic_arns
  tags                = var.tags
}

# Without audits the alarms above never fire. This alarm also fires between the installation and the first audit.
resource "aws_cloudwatch_metric_alarm" "audit_missing" {
  count = var.alarms.create ? 1 : 0

  alarm_name          = "${var.name}-audit-missing"
  alarm_description   = "No audit has completed within a day: check the rule ${var.name}-schedule-backfill and the log of ${var.name}-backfill."
  namespace           = local.metric_namespace
  metric_name         = "GapDays"
  dimensions          = local.audit_dimensions
  statistic           = "SampleCount"
  period              = 86400
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarms.sns_topic_arns
  ok_actions          = var.alarms.sns_topic_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each = var.alarms.create ? local.functions : {}

  alarm_name          = "${var.name}-${each.key}-errors"
  alarm_description   = "${var.name}-${each.key} fails: check its log. Lambda retries each event twice."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.this[each.key].function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.sns_topic_arns
  ok_actions          = var.alarms.sns_topic_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "on_failure_queue" {
  count = var.alarms.create ? 1 : 0

  alarm_name          = "${var.name}-on-failure-queue"
  alarm_description   = "Events failed after all retries and are in the queue ${aws_sqs_queue.on_failure.name}."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.on_failure.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.sns_topic_arns
  ok_actions          = var.alarms.sns_topic_arns
  tags                = var.tags
}
