# For `cid-cmd deploy --resources`.
output "quicksight_definition" {
  description = "QuickSight's dashboard and dataset."
  value       = module.pipeline.quicksight_definition
}

output "glue" {
  description = "Database, table and view to query."
  value       = module.pipeline.glue
}

output "on_failure_queue" {
  description = "The queue of events that failed after all retries."
  value       = module.pipeline.on_failure_queue
}

output "helm_values" {
  description = "The chart's values, to install it without Terraform."
  value       = module.cluster.helm_values
}
