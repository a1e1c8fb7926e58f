# Policies are values, not data sources, so that tests can read them without a provider.
locals {
  # Every function needs its own log group and the on-failure queue.
  runtime_statements = {
    for name in keys(local.functions) : name => concat(
      [
        {
          Sid      = "OwnLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${var.name}-${name}:*"
        },
        {
          Sid      = "FailedEvents"
          Effect   = "Allow"
          Action   = "sqs:SendMessage"
          Resource = aws_sqs_queue.on_failure.arn
        },
      ],
      [
        for key in var.on_failure_queue.kms_key_arn[*] : {
          Sid       = "KeyOfFailedEvents"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = key
          Condition = { StringEquals = { "kms:ViaService" = "sqs.${local.region}.${data.aws_partition.this.dns_suffix}" } }
        }
      ],
      [
        # Lambda itself makes these requests with the function's role. They have no resources that a policy could name.
        for vpc in var.vpc_config[*] : {
          Sid      = "NetworkInterfaces"
          Effect   = "Allow"
          Action   = local.network_interface_actions
          Resource = "*"
        }
      ],
      [
        # The function's own code must not make them.
        for vpc in var.vpc_config[*] : {
          Sid       = "NotByTheFunctionItself"
          Effect    = "Deny"
          Action    = local.network_interface_actions
          Resource  = "*"
          Condition = { ArnEquals = { "lambda:SourceFunctionArn" = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}-${name}" } }
        }
      ],
    )
  }

  network_interface_actions = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ]

  # Glue encrypts and decrypts the catalog's entries with the caller's permissions.
  key_of_the_catalog = [
    for key in var.glue.catalog_kms_key_arn[*] : {
      Sid       = "KeyOfTheCatalog"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource  = key
      Condition = { StringEquals = { "kms:ViaService" = "glue.${local.region}.${data.aws_partition.this.dns_suffix}" } }
    } if var.catalog_mode != "none"
  ]

  read_and_write_with_key = [
    for key in var.bucket.kms_key_arn[*] : {
      Sid       = "KeyOfTheBucket"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = key
      Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${data.aws_partition.this.dns_suffix}" } }
    }
  ]

  work_statements = {
    # Reads staged sets and the lake's object that a set would replace; writes the lake and the quarantine.
    transform = concat(
      [
        {
          Sid      = "ReadStagedSetsAndTheLake"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = concat(["${local.bucket_arn}/${var.prefixes.staging}*"], local.table_objects)
        },
        {
          Sid      = "WriteLakeAndQuarantine"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = concat(local.table_objects, ["${local.bucket_arn}/${var.prefixes.quarantine}*"])
        },
        {
          Sid      = "GiveUpUploads"
          Effect   = "Allow"
          Action   = "s3:AbortMultipartUpload"
          Resource = local.table_objects
        },
        {
          # Without s3:ListBucket, S3 returns 403 instead of 404 for an object that does not exist. IfExists: a GetObject has no s3:prefix.
          Sid       = "KnowWhatIsAbsent"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.bucket_arn
          Condition = { StringLikeIfExists = { "s3:prefix" = concat(local.table_listings, ["${var.prefixes.staging}*"]) } }
        },
      ],
      local.read_and_write_with_key,
    )

    # Lists all prefixes, reads documents and the lake's metadata, writes plans, reports and manifests.
    backfill = concat(
      [
        {
          Sid    = "ReadDocuments"
          Effect = "Allow"
          Action = "s3:GetObject"
          Resource = [
            "${local.bucket_arn}/${var.prefixes.staging}*/inventory.json",
            "${local.bucket_arn}/${var.prefixes.staging}*/run.json",
            "${local.bucket_arn}/${var.prefixes.staging}*/manifest.json",
            "${local.bucket_arn}/${var.prefixes.plans}*/plan.json",
            "${local.bucket_arn}/${var.prefixes.quarantine}*.json",
            "${local.bucket_arn}/${var.prefixes.reports}*.json",
          ]
        },
        {
          # The metadata of the lake's objects contains their run. S3 has no separate permission for metadata.
          Sid      = "KnowRunsOfTheLake"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = "${local.bucket_arn}/${var.prefixes.lake}*.snappy.parquet"
        },
        {
          Sid      = "WritePlansAndReports"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = ["${local.bucket_arn}/${var.prefixes.plans}*/plan.json", "${local.bucket_arn}/${var.prefixes.reports}*.json"]
        },
        {
          # A stuck set is redelivered by writing its manifest again.
          Sid      = "DeliverAgain"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${local.bucket_arn}/${var.prefixes.staging}*/manifest.json"
        },
        {
          # IfExists: a GetObject has no s3:prefix, and S3 returns 404 instead of 403 only to roles that may list.
          Sid       = "ListTheBucket"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.bucket_arn
          Condition = { StringLikeIfExists = { "s3:prefix" = [for prefix in values(var.prefixes) : "${prefix}*"] } }
        },
      ],
      local.read_and_write_with_key,
    )

    # Lists the lake, and changes the catalog as the mode requires.
    crawler = concat(
      [
        {
          Sid       = "ListTheLake"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.bucket_arn
          Condition = { StringLike = { "s3:prefix" = local.table_listings } }
        }
      ],
      [
        for mode in ["register", "crawler"] : {
          Sid      = "ReadTheTable"
          Effect   = "Allow"
          Action   = ["glue:GetTable", "glue:GetPartition", "glue:GetPartitions"]
          Resource = local.catalog_arns
        } if mode == var.catalog_mode
      ],
      [
        for mode in ["register", "crawler"] : {
          Sid      = "RegisterPartitions"
          Effect   = "Allow"
          Action   = ["glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:BatchUpdatePartition"]
          Resource = local.catalog_arns
        } if mode == var.catalog_mode
      ],
      [
        for mode in ["crawler"] : {
          Sid      = "RunTheCrawler"
          Effect   = "Allow"
          Action   = ["glue:StartCrawler"]
          Resource = "${local.glue_arn}:crawler/${var.glue.crawler}"
        } if mode == var.catalog_mode
      ],
      local.key_of_the_catalog,
    )
  }
}

resource "aws_iam_role" "function" {
  for_each = local.functions

  name                 = "${var.name}-${each.key}"
  description          = "Role of the Lambda function ${var.name}-${each.key}"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "runtime" {
  for_each = local.runtime_statements

  name   = "runtime"
  role   = aws_iam_role.function[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

resource "aws_iam_role_policy" "work" {
  for_each = local.work_statements

  name   = "work"
  role   = aws_iam_role.function[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}
