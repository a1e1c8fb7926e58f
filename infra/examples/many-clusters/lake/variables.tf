variable "account" {
  description = "The lake's account."
  type        = string
}

variable "region" {
  description = "Region of the bucket and the functions."
  type        = string
  default     = "us-east-1"
}

variable "bucket_name" {
  description = "The existing bucket of the lake."
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

variable "clusters_yaml" {
  description = "The clusters as YAML, as in clusters.yaml. null: that file."
  type        = string
  default     = null
}
