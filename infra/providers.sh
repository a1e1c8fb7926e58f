# Sourced by what calls terraform here, from this directory: where the provider registry cannot be reached, a mirror of the providers' schemas
# does. A configuration of the machine's own is kept, unless it is only the name of a file that is not there.
mirror=../../shared/tools/terraform-mirror/build
if [ ! -e "${TF_CLI_CONFIG_FILE:-}" ]; then
    unset TF_CLI_CONFIG_FILE
    if [ -x "$mirror" ]; then
        providers=${KUBECOST_LAKE_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubecost-lake}/terraform
        "$mirror" "$providers" . >/dev/null
        export TF_CLI_CONFIG_FILE=$providers/terraformrc
    fi
fi
