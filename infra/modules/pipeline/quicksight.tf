locals {
  quicksight_types = {
    string    = { Type = "STRING" }
    double    = { Type = "DECIMAL", SubType = "FLOAT" }
    timestamp = { Type = "DATETIME" }
  }

  quicksight_dataset = "cca_kubecost_view"
  # Stable across applies, and different for lakes that share a QuickSight account.
  quicksight_dataset_id = uuidv5("url", "quicksight/data-set/${var.name}/${var.glue.database}/${var.glue.view}")
  quicksight_table_id   = uuidv5("url", "quicksight/table/${var.name}/${var.glue.database}/${var.glue.view}")

  # A definition for `cid-cmd deploy --resources FILE`. Dashboard and dataset keep the names by which the public dashboard of
  # containers cost allocation finds its columns; cid-cmd fills in the data source.
  quicksight_definition = {
    dashboards = {
      "CONTAINERS COST ALLOCATION (CCA)" = {
        name        = "Containers Cost Allocation (CCA)"
        dashboardId = "containers-cost-allocation"
        templateId  = "containers-cost-allocation"
        category    = "Custom"
        dependsOn   = { datasets = [local.quicksight_dataset] }
      }
    }
    datasets = {
      (local.quicksight_dataset) = {
        schedules = ["default"]
        data = {
          DataSetId  = local.quicksight_dataset_id
          Name       = local.quicksight_dataset
          ImportMode = "SPICE"
          PhysicalTableMap = {
            (local.quicksight_table_id) = {
              RelationalTable = {
                DataSourceArn = "$${athena_datasource_arn}"
                Catalog       = "AwsDataCatalog"
                Schema        = var.glue.database
                Name          = var.glue.view
                InputColumns  = [for column in local.view_columns : merge({ Name = column.name }, local.quicksight_types[column.type])]
              }
            }
          }
          LogicalTableMap = {
            (local.quicksight_table_id) = {
              Alias  = var.glue.view
              Source = { PhysicalTableId = local.quicksight_table_id }
              DataTransforms = [
                {
                  CreateColumnsOperation = {
                    Columns = [{
                      ColumnName = "region_code"
                      ColumnId   = uuidv5("url", "${local.quicksight_table_id}/region_code")
                      # The node's region, or the cluster's where the node is not known: text is empty there, never null.
                      Expression = "ifelse({properties.region} <> '', {properties.region}, {region})"
                    }]
                  }
                },
                { ProjectOperation = { ProjectedColumns = concat(local.view_columns[*].name, ["region_code"]) } },
                { TagColumnOperation = { ColumnName = "region", Tags = [{ ColumnGeographicRole = "STATE" }] } },
                { TagColumnOperation = { ColumnName = "region_code", Tags = [{ ColumnGeographicRole = "STATE" }] } },
              ]
            }
          }
        }
      }
    }
    views = {}
  }
}
