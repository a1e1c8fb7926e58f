variable "account" {
  description = "The account of these clusters. Clusters of other accounts in clusters.yaml are ignored."
  type        = string
}

variable "region" {
  description = "Region of the provider. The clusters may be in any region."
  type        = string
  default     = "us-east-1"
}

variable "lake_state" {
  description = "Where the state of the lake's root module is: bucket, key and region. This account's role needs s3:GetObject on that key."
  type = object({
    bucket = string
    key    = string
    region = string
  })
}

variable "image" {
  description = "Repository of the exporter's image, which all accounts may pull."
  type        = string
}

variable "chart" {
  description = "The published chart: repository without oci://, name and version."
  type = object({
    repository = string
    name       = optional(string, "kubecost-lake-exporter")
    version    = string
  })
}

variable "clusters_yaml" {
  description = "The clusters as YAML, as in clusters.yaml. null: that file."
  type        = string
  default     = null
}
