module "pipeline" {
  source = "../../modules/pipeline"

  bucket         = { name = var.bucket_name }
  packages       = var.packages
  event_delivery = "none"
  # The resource below.
  lifecycle_rules = { managed_elsewhere = true }

  # Separate from the other objects in the bucket.
  prefixes = {
    staging    = "costs/staging/"
    plans      = "costs/plans/"
    lake       = "costs/lake/"
    assets     = "costs/assets/"
    quarantine = "costs/quarantine/"
    reports    = "costs/reports/"
  }
}

# The bucket's only notification configuration: the existing rules and those of the pipeline.
resource "aws_s3_bucket_notification" "this" {
  bucket = var.bucket_name

  queue {
    id            = "invoices"
    queue_arn     = var.foreign_queue_arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "invoices/"
  }

  dynamic "lambda_function" {
    for_each = module.pipeline.notifications

    content {
      id                  = lambda_function.value.id
      lambda_function_arn = lambda_function.value.lambda_function_arn
      events              = lambda_function.value.events
      filter_prefix       = lambda_function.value.filter_prefix
      filter_suffix       = lambda_function.value.filter_suffix
    }
  }
}

# The bucket's only lifecycle configuration: the existing rules and those of the pipeline.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  #checkov:skip=CKV_AWS_300:every rule aborts incomplete uploads; the scanner does not expand dynamic rules
  bucket = var.bucket_name

  rule {
    id     = "invoices"
    status = "Enabled"

    filter {
      prefix = "invoices/"
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  dynamic "rule" {
    for_each = module.pipeline.lifecycle_rules

    content {
      id     = rule.value.id
      status = "Enabled"

      filter {
        prefix = rule.value.prefix
      }

      abort_incomplete_multipart_upload {
        days_after_initiation = rule.value.abort_incomplete_multipart_upload_days
      }

      noncurrent_version_expiration {
        noncurrent_days = rule.value.noncurrent_version_expiration_days
      }

      dynamic "expiration" {
        for_each = rule.value.expiration_days[*]

        content {
          days = expiration.value
        }
      }
    }
  }
}
