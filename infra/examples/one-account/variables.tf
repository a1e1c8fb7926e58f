variable "region" {
  description = "Region of the bucket and the functions."
  type        = string
  default     = "us-east-1"
}

variable "bucket_name" {
  description = "Name of the bucket to create. A random part keeps others from guessing it."
  type        = string
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes the bucket with all costs in it, all versions included. False: it fails while the bucket holds any."
  type        = bool
  default     = false
}

variable "encrypt_with_kms" {
  description = "Whether the bucket is encrypted with a KMS key of its own, which is then created, or with S3's (SSE-S3). The key cannot be taken away again while it is needed."
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

variable "cluster_arn" {
  description = "ARN of the EKS cluster."
  type        = string
}

variable "oidc_provider_arn" {
  description = "ARN of the cluster's IAM OIDC provider; null: EKS Pod Identity, whose agent must run in the cluster."
  type        = string
  default     = null
}

variable "kube_context" {
  description = "The cluster's context in ~/.kube/config: `aws eks update-kubeconfig --name NAME --alias CONTEXT`."
  type        = string
}

variable "source_url" {
  description = "URL of Kubecost or OpenCost in the cluster."
  type        = string
  default     = "http://kubecost-cost-analyzer.kubecost:9090"
}

variable "labels" {
  description = "Kubernetes labels that become columns."
  type        = list(string)
  default     = ["app.kubernetes.io/name"]
}

variable "annotations" {
  description = "Kubernetes annotations that become columns."
  type        = list(string)
  default     = []
}

variable "functions" {
  description = "Sizes of the functions, as the pipeline module takes them."
  type        = any
  default     = {}
}

variable "install_chart" {
  description = "Whether Terraform installs the chart. Otherwise install it with the values of output `helm_values`."
  type        = bool
  default     = true
}
