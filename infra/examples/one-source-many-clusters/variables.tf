variable "region" {
  description = "Region of the cluster."
  type        = string
  default     = "us-east-1"
}

variable "lake_profile" {
  description = "Profile of the AWS CLI for the account of the lake's bucket. null: the account of the cluster."
  type        = string
  default     = null
}

variable "cluster_arn" {
  description = "ARN of the EKS cluster of the primary or hub."
  type        = string
}

variable "kube_context" {
  description = "That cluster's context in ~/.kube/config: `aws eks update-kubeconfig --name NAME --alias CONTEXT`."
  type        = string
}

variable "oidc_provider" {
  description = "That cluster's IAM OIDC provider. null: Terraform looks it up."
  type        = object({ arn = string })
  default     = null
}

variable "bucket" {
  description = "The lake's bucket: output `bucket` of the configuration with the pipeline."
  type        = any
}

variable "clusters_file" {
  description = "YAML file with a line for each cluster: the cluster's id at the source, and its ARN."
  type        = string
  default     = "clusters.yaml"
}

variable "source_kind" {
  description = "What the clusters send their costs to: a Kubecost 3 primary (kubecost), or an OpenCost hub (opencost)."
  type        = string
  default     = "kubecost"

  validation {
    condition     = contains(["kubecost", "opencost"], var.source_kind)
    error_message = "source_kind must be kubecost or opencost."
  }
}

variable "source_api" {
  description = "More settings of the source, as the module `cluster` has them, such as another `url`, or `backfill_period_days`."
  type        = any
  default     = {}
}

variable "image" {
  description = "Repository of the exporter's image."
  type        = string
}

variable "install_chart" {
  description = "Whether Terraform installs the chart. Otherwise, install it with the values of output `helm_values`."
  type        = bool
  default     = true
}
