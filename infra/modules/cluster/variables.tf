variable "cluster_arn" {
  description = "ARN of the EKS cluster: `aws eks describe-cluster --query cluster.arn`. Its account, region and name determine the cluster's keys in the lake. It must be known at plan time: if the same run creates the cluster, build the ARN from account, region and name."
  type        = string

  validation {
    condition     = can(regex("^arn:aws(-[a-z]+)*:eks:([a-z]{2}|[a-z]{4})(-[a-z]+)+-[0-9]{1,2}:[0-9]{12}:cluster/[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", var.cluster_arn))
    error_message = "cluster_arn must be the ARN of an EKS cluster, arn:<partition>:eks:<region>:<account>:cluster/<name>, such as arn:aws:eks:us-east-1:111122223333:cluster/production."
  }
}

variable "source_clusters" {
  description = <<-EOT
    The clusters of a source that many clusters send their costs to: a Kubecost 3 primary, or an OpenCost hub. `id` is the cluster's id at the
    source, `arn` its ARN; several ids may have the same ARN. The exporter runs in the cluster of `cluster_arn`, which is on the list if its own
    costs are to be collected. One role may write and read for all of them. Empty: the source has the costs of `cluster_arn` only.
  EOT
  type        = list(object({ id = string, arn = string }))
  default     = []

  validation {
    condition     = alltrue([for cluster in var.source_clusters : can(regex("^arn:aws(-[a-z]+)*:eks:([a-z]{2}|[a-z]{4})(-[a-z]+)+-[0-9]{1,2}:[0-9]{12}:cluster/[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", cluster.arn))])
    error_message = "Each arn of source_clusters must be the ARN of an EKS cluster."
  }
  validation {
    condition     = alltrue([for cluster in var.source_clusters : can(regex("^[^,#\"\\\\\\s]([^,\"\\\\\\n]*[^,\"\\\\\\s])?$", cluster.id))]) && length(distinct(var.source_clusters[*].id)) == length(var.source_clusters)
    error_message = "Each id of source_clusters must be there once, without commas, quotes, backslashes and blanks around it."
  }
  validation {
    condition     = length(var.source_clusters) == 0 || (var.source_api.filter == "" && length(var.source_api.cluster_ids) == 0)
    error_message = "source_api.filter and source_api.cluster_ids must be empty with source_clusters, which says whose rows go where."
  }
}

variable "tags" {
  description = "Tags of all resources that the module creates."
  type        = map(string)
  default     = {}
}

variable "bucket" {
  description = "The lake's bucket: output `bucket` of the pipeline module. `region` is its region (null: the cluster's), `owner` is its account, which must be known at plan time: it decides whether there are one or two roles."
  type = object({
    name           = string
    region         = optional(string)
    owner          = string
    kms_key_arn    = optional(string)
    staging_prefix = optional(string, "staging/")
    plans_prefix   = optional(string, "plans/")
  })

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket.name))
    error_message = "bucket.name must be a valid bucket name."
  }
  validation {
    condition     = can(regex("^[0-9]{12}$", var.bucket.owner))
    error_message = "bucket.owner must be an account ID of 12 digits."
  }
  validation {
    condition     = alltrue([for prefix in [var.bucket.staging_prefix, var.bucket.plans_prefix] : can(regex("^[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*/$", prefix))])
    error_message = "bucket.staging_prefix and bucket.plans_prefix must end with '/' and must not start with it."
  }
}

variable "identity" {
  description = <<-EOT
    How the exporter's pod gets its credentials:
    - `irsa`: IAM roles for service accounts; needs the cluster's IAM OIDC provider, see `oidc_provider`;
    - `pod_identity`: EKS Pod Identity; needs its agent add-on in the cluster. The module creates the association.
  EOT
  type        = string
  default     = "irsa"

  validation {
    condition     = contains(["irsa", "pod_identity"], var.identity)
    error_message = "identity must be irsa or pod_identity."
  }
}

variable "oidc_provider" {
  description = "The cluster's IAM OIDC provider, for identity = irsa. With null, the module looks it up by the cluster's name, and the cluster must exist. Pass its ARN if the same run creates the cluster: the ARN may be known only at apply."
  type        = object({ arn = string })
  default     = null

  validation {
    condition     = var.oidc_provider == null || can(regex("^arn:aws(-[a-z]+)*:iam::[0-9]{12}:oidc-provider/.+$", try(var.oidc_provider.arn, "")))
    error_message = "oidc_provider.arn must be the ARN of an IAM OIDC provider."
  }
}

variable "lake" {
  description = "Name of the lake, if there are two in one account: it becomes part of the names of roles, Helm release and service account, so that a cluster can send its costs to both. null changes no name. Patterns of role names then begin with `kubecost-lake-<lake>-`."
  type        = string
  default     = null

  validation {
    condition     = var.lake == null || can(regex("^[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?$", var.lake))
    error_message = "lake must be at most 16 lower-case letters, digits and hyphens: it is part of role names, which are limited to 64 characters."
  }
}

variable "create_child" {
  description = "Whether to create the pod's role, its association with EKS Pod Identity and the Helm release. With false, the module only creates the parent role, for a lake's team that has no access to the cluster's account: it trusts the child role by its name, before that exists. Pass the lake's provider as `aws`, too."
  type        = bool
  default     = true
}

variable "create_parent" {
  description = "Whether to create the role in the bucket's account, if that is another one. With false, the lake's team creates it by this module with create_child = false and the same names. Pass the cluster's provider as `aws.lake`, too."
  type        = bool
  default     = true

  validation {
    condition     = var.create_child || (var.create_parent && split(":", var.cluster_arn)[4] != var.bucket.owner)
    error_message = "create_child = false leaves nothing to create, unless cluster and bucket are in different accounts and create_parent is true."
  }
}

variable "namespace" {
  description = "Namespace of the exporter. The role trusts only this namespace."
  type        = string
  default     = "kubecost-lake"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace must be a valid name of a Kubernetes namespace."
  }
}

variable "service_account" {
  description = "Service account of the exporter (null: kubecost-lake-exporter, and the name of the `lake`). The role trusts only this service account."
  type        = string
  default     = null

  validation {
    condition     = var.service_account == null || can(regex("^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", var.service_account))
    error_message = "service_account must be a valid name of a Kubernetes service account."
  }
}

variable "child_role" {
  description = "The pod's role in the cluster's account; the only role if cluster and bucket share an account. Name (null: derived from the cluster's name), path and permissions boundary."
  type = object({
    name                     = optional(string)
    path                     = optional(string, "/")
    permissions_boundary_arn = optional(string)
  })
  default = {}

  validation {
    condition     = var.child_role.name == null || can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.child_role.name))
    error_message = "child_role.name must be a valid name of an IAM role, at most 64 characters."
  }
}

variable "parent_role" {
  description = "The role in the bucket's account that the child role assumes; not created if cluster and bucket share an account. Name (null: derived from the cluster's name), path and permissions boundary."
  type = object({
    name                     = optional(string)
    path                     = optional(string, "/")
    permissions_boundary_arn = optional(string)
  })
  default = {}

  validation {
    condition     = var.parent_role.name == null || can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.parent_role.name))
    error_message = "parent_role.name must be a valid name of an IAM role, at most 64 characters."
  }
}

variable "private_ca_secret" {
  description = "The secret with the certificate of the private CA that signed the source's certificate: an entry of output `private_ca_secrets` of the pipeline module."
  type = object({
    arn         = string
    name        = string
    region      = string
    kms_key_arn = optional(string)
  })
  default = null
}

variable "source_api" {
  description = <<-EOT
    The source of costs: URL of Kubecost or OpenCost, its kind (auto, kubecost or opencost), the aggregation of rows, an optional filter in the
    source's own syntax, the ids that this cluster has at the source (none: any one), whether to query idle costs, the currency as a code of
    ISO 4217 (none: what the source reports, else USD), how many days back to look for gaps (all: all days that a Kubecost has), and labels and
    annotations that must not leave the cluster (redaction, see docs/SECURITY.md).
  EOT
  type = object({
    url                  = optional(string, "http://kubecost-cost-analyzer.kubecost:9090")
    kind                 = optional(string, "auto")
    aggregation          = optional(string, "container")
    filter               = optional(string, "")
    cluster_ids          = optional(list(string), [])
    idle                 = optional(bool, true)
    currency             = optional(string, "")
    backfill_period_days = optional(string, "15")
    redaction = optional(object({
      labels           = optional(list(string), [])
      annotations      = optional(list(string), ["kubectl.kubernetes.io/last-applied-configuration"])
      kept_labels      = optional(list(string), [])
      kept_annotations = optional(list(string), [])
    }), {})
  })
  default = {}

  validation {
    condition     = can(regex("^https?://[^/?#]+", var.source_api.url))
    error_message = "source_api.url must begin with http:// or https:// and contain a host."
  }
  validation {
    condition     = contains(["auto", "kubecost", "opencost"], var.source_api.kind)
    error_message = "source_api.kind must be auto, kubecost or opencost."
  }
  validation {
    condition     = contains(["container", "pod", "namespace", "controller", "controllerKind", "node", "cluster"], var.source_api.aggregation)
    error_message = "source_api.aggregation must be container, pod, namespace, controller, controllerKind, node or cluster."
  }
  validation {
    condition     = can(regex("^([A-Z]{3})?$", var.source_api.currency))
    error_message = "source_api.currency must be a code of ISO 4217, such as EUR, or empty."
  }
  validation {
    condition     = var.source_api.backfill_period_days == "all" || can(regex("^[0-9]+$", var.source_api.backfill_period_days)) && try(tonumber(var.source_api.backfill_period_days) >= 3 && tonumber(var.source_api.backfill_period_days) <= 366, false)
    error_message = "source_api.backfill_period_days must be a whole number from 3 to 366, or all."
  }
  validation {
    condition     = !(var.source_api.backfill_period_days == "all" && var.source_api.kind == "opencost")
    error_message = "source_api.backfill_period_days is all, but an OpenCost cannot be queried cheaply for the days that it has: set the number of days that its Prometheus or its collector keeps."
  }
  validation {
    condition     = alltrue([for id in var.source_api.cluster_ids : id != "" && id == trimspace(id) && !strcontains(id, ",")])
    error_message = "source_api.cluster_ids must be ids without commas and without blanks around them."
  }
}

variable "image" {
  description = "The exporter's image. A digest overrides the tag; without a tag, the chart's version is used."
  type = object({
    repository = string
    tag        = optional(string)
    digest     = optional(string)
  })
}

variable "schedule" {
  description = "When the exporter runs: a cron expression of five fields, in UTC. null: once a day at a time that the chart computes from the cluster's ARN, so that the runs of many clusters are spread."
  type        = string
  default     = null

  validation {
    condition     = var.schedule == null || can(regex("^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|(\\S+ ){4}\\S+)$", var.schedule))
    error_message = "schedule must be a cron expression of five fields, or @daily and the like."
  }
}

variable "install_chart" {
  description = "Whether to install the chart with the helm provider, if create_child is true. Otherwise, install it yourself with the values of output `helm_values`."
  type        = bool
  default     = true
}

variable "create_namespace" {
  description = "Whether installing the chart creates the namespace."
  type        = bool
  default     = true
}

variable "release_name" {
  description = "Name of the Helm release (null: kubecost-lake-exporter, and the name of the `lake`)."
  type        = string
  default     = null
}

variable "chart" {
  description = "Location of the chart: a repository (such as oci://…) with name and version, or, with repository = null, a path in `name` (null: the chart of this checkout)."
  type = object({
    repository = optional(string)
    name       = optional(string)
    version    = optional(string)
  })
  default = {}

  validation {
    condition     = var.chart.repository == null || var.chart.name != null
    error_message = "chart.repository requires chart.name."
  }
}

variable "chart_values" {
  description = "More values of the chart as YAML documents, such as resources, node selectors, authentication of the source, or a network policy. They override the module's values, later documents override earlier ones."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for document in var.chart_values : can(keys(yamldecode(document)))])
    error_message = "Each of chart_values must be a YAML document that contains a map."
  }
}
