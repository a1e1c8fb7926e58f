output "exporter_role_arn" {
  description = "The role that writes to the bucket: the parent role, or in one account the only role. For the bucket policy and for readers of a private CA's secret."
  value       = local.exporter_role_arn
}

output "child_role_arn" {
  description = "The role that the pod gets."
  value       = aws_iam_role.child.arn
}

output "parent_role_arn" {
  description = "The role in the bucket's account; null where cluster and bucket share an account."
  value       = one(aws_iam_role.parent[*].arn)
}

output "staging_prefix" {
  description = "The one prefix of the bucket that this cluster writes below."
  value       = "${var.bucket.staging_prefix}${local.place}/"
}

output "helm_values" {
  description = "The chart's values that the module makes, as YAML. Without install_chart: `terraform output -raw helm_values > values.yaml`, then `helm upgrade --install`."
  value       = yamlencode(local.helm_values)
}
