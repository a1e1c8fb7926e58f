bucket = "acme-terraform-state"
key    = "kubecost-lake/lake.tfstate"
region = "us-east-1"
