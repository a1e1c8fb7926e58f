bucket = "acme-terraform-state"
key    = "kubecost-lake/clusters-111122223333.tfstate"
region = "us-east-1"
