# For the cluster module of each cluster. With install_chart = false, other tools such as Argo CD can install the chart.
output "bucket" {
  description = "The bucket, as input `bucket` of the cluster module."
  value       = module.pipeline.bucket
}
