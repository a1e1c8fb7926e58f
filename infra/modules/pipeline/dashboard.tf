locals {
  audit_widgets = [
    { title = "Gaps and lost days", metrics = ["GapDays", "OldestGapDays", "UncollectedDays", "LostDays"] },
    { title = "Silent and failing clusters, failed sets, rejected documents", metrics = ["SilentClusters", "NewlySilentClusters", "FailingClusters", "NewlyFailingClusters", "StuckSets", "QuarantinedSets", "RefusedDocuments"] },
    { title = "Partial days, thinner sets, days without assets", metrics = ["PartialDays", "ThinnerSets", "AssetsUnavailableDays", "AssetsMissingDays"] },
  ]

  lambda_widgets = [
    { title = "Invocations", metric = "Invocations", stat = "Sum" },
    { title = "Errors", metric = "Errors", stat = "Sum" },
    { title = "Duration, 99th percentile (ms)", metric = "Duration", stat = "p99" },
    { title = "Concurrent executions", metric = "ConcurrentExecutions", stat = "Maximum" },
  ]

  dashboard_widgets = concat(
    [
      for index, widget in local.audit_widgets : {
        type   = "metric"
        x      = index * 6
        y      = 0
        width  = 6
        height = 6
        properties = {
          title   = widget.title
          region  = local.region
          stat    = "Maximum"
          period  = 21600
          view    = "timeSeries"
          metrics = [for metric in widget.metrics : flatten([local.metric_namespace, metric, [for name, value in local.audit_dimensions : [name, value]]])]
          yAxis   = { left = { min = 0 } }
        }
      }
    ],
    [
      {
        type   = "metric"
        x      = 18
        y      = 0
        width  = 6
        height = 6
        properties = {
          title   = "Events in the on-failure queue"
          region  = local.region
          stat    = "Maximum"
          period  = 300
          view    = "timeSeries"
          metrics = [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.on_failure.name]]
          yAxis   = { left = { min = 0 } }
        }
      }
    ],
    [
      for index, widget in local.lambda_widgets : {
        type   = "metric"
        x      = index * 6
        y      = 6
        width  = 6
        height = 6
        properties = {
          title   = widget.title
          region  = local.region
          stat    = widget.stat
          period  = 300
          view    = "timeSeries"
          metrics = [for name in keys(local.functions) : ["AWS/Lambda", widget.metric, "FunctionName", aws_lambda_function.this[name].function_name]]
          yAxis   = { left = { min = 0 } }
        }
      }
    ],
    [
      {
        type   = "log"
        x      = 0
        y      = 12
        width  = 24
        height = 6
        properties = {
          title  = "Clusters that are silent, or whose last run failed"
          region = local.region
          view   = "table"
          query = join(" | ", [
            "SOURCE '${aws_cloudwatch_log_group.function["backfill"].name}'",
            "fields @timestamp, cluster, message, class, error, version, newest_inventory",
            "filter message like /cluster is silent|last run failed/",
            "sort @timestamp desc",
            "limit 100",
          ])
        }
      },
      {
        type   = "log"
        x      = 0
        y      = 18
        width  = 24
        height = 8
        properties = {
          title  = "Warnings and errors"
          region = local.region
          view   = "table"
          query = join(" | ", concat(
            [for name in keys(local.functions) : "SOURCE '${aws_cloudwatch_log_group.function[name].name}'"],
            ["fields @timestamp, @log, level, message, error", "filter level in ['WARN', 'ERROR']", "sort @timestamp desc", "limit 100"],
          ))
        }
      }
    ],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.create_dashboard ? 1 : 0

  dashboard_name = var.name
  dashboard_body = jsonencode({ widgets = local.dashboard_widgets })
}
