output "exporter_role_arn" {
  description = "The role that writes to the bucket."
  value       = module.exporter.exporter_role_arn
}

output "staging_prefixes" {
  description = "The prefixes of the bucket that it writes to."
  value       = module.exporter.staging_prefixes
}

output "helm_values" {
  description = "The chart's values, to install it without Terraform."
  value       = module.exporter.helm_values
}
