# The accounts of clusters read it from this state.
output "bucket" {
  description = "The bucket, as input `bucket` of the cluster module."
  value       = module.pipeline.bucket
}

output "glue" {
  description = "Database, table and view to query."
  value       = module.pipeline.glue
}
