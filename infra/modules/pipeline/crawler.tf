locals {
  with_glue_crawler = var.catalog_mode == "crawler" ? 1 : 0

  # A crawler of folders names a table by a prefix and the last folder of its path: the tables of the lake that have such names, with the prefix
  # of the table of allocations, at one level of folders.
  crawled_folder_prefix = trimsuffix(var.glue.table, basename(var.prefixes.lake))
  crawled_folder_level  = length(split("/", var.prefixes.lake))
  crawled_folders = [
    for table in values(local.tables) : "s3://${var.bucket.name}/${table.prefix}"
    if table.name == "${local.crawled_folder_prefix}${basename(table.prefix)}" && length(split("/", table.prefix)) == local.crawled_folder_level
  ]
}

# The crawler only adds partitions, and never changes the tables' columns; partitions inherit them. Its targets are the tables, so that it cannot
# create tables or read outside their prefixes. Glue has "new folders only" for crawlers of folders alone (AWS Glue Developer Guide, "Scheduling
# incremental crawls"): an option, for tables that have the names that Glue gives. The function registers the partitions of all tables.
resource "aws_glue_crawler" "this" {
  #checkov:skip=CKV_AWS_195:the crawler's log contains names of folders and no costs; the bucket encrypts the lake
  count = local.with_glue_crawler

  name          = var.glue.crawler
  description   = "Adds partitions to ${join(" and ", values(local.tables)[*].name)}; also started by ${var.name}-crawler"
  schedule      = var.glue_crawler_schedule
  database_name = aws_glue_catalog_table.view.database_name
  role          = aws_iam_role.glue_crawler[0].arn
  table_prefix  = var.glue_crawler_new_folders_only ? local.crawled_folder_prefix : null

  dynamic "catalog_target" {
    for_each = var.glue_crawler_new_folders_only ? [] : [var.glue.database]

    content {
      database_name = catalog_target.value
      tables        = values(aws_glue_catalog_table.this)[*].name
    }
  }

  dynamic "s3_target" {
    for_each = var.glue_crawler_new_folders_only ? local.crawled_folders : []

    content {
      path = s3_target.value
    }
  }

  schema_change_policy {
    update_behavior = "LOG"
    delete_behavior = "LOG"
  }

  recrawl_policy {
    recrawl_behavior = var.glue_crawler_new_folders_only ? "CRAWL_NEW_FOLDERS_ONLY" : "CRAWL_EVERYTHING"
  }

  configuration = jsonencode({
    Version       = 1.0
    CrawlerOutput = { Partitions = { AddOrUpdateBehavior = "InheritFromTable" } }
    Grouping = merge(
      { TableGroupingPolicy = "CombineCompatibleSchemas" },
      # The level of the tables' folders; that of the bucket is 1.
      { for level in [local.crawled_folder_level] : "TableLevelConfiguration" => level if var.glue_crawler_new_folders_only },
    )
  })

  tags = var.tags

  # Glue checks on creation that the role may read the target, and a crawler of folders must find the tables.
  depends_on = [aws_iam_role_policy.glue_crawler, aws_glue_catalog_table.this]
}

resource "aws_iam_role" "glue_crawler" {
  count = local.with_glue_crawler

  name                 = "${var.name}-glue-crawler"
  description          = "Role of the Glue crawler ${var.glue.crawler}"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "glue.amazonaws.com" }
      # IfExists: Glue does not document that each of its requests has this key.
      Condition = { StringEqualsIfExists = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "glue_crawler" {
  count = local.with_glue_crawler

  name = "work"
  role = aws_iam_role.glue_crawler[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "ListTheLake"
          Effect   = "Allow"
          Action   = "s3:ListBucket"
          Resource = local.bucket_arn
          # IfExists: Glue also checks that the bucket exists, without a prefix.
          Condition = { StringLikeIfExists = { "s3:prefix" = local.table_listings } }
        },
        {
          Sid      = "ReadTheLake"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = local.table_objects
        },
        {
          Sid    = "AddPartitions"
          Effect = "Allow"
          Action = [
            "glue:GetDatabase",
            "glue:GetTable",
            "glue:GetPartition",
            "glue:GetPartitions",
            "glue:BatchGetPartition",
            "glue:CreatePartition",
            "glue:BatchCreatePartition",
            "glue:UpdatePartition",
            "glue:BatchUpdatePartition",
          ]
          Resource = local.catalog_arns
        },
        {
          # A crawler first checks whether a table is named after the folder.
          Sid      = "LookForOtherTables"
          Effect   = "Allow"
          Action   = "glue:GetTable"
          Resource = "${local.glue_arn}:table/${var.glue.database}/*"
        },
        {
          Sid      = "OwnLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws-glue/crawlers*"
        },
      ],
      [for statement in local.read_and_write_with_key : merge(statement, { Action = "kms:Decrypt" })],
      # Without the condition on the service: Glue uses the key within its own service.
      [for statement in local.key_of_the_catalog : { for name, value in statement : name => value if name != "Condition" }],
      [
        for grant in [true] : {
          Sid      = "DataOfLakeFormation"
          Effect   = "Allow"
          Action   = "lakeformation:GetDataAccess"
          Resource = "*"
        } if var.lake_formation.registered_location
      ],
    )
  })
}
