locals {
  with_glue_crawler = var.catalog_mode == "crawler" ? 1 : 0
}

# The crawler only adds partitions, and never changes the table's columns; partitions inherit them. Its targets are the tables, so that it cannot
# create tables or read outside their prefixes. Glue has "new folders only" for S3 targets only, whose tables the crawler names after the
# folder: an option, for a table of allocations with that name. The function then registers the partitions of the table of assets alone.
resource "aws_glue_crawler" "this" {
  #checkov:skip=CKV_AWS_195:the crawler's log contains names of folders and no costs; the bucket encrypts the lake
  count = local.with_glue_crawler

  name          = var.glue.crawler
  description   = "Adds partitions to ${var.glue.table} and ${local.assets_table_name}; also started by ${var.name}-crawler"
  schedule      = var.glue_crawler_schedule
  database_name = aws_glue_catalog_table.this.database_name
  role          = aws_iam_role.glue_crawler[0].arn

  dynamic "catalog_target" {
    for_each = var.glue_crawler_new_folders_only ? [] : [aws_glue_catalog_table.this]

    content {
      database_name = catalog_target.value.database_name
      tables        = [catalog_target.value.name, aws_glue_catalog_table.assets.name]
    }
  }

  dynamic "s3_target" {
    for_each = var.glue_crawler_new_folders_only ? [aws_glue_catalog_table.this] : []

    content {
      path = s3_target.value.storage_descriptor[0].location
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
    Grouping      = { TableGroupingPolicy = "CombineCompatibleSchemas" }
  })

  tags = var.tags

  # Glue checks on creation that the role may read the target.
  depends_on = [aws_iam_role_policy.glue_crawler]
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
          Condition = { StringLikeIfExists = { "s3:prefix" = ["${var.prefixes.lake}*", "${var.prefixes.assets}*"] } }
        },
        {
          Sid      = "ReadTheLake"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = ["${local.bucket_arn}/${var.prefixes.lake}*", "${local.bucket_arn}/${var.prefixes.assets}*"]
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
          Resource = "arn:${local.partition}:glue:${local.region}:${local.account}:table/${var.glue.database}/*"
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
