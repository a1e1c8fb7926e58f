output "exporter_role_arn" {
  description = "The role that writes to the bucket: the parent role or, within one account, the only role. For the bucket policy, and for `reader_arns` of a private CA's secret."
  value       = local.exporter_role_arn
}

output "child_role_arn" {
  description = "The pod's role."
  value       = local.child_arn
}

output "parent_role_arn" {
  description = "The role in the bucket's account; null if cluster and bucket share an account."
  value       = local.same_account ? null : local.exporter_role_arn
}

output "chart" {
  description = "Name and namespace of the Helm release, for tools such as Argo CD that install the chart with `helm_values`."
  value       = { release_name = local.release, namespace = var.namespace }
}

output "staging_prefix" {
  description = "The prefix of the bucket that this cluster writes to; with source_clusters, see staging_prefixes."
  value       = "${var.bucket.staging_prefix}${local.place}/"
}

output "staging_prefixes" {
  description = "All prefixes of the bucket that the exporter writes to: one for each cluster whose costs it collects."
  value       = [for place in local.places : "${var.bucket.staging_prefix}${place}/"]
}

output "helm_values" {
  description = "The chart's values from this module, as YAML. With install_chart = false: `terraform output -raw helm_values > values.yaml`, then `helm upgrade --install`."
  value       = yamlencode(local.helm_values)
}
