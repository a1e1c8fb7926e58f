locals {
  quicksight_types = {
    string    = { Type = "STRING" }
    double    = { Type = "DECIMAL", SubType = "FLOAT" }
    timestamp = { Type = "DATETIME" }
    boolean   = { Type = "BOOLEAN" }
  }

  # QuickSight limits column names to 128 characters, Athena to 255. Longer ones are only in the view.
  quicksight_columns = [for column in local.view_columns : column if length(column.name) <= 128]

  quicksight_dataset = "cca_kubecost_view"
  # Stable across applies: cid-cmd finds an existing dataset by this ID.
  quicksight_dataset_id = uuidv5("url", "quicksight/data-set/${var.name}/${var.glue.database}/${var.glue.view}")
  quicksight_table_id   = uuidv5("url", "quicksight/table/${var.name}/${var.glue.database}/${var.glue.view}")

  # A definition for `cid-cmd deploy --resources FILE`. cid-cmd fills in the data source. The definition contains no views: Terraform manages
  # the view, and cid-cmd would delete it together with the dashboard.
  quicksight_definition = {
    dashboards = {
      "CONTAINERS COST ALLOCATION (CCA)" = {
        name        = "Containers Cost Allocation (CCA)"
        dashboardId = "containers-cost-allocation"
        category    = "Custom"
        dependsOn   = { datasets = [local.quicksight_dataset] }
        # cid-cmd expects text.
        data = yamlencode(local.quicksight_dashboard)
        # The definition has its filters. cid-cmd would otherwise prompt for columns to add as filters.
        nonTaxonomyColumns = concat([for column in local.quicksight_columns : column.name if column.type == "string"], ["region_code", "currency_code"])
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
                    Columns = [
                      {
                        ColumnName = "region_code"
                        ColumnId   = uuidv5("url", "${local.quicksight_table_id}/region_code")
                        # The node's region, or the cluster's if the node is unknown. Missing texts are empty, never null.
                        Expression = "ifelse({properties.region} <> '', {properties.region}, {region})"
                      },
                      {
                        ColumnName = "currency_code"
                        ColumnId   = uuidv5("url", "${local.quicksight_table_id}/currency_code")
                        # Rows without a currency are from exporters that did not record it, or from before there was the column.
                        Expression = "ifelse(isNull({currency}) OR {currency} = '', 'USD', {currency})"
                      },
                    ]
                  }
                },
                { ProjectOperation = { ProjectedColumns = concat(local.quicksight_columns[*].name, ["region_code", "currency_code"]) } },
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
        # In the time zone of cid-cmd's --timezone. In UTC this is after the exporters have run, from 03:30 to 05:00; cid-cmd's own schedule starts at 02:00.
        ScheduleFrequency = { Interval = "DAILY", TimeOfTheDay = "06:00-07:00" }
      }
    }
  }
}
