mock_provider "aws" {
  source = "../../modules/pipeline/tests/mocks"
}

variables {
  bucket_name       = "acme-shared"
  foreign_queue_arn = "arn:aws:sqs:us-east-1:444455556666:invoices"
  packages          = { s3_bucket = "acme-artifacts", s3_prefix = "kubecost-lake/0.1.0/" }
}

run "applies" {
  assert {
    condition     = length(aws_s3_bucket_notification.this.queue) == 1 && length(aws_s3_bucket_notification.this.lambda_function) == 4
    error_message = "The existing notifications remain, the pipeline's are added."
  }
  assert {
    condition     = alltrue([for rule in aws_s3_bucket_notification.this.lambda_function : startswith(rule.filter_prefix, "costs/")])
    error_message = "The pipeline is notified of its own objects only."
  }
  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this.rule) == 7
    error_message = "The existing lifecycle rules remain, the pipeline's are added."
  }
}
