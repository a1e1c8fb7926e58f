# For exporters whose chart is installed by other means, such as Argo CD: one cluster module each, with install_chart = false.
output "bucket" {
  description = "What the cluster module wants as bucket."
  value       = module.pipeline.bucket
}
