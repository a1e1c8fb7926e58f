mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  bucket      = { name = "acme-cost-lake" }
  packages    = { s3_bucket = "acme-artifacts" }
  labels      = ["Team", "app.kubernetes.io/name"]
  annotations = ["example.com/owner"]
}

run "makes_the_table" {
  assert {
    condition     = aws_glue_catalog_table.this.storage_descriptor[0].location == "s3://acme-cost-lake/lake/"
    error_message = "The table lies at the lake's prefix, where nothing but Parquet is."
  }
  assert {
    condition = slice([for column in aws_glue_catalog_table.this.storage_descriptor[0].columns : "${column.name} ${column.type}"], 57, 63) == [
      "properties.providerid string",
      "properties.labels.team string",
      "properties.labels.app.kubernetes.io/name string",
      "properties.annotations.example.com/owner string",
      "labels map<string,string>",
      "annotations map<string,string>",
    ]
    error_message = "58 columns, then labels and annotations in lower case, then maps and newer fields."
  }
  assert {
    condition     = [for key in aws_glue_catalog_table.this.partition_keys : "${key.name} ${key.type}"] == ["account_id string", "region string", "year string", "month string"]
    error_message = "The partition keys, in the order of the path."
  }
}

run "makes_the_view" {
  variables {
    view_months = 3
  }

  assert {
    condition     = aws_glue_catalog_table.view.table_type == "VIRTUAL_VIEW" && aws_glue_catalog_table.view.parameters["presto_view"] == "true" && aws_glue_catalog_table.view.owner == "hadoop"
    error_message = "A view for Athena and Trino."
  }
  assert {
    condition     = strcontains(jsondecode(base64decode(regex("^/\\* Presto View: (\\S+) \\*/$", aws_glue_catalog_table.view.view_original_text)[0])).originalSql, "INTERVAL '3' MONTH")
    error_message = "The view shows as many months as asked for."
  }
  assert {
    condition = [for column in jsondecode(base64decode(regex("^/\\* Presto View: (\\S+) \\*/$", aws_glue_catalog_table.view.view_original_text)[0])).columns : column.name] == [
      for column in aws_glue_catalog_table.view.storage_descriptor[0].columns : column.name
    ]
    error_message = "Glue and the engine agree on the view's columns."
  }
  assert {
    condition = [
      for column in concat(aws_glue_catalog_table.this.storage_descriptor[0].columns, aws_glue_catalog_table.this.partition_keys) : column.name if !startswith(column.type, "map")
    ] == [for column in aws_glue_catalog_table.view.storage_descriptor[0].columns : column.name]
    error_message = "The view has all of the table's columns but the maps."
  }
  assert {
    condition = toset([for column in jsondecode(base64decode(regex("^/\\* Presto View: (\\S+) \\*/$", aws_glue_catalog_table.view.view_original_text)[0])).columns : column.type]) == toset([
      "varchar", "double", "timestamp(3)",
    ])
    error_message = "Types are spelled as the engine does."
  }
}

run "makes_the_glue_crawler" {
  variables {
    catalog_mode = "crawler"
  }

  assert {
    condition     = aws_glue_crawler.this[0].catalog_target[0].tables == tolist(["kubecost_table"]) && aws_glue_crawler.this[0].schema_change_policy[0].update_behavior == "LOG" && aws_glue_crawler.this[0].schema_change_policy[0].delete_behavior == "LOG"
    error_message = "The crawler adds partitions to the table and leaves its columns alone."
  }
  assert {
    condition     = aws_lambda_function.this["crawler"].environment[0].variables["GLUE_CRAWLER_NAME"] == "kubecost_crawler"
    error_message = "The function knows which crawler to start."
  }
}

run "uses_a_database_that_exists" {
  variables {
    glue = { create_database = false, database = "finops" }
  }

  assert {
    condition     = length(aws_glue_catalog_database.this) == 0 && aws_glue_catalog_table.this.database_name == "finops" && aws_glue_catalog_table.view.database_name == "finops"
    error_message = "Table and view go to the database that exists."
  }
}

run "renders_the_quicksight_definition" {
  assert {
    condition = [for column in values(yamldecode(output.quicksight_definition).datasets.cca_kubecost_view.data.PhysicalTableMap)[0].RelationalTable.InputColumns : column.Name] == [
      for column in aws_glue_catalog_table.view.storage_descriptor[0].columns : column.name
    ]
    error_message = "The dataset has the view's columns, those of labels included."
  }
  assert {
    condition     = values(yamldecode(output.quicksight_definition).datasets.cca_kubecost_view.data.PhysicalTableMap)[0].RelationalTable.DataSourceArn == "$${athena_datasource_arn}"
    error_message = "cid-cmd fills in the data source."
  }
  assert {
    condition = flatten([
      for transform in values(yamldecode(output.quicksight_definition).datasets.cca_kubecost_view.data.LogicalTableMap)[0].DataTransforms :
      try(transform.ProjectOperation.ProjectedColumns, [])
    ]) == concat([for column in aws_glue_catalog_table.view.storage_descriptor[0].columns : column.name], ["region_code"])
    error_message = "The dataset shows all of them, and the calculated column of the public dashboard."
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
    error_message = "The view is Terraform's: cid-cmd would delete a view of the definition together with the dashboard."
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
    error_message = "QuickSight's names end at 128 characters."
  }
  assert {
    condition = [
      for column in aws_glue_catalog_table.view.storage_descriptor[0].columns : length(column.name) if startswith(column.name, "properties.labels.")
    ] == [128, 129]
    error_message = "The view has them all."
  }
}

run "refuses_labels_that_glue_has_no_room_for" {
  command = plan
  variables {
    labels = ["${join(".", [for _ in range(4) : "a123456789b123456789c123456789d123456789e123456789f1"])}/example-of-a-long-name-in-front"]
  }
  expect_failures = [var.labels]
}

run "refuses_a_table_and_a_view_of_one_name" {
  command = plan
  variables {
    glue = { table = "costs", view = "costs" }
  }
  expect_failures = [var.glue]
}
