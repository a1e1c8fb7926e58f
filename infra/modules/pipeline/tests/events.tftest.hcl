mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # The bucket\'s owner manages its lifecycle.
  lifecycle_rules = { managed_elsewhere = true }

  bucket   = { name = "acme-cost-lake" }
  packages = { s3_bucket = "acme-artifacts" }
}

run "notifies_by_s3" {
  assert {
    condition = toset([for rule in aws_s3_bucket_notification.this[0].lambda_function : "${rule.filter_prefix}…${rule.filter_suffix}"]) == toset([
      "staging/…/manifest.json", "staging/…/inventory.json", "lake/….snappy.parquet", "assets/….snappy.parquet",
    ])
    error_message = "There is a rule for manifests, for inventories and for Parquet."
  }
  assert {
    condition     = alltrue([for permission in aws_lambda_permission.bucket : permission.source_arn == "arn:aws:s3:::acme-cost-lake" && permission.source_account == "444455556666"])
    error_message = "Only this bucket of this account may invoke."
  }
  assert {
    condition     = length(aws_cloudwatch_event_rule.object_created) == 0
    error_message = "There are no EventBridge rules."
  }
}

run "listens_on_eventbridge" {
  variables {
    event_delivery = "eventbridge"
  }

  assert {
    condition     = length(aws_s3_bucket_notification.this) == 0 && length(aws_lambda_permission.bucket) == 0
    error_message = "The bucket's notification configuration is not changed."
  }
  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.object_created["transform"].event_pattern) == {
      source      = ["aws.s3"]
      detail-type = ["Object Created"]
      detail = {
        bucket = { name = ["acme-cost-lake"] }
        object = { key = [{ wildcard = "staging/*/manifest.json" }] }
      }
    }
    error_message = "Manifests of this bucket start transform."
  }
  assert {
    condition     = alltrue([for name, permission in aws_lambda_permission.object_created : permission.principal == "events.amazonaws.com" && permission.source_arn == aws_cloudwatch_event_rule.object_created[name].arn])
    error_message = "Only the rule may invoke."
  }
  assert {
    condition     = alltrue([for target in aws_cloudwatch_event_target.object_created : target.dead_letter_config[0].arn == aws_sqs_queue.on_failure.arn])
    error_message = "Events that cannot be delivered are kept."
  }
}

run "switches_eventbridge_on" {
  variables {
    event_delivery            = "eventbridge"
    enable_bucket_eventbridge = true
  }

  assert {
    condition     = aws_s3_bucket_notification.this[0].eventbridge && length(aws_s3_bucket_notification.this[0].lambda_function) == 0
    error_message = "The bucket sends its events to EventBridge, and to nothing else."
  }
}

run "leaves_notifications_to_others" {
  variables {
    event_delivery = "none"
  }

  assert {
    condition     = length(aws_s3_bucket_notification.this) == 0 && length(aws_cloudwatch_event_rule.object_created) == 0
    error_message = "The module does not change the bucket."
  }
  assert {
    condition     = length(aws_lambda_permission.bucket) == 3
    error_message = "The bucket may still invoke the functions."
  }
  assert {
    condition     = length(output.notifications) == 4 && output.notifications[0].events[0] == "s3:ObjectCreated:*"
    error_message = "The output contains what to configure."
  }
}

run "rejects_enabling_eventbridge_without_using_it" {
  command = plan
  variables {
    enable_bucket_eventbridge = true
  }
  expect_failures = [var.enable_bucket_eventbridge]
}

run "audits_on_a_schedule" {
  variables {
    schedules = { backfill = "cron(0 5 * * ? *)" }
  }

  assert {
    condition     = aws_cloudwatch_event_rule.schedule["backfill"].schedule_expression == "cron(0 5 * * ? *)" && aws_cloudwatch_event_rule.schedule["crawler"].schedule_expression == "rate(6 hours)"
    error_message = "backfill and crawler have schedules."
  }
  assert {
    condition     = toset(keys(aws_lambda_permission.schedule)) == toset(["backfill", "crawler"])
    error_message = "transform has no schedule."
  }
}

run "leaves_the_lifecycle_to_others" {
  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this) == 0
    error_message = "By default the module does not manage lifecycle rules."
  }
  assert {
    condition     = { for rule in output.lifecycle_rules : rule.prefix => rule.expiration_days } == { "staging/" = 45, "quarantine/" = 90, "lake/" = null, "assets/" = null, "plans/" = null, "reports/" = null }
    error_message = "The output contains what expires; the lake never does."
  }
}

run "manages_the_lifecycle" {
  variables {
    lifecycle_rules = { manage = true, staging_days = 30 }
  }

  assert {
    condition = { for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.filter[0].prefix => length(rule.expiration) == 0 ? null : rule.expiration[0].days } == {
      "staging/" = 30, "quarantine/" = 90, "lake/" = null, "assets/" = null, "plans/" = null, "reports/" = null
    }
    error_message = "Staging and quarantine expire, the lake never does."
  }
  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.abort_incomplete_multipart_upload[0].days_after_initiation == 3])
    error_message = "Incomplete uploads are aborted."
  }
}

run "warns_if_staged_responses_never_expire" {
  command = plan
  variables {
    lifecycle_rules = {}
  }
  expect_failures = [check.staged_responses_expire]
}

run "rejects_an_expiration_of_staging_that_is_too_early" {
  command = plan
  variables {
    lifecycle_rules = { staging_days = 7 }
  }
  expect_failures = [var.lifecycle_rules]
}

run "alarms_to_a_topic" {
  variables {
    alarms = { sns_topic_arns = ["arn:aws:sns:us-east-1:444455556666:oncall"], gap_days_allowed = 2 }
  }

  assert {
    condition = { for name, alarm in aws_cloudwatch_metric_alarm.audit : alarm.metric_name => alarm.threshold } == {
      GapDays               = 2
      UncollectedDays       = 0
      NewlySilentClusters   = 0
      NewlyFailingClusters  = 0
      StuckSets             = 0
      QuarantinedSets       = 0
      RefusedDocuments      = 0
      PartialDays           = 0
      ThinnerSets           = 0
      AssetsUnavailableDays = 0
      AssetsMissingDays     = 0
      LostDays              = 0
    }
    error_message = "There is an alarm for each finding of the audit."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.audit : alarm.namespace == "KubecostLake" && alarm.dimensions == tomap({ Bucket = "acme-cost-lake", Function = "backfill" })])
    error_message = "Alarms use the metrics that the function writes."
  }
  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.audit :
      strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, "\"${alarm.metric_name}\"")
    ])
    error_message = "The dashboard shows the metric of each alarm of the audit."
  }
  assert {
    condition = { for name, alarm in aws_cloudwatch_metric_alarm.audit : name => alarm.treat_missing_data if alarm.treat_missing_data != "ignore" } == {
      silent-clusters  = "notBreaching"
      failing-clusters = "notBreaching"
      lost-days        = "notBreaching"
    }
    error_message = "An alarm on what is counted once fires again for the next."
  }
  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.audit), values(aws_cloudwatch_metric_alarm.errors), aws_cloudwatch_metric_alarm.on_failure_queue, aws_cloudwatch_metric_alarm.audit_missing) :
      alarm.alarm_actions == toset(["arn:aws:sns:us-east-1:444455556666:oncall"])
    ])
    error_message = "Every alarm notifies the topic."
  }
}

run "rejects_a_negative_number_of_gap_days" {
  command = plan
  variables {
    alarms = { gap_days_allowed = -1 }
  }
  expect_failures = [var.alarms]
}

run "rejects_key_aliases" {
  command = plan
  variables {
    on_failure_queue = { kms_key_arn = "alias/queue" }
    logs             = { kms_key_arn = "alias/logs" }
  }
  expect_failures = [var.on_failure_queue, var.logs]
}

run "creates_neither_alarms_nor_dashboard" {
  variables {
    alarms           = { create = false }
    create_dashboard = false
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.audit) + length(aws_cloudwatch_metric_alarm.errors) + length(aws_cloudwatch_metric_alarm.on_failure_queue) + length(aws_cloudwatch_metric_alarm.audit_missing) == 0
    error_message = "There are no alarms."
  }
  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0 && output.dashboard_name == null
    error_message = "There is no dashboard."
  }
}
