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
    Statement = [{
      Sid       = "Exporters"
      Effect    = "Allow"
      Action    = "secretsmanager:GetSecretValue"
      Resource  = aws_secretsmanager_secret.private_ca[each.key].arn
      Principal = { AWS = each.value.reader_arns }
    }]
  })
}
