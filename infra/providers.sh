# Sourced by the scripts that call terraform, in this directory. Where the provider registry cannot be reached, terraform uses a mirror with the
# providers' schemas, if there is one. An existing CLI configuration is kept, unless the variable names a file that does not exist.
mirror=../../shared/tools/terraform-mirror/build
if [ ! -e "${TF_CLI_CONFIG_FILE:-}" ]; then
    unset TF_CLI_CONFIG_FILE
    if [ -x "$mirror" ]; then
        providers=${KUBECOST_LAKE_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubecost-lake}/terraform
        "$mirror" "$providers" . >/dev/null
        export TF_CLI_CONFIG_FILE=$providers/terraformrc
    fi
fi
