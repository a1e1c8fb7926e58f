# Values that AWS would give: ARNs must look like ARNs, since policies are made of them.
mock_data "aws_caller_identity" {
  defaults = { account_id = "111122223333" }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::111122223333:role/child" }
}
