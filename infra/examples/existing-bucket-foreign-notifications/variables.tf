variable "region" {
  description = "Region of the bucket and the functions."
  type        = string
  default     = "us-east-1"
}

variable "bucket_name" {
  description = "The existing bucket, which others use, too."
  type        = string
}

variable "foreign_queue_arn" {
  description = "A queue of others that the bucket already notifies of objects below invoices/."
  type        = string
}

variable "packages" {
  description = "Bucket and key prefix of the functions' zips, and their SHA-256 (base64, by function), by which a zip that was replaced is noticed."
  type = object({
    s3_bucket = string
    s3_prefix = string
    sha256    = optional(map(string), {})
  })
}
