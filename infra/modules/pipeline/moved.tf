# Resources of deployments from before there was one resource for all tables of the lake.
moved {
  from = aws_glue_catalog_table.this
  to   = aws_glue_catalog_table.this["allocations"]
}

moved {
  from = aws_glue_catalog_table.assets
  to   = aws_glue_catalog_table.this["assets"]
}

moved {
  from = aws_lakeformation_permissions.partitions["crawler"]
  to   = aws_lakeformation_permissions.partitions["crawler allocations"]
}

moved {
  from = aws_lakeformation_permissions.partitions["glue_crawler"]
  to   = aws_lakeformation_permissions.partitions["glue_crawler allocations"]
}

moved {
  from = aws_lakeformation_permissions.assets_partitions["crawler"]
  to   = aws_lakeformation_permissions.partitions["crawler assets"]
}

moved {
  from = aws_lakeformation_permissions.assets_partitions["glue_crawler"]
  to   = aws_lakeformation_permissions.partitions["glue_crawler assets"]
}

moved {
  from = aws_lakeformation_permissions.location["crawler"]
  to   = aws_lakeformation_permissions.location["crawler allocations"]
}

moved {
  from = aws_lakeformation_permissions.location["glue_crawler"]
  to   = aws_lakeformation_permissions.location["glue_crawler allocations"]
}

moved {
  from = aws_lakeformation_permissions.assets_location["crawler"]
  to   = aws_lakeformation_permissions.location["crawler assets"]
}

moved {
  from = aws_lakeformation_permissions.assets_location["glue_crawler"]
  to   = aws_lakeformation_permissions.location["glue_crawler assets"]
}
