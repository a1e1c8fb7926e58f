mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # The bucket\'s owner manages its lifecycle.
  lifecycle_rules = { managed_elsewhere = true }

  bucket      = { name = "acme-cost-lake" }
  packages    = { s3_bucket = "acme-artifacts" }
  labels      = ["Team", "app.kubernetes.io/name"]
  annotations = ["example.com/owner"]
}

run "makes_the_table" {
  assert {
    condition     = aws_glue_catalog_table.this["allocations"].storage_descriptor[0].location == "s3://acme-cost-lake/lake/"
    error_message = "The table's location is the lake's prefix, which contains only Parquet."
  }
  assert {
    condition = slice([for column in aws_glue_catalog_table.this["allocations"].storage_descriptor[0].columns : "${column.name} ${column.type}"], 57, 63) == [
      "properties.providerid string",
      "properties.labels.team string",
      "properties.labels.app.kubernetes.io/name string",
      "properties.annotations.example.com/owner string",
      "labels map<string,string>",
      "annotations map<string,string>",
    ]
    error_message = "The columns are the first 58, then labels and annotations in lower case, then maps and newer numbers."
  }
  assert {
    condition     = [for key in aws_glue_catalog_table.this["allocations"].partition_keys : "${key.name} ${key.type}"] == ["account_id string", "region string", "year string", "month string"]
    error_message = "The partition keys are in the order of the path."
  }
}

run "makes_the_table_of_assets" {
  assert {
    condition     = aws_glue_catalog_table.this["assets"].name == "kubecost_table_assets" && aws_glue_catalog_table.this["assets"].storage_descriptor[0].location == "s3://acme-cost-lake/assets/"
    error_message = "The table of assets has a name and a prefix of its own."
  }
  assert {
    condition     = slice([for column in aws_glue_catalog_table.this["assets"].storage_descriptor[0].columns : "${column.name} ${column.type}"], 0, 4) == ["key string", "window.start timestamp", "window.end timestamp", "type string"]
    error_message = "Its columns are those that transform writes."
  }
  assert {
    condition     = aws_glue_catalog_table.this["assets"].partition_keys == aws_glue_catalog_table.this["allocations"].partition_keys
    error_message = "Its partition keys are those of the lake."
  }
  assert {
    condition     = aws_lambda_function.this["crawler"].environment[0].variables["GLUE_ASSETS_TABLE_NAME"] == "kubecost_table_assets" && output.glue.assets_table == "kubecost_table_assets"
    error_message = "The crawler function and readers know its name."
  }
}

run "names_the_table_of_assets" {
  variables {
    glue     = { assets_table = "costs_of_assets", assets_table_parameters = { "projection.enabled" = "true" } }
    prefixes = { assets = "finance/assets/" }
  }

  assert {
    condition     = aws_glue_catalog_table.this["assets"].name == "costs_of_assets" && aws_glue_catalog_table.this["assets"].storage_descriptor[0].location == "s3://acme-cost-lake/finance/assets/" && aws_glue_catalog_table.this["assets"].parameters["projection.enabled"] == "true"
    error_message = "Name, prefix and parameters are the caller's."
  }
}

run "rejects_assets_below_the_lake" {
  command = plan
  variables {
    prefixes = { assets = "lake/assets/" }
  }
  expect_failures = [var.prefixes]
}

run "makes_the_view" {
  variables {
    view_months = 3
  }

  assert {
    condition     = aws_glue_catalog_table.view.table_type == "VIRTUAL_VIEW" && aws_glue_catalog_table.view.parameters["presto_view"] == "true" && aws_glue_catalog_table.view.owner == "hadoop"
    error_message = "The view is one that Athena and Trino read."
  }
  assert {
    condition     = strcontains(jsondecode(base64decode(regex("^/\\* Presto View: (\\S+) \\*/$", aws_glue_catalog_table.view.view_original_text)[0])).originalSql, "INTERVAL '3' MONTH")
    error_message = "The view shows view_months months."
  }
  assert {
    condition = [for column in jsondecode(base64decode(regex("^/\\* Presto View: (\\S+) \\*/$", aws_glue_catalog_table.view.view_original_text)[0])).columns : column.name] == [
      for column in aws_glue_catalog_table.view.storage_descriptor[0].columns : column.name
    ]
    error_message = "Glue and the engine agree on the view's columns."
  }
  assert {
    condition = [
      for column in concat(aws_glue_catalog_table.this["allocations"].storage_descriptor[0].columns, aws_glue_catalog_table.this["allocations"].partition_keys) : column.name if !strcontains(column.type, "<")
    ] == [for column in aws_glue_catalog_table.view.storage_descriptor[0].columns : column.name]
    error_message = "The view has all columns of the table except maps and lists."
  }
  assert {
    condition = toset([for column in jsondecode(base64decode(regex("^/\\* Presto View: (\\S+) \\*/$", aws_glue_catalog_table.view.view_original_text)[0])).columns : column.type]) == toset([
      "varchar", "double", "timestamp(3)", "boolean",
    ])
    error_message = "The types are Trino's."
  }
}

run "saves_the_questions" {
  variables {
    saved_queries = { team_label = "example.com/cost-centre" }
    glue          = { database = "costs_db", table = "allocations" }
  }

  assert {
    condition = toset(keys(aws_athena_named_query.question)) == toset([
      for path in fileset("../../sql", "*.sql") : trimsuffix(path, ".sql") if path != "costs.sql"
    ]) && length(aws_athena_named_query.question) >= 12
    error_message = "There is a saved query for each question."
  }
  assert {
    condition = alltrue([
      for query in aws_athena_named_query.question :
      length(regexall("(?m)^WITH ", query.query)) == 1 && length(regexall("(?m)^WITH costs AS \\($", query.query)) == 1 &&
      length(regexall("(?m)^FROM \"costs_db\"\\.\"allocations\"$", query.query)) == 1 && !strcontains(query.query, "kubecost_table")
    ])
    error_message = "Each query has the view in itself, over the table of this lake."
  }
  assert {
    condition     = strcontains(aws_athena_named_query.question["bill"].query, "FROM \"costs_db\".\"allocations_assets\"\n")
    error_message = "The bill is over the table of assets of this lake."
  }
  assert {
    condition     = strcontains(aws_athena_named_query.question["cost_by_team"].query, "element_at(labels, 'example_com_cost_centre')")
    error_message = "Sources replace characters of label keys."
  }
  assert {
    condition     = aws_athena_named_query.question["volumes"].name == "kubecost-lake: volumes" && aws_athena_named_query.question["volumes"].description == "What do volumes cost, unmounted ones first? Unmounted volumes are paid for and used by no pod."
    error_message = "Name and description say what the query finds out."
  }
}

run "saves_no_questions" {
  variables {
    saved_queries = { create = false }
  }

  assert {
    condition     = length(aws_athena_named_query.question) == 0
    error_message = "Saved queries are optional."
  }
}

run "makes_the_glue_crawler" {
  assert {
    condition     = aws_glue_crawler.this[0].catalog_target[0].tables == tolist(["kubecost_table", "kubecost_table_assets"]) && aws_glue_crawler.this[0].schema_change_policy[0].update_behavior == "LOG" && aws_glue_crawler.this[0].schema_change_policy[0].delete_behavior == "LOG"
    error_message = "The crawler adds partitions to the table and does not change its columns."
  }
  assert {
    condition     = jsondecode(aws_glue_crawler.this[0].configuration).CrawlerOutput == { Partitions = { AddOrUpdateBehavior = "InheritFromTable" } }
    error_message = "Partitions inherit the table's columns."
  }
  assert {
    condition     = aws_glue_crawler.this[0].schedule == "cron(0 9 * * ? *)"
    error_message = "The crawler runs daily by default."
  }
  assert {
    condition     = aws_lambda_function.this["crawler"].environment[0].variables["GLUE_CRAWLER_NAME"] == "kubecost_crawler"
    error_message = "The function knows which crawler to start."
  }
}

run "crawls_on_the_users_schedule" {
  variables {
    glue_crawler_schedule = "cron(30 6 ? * MON *)"
  }

  assert {
    condition     = aws_glue_crawler.this[0].schedule == "cron(30 6 ? * MON *)"
    error_message = "The user defines the schedule."
  }
}

run "crawls_without_a_schedule" {
  variables {
    glue_crawler_schedule = null
  }

  assert {
    condition     = aws_glue_crawler.this[0].schedule == null
    error_message = "With null, only the function starts the crawler."
  }
}

run "crawls_new_folders_only" {
  variables {
    glue                          = { table = "kubecost_lake", assets_table = "kubecost_assets" }
    glue_crawler_new_folders_only = true
  }

  assert {
    condition     = aws_glue_crawler.this[0].recrawl_policy[0].recrawl_behavior == "CRAWL_NEW_FOLDERS_ONLY" && aws_glue_crawler.this[0].s3_target[*].path == tolist(["s3://acme-cost-lake/lake/", "s3://acme-cost-lake/assets/"]) && length(aws_glue_crawler.this[0].catalog_target) == 0
    error_message = "The crawler crawls new folders of the tables' prefixes."
  }
  assert {
    condition     = [for path in aws_glue_crawler.this[0].s3_target[*].path : "${aws_glue_crawler.this[0].table_prefix}${basename(path)}"] == values(aws_glue_catalog_table.this)[*].name
    error_message = "Prefix and last folder are the names of the tables."
  }
  assert {
    condition     = jsondecode(aws_glue_crawler.this[0].configuration).Grouping == { TableGroupingPolicy = "CombineCompatibleSchemas", TableLevelConfiguration = 2 }
    error_message = "The tables are the folders below the bucket."
  }
  assert {
    condition     = aws_glue_crawler.this[0].schema_change_policy[0].update_behavior == "LOG" && jsondecode(aws_glue_crawler.this[0].configuration).CrawlerOutput == { Partitions = { AddOrUpdateBehavior = "InheritFromTable" } }
    error_message = "The crawler does not change the tables' columns."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.glue_crawler[0].policy).Statement : !contains(flatten([statement.Action]), "glue:CreateTable") && !contains(flatten([statement.Action]), "glue:UpdateTable")])
    error_message = "The crawler cannot create a table or change one."
  }
}

run "crawls_new_folders_of_the_table_that_glue_would_name_so" {
  variables {
    glue                          = { table = "kubecost_table" }
    prefixes                      = { lake = "costs/kubecost_table/" }
    glue_crawler_new_folders_only = true
  }

  assert {
    condition     = aws_glue_crawler.this[0].s3_target[*].path == tolist(["s3://acme-cost-lake/costs/kubecost_table/"]) && aws_glue_crawler.this[0].table_prefix == "" && jsondecode(aws_glue_crawler.this[0].configuration).Grouping.TableLevelConfiguration == 3
    error_message = "A table with another name is left to the function."
  }
}

run "rejects_new_folders_only_for_a_table_with_another_name" {
  command = plan
  variables {
    glue_crawler_new_folders_only = true
  }
  expect_failures = [var.glue_crawler_new_folders_only]
}

run "makes_no_glue_crawler" {
  variables {
    catalog_mode = "register"
  }

  assert {
    condition     = length(aws_glue_crawler.this) == 0 && length(aws_iam_role.glue_crawler) == 0 && output.glue_crawler_role_arn == null
    error_message = "With register there is neither crawler nor role."
  }
}

run "adds_table_parameters" {
  variables {
    catalog_mode = "none"
    glue         = { table_parameters = { "projection.enabled" = "true" } }
  }

  assert {
    condition     = aws_glue_catalog_table.this["allocations"].parameters == tomap({ EXTERNAL = "TRUE", classification = "parquet", "projection.enabled" = "true" })
    error_message = "The table has the caller's parameters besides its own."
  }
}

run "uses_an_existing_database" {
  variables {
    glue = { create_database = false, database = "finops" }
  }

  assert {
    condition     = length(aws_glue_catalog_database.this) == 0 && aws_glue_catalog_table.this["allocations"].database_name == "finops" && aws_glue_catalog_table.view.database_name == "finops"
    error_message = "Table and view are in the existing database."
  }
}

run "renders_the_quicksight_definition" {
  assert {
    condition = [for column in values(yamldecode(output.quicksight_definition).datasets.cca_kubecost_view.data.PhysicalTableMap)[0].RelationalTable.InputColumns : column.Name] == [
      for column in aws_glue_catalog_table.view.storage_descriptor[0].columns : column.name
    ]
    error_message = "The dataset has the view's columns, including those of labels."
  }
  assert {
    condition     = values(yamldecode(output.quicksight_definition).datasets.cca_kubecost_view.data.PhysicalTableMap)[0].RelationalTable.DataSourceArn == "$${athena_datasource_arn}"
    error_message = "cid-cmd fills in the data source."
  }
  assert {
    condition = flatten([
      for transform in values(yamldecode(output.quicksight_definition).datasets.cca_kubecost_view.data.LogicalTableMap)[0].DataTransforms :
      try(transform.ProjectOperation.ProjectedColumns, [])
    ]) == concat([for column in aws_glue_catalog_table.view.storage_descriptor[0].columns : column.name], ["region_code", "currency_code"])
    error_message = "The dataset projects all of them, and the calculated columns."
  }
  assert {
    condition = length(setsubtract(
      ["properties.labels.team", "properties.labels.app.kubernetes.io/name", "properties.annotations.example.com/owner"],
      [for column in values(yamldecode(output.quicksight_definition).datasets.cca_kubecost_view.data.PhysicalTableMap)[0].RelationalTable.InputColumns : column.Name],
    )) == 0
    error_message = "Configured labels and annotations are columns."
  }
  assert {
    condition     = yamldecode(output.quicksight_definition).datasets.cca_kubecost_view.schedules == keys(yamldecode(output.quicksight_definition).schedules)
    error_message = "cid-cmd finds the schedule by its name."
  }
  assert {
    condition     = !can(yamldecode(output.quicksight_definition).views)
    error_message = "The definition contains no views: cid-cmd would delete them together with the dashboard."
  }
}

run "leaves_long_names_out_of_quicksight" {
  variables {
    # 128 characters as a column, and 129.
    labels = ["${join("", [for _ in range(50) : "a"])}.${join("", [for _ in range(48) : "b"])}/example-10", "${join("", [for _ in range(50) : "a"])}.${join("", [for _ in range(49) : "b"])}/example-10"]
  }

  assert {
    condition = [
      for column in values(yamldecode(output.quicksight_definition).datasets.cca_kubecost_view.data.PhysicalTableMap)[0].RelationalTable.InputColumns :
      length(column.Name) if startswith(column.Name, "properties.labels.")
    ] == [128]
    error_message = "QuickSight limits column names to 128 characters."
  }
  assert {
    condition = [
      for column in aws_glue_catalog_table.view.storage_descriptor[0].columns : length(column.name) if startswith(column.name, "properties.labels.")
    ] == [128, 129]
    error_message = "The view has all of them."
  }
}

run "rejects_labels_that_are_too_long_for_glue" {
  command = plan
  variables {
    labels = ["${join(".", [for _ in range(4) : "a123456789b123456789c123456789d123456789e123456789f1"])}/example-of-a-long-name-in-front"]
  }
  expect_failures = [var.labels]
}

run "rejects_a_table_and_a_view_with_the_same_name" {
  command = plan
  variables {
    glue = { table = "costs", view = "costs" }
  }
  expect_failures = [var.glue]
}

run "renders_a_dashboard_without_labels" {
  variables {
    labels      = []
    annotations = []
  }

  assert {
    condition     = [for sheet in yamldecode(yamldecode(output.quicksight_definition).dashboards["CONTAINERS COST ALLOCATION (CCA)"].data).Sheets : sheet.Name] == ["Costs", "Nodes"]
    error_message = "Without labels and annotations there is no sheet for them."
  }
}
