output "bucket" {
  description = "The lake's bucket, as input `bucket` of the cluster module: name, region, owner, KMS key, and the prefixes that exporters use."
  value = {
    name           = var.bucket.name
    region         = local.region
    owner          = local.account
    kms_key_arn    = var.bucket.kms_key_arn
    staging_prefix = var.prefixes.staging
    plans_prefix   = var.prefixes.plans
  }
}

output "function_arns" {
  description = "ARN of each function, by its short name."
  value       = { for name, function in aws_lambda_function.this : name => function.arn }
}

output "function_role_arns" {
  description = "ARN of each function's role, by the function's short name, for use in a bucket policy."
  value       = { for name, role in aws_iam_role.function : name => role.arn }
}

output "glue_crawler_role_arn" {
  description = "ARN of the Glue crawler's role; null without a crawler."
  value       = one(aws_iam_role.glue_crawler[*].arn)
}

output "reader_statements" {
  description = "For reader_role_arns of any account: statements for the policies of the bucket and its KMS key, and the catalog's resource policy as JSON. Print the existing one first (`aws glue get-resource-policy`): an account has one, and `aws glue put-resource-policy --policy-in-json \"$(terraform output -raw ...)\" --enable-hybrid TRUE` replaces it."
  value = {
    bucket  = local.reader_bucket_statements
    key     = local.reader_key_statements
    catalog = jsonencode({ Version = "2012-10-17", Statement = local.reader_catalog_statements })
  }
}

output "notifications" {
  description = "With event_delivery = \"none\": what the bucket's notification configuration must contain, in the form of lambda_function blocks of aws_s3_bucket_notification."
  value = [
    for name, trigger in local.triggers : {
      id                  = "${var.name}-${name}"
      lambda_function_arn = aws_lambda_function.this[trigger.function].arn
      events              = ["s3:ObjectCreated:*"]
      filter_prefix       = trigger.prefix
      filter_suffix       = trigger.suffix
    }
  ]
  # A notification can only be created if the bucket may already invoke the function.
  depends_on = [aws_lambda_permission.bucket]
}

output "lifecycle_rules" {
  description = "What the bucket's lifecycle configuration should contain if the module does not manage it: expiration by prefix (null: none), and days for incomplete uploads and older versions."
  value = [
    for rule in local.lifecycle_rules : merge(rule, {
      abort_incomplete_multipart_upload_days = var.lifecycle_rules.incomplete_days
      noncurrent_version_expiration_days     = var.lifecycle_rules.noncurrent_days
    })
  ]
}

output "on_failure_queue" {
  description = "The queue of events that failed after all retries."
  value       = { arn = aws_sqs_queue.on_failure.arn, url = aws_sqs_queue.on_failure.url }
}

output "glue" {
  description = "Names of the database, tables and view to query."
  value       = { database = var.glue.database, table = aws_glue_catalog_table.this["allocations"].name, assets_table = aws_glue_catalog_table.this["assets"].name, view = aws_glue_catalog_table.view.name }
}

output "private_ca_secrets" {
  description = "ARN, region and KMS key of each secret with a private CA's certificate, by name. Each is an input `private_ca_secret` of the cluster module."
  value = {
    for name, secret in aws_secretsmanager_secret.private_ca : name => {
      arn         = secret.arn
      name        = name
      region      = local.region
      kms_key_arn = var.private_ca_secrets[name].kms_key_arn
    }
  }
}

output "quicksight_definition" {
  description = "Dashboard and dataset of QuickSight, including label columns: write it to a file and deploy it with `cid-cmd deploy --resources FILE`."
  value       = yamlencode(local.quicksight_definition)
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard; null if none is created."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}
