data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

data "aws_s3_bucket" "lake" {
  count = var.bucket.check ? 1 : 0

  bucket = var.bucket.name
}

locals {
  # The input wins, since it is known at plan time even if the module has depends_on, which defers its data sources.
  account   = var.bucket.owner == null ? data.aws_caller_identity.this.account_id : var.bucket.owner
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.region

  bucket_arn = "arn:${local.partition}:s3:::${var.bucket.name}"

  # The ARN of a key: policies cannot refer to aliases.
  kms_key_arn_pattern = "^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$"

  # Settings and size of each function. Environment variables have the names of the programs' settings.
  functions = {
    transform = {
      description = "Converts a staged day of a cluster into one Parquet object of the lake"
      size        = var.functions.transform
      environment = {
        LABELS                    = join(",", var.labels)
        ANNOTATIONS               = join(",", var.annotations)
        THINNER_TOLERANCE_PERCENT = tostring(var.transform.thinner_tolerance_percent)
      }
    }
    backfill = {
      description = "Plans which days a cluster collects, and audits all clusters"
      size        = var.functions.backfill
      environment = {
        RESTATE_AGE_DAYS       = tostring(var.backfill.restate_age_days)
        RESTATE_INTERVAL_HOURS = tostring(var.backfill.restate_interval_hours)
        RETRY_LIMIT            = tostring(var.backfill.retry_limit)
        IN_FLIGHT_MINUTES      = tostring(var.backfill.in_flight_minutes)
        SILENT_HOURS           = tostring(var.backfill.silent_hours)
        AUDIT_PERIOD_DAYS      = tostring(var.backfill.audit_period_days)
        AUDIT_CONCURRENCY      = tostring(var.backfill.audit_concurrency)
      }
    }
    crawler = {
      description = "Adds the lake's partitions to the Glue catalog"
      size        = var.functions.crawler
      environment = merge(
        {
          CATALOG_MODE           = var.catalog_mode
          GLUE_DATABASE_NAME     = var.glue.database
          GLUE_TABLE_NAME        = var.glue.table
          GLUE_ASSETS_TABLE_NAME = local.tables.assets.name
        },
        var.catalog_mode == "crawler" ? { GLUE_CRAWLER_NAME = var.glue.crawler } : {},
      )
    }
  }

  common_environment = merge(
    {
      S3_BUCKET_NAME    = var.bucket.name
      STAGING_PREFIX    = var.prefixes.staging
      PLANS_PREFIX      = var.prefixes.plans
      LAKE_PREFIX       = var.prefixes.lake
      ASSETS_PREFIX     = var.prefixes.assets
      QUARANTINE_PREFIX = var.prefixes.quarantine
      REPORTS_PREFIX    = var.prefixes.reports
      LOG_LEVEL         = lower(var.logs.level)
    },
    var.bucket.kms_key_arn == null ? {} : { KMS_KEY_ARN = var.bucket.kms_key_arn },
  )

  # Which objects start which function. Manifests and inventories have the same prefix and different suffixes, since S3 rejects
  # notifications whose filters overlap.
  triggers = {
    transform      = { function = "transform", prefix = var.prefixes.staging, suffix = "/manifest.json" }
    backfill       = { function = "backfill", prefix = var.prefixes.staging, suffix = "/inventory.json" }
    crawler        = { function = "crawler", prefix = var.prefixes.lake, suffix = ".snappy.parquet" }
    crawler-assets = { function = "crawler", prefix = var.prefixes.assets, suffix = ".snappy.parquet" }
  }
}
