variable "region" {
  description = "Region of the bucket and the functions."
  type        = string
  default     = "us-east-1"
}

variable "bucket_name" {
  description = "Name of the bucket to create. Include a random part, so that others cannot guess it."
  type        = string
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes the bucket with all its objects, including all versions. If false, it fails if the bucket is not empty."
  type        = bool
  default     = false
}

variable "encrypt_with_kms" {
  description = "Whether the bucket is encrypted with its own KMS key, which is then created, instead of SSE-S3. Terraform cannot destroy the key while `prevent_destroy` is set."
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

variable "identity" {
  description = "How the pod gets its credentials: `irsa` needs the cluster's IAM OIDC provider, which Terraform looks up; `pod_identity` needs the EKS Pod Identity agent in the cluster."
  type        = string
  default     = "irsa"
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
  description = "Sizes of the functions: input `functions` of the pipeline module."
  type        = any
  default     = {}
}

variable "install_chart" {
  description = "Whether Terraform installs the chart. Otherwise, install it with the values of output `helm_values`."
  type        = bool
  default     = true
}
