locals {
  quicksight_types = {
    string    = { Type = "STRING" }
    double    = { Type = "DECIMAL", SubType = "FLOAT" }
    timestamp = { Type = "DATETIME" }
  }

  # QuickSight's names of columns end at 128 characters, Athena's at 255: longer ones are in the view only.
  quicksight_columns = [for column in local.view_columns : column if length(column.name) <= 128]

  quicksight_dataset = "cca_kubecost_view"
  # Stable across applies: by its ID cid-cmd finds the dataset that it made before.
  quicksight_dataset_id = uuidv5("url", "quicksight/data-set/${var.name}/${var.glue.database}/${var.glue.view}")
  quicksight_table_id   = uuidv5("url", "quicksight/table/${var.name}/${var.glue.database}/${var.glue.view}")

  # A definition for `cid-cmd deploy --resources FILE`. The dashboard is AWS's public template, which cid-cmd finds by its ID in its
  # own account; it knows the dataset by this name and its columns by theirs. cid-cmd fills in the data source. There are no views here:
  # the view is Terraform's, and cid-cmd deletes those of a definition together with its dashboard.
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
        schedules = ["kubecost-lake"]
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
                InputColumns  = [for column in local.quicksight_columns : merge({ Name = column.name }, local.quicksight_types[column.type])]
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
                { ProjectOperation = { ProjectedColumns = concat(local.quicksight_columns[*].name, ["region_code"]) } },
                { TagColumnOperation = { ColumnName = "region", Tags = [{ ColumnGeographicRole = "STATE" }] } },
                { TagColumnOperation = { ColumnName = "region_code", Tags = [{ ColumnGeographicRole = "STATE" }] } },
              ]
            }
          }
        }
      }
    }
    schedules = {
      kubecost-lake = {
        ScheduleId  = "cid"
        RefreshType = "FULL_REFRESH"
        # In the time zone that cid-cmd is told: with UTC after the exporters' run at 03:30. Its own schedule begins at 02:00.
        ScheduleFrequency = { Interval = "DAILY", TimeOfTheDay = "05:00-06:00" }
      }
    }
  }
}
