locals {
  # arn:<partition>:eks:<region>:<account>:cluster/<name>
  arn       = split(":", var.cluster_arn)
  partition = local.arn[1]
  region    = local.arn[3]
  account   = local.arn[4]
  cluster   = trimprefix(local.arn[5], "cluster/")

  # Within one account, one role is enough: no role chaining.
  same_account  = local.account == var.bucket.owner
  create_parent = !local.same_account && var.create_parent
  # Whether the provider aws.lake is used.
  in_lake = local.same_account || local.create_parent

  # Names of another lake have its name after the prefix; without it they are as they were before there was that input.
  lake = var.lake == null ? "" : "${var.lake}-"

  # Cluster names have up to 100 characters and are unique within an account and region. Role names have up to 64 and are global.
  role_stem   = "kubecost-lake-${local.lake}${substr(local.cluster, 0, 32 - length(local.lake))}-${substr(sha1(var.cluster_arn), 0, 8)}"
  child_name  = coalesce(var.child_role.name, local.role_stem)
  parent_name = coalesce(var.parent_role.name, "${local.role_stem}-parent")

  release         = coalesce(var.release_name, trimsuffix("kubecost-lake-exporter-${local.lake}", "-"))
  service_account = coalesce(var.service_account, trimsuffix("kubecost-lake-exporter-${local.lake}", "-"))

  # A role that another configuration creates has the ARN of its name.
  child_arn = var.create_child ? one(aws_iam_role.child[*].arn) : "arn:${local.partition}:iam::${local.account}:role${var.child_role.path}${local.child_name}"

  bucket_arn = "arn:${local.partition}:s3:::${var.bucket.name}"
  place      = "${local.account}/${local.region}/${local.cluster}"

  # The clusters whose costs the exporter collects.
  places = length(var.source_clusters) == 0 ? [local.place] : distinct([
    for cluster in var.source_clusters : "${split(":", cluster.arn)[4]}/${split(":", cluster.arn)[3]}/${trimprefix(split(":", cluster.arn)[5], "cluster/")}"
  ])

  # Permissions on the objects of one cluster stand in the role's inline policy. Those of many would not fit into its 10,240 characters: they are in
  # managed policies of at most 6,144 characters each, of which a role has 10 by default. Two ARNs for each cluster, and what is around them.
  longest_place       = max([for place in local.places : length(place)]...)
  place_characters    = 2 * (length(local.bucket_arn) + local.longest_place) + length(var.bucket.staging_prefix) + length(var.bucket.plans_prefix) + 20
  places_of_a_policy  = floor((6144 - 300) / local.place_characters)
  places_by_policy    = length(local.places) == 1 ? [] : chunklist(local.places, local.places_of_a_policy)
  places_of_the_role  = length(local.places) == 1 ? local.places : []
  managed_policy_name = "${substr(local.same_account ? local.child_name : local.parent_name, 0, 110)}-clusters"
  managed_policies = [
    for places in local.places_by_policy : jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "WriteStaging"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = [for place in places : "${local.bucket_arn}/${var.bucket.staging_prefix}${place}/*"]
        },
        {
          Sid      = "ReadPlans"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = [for place in places : "${local.bucket_arn}/${var.bucket.plans_prefix}${place}/plan.json"]
        },
      ]
    })
  ]

  # All permissions of an exporter: write below its own staging prefix, read its own plan and, with a private CA, read that secret.
  # Without s3:ListBucket, S3 returns 403 for a plan that does not exist yet.
  exporter_statements = concat(
    [
      for place in local.places_of_the_role : {
        Sid      = "WriteOwnStaging"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = "${local.bucket_arn}/${var.bucket.staging_prefix}${place}/*"
      }
    ],
    [
      for place in local.places_of_the_role : {
        Sid      = "ReadOwnPlan"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${local.bucket_arn}/${var.bucket.plans_prefix}${place}/plan.json"
      }
    ],
    [
      for secret in var.private_ca_secret[*] : {
        Sid      = "ReadPrivateCa"
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = secret.arn
      }
    ],
    [
      for key in var.bucket.kms_key_arn[*] : {
        # Writing needs kms:Decrypt as well: S3 decrypts the data key for each part of an upload.
        Sid       = "KeyOfTheBucket"
        Effect    = "Allow"
        Action    = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource  = key
        Condition = { StringEquals = { "kms:ViaService" = "s3.${split(":", key)[3]}.${data.aws_partition.cluster.dns_suffix}" } }
      }
    ],
    [
      for secret in var.private_ca_secret[*] : {
        Sid       = "KeyOfPrivateCa"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = secret.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${secret.region}.${data.aws_partition.cluster.dns_suffix}" } }
      } if secret.kms_key_arn != null
    ],
    # Of many clusters there may be nothing else, and a policy has at least one statement. Whether it has others is known at apply only, so the
    # policy's `count` must not depend on it. AWS grants this to every identity; `exporter check` uses it.
    [
      for statement in [{
        Sid      = "NameOwnIdentity"
        Effect   = "Allow"
        Action   = "sts:GetCallerIdentity"
        Resource = "*"
      }] : statement if length(local.places) > 1
    ],
  )

  exporter_policy = jsonencode({ Version = "2012-10-17", Statement = local.exporter_statements })

  # The role that reads and writes the bucket, in either account.
  exporter_role_arn = (
    local.same_account ? local.child_arn :
    local.create_parent ? one(aws_iam_role.parent[*].arn) :
    "arn:${local.partition}:iam::${var.bucket.owner}:role${var.parent_role.path}${local.parent_name}"
  )
}
