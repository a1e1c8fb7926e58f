# Grants for accounts whose catalog Lake Formation controls. IAM policies alone are then not sufficient.
locals {
  lake_formation_functions = var.lake_formation.grant && var.catalog_mode != "none" ? merge(
    { crawler = aws_iam_role.function["crawler"].arn },
    var.catalog_mode == "crawler" ? { glue_crawler = one(aws_iam_role.glue_crawler[*].arn) } : {},
  ) : {}

  # Lake Formation's principals cannot be patterns.
  lake_formation_readers = var.lake_formation.grant ? { for arn in var.reader_role_arns : arn => arn if !can(regex("[*?]", arn)) } : {}

  # Of each function on each table of the lake.
  lake_formation_grants = {
    for pair in setproduct(keys(local.lake_formation_functions), keys(local.tables)) : "${pair[0]} ${pair[1]}" => {
      principal = local.lake_formation_functions[pair[0]]
      table     = pair[1]
    }
  }

  # What readers may select from. Grants on the table of allocations have the key `table` from before there were others.
  lake_formation_tables = {
    table  = aws_glue_catalog_table.this["allocations"].name
    assets = aws_glue_catalog_table.this["assets"].name
    view   = aws_glue_catalog_table.view.name
  }

  lake_formation_selections = {
    for pair in setproduct(keys(local.lake_formation_readers), ["table", "assets", "view"]) : "${pair[1]} ${pair[0]}" => { reader = pair[0], table = pair[1] }
  }
}

resource "aws_lakeformation_permissions" "database" {
  for_each = merge(local.lake_formation_functions, local.lake_formation_readers)

  principal   = each.value
  permissions = ["DESCRIBE"]

  database {
    name = aws_glue_catalog_table.view.database_name
  }
}

# Partitions belong to the table: adding and deleting them changes it.
resource "aws_lakeformation_permissions" "partitions" {
  for_each = local.lake_formation_grants

  principal   = each.value.principal
  permissions = ["ALTER", "DELETE", "DESCRIBE", "INSERT", "SELECT"]

  table {
    database_name = aws_glue_catalog_table.this[each.value.table].database_name
    name          = aws_glue_catalog_table.this[each.value.table].name
  }
}

resource "aws_lakeformation_permissions" "location" {
  for_each = var.lake_formation.registered_location ? local.lake_formation_grants : {}

  principal   = each.value.principal
  permissions = ["DATA_LOCATION_ACCESS"]

  data_location {
    arn = "${local.bucket_arn}/${trimsuffix(local.tables[each.value.table].prefix, "/")}"
  }
}

resource "aws_lakeformation_permissions" "readers" {
  for_each = local.lake_formation_selections

  principal   = each.value.reader
  permissions = ["DESCRIBE", "SELECT"]

  table {
    database_name = aws_glue_catalog_table.view.database_name
    name          = local.lake_formation_tables[each.value.table]
  }
}
