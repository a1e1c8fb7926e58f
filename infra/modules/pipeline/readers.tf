# What roles of any account need to query the lake with Athena, besides their own IAM policies. Bucket, key and catalog have one policy each, which
# this module does not change: the statements are an output.
locals {
  # A principal cannot be a pattern, and must exist. The account with a condition on the role may be a pattern, and the role may be created later.
  reader_principal = {
    Effect    = "Allow"
    Principal = { AWS = distinct([for arn in var.reader_role_arns : "arn:${local.partition}:iam::${split(":", arn)[4]}:root"]) }
  }
  reader_condition = { ArnLike = { "aws:PrincipalArn" = var.reader_role_arns } }

  reader_bucket_statements = [for statement in [
    merge(local.reader_principal, {
      Sid       = "ReadersGetTheLake"
      Action    = "s3:GetObject"
      Resource  = local.table_objects
      Condition = local.reader_condition
    }),
    merge(local.reader_principal, {
      Sid       = "ReadersListTheLake"
      Action    = "s3:ListBucket"
      Resource  = local.bucket_arn
      Condition = merge(local.reader_condition, { StringLike = { "s3:prefix" = local.table_listings } })
    }),
    merge(local.reader_principal, {
      # Athena requests the region of a bucket in another account.
      Sid       = "ReadersLocateTheBucket"
      Action    = "s3:GetBucketLocation"
      Resource  = local.bucket_arn
      Condition = local.reader_condition
    }),
  ] : statement if length(var.reader_role_arns) > 0]

  reader_key_statements = [for statement in [
    merge(local.reader_principal, {
      Sid       = "ReadersDecryptTheLake"
      Action    = "kms:Decrypt"
      Resource  = "*"
      Condition = merge(local.reader_condition, { StringEquals = { "kms:ViaService" = "s3.${local.region}.${data.aws_partition.this.dns_suffix}" } })
    }),
  ] : statement if length(var.reader_role_arns) > 0 && var.bucket.kms_key_arn != null]

  reader_catalog_statements = [for statement in [
    merge(local.reader_principal, {
      Sid       = "ReadersGetTheTable"
      Action    = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition"]
      Resource  = concat(local.catalog_arns, [local.view_arn])
      Condition = local.reader_condition
    }),
  ] : statement if length(var.reader_role_arns) > 0]
}
