terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }

    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.0"
    }
  }
}

# The account of the lake and of cluster one.
provider "aws" {
  region = var.region
}

# The account and region of cluster two.
provider "aws" {
  alias   = "two"
  region  = var.cluster_two.region
  profile = var.cluster_two.aws_profile
}

provider "helm" {
  kubernetes = {
    config_path    = "~/.kube/config"
    config_context = var.cluster_one.kube_context
  }
}

provider "helm" {
  alias = "two"

  kubernetes = {
    config_path    = "~/.kube/config"
    config_context = var.cluster_two.kube_context
  }
}
