output "application_set" {
  description = "An Argo CD ApplicationSet with one Application for each cluster: `terraform output -raw application_set | kubectl apply --filename -`. It expects that Argo CD knows each cluster by its name."
  value = yamlencode({
    apiVersion = "argoproj.io/v1alpha1"
    kind       = "ApplicationSet"
    metadata   = { name = "kubecost-lake-exporter-${var.account}", namespace = "argocd" }
    spec = {
      goTemplate        = true
      goTemplateOptions = ["missingkey=error"]
      generators = [{
        list = {
          elements = [
            for arn, cluster in module.cluster : {
              cluster   = split("/", arn)[1]
              region    = split(":", arn)[3]
              release   = cluster.chart.release_name
              namespace = cluster.chart.namespace
              values    = cluster.helm_values
            }
          ]
        }
      }]
      template = {
        metadata = { name = "kubecost-lake-{{ .cluster }}-{{ .region }}" }
        spec = {
          project = "default"
          source = {
            repoURL        = var.chart.repository
            chart          = var.chart.name
            targetRevision = var.chart.version
            helm           = { releaseName = "{{ .release }}", values = "{{ .values }}" }
          }
          destination = { name = "{{ .cluster }}", namespace = "{{ .namespace }}" }
          syncPolicy  = { automated = {}, syncOptions = ["CreateNamespace=true"] }
        }
      }
    }
  })
}

output "role_arns" {
  description = "The pods' roles, by the cluster's ARN."
  value       = { for arn, cluster in module.cluster : arn => cluster.child_role_arn }
}
