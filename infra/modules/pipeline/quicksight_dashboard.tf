locals {
  quicksight_labels = [for column in local.quicksight_columns : column.name if startswith(column.name, "properties.labels.") || startswith(column.name, "properties.annotations.")]

  # Columns that select what the visuals show, by the title of their control.
  quicksight_filters = merge(
    { "currency_code" = "Currency", "properties.cluster" = "Cluster", "account_id" = "Account", "properties.namespace" = "Namespace" },
    { for name in local.quicksight_labels : name => trimprefix(trimprefix(name, "properties."), "labels.") },
  )
  quicksight_filter_ids = { for name in keys(local.quicksight_filters) : name => "filter-${substr(sha1(name), 0, 12)}" }

  quicksight_sheets = merge(
    {
      costs = {
        name = "Costs"
        # Columns by which there is a bar chart.
        by = { "properties.cluster" = "Cost by cluster", "properties.namespace" = "Cost by namespace", "properties.controller" = "Cost by controller" }
      }
      nodes = {
        name = "Nodes"
        by   = { "properties.node_instance_type" = "Cost by instance type", "properties.node_capacity_type" = "Cost by capacity type", "region_code" = "Cost by region" }
      }
    },
    length(local.quicksight_labels) == 0 ? {} : {
      labels = {
        name = "Labels"
        by   = { for name in local.quicksight_labels : name => "Cost by ${trimprefix(name, "properties.")}" }
      }
    },
  )

  quicksight_cost = {
    NumericalMeasureField = {
      FieldId             = "cost"
      Column              = { DataSetIdentifier = local.quicksight_dataset, ColumnName = "totalcost" }
      AggregationFunction = { SimpleNumericalAggregation = "SUM" }
    }
  }

  # Each currency has a chart of its own, and rows of its own in tables: nothing adds two.
  quicksight_currency = {
    CategoricalDimensionField = { FieldId = "currency", Column = { DataSetIdentifier = local.quicksight_dataset, ColumnName = "currency_code" } }
  }

  # QuickSight's definition of the dashboard. Its charts and filters include the configured labels and annotations.
  quicksight_dashboard = {
    # cid-cmd sets the ARN.
    DataSetIdentifierDeclarations = [{ Identifier = local.quicksight_dataset, DataSetArn = "dataset/${local.quicksight_dataset_id}" }]

    FilterGroups = concat(
      [{
        FilterGroupId = "group-days"
        CrossDataset  = "SINGLE_DATASET"
        Status        = "ENABLED"
        Filters = [{
          RelativeDatesFilter = {
            FilterId                = "filter-days"
            Column                  = { DataSetIdentifier = local.quicksight_dataset, ColumnName = "window.start" }
            AnchorDateConfiguration = { AnchorOption = "NOW" }
            TimeGranularity         = "DAY"
            RelativeDateType        = "LAST"
            RelativeDateValue       = 30
            NullOption              = "NON_NULLS_ONLY"
          }
        }]
        ScopeConfiguration = {
          SelectedSheets = { SheetVisualScopingConfigurations = [for id in keys(local.quicksight_sheets) : { SheetId = id, Scope = "ALL_VISUALS" }] }
        }
      }],
      [
        for name, id in local.quicksight_filter_ids : {
          FilterGroupId = "group-${id}"
          CrossDataset  = "SINGLE_DATASET"
          Status        = "ENABLED"
          Filters = [{
            CategoryFilter = {
              FilterId      = id
              Column        = { DataSetIdentifier = local.quicksight_dataset, ColumnName = name }
              Configuration = { FilterListConfiguration = { MatchOperator = "CONTAINS", SelectAllOptions = "FILTER_ALL_VALUES" } }
            }
          }]
          ScopeConfiguration = {
            SelectedSheets = { SheetVisualScopingConfigurations = [for id in keys(local.quicksight_sheets) : { SheetId = id, Scope = "ALL_VISUALS" }] }
          }
        }
      ],
    )

    Sheets = [
      for id, sheet in local.quicksight_sheets : {
        SheetId = id
        Name    = sheet.name
        FilterControls = concat(
          [{ RelativeDateTime = { FilterControlId = "${id}-days", Title = "Days", SourceFilterId = "filter-days" } }],
          [
            for name, filter in local.quicksight_filter_ids : {
              Dropdown = { FilterControlId = "${id}-${filter}", Title = local.quicksight_filters[name], SourceFilterId = filter, Type = "MULTI_SELECT" }
            }
          ],
        )
        Visuals = concat(
          [{
            LineChartVisual = {
              VisualId = "${id}-days"
              Title    = { Visibility = "VISIBLE", FormatText = { PlainText = "Cost by day" } }
              ChartConfiguration = {
                FieldWells = {
                  LineChartAggregatedFieldWells = {
                    Category       = [{ DateDimensionField = { FieldId = "day", Column = { DataSetIdentifier = local.quicksight_dataset, ColumnName = "window.start" }, DateGranularity = "DAY" } }]
                    Values         = [local.quicksight_cost]
                    Colors         = [{ CategoricalDimensionField = { FieldId = "cluster", Column = { DataSetIdentifier = local.quicksight_dataset, ColumnName = "properties.cluster" } } }]
                    SmallMultiples = [local.quicksight_currency]
                  }
                }
                Type = "STACKED_AREA"
              }
            }
          }],
          [
            for name, title in sheet.by : {
              BarChartVisual = {
                VisualId = "${id}-${substr(sha1(name), 0, 12)}"
                Title    = { Visibility = "VISIBLE", FormatText = { PlainText = title } }
                ChartConfiguration = {
                  FieldWells = {
                    BarChartAggregatedFieldWells = {
                      Category       = [{ CategoricalDimensionField = { FieldId = "category", Column = { DataSetIdentifier = local.quicksight_dataset, ColumnName = name } } }]
                      Values         = [local.quicksight_cost]
                      SmallMultiples = [local.quicksight_currency]
                    }
                  }
                  SortConfiguration = {
                    CategorySort       = [{ FieldSort = { FieldId = "cost", Direction = "DESC" } }]
                    CategoryItemsLimit = { ItemsLimit = 20, OtherCategories = "INCLUDE" }
                  }
                  Orientation     = "HORIZONTAL"
                  BarsArrangement = "STACKED"
                }
              }
            }
          ],
          [{
            TableVisual = {
              VisualId = "${id}-table"
              Title    = { Visibility = "VISIBLE", FormatText = { PlainText = "Cost by cluster and namespace" } }
              ChartConfiguration = {
                FieldWells = {
                  TableAggregatedFieldWells = {
                    GroupBy = concat([local.quicksight_currency], [
                      for name in ["properties.cluster", "properties.namespace"] : {
                        CategoricalDimensionField = { FieldId = name, Column = { DataSetIdentifier = local.quicksight_dataset, ColumnName = name } }
                      }
                    ])
                    Values = [
                      for name in ["cpucost", "ramcost", "pvcost", "networkcost", "loadbalancercost", "totalcost"] : {
                        NumericalMeasureField = {
                          FieldId             = name
                          Column              = { DataSetIdentifier = local.quicksight_dataset, ColumnName = name }
                          AggregationFunction = { SimpleNumericalAggregation = "SUM" }
                        }
                      }
                    ]
                  }
                }
                SortConfiguration = { RowSort = [{ FieldSort = { FieldId = "totalcost", Direction = "DESC" } }] }
              }
            }
          }],
        )
      }
    ]
  }
}
