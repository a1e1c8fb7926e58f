locals {
  with_glue_crawler = var.catalog_mode == "crawler" ? 1 : 0
}

# The crawler only adds partitions. Its target is the table, so that it cannot create tables or read outside the lake's prefix. Glue
# supports "new folders only" and exclusions only for S3 targets, whose tables the crawler names itself. To avoid needless crawls, the
# function starts the crawler only if a partition is missing.
resource "aws_glue_crawler" "this" {
  #checkov:skip=CKV_AWS_195:the crawler's log contains names of folders and no costs; the bucket encrypts the lake
  count = local.with_glue_crawler

  name          = var.glue.crawler
  description   = "Adds partitions to ${var.glue.table}; started by ${var.name}-crawler"
  database_name = aws_glue_catalog_table.this.database_name
  role          = aws_iam_role.glue_crawler[0].arn

  catalog_target {
    database_name = aws_glue_catalog_table.this.database_name
    tables        = [aws_glue_catalog_table.this.name]
  }

  schema_change_policy {
    update_behavior = "LOG"
    delete_behavior = "LOG"
  }

  recrawl_policy {
    recrawl_behavior = "CRAWL_EVERYTHING"
  }

  configuration = jsonencode({
    Version       = 1.0
    CrawlerOutput = { Partitions = { AddOrUpdateBehavior = "InheritFromTable" } }
    Grouping      = { TableGroupingPolicy = "CombineCompatibleSchemas" }
  })

  tags = var.tags
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
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
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
          Sid       = "ListTheLake"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.bucket_arn
          Condition = { StringLike = { "s3:prefix" = "${var.prefixes.lake}*" } }
        },
        {
          Sid      = "ReadTheLake"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = "${local.bucket_arn}/${var.prefixes.lake}*"
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
    )
  })
}
