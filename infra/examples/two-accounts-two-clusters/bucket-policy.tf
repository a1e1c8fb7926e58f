# A sample to start from. A bucket has one policy: this resource replaces it.
#
# `aws:PrincipalArn` of a session is the ARN of its role. Check the lists of roles before you apply this policy: all others, including
# administrators, lose access to these prefixes. Only the account's root user can then change the policy.
#
# The policy's size does not grow with the number of clusters: the roles of exporters and functions are a pattern of their default names. A bucket
# policy is limited to 20 KB, which a list of roles exceeds at about 100 clusters. Whoever may create roles with such names in this account can
# give them these permissions, as whoever may change this policy can.
locals {
  bucket_arn = "arn:${data.aws_partition.this.partition}:s3:::${var.bucket_name}"

  # Exporters of other accounts write through their parent roles, which are in this account. With `role_path` or other names of roles, change the
  # pattern.
  exporters               = ["arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:role/kubecost-lake-*"]
  functions               = values(module.pipeline.function_role_arns)
  exporters_and_functions = concat(local.exporters, local.functions, compact([module.pipeline.glue_crawler_role_arn]))
  areas                   = ["staging", "plans", "lake", "assets", "quarantine", "reports"]
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

resource "aws_s3_bucket_policy" "lake" {
  bucket = var.bucket_name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      module.pipeline.reader_statements.bucket,
      [
        {
          Sid       = "OnlyOverTls"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
        {
          # AWS services (access logs, inventories) have no account.
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
          Resource  = [for area in local.areas : "${local.bucket_arn}/${area}/*"]
          Condition = { ArnNotLike = { "aws:PrincipalArn" = concat(local.exporters_and_functions, var.administrator_role_arns) } }
        },
        {
          Sid       = "OnlyThesePrincipalsRead"
          Effect    = "Deny"
          Principal = "*"
          Action    = ["s3:GetObject", "s3:GetObjectVersion"]
          Resource  = [for area in local.areas : "${local.bucket_arn}/${area}/*"]
          Condition = { ArnNotLike = { "aws:PrincipalArn" = concat(local.exporters_and_functions, var.reader_role_arns, var.administrator_role_arns) } }
        },
      ],
      # Creating a multipart upload and uploading its parts have no condition; completing it has (s3:ObjectCreationOperation). See
      # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
      [
        # Functions are exempt, since they write manifests again.
        for statement in [{
          Sid       = "ExportersOnlyCreate"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource  = "${local.bucket_arn}/staging/*"
          Condition = {
            ArnNotLike = { "aws:PrincipalArn" = concat(local.functions, var.administrator_role_arns) }
            Null       = { "s3:if-none-match" = "true" }
            Bool       = { "s3:ObjectCreationOperation" = "true" }
          }
        }] : statement if var.create_only_staging
      ],
      [
        # Copies have no condition, so that they fail. Without this statement, who may write can copy older files into the lake.
        for statement in [{
          Sid       = "LakeOnlyWithCondition"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource  = "${local.bucket_arn}/lake/*"
          Condition = {
            Null = { "s3:if-none-match" = "true", "s3:if-match" = "true" }
            Bool = { "s3:ObjectCreationOperation" = "true" }
          }
        }] : statement if var.conditional_lake
      ],
    )
  })
}
