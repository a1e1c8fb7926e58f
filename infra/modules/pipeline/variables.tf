variable "name" {
  description = "Name of this pipeline. It prefixes the names of its functions, roles, queue, rules, alarms and dashboard. Must be unique in the account across all regions, since roles are global."
  type        = string
  default     = "kubecost-lake"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,29}$", var.name))
    error_message = "name must be 2 to 30 lower-case letters, digits and hyphens, starting with a letter: it prefixes role names, which are limited to 64 characters."
  }
}

variable "tags" {
  description = "Tags of all resources that the module creates."
  type        = map(string)
  default     = {}
}

variable "bucket" {
  description = <<-EOT
    The existing bucket of the lake, in this account and region: its name and, if it is encrypted with its own KMS key, the ARN of that key.
    `owner` is the account (null: the provider's). Set it if the module has `depends_on`: the provider's account is then known only at apply,
    and the cluster modules decide by it how many roles they create. With `check = true` the plan fails unless the bucket exists in this region;
    set it to false if the same run creates the bucket.
  EOT
  type = object({
    name        = string
    kms_key_arn = optional(string)
    owner       = optional(string)
    check       = optional(bool, true)
  })

  validation {
    condition = (
      can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket.name)) &&
      !startswith(var.bucket.name, "xn--") && !endswith(var.bucket.name, "-s3alias")
    )
    error_message = "bucket.name must be the name of a general purpose bucket (not an ARN, not an access point alias)."
  }
  validation {
    condition     = var.bucket.kms_key_arn == null || can(regex(local.kms_key_arn_pattern, var.bucket.kms_key_arn))
    error_message = "bucket.kms_key_arn must be the ARN of a KMS key (key/…), not of an alias."
  }
  validation {
    condition     = var.bucket.owner == null || can(regex("^[0-9]{12}$", var.bucket.owner))
    error_message = "bucket.owner must be an account ID of 12 digits."
  }
}

variable "prefixes" {
  description = "Prefixes of the objects in the bucket. The clusters' exporters need the same staging and plans prefixes."
  type = object({
    staging    = optional(string, "staging/")
    plans      = optional(string, "plans/")
    lake       = optional(string, "lake/")
    assets     = optional(string, "assets/")
    quarantine = optional(string, "quarantine/")
    reports    = optional(string, "reports/")
  })
  default = {}

  validation {
    condition     = alltrue([for prefix in values(var.prefixes) : can(regex("^[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*/$", prefix))])
    error_message = "Each prefix must end with '/', must not start with it, and may contain letters, digits, '-', '_', '.', '=' and single '/'."
  }
  validation {
    condition = alltrue([
      for pair in setproduct(keys(var.prefixes), keys(var.prefixes)) :
      pair[0] == pair[1] || !startswith(var.prefixes[pair[0]], var.prefixes[pair[1]])
    ])
    error_message = "No prefix may contain another: events of one prefix would also match the other."
  }
}

variable "packages" {
  description = <<-EOT
    The functions' zips: either `directory`, a local directory, or `s3_bucket` and `s3_prefix`, objects in a bucket of this region.
    `files` names each function's zip there. For zips in S3, set `sha256` (base64, by function), so that Terraform detects a changed object.
  EOT
  type = object({
    directory = optional(string)
    s3_bucket = optional(string)
    s3_prefix = optional(string, "")
    files = optional(object({
      transform = optional(string, "transform.zip")
      backfill  = optional(string, "backfill.zip")
      crawler   = optional(string, "crawler.zip")
    }), {})
    sha256 = optional(object({
      transform = optional(string)
      backfill  = optional(string)
      crawler   = optional(string)
    }), {})
  })

  validation {
    condition     = (var.packages.directory == null) != (var.packages.s3_bucket == null)
    error_message = "packages needs either directory or s3_bucket, not both."
  }
  validation {
    condition     = var.packages.directory == null || alltrue([for file in values(var.packages.files) : fileexists("${coalesce(var.packages.directory, ".")}/${file}")])
    error_message = "packages.directory must contain the zips that packages.files names: build them with infra/build.sh, or correct the directory."
  }
}

variable "architecture" {
  description = "Instruction set of the zips: arm64 or x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "functions" {
  description = <<-EOT
    Size of each function. The default memory is several times what the function uses, since Lambda allocates CPU in proportion to memory.
    `reserved_concurrency` limits concurrent executions; -1 reserves none (needed in accounts with the initial concurrency limit of 10).
  EOT
  type = object({
    transform = optional(object({
      memory_mb            = optional(number, 512)
      timeout_seconds      = optional(number, 300)
      reserved_concurrency = optional(number, 20)
    }), {})
    backfill = optional(object({
      memory_mb            = optional(number, 256)
      timeout_seconds      = optional(number, 300)
      reserved_concurrency = optional(number, 10)
    }), {})
    crawler = optional(object({
      memory_mb            = optional(number, 128)
      timeout_seconds      = optional(number, 60)
      reserved_concurrency = optional(number, 5)
    }), {})
  })
  default = {}

  validation {
    condition     = alltrue([for size in values(var.functions) : size.memory_mb >= 128 && size.memory_mb <= 10240 && floor(size.memory_mb) == size.memory_mb])
    error_message = "memory_mb must be a whole number from 128 to 10240."
  }
  validation {
    condition     = alltrue([for size in values(var.functions) : size.timeout_seconds >= 10 && size.timeout_seconds <= 900])
    error_message = "timeout_seconds must be from 10 to 900, Lambda's limit."
  }
  validation {
    condition     = alltrue([for size in values(var.functions) : size.reserved_concurrency == -1 || size.reserved_concurrency >= 1])
    error_message = "reserved_concurrency must be at least 1, or -1 to reserve none: 0 would disable the function."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of all roles of the module, if the account requires one."
  type        = string
  default     = null
}

variable "role_path" {
  description = "IAM path of all roles of the module."
  type        = string
  default     = "/"

  validation {
    condition     = can(regex("^/([A-Za-z0-9_.,+@=-]+/)*$", var.role_path))
    error_message = "role_path must begin and end with '/'."
  }
}

variable "logs" {
  description = "The functions' log groups: retention in days, a KMS key (null: CloudWatch's own; the key's policy must allow `logs.<region>.amazonaws.com` to use it), and the functions' log level."
  type = object({
    retention_days = optional(number, 365)
    kms_key_arn    = optional(string)
    level          = optional(string, "INFO")
  })
  default = {}

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.logs.retention_days)
    error_message = "logs.retention_days must be a value that CloudWatch supports: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
  validation {
    condition     = var.logs.kms_key_arn == null || can(regex(local.kms_key_arn_pattern, var.logs.kms_key_arn))
    error_message = "logs.kms_key_arn must be the ARN of a KMS key (key/…), not of an alias."
  }
  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"], var.logs.level)
    error_message = "logs.level must be TRACE, DEBUG, INFO, WARN or ERROR."
  }
}

variable "labels" {
  description = "Kubernetes label keys that become columns of the table, `properties.labels.<key>`. The map column `labels` contains all labels in any case."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for key in var.labels : can(regex("^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$", key))])
    error_message = "labels must be Kubernetes label keys, such as team or app.kubernetes.io/name."
  }
  validation {
    condition     = alltrue([for key in var.labels : length("${local.table.label_columns.prefix}${key}") <= 255])
    error_message = "A column name in Glue has at most 255 characters, including the prefix: remove longer keys from labels. The map column contains them."
  }
  validation {
    condition     = length(distinct([for key in var.labels : lower(key)])) == length(var.labels)
    error_message = "labels must not differ only in case: Glue's column names are in lower case."
  }
}

variable "annotations" {
  description = "Kubernetes annotation keys that become columns of the table, `properties.annotations.<key>`. The map column `annotations` contains all annotations in any case."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for key in var.annotations : can(regex("^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$", key))])
    error_message = "annotations must be Kubernetes annotation keys, such as owner or example.com/cost-centre."
  }
  validation {
    condition     = alltrue([for key in var.annotations : length("${local.table.annotation_columns.prefix}${key}") <= 255])
    error_message = "A column name in Glue has at most 255 characters, including the prefix: remove longer keys from annotations. The map column contains them."
  }
  validation {
    condition     = length(distinct([for key in var.annotations : lower(key)])) == length(var.annotations)
    error_message = "annotations must not differ only in case: Glue's column names are in lower case."
  }
}

variable "event_delivery" {
  description = <<-EOT
    How new objects start the functions:
    - `notification`: S3 notifications. A bucket has one notification configuration; the module REPLACES it. S3 refuses notifications whose prefixes
      and suffixes overlap with others for the same events, such as one for the whole bucket: use `eventbridge` then.
    - `eventbridge`: EventBridge rules. The bucket must send its events to EventBridge; `enable_bucket_eventbridge` enables that, which also replaces the bucket's notification configuration.
    - `none`: the module only allows the bucket to invoke the functions. Add the output `notifications` to the bucket's configuration yourself.
  EOT
  type        = string
  default     = "notification"

  validation {
    condition     = contains(["notification", "eventbridge", "none"], var.event_delivery)
    error_message = "event_delivery must be notification, eventbridge or none."
  }
}

variable "enable_bucket_eventbridge" {
  description = "With event_delivery = eventbridge: enable the bucket's EventBridge events. This REPLACES the bucket's notification configuration. Keep false if the bucket has one, or already sends its events."
  type        = bool
  default     = false

  validation {
    condition     = !var.enable_bucket_eventbridge || var.event_delivery == "eventbridge"
    error_message = "enable_bucket_eventbridge requires event_delivery = \"eventbridge\"."
  }
}

variable "schedules" {
  description = <<-EOT
    When backfill audits all clusters and crawler compares all partitions, as EventBridge schedule expressions in UTC. Audit at least once a day: the
    alarm `audit-missing` fires after a day without an audit. Avoid the time in which exporters run (by default from 03:30 to 08:30 at the latest).
  EOT
  type = object({
    backfill = optional(string, "cron(0 3/6 * * ? *)")
    crawler  = optional(string, "rate(6 hours)")
  })
  default = {}

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(regex("^(rate|cron)\\([^)]+\\)$", schedule))])
    error_message = "Each schedule must be a rate(…) or cron(…) expression of EventBridge."
  }
}

variable "glue" {
  description = <<-EOT
    Names in the Glue catalog. With `create_database = false` the module uses an existing database. `catalog_kms_key_arn` is the key that encrypts the
    account's Data Catalog, if it is a customer managed key. `assets_table` is the table of assets, by default the name of `table` and `_assets`.
    `table_parameters` and `assets_table_parameters` are added to the tables' parameters, for example for partition projection with
    catalog_mode = "none".
  EOT
  type = object({
    create_database         = optional(bool, true)
    database                = optional(string, "kubecost_db")
    table                   = optional(string, "kubecost_table")
    assets_table            = optional(string)
    view                    = optional(string, "kubecost_view")
    crawler                 = optional(string, "kubecost_crawler")
    catalog_kms_key_arn     = optional(string)
    table_parameters        = optional(map(string), {})
    assets_table_parameters = optional(map(string), {})
  })
  default = {}

  validation {
    condition     = alltrue([for name in compact([var.glue.database, var.glue.table, var.glue.assets_table, var.glue.view]) : can(regex("^[a-z0-9_]{1,255}$", name))])
    error_message = "Names of the database, tables and view may contain only lower-case letters, digits and '_', as Athena requires."
  }
  validation {
    condition     = length(distinct([var.glue.table, coalesce(var.glue.assets_table, "${var.glue.table}_assets"), var.glue.view])) == 3
    error_message = "glue.table, glue.assets_table and glue.view must differ."
  }
  validation {
    condition     = var.glue.catalog_kms_key_arn == null || can(regex(local.kms_key_arn_pattern, var.glue.catalog_kms_key_arn))
    error_message = "glue.catalog_kms_key_arn must be the ARN of a KMS key (key/…), not of an alias."
  }
  validation {
    condition     = length(setintersection(concat(keys(var.glue.table_parameters), keys(var.glue.assets_table_parameters)), ["EXTERNAL", "classification"])) == 0
    error_message = "glue.table_parameters and glue.assets_table_parameters must not contain EXTERNAL or classification: the module sets them."
  }
}

variable "saved_queries" {
  description = <<-EOT
    Athena's saved queries: the questions about costs of infra/sql, in a workgroup. `team_label` is the Kubernetes label that names teams. Athena
    requires that the workgroup exists; `primary` is in each account.
  EOT
  type = object({
    create     = optional(bool, true)
    workgroup  = optional(string, "primary")
    team_label = optional(string, "team")
  })
  default = {}

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$", var.saved_queries.team_label))
    error_message = "saved_queries.team_label must be a Kubernetes label key, such as team or app.kubernetes.io/part-of."
  }
}

variable "catalog_mode" {
  description = <<-EOT
    How new partitions are added to the Glue catalog:
    - `crawler`: the crawler function registers them, immediately and at no cost, and starts the Glue crawler, which this module creates and which
      also runs on its own schedule (`glue_crawler_schedule`);
    - `register`: the same without a Glue crawler;
    - `none`: the module adds none; partitions are managed elsewhere, or projected by `glue.table_parameters`.
  EOT
  type        = string
  default     = "crawler"

  validation {
    condition     = contains(["crawler", "register", "none"], var.catalog_mode)
    error_message = "catalog_mode must be crawler, register or none."
  }
}

variable "glue_crawler_schedule" {
  description = "When the Glue crawler of catalog_mode = \"crawler\" runs, as a cron(…) expression in UTC. With null it runs only when the crawler function starts it. docs/COSTS.md says what a run costs."
  type        = string
  default     = "cron(0 9 * * ? *)"

  validation {
    condition     = var.glue_crawler_schedule == null || can(regex("^cron\\([^)]+\\)$", var.glue_crawler_schedule))
    error_message = "glue_crawler_schedule must be a cron(…) expression, or null for none."
  }
}

variable "glue_crawler_new_folders_only" {
  description = <<-EOT
    Whether the Glue crawler crawls only folders that are new. Glue has that only for crawlers of folders, which name a table by one prefix and the last
    folder of its path: glue.table must end with the last folder of prefixes.lake, as `kubecost_lake` does for `lake/`. If glue.assets_table has the
    same beginning and ends with the last folder of prefixes.assets (`kubecost_assets`), the crawler has both; else the function alone registers the
    partitions of that table. By default the crawler's targets are the tables, whatever their names, and it crawls all their folders.
  EOT
  type        = bool
  default     = false

  validation {
    condition     = !var.glue_crawler_new_folders_only || endswith(var.glue.table, basename(var.prefixes.lake))
    error_message = "glue_crawler_new_folders_only requires a glue.table that ends with the last folder of prefixes.lake: otherwise Glue would create a second table with that folder's name."
  }
}

variable "lake_formation" {
  description = <<-EOT
    Grants of Lake Formation, for accounts whose catalog it controls: the crawler function and the Glue crawler may describe the database and change the
    table's partitions, `reader_role_arns` without patterns may select from table and view. The provider's role must be a data lake administrator.
    With `registered_location = true`, if the lake's prefix is registered with Lake Formation, the functions also get access to that location.
  EOT
  type = object({
    grant               = optional(bool, false)
    registered_location = optional(bool, false)
  })
  default = {}

  validation {
    condition     = var.lake_formation.grant || !var.lake_formation.registered_location
    error_message = "lake_formation.registered_location requires lake_formation.grant = true."
  }
}

variable "reader_role_arns" {
  description = <<-EOT
    Roles of any account that may read the lake, as ARNs, or patterns with * in the role's name. The module changes no policy of the bucket, the
    key or the catalog, of which there is one each. Its output `reader_statements` has the statements for them, which only allow what reading needs.
  EOT
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.reader_role_arns : can(regex("^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/*?-]+$", arn))])
    error_message = "Each of reader_role_arns must be the ARN of a role, with an account ID and optionally * in the role's name."
  }
}

variable "vpc_config" {
  description = <<-EOT
    Subnets and security groups of the functions, if they must run in a VPC (null: none). They need to reach S3 (a gateway endpoint) and, for the crawler
    function, Glue (an interface endpoint, or NAT).
  EOT
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.vpc_config == null || try(length(var.vpc_config.subnet_ids) > 0 && length(var.vpc_config.security_group_ids) > 0, false)
    error_message = "vpc_config needs at least one subnet and one security group."
  }
}

variable "view_months" {
  description = "Number of past months that the view shows."
  type        = number
  default     = 6

  validation {
    condition     = var.view_months >= 1 && floor(var.view_months) == var.view_months
    error_message = "view_months must be a whole number, at least 1."
  }
}

variable "private_ca_secrets" {
  description = <<-EOT
    Certificates of private CAs, stored in Secrets Manager for exporters whose source uses TLS. Map from the secret's name to the certificate (PEM), the
    exporters' roles that may read it, as ARNs (output `exporter_role_arn` of the cluster module) or patterns such as
    `arn:aws:iam::444455556666:role/kubecost-lake-*`, and a KMS key (null: Secrets Manager's own). With patterns, the policy's size does not grow
    with the number of clusters.
  EOT
  type = map(object({
    certificate_pem = string
    reader_arns     = list(string)
    kms_key_arn     = optional(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for name in keys(var.private_ca_secrets) : can(regex("^[A-Za-z0-9/_+=.@-]{1,512}$", name))])
    error_message = "Names of secrets may contain letters, digits and /_+=.@-."
  }
  validation {
    condition     = alltrue([for secret in values(var.private_ca_secrets) : can(regex("-----BEGIN CERTIFICATE-----", secret.certificate_pem))])
    error_message = "certificate_pem must contain a certificate in PEM format: read it with file(\"ca.pem\")."
  }
  validation {
    condition     = alltrue([for secret in values(var.private_ca_secrets) : !can(regex("PRIVATE KEY", secret.certificate_pem))])
    error_message = "certificate_pem must not contain a private key: only the CA's certificate is needed."
  }
  validation {
    condition     = alltrue([for secret in values(var.private_ca_secrets) : secret.kms_key_arn == null || can(regex(local.kms_key_arn_pattern, secret.kms_key_arn))])
    error_message = "kms_key_arn of private_ca_secrets must be the ARN of a KMS key (key/…), not of an alias."
  }
  validation {
    condition     = alltrue([for secret in values(var.private_ca_secrets) : length(secret.reader_arns) > 0])
    error_message = "Each secret of private_ca_secrets needs at least one role in reader_arns."
  }
}

variable "lifecycle_rules" {
  description = <<-EOT
    Expiration of staged and quarantined objects, older versions and incomplete uploads. A bucket has one lifecycle configuration; with
    `manage = true` the module REPLACES it. Otherwise add the output `lifecycle_rules` to the existing configuration and set
    `managed_elsewhere = true`; without either, each plan warns that staged responses never expire.
    Staged responses older than `staging_days` cannot be replayed.
  EOT
  type = object({
    manage            = optional(bool, false)
    managed_elsewhere = optional(bool, false)
    staging_days      = optional(number, 45)
    quarantine_days   = optional(number, 90)
    incomplete_days   = optional(number, 3)
    noncurrent_days   = optional(number, 30)
  })
  default = {}

  validation {
    condition     = var.lifecycle_rules.staging_days >= 16 && floor(var.lifecycle_rules.staging_days) == var.lifecycle_rules.staging_days
    error_message = "lifecycle_rules.staging_days must be a whole number, at least 16: the audit finds clusters and sets in flight by their staged objects."
  }
  validation {
    condition     = alltrue([for days in [var.lifecycle_rules.quarantine_days, var.lifecycle_rules.incomplete_days, var.lifecycle_rules.noncurrent_days] : days >= 1 && floor(days) == days])
    error_message = "Days of lifecycle_rules must be whole numbers, at least 1."
  }
}

variable "transform" {
  description = <<-EOT
    When a set is thinner. A set that lost more than `thinner_tolerance_percent` of a day's container-minutes, core-hours or RAM byte-hours against the
    best set of that day does not replace it, and is reported. 0 tolerates no loss; 100 replaces in any case.
  EOT
  type = object({
    thinner_tolerance_percent = optional(number, 10)
  })
  default = {}

  validation {
    condition     = var.transform.thinner_tolerance_percent >= 0 && var.transform.thinner_tolerance_percent <= 100 && floor(var.transform.thinner_tolerance_percent) == var.transform.thinner_tolerance_percent
    error_message = "transform.thinner_tolerance_percent must be a whole number from 0 to 100."
  }
}

variable "backfill" {
  description = <<-EOT
    Which days are collected again. A day younger than `restate_age_days` is collected again, at most every `restate_interval_hours`, so that reconciled
    costs replace first estimates (0 days: never). A stuck set is redelivered `retry_limit` times in a row and then once a day, and after as many
    restatements in a row that change nothing they spread out. A set younger than `in_flight_minutes` is in flight. A cluster is silent after `silent_hours` without an inventory. The audit covers `audit_period_days`, and older days that a source has, and reads
    `audit_concurrency` clusters at a time.
  EOT
  type = object({
    restate_age_days       = optional(number, 3)
    restate_interval_hours = optional(number, 20)
    retry_limit            = optional(number, 3)
    in_flight_minutes      = optional(number, 60)
    silent_hours           = optional(number, 36)
    audit_period_days      = optional(number, 30)
    audit_concurrency      = optional(number, 16)
  })
  default = {}

  validation {
    condition     = alltrue([for value in values(var.backfill) : floor(value) == value])
    error_message = "All numbers of backfill must be whole numbers."
  }
  validation {
    condition     = var.backfill.restate_age_days >= 0 && var.backfill.restate_age_days <= 60
    error_message = "backfill.restate_age_days must be from 0 (never) to 60."
  }
  validation {
    condition     = var.backfill.restate_interval_hours >= 1 && var.backfill.restate_interval_hours <= 720
    error_message = "backfill.restate_interval_hours must be from 1 to 720."
  }
  validation {
    condition     = var.backfill.retry_limit >= 1 && var.backfill.retry_limit <= 100
    error_message = "backfill.retry_limit must be from 1 to 100."
  }
  validation {
    condition     = var.backfill.in_flight_minutes >= 1 && var.backfill.in_flight_minutes <= 1440
    error_message = "backfill.in_flight_minutes must be from 1 to 1440."
  }
  validation {
    condition     = var.backfill.silent_hours >= 1 && var.backfill.silent_hours <= 8760
    error_message = "backfill.silent_hours must be from 1 to 8760."
  }
  validation {
    condition     = var.backfill.audit_period_days >= 1 && var.backfill.audit_period_days <= 366
    error_message = "backfill.audit_period_days must be from 1 to 366."
  }
  validation {
    condition     = var.backfill.audit_concurrency >= 1 && var.backfill.audit_concurrency <= 256
    error_message = "backfill.audit_concurrency must be from 1 to 256."
  }
}

variable "alarms" {
  description = "Alarms, the SNS topics that they notify, and how many days of gaps are tolerated before an alarm fires."
  type = object({
    create           = optional(bool, true)
    sns_topic_arns   = optional(list(string), [])
    gap_days_allowed = optional(number, 0)
  })
  default = {}

  validation {
    condition     = var.alarms.gap_days_allowed >= 0 && floor(var.alarms.gap_days_allowed) == var.alarms.gap_days_allowed
    error_message = "alarms.gap_days_allowed must be a whole number, at least 0."
  }
}

variable "create_dashboard" {
  description = "Whether to create the CloudWatch dashboard."
  type        = bool
  default     = true
}

variable "on_failure_queue" {
  description = "The queue of events that failed after all retries: retention, and a KMS key (null: SQS's own encryption). The key's policy must allow `events.amazonaws.com` to decrypt and generate data keys, since EventBridge sends events here that it cannot deliver."
  type = object({
    retention_days = optional(number, 14)
    kms_key_arn    = optional(string)
  })
  default = {}

  validation {
    condition     = var.on_failure_queue.kms_key_arn == null || can(regex(local.kms_key_arn_pattern, var.on_failure_queue.kms_key_arn))
    error_message = "on_failure_queue.kms_key_arn must be the ARN of a KMS key (key/…), not of an alias."
  }
  validation {
    condition     = var.on_failure_queue.retention_days >= 1 && var.on_failure_queue.retention_days <= 14
    error_message = "on_failure_queue.retention_days must be from 1 to 14, the limit of SQS."
  }
}
