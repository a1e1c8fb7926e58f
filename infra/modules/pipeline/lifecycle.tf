locals {
  # The lake and its assets never expire. Plans and reports are overwritten in place, so that only their older versions accumulate, if the bucket is
  # versioned.
  lifecycle_rules = [
    { id = "${var.name}-staging", prefix = var.prefixes.staging, expiration_days = var.lifecycle_rules.staging_days },
    { id = "${var.name}-quarantine", prefix = var.prefixes.quarantine, expiration_days = var.lifecycle_rules.quarantine_days },
    { id = "${var.name}-lake", prefix = var.prefixes.lake, expiration_days = null },
    { id = "${var.name}-assets", prefix = var.prefixes.assets, expiration_days = null },
    { id = "${var.name}-plans", prefix = var.prefixes.plans, expiration_days = null },
    { id = "${var.name}-reports", prefix = var.prefixes.reports, expiration_days = null },
  ]
}

# A warning of each plan and apply, not an error: a bucket may be without rules on purpose.
check "staged_responses_expire" {
  assert {
    condition     = var.lifecycle_rules.manage || var.lifecycle_rules.managed_elsewhere
    error_message = "Nothing deletes staged responses, so that they accumulate: set lifecycle_rules.manage = true, which replaces the bucket's lifecycle configuration, or add the output lifecycle_rules to it and set lifecycle_rules.managed_elsewhere = true."
  }
}

# A bucket has one lifecycle configuration. This resource replaces it.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count = var.lifecycle_rules.manage ? 1 : 0

  bucket = var.bucket.name

  dynamic "rule" {
    for_each = local.lifecycle_rules

    content {
      id     = rule.value.id
      status = "Enabled"

      filter {
        prefix = rule.value.prefix
      }

      abort_incomplete_multipart_upload {
        days_after_initiation = var.lifecycle_rules.incomplete_days
      }

      noncurrent_version_expiration {
        noncurrent_days = var.lifecycle_rules.noncurrent_days
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
