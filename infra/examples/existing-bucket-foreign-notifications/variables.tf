variable "region" {
  description = "Region of the bucket and the functions."
  type        = string
  default     = "us-east-1"
}

variable "bucket_name" {
  description = "The existing bucket, which others use as well."
  type        = string
}

variable "foreign_queue_arn" {
  description = "An existing queue of others that the bucket notifies of objects below invoices/."
  type        = string
}

variable "packages" {
  description = "Bucket and key prefix of the functions' zips, and their SHA-256 (base64, by function), so that Terraform detects a changed zip."
  type = object({
    s3_bucket = string
    s3_prefix = string
    sha256    = optional(map(string), {})
  })
}
