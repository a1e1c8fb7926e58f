output "glue" {
  description = "Database, table and view to query."
  value       = module.pipeline.glue
}

# For `cid-cmd deploy --resources`.
output "quicksight_definition" {
  description = "QuickSight's dashboard and dataset."
  value       = module.pipeline.quicksight_definition
}
