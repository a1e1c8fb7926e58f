# A sample to start from. A bucket has one policy: this resource replaces it.
#
# `aws:PrincipalArn` of a session is the ARN of its role. Check the lists of roles before you apply this policy: all others, including
# administrators, lose access to these prefixes. Only the account's root user can then change the policy.
locals {
  bucket_arn = "arn:${data.aws_partition.this.partition}:s3:::${var.bucket_name}"

  exporters = [module.cluster_one.exporter_role_arn, module.cluster_two.exporter_role_arn]
  functions = values(module.pipeline.function_role_arns)
  readers   = concat(var.reader_role_arns, compact([module.pipeline.glue_crawler_role_arn]))
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

resource "aws_s3_bucket_policy" "lake" {
  bucket = var.bucket_name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        # Exporters of other accounts write through their parent roles, which are in this account. No other account writes. AWS services
        # (access logs, inventories) have no account.
        Sid       = "NoWritesFromOtherAccounts"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"]
        Resource  = "${local.bucket_arn}/*"
        Condition = {
          StringNotEquals = { "aws:PrincipalAccount" = data.aws_caller_identity.this.account_id }
          BoolIfExists    = { "aws:PrincipalIsAWSService" = "false" }
        }
      },
      {
        Sid       = "OnlyExportersAndFunctionsWrite"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"]
        Resource  = [for prefix in ["staging", "plans", "lake", "quarantine", "reports"] : "${local.bucket_arn}/${prefix}/*"]
        Condition = { ArnNotLike = { "aws:PrincipalArn" = concat(local.exporters, local.functions, var.administrator_role_arns) } }
      },
      {
        Sid       = "OnlyThesePrincipalsRead"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource  = [for prefix in ["staging", "plans", "lake", "quarantine", "reports"] : "${local.bucket_arn}/${prefix}/*"]
        Condition = { ArnNotLike = { "aws:PrincipalArn" = concat(local.exporters, local.functions, local.readers, var.administrator_role_arns) } }
      },
    ]
  })
}
