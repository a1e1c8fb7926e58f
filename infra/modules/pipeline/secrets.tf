locals {
  private_ca_has_pattern = { for name, secret in var.private_ca_secrets : name => anytrue([for arn in secret.reader_arns : can(regex("[*?]", arn))]) }

  # A principal cannot be a pattern. Its account with a condition on the role has the same effect, and its size does not grow with the number
  # of clusters.
  private_ca_statements = {
    for name, secret in var.private_ca_secrets : name => concat(
      [
        for pattern in [false] : {
          Principal = { AWS = secret.reader_arns }
        } if local.private_ca_has_pattern[name] == pattern
      ],
      [
        for pattern in [true] : {
          Principal = { AWS = distinct([for arn in secret.reader_arns : "arn:${local.partition}:iam::${split(":", arn)[4]}:root"]) }
          Condition = { ArnLike = { "aws:PrincipalArn" = secret.reader_arns } }
        } if local.private_ca_has_pattern[name] == pattern
      ],
    )
  }
}

resource "aws_secretsmanager_secret" "private_ca" {
  #checkov:skip=CKV2_AWS_57:a CA's certificate is public and renewed by the CA's operator: there is nothing to rotate
  for_each = var.private_ca_secrets

  name        = each.key
  description = "Certificate of a private CA, for exporters of ${var.name}"
  kms_key_id  = each.value.kms_key_arn
  tags        = var.tags

  # A CA's certificate is public and available elsewhere. Deleting the secret immediately makes its name available again.
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "private_ca" {
  for_each = var.private_ca_secrets

  secret_id     = aws_secretsmanager_secret.private_ca[each.key].id
  secret_string = each.value.certificate_pem
}

resource "aws_secretsmanager_secret_policy" "private_ca" {
  for_each = var.private_ca_secrets

  secret_arn          = aws_secretsmanager_secret.private_ca[each.key].arn
  block_public_policy = true
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in local.private_ca_statements[each.key] : merge(statement, {
      Sid      = "Exporters"
      Effect   = "Allow"
      Action   = "secretsmanager:GetSecretValue"
      Resource = aws_secretsmanager_secret.private_ca[each.key].arn
    })]
  })
}
