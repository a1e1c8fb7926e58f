variable "region" {
  description = "Region of the bucket and the functions."
  type        = string
  default     = "us-east-1"
}

variable "bucket_name" {
  description = "The existing bucket of the lake."
  type        = string
}

variable "bucket_kms_key_arn" {
  description = "ARN of the bucket's KMS key; null for SSE-S3."
  type        = string
  default     = null
}

variable "reader_role_arns" {
  description = "Roles of any account that read the lake, as ARNs or patterns: Athena's users, QuickSight's service role."
  type        = list(string)
}

variable "administrator_role_arns" {
  description = "Roles that may also write and delete below the lake's prefixes, as ARNs or patterns: for replays, copies of older files, and cleanup."
  type        = list(string)
  default     = []
}

variable "create_only_staging" {
  description = "Whether exporters can only create objects below staging/, and not replace them."
  type        = bool
  default     = true
}

variable "conditional_lake" {
  description = "Whether objects below lake/ are only written with a condition, as the transform function does: no write replaces a day that it has not read. Copies into the lake then fail."
  type        = bool
  default     = false
}

variable "packages_directory" {
  description = "Directory of the functions' zips."
  type        = string
}

variable "image" {
  description = "Repository of the exporter's image."
  type        = string
}

variable "cluster_one" {
  description = "The cluster in the lake's account, with IRSA."
  type = object({
    arn               = string
    oidc_provider_arn = string
    kube_context      = string
  })
}

variable "cluster_two" {
  description = "The cluster in another account, with IRSA or, without an OIDC provider, EKS Pod Identity. A private CA signed its source's certificate."
  type = object({
    arn               = string
    oidc_provider_arn = optional(string)
    region            = string
    aws_profile       = string
    kube_context      = string
    source_url        = string
  })
}

variable "private_ca_file" {
  description = "File with the private CA's certificate (PEM)."
  type        = string
}

variable "alarm_topic_arn" {
  description = "SNS topic that alarms notify."
  type        = string
}
