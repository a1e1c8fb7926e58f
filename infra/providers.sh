# Sourced by the scripts that call terraform, in this directory. Where the provider registry cannot be reached, terraform can install its
# providers from a mirror, by the first of these that exists:
# - TF_CLI_CONFIG_FILE, terraform's own variable: a configuration file with `provider_installation`;
# - KUBECOST_LAKE_TERRAFORM_MIRROR: a program that writes such a file. It is called with a destination and this directory, and writes
#   <destination>/terraformrc and the providers that the configurations in this directory use.
# A TF_CLI_CONFIG_FILE that does not exist is ignored.
if [ ! -e "${TF_CLI_CONFIG_FILE:-}" ]; then
    unset TF_CLI_CONFIG_FILE
    if [ -n "${KUBECOST_LAKE_TERRAFORM_MIRROR:-}" ]; then
        providers=${KUBECOST_LAKE_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubecost-lake}/terraform
        "$KUBECOST_LAKE_TERRAFORM_MIRROR" "$providers" . >/dev/null
        export TF_CLI_CONFIG_FILE=$providers/terraformrc
    fi
fi
