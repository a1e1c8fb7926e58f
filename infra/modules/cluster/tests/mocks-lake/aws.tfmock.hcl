# The account of the lake.
mock_data "aws_caller_identity" {
  defaults = { account_id = "444455556666" }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::444455556666:role/parent" }
}
