# Values that AWS would return. ARNs must be valid, since policies contain them.
mock_data "aws_caller_identity" {
  defaults = { account_id = "444455556666" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
}

mock_data "aws_region" {
  defaults = { region = "us-east-1" }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::444455556666:role/mocked" }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:us-east-1:444455556666:mocked"
    url = "https://sqs.us-east-1.amazonaws.com/444455556666/mocked"
  }
}

mock_resource "aws_lambda_function" {
  defaults = { arn = "arn:aws:lambda:us-east-1:444455556666:function:mocked" }
}

mock_resource "aws_cloudwatch_event_rule" {
  defaults = { arn = "arn:aws:events:us-east-1:444455556666:rule/mocked" }
}

mock_resource "aws_secretsmanager_secret" {
  defaults = { arn = "arn:aws:secretsmanager:us-east-1:444455556666:secret:mocked-AbCdEf" }
}

mock_data "aws_s3_bucket" {
  defaults = { bucket_region = "us-east-1" }
}
