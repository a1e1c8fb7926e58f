locals {
  # The tables' columns as the transform function writes them. The crate shared/table generates this file.
  table = jsondecode(file("${path.module}/columns.json"))

  configured_columns = concat(
    [for key in var.labels : { name = "${local.table.label_columns.prefix}${lower(key)}", type = local.table.label_columns.type }],
    [for key in var.annotations : { name = "${local.table.annotation_columns.prefix}${lower(key)}", type = local.table.annotation_columns.type }],
  )

  # The tables of the lake: each has a prefix of its own, and partitions of the same keys.
  tables = {
    allocations = {
      name        = var.glue.table
      description = "Cost allocations: one row for each container (or other aggregate), cluster and day in UTC"
      prefix      = var.prefixes.lake
      columns     = concat(local.table.columns, local.configured_columns, local.table.trailing_columns)
      parameters  = var.glue.table_parameters
    }
    assets = {
      # As the crawler function names it where no setting does.
      name        = coalesce(var.glue.assets_table, "${var.glue.table}_assets")
      description = "Assets: one row for each node, disk, load balancer and other part of the bill, cluster and day in UTC"
      prefix      = var.prefixes.assets
      columns     = local.table.assets_columns
      parameters  = var.glue.assets_table_parameters
    }
  }

  # The tables' objects, and their prefixes in a listing.
  table_objects  = [for table in values(local.tables) : "${local.bucket_arn}/${table.prefix}*"]
  table_listings = [for table in values(local.tables) : "${table.prefix}*"]

  # QuickSight cannot read maps and lists, so the view has none.
  view_columns = [for column in concat(local.tables.allocations.columns, local.table.partition_keys) : column if !strcontains(column.type, "<")]

  trino_types = { string = "varchar", double = "double", timestamp = "timestamp(3)", boolean = "boolean" }

  # Partitions are months, so the view has two conditions: one on partition keys, evaluated before any object is opened, so that older
  # partitions are not read; and one on days.
  view_sql = <<-EOT
    SELECT
      ${join(",\n  ", [for column in local.view_columns : "\"${column.name}\""])}
    FROM
      "${var.glue.database}"."${var.glue.table}"
    WHERE
      concat("year", "month") >= date_format(current_date - INTERVAL '${var.view_months}' MONTH, '%Y%m')
      AND "window.start" >= current_date - INTERVAL '${var.view_months}' MONTH
  EOT

  # The definition of a view as Athena and Trino store it.
  view = {
    originalSql = local.view_sql
    catalog     = "awsdatacatalog"
    schema      = var.glue.database
    columns     = [for column in local.view_columns : { name = column.name, type = local.trino_types[column.type] }]
  }

  glue_arn = "arn:${local.partition}:glue:${local.region}:${local.account}"
  view_arn = "${local.glue_arn}:table/${var.glue.database}/${var.glue.view}"
  # Glue requires the permission on the tables' catalog and database as well.
  catalog_arns = concat(
    ["${local.glue_arn}:catalog", "${local.glue_arn}:database/${var.glue.database}"],
    [for table in values(local.tables) : "${local.glue_arn}:table/${var.glue.database}/${table.name}"],
  )
}

resource "aws_glue_catalog_database" "this" {
  count = var.glue.create_database ? 1 : 0

  name        = var.glue.database
  description = "Container costs of all clusters, collected by ${var.name}"
  tags        = var.tags
}

resource "aws_glue_catalog_table" "this" {
  for_each = local.tables

  database_name = var.glue.create_database ? aws_glue_catalog_database.this[0].name : var.glue.database
  name          = each.value.name
  description   = each.value.description
  table_type    = "EXTERNAL_TABLE"
  owner         = "hadoop"
  parameters = merge(each.value.parameters, {
    EXTERNAL       = "TRUE"
    classification = "parquet"
  })

  dynamic "partition_keys" {
    for_each = local.table.partition_keys

    content {
      name = partition_keys.value.name
      type = partition_keys.value.type
    }
  }

  storage_descriptor {
    location      = "s3://${var.bucket.name}/${each.value.prefix}"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
      parameters            = { "serialization.format" = "1" }
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }

  lifecycle {
    # Glue would merge both into one column, with the values of the first one in each file.
    precondition {
      condition     = length(distinct(each.value.columns[*].name)) == length(each.value.columns)
      error_message = "Two columns of the table have the same name: remove labels or annotations that differ only in case."
    }
  }
}

resource "aws_glue_catalog_table" "view" {
  database_name = var.glue.create_database ? aws_glue_catalog_database.this[0].name : var.glue.database
  name          = var.glue.view
  description   = "The last ${var.view_months} months of ${var.glue.table}, without columns of maps and lists"
  table_type    = "VIRTUAL_VIEW"
  # Trino runs a view with its owner's permissions and rejects a view without an owner. Athena ignores the owner and writes the same name.
  owner = "hadoop"
  parameters = {
    presto_view = "true"
    comment     = "Presto View"
  }
  view_original_text = "/* Presto View: ${base64encode(jsonencode(local.view))} */"
  view_expanded_text = "/* Presto View */"

  storage_descriptor {
    # A view has no files, but Athena and Trino reject a table without this block.
    ser_de_info {
      name                  = "-"
      serialization_library = "-"
    }

    dynamic "columns" {
      for_each = local.view_columns

      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }

  # The view refers to the table only in its text, which Terraform does not parse.
  depends_on = [aws_glue_catalog_table.this]
}
