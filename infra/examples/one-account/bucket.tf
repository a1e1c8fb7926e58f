data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

resource "aws_s3_bucket" "lake" {
  #checkov:skip=CKV_AWS_18:each organisation chooses the destination of its access logs
  #checkov:skip=CKV_AWS_144:the sources keep the last days, and the lake can be copied; each organisation decides about replication
  #checkov:skip=CKV_AWS_145:a variable chooses between KMS and S3's own encryption
  #checkov:skip=CKV2_AWS_61:the pipeline module manages the lifecycle configuration
  #checkov:skip=CKV2_AWS_62:the pipeline module manages the notification configuration
  bucket        = var.bucket_name
  force_destroy = var.force_destroy

  # The bucket is destroyed before the key. A bucket with objects cannot be destroyed, so that the key is kept as long as there are objects.
  depends_on = [aws_kms_key.lake]
}

resource "aws_s3_bucket_public_access_block" "lake" {
  bucket = aws_s3_bucket.lake.bucket

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "lake" {
  bucket = aws_s3_bucket.lake.bucket

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "lake" {
  bucket = aws_s3_bucket.lake.bucket

  versioning_configuration {
    status = "Enabled"
  }
}

# The key's policy delegates to the account's IAM policies. The modules grant each role what it needs.
resource "aws_kms_key" "lake" {
  count = var.encrypt_with_kms ? 1 : 0

  description         = "Container costs in ${var.bucket_name}"
  enable_key_rotation = true

  # Without the key, the objects in the bucket cannot be read.
  lifecycle {
    prevent_destroy = true
  }

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ByIamPolicies"
      Effect    = "Allow"
      Action    = "kms:*"
      Resource  = "*"
      Principal = { AWS = "arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root" }
    }]
  })
}

resource "aws_s3_bucket_server_side_encryption_configuration" "lake" {
  bucket = aws_s3_bucket.lake.bucket

  rule {
    # One data key for many objects, instead of one KMS request for each object.
    bucket_key_enabled = var.encrypt_with_kms

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.encrypt_with_kms ? "aws:kms" : "AES256"
      kms_master_key_id = one(aws_kms_key.lake[*].arn)
    }
  }
}
