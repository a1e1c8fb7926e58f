# The questions about costs of infra/sql as saved queries of Athena. Each has the view `costs` as its first common table expression, so that it
# needs nothing but the tables.
locals {
  sql = "${path.module}/../../sql"

  costs_sql  = trimspace(replace(file("${local.sql}/costs.sql"), "/(?m)^FROM kubecost_table$/", "FROM \"${var.glue.database}\".\"${var.glue.table}\""))
  assets_sql = "FROM \"${var.glue.database}\".\"${local.tables.assets.name}\""

  # Each file is a comment, and one statement that may begin with WITH.
  questions = {
    for name in [for path in fileset(local.sql, "*.sql") : trimsuffix(path, ".sql")] :
    name => zipmap(["comment", "with", "rest"], regex("^((?:--[^\n]*\n)+)(WITH )?((?s).*)$", file("${local.sql}/${name}.sql")))
    if name != "costs"
  }
}

resource "aws_athena_named_query" "question" {
  for_each = var.saved_queries.create ? local.questions : {}

  name        = "${var.name}: ${replace(each.key, "_", " ")}"
  description = substr(replace(trimprefix(trimspace(each.value.comment), "-- "), "\n-- ", " "), 0, 1024)
  workgroup   = var.saved_queries.workgroup
  database    = var.glue.create_database ? aws_glue_catalog_database.this[0].name : var.glue.database
  query = join("", [
    each.value.comment,
    "WITH costs AS (\n", local.costs_sql, "\n)",
    each.value.with == null ? "\n" : ",\n",
    replace(
      replace(each.value.rest, "'team'", "'${replace(var.saved_queries.team_label, "/[^A-Za-z0-9]/", "_")}'"),
      "/(?m)FROM kubecost_table_assets$/", local.assets_sql
    ),
  ])
}
