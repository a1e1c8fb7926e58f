#!/usr/bin/env bash
# Builds the programs that go.mod names: etcd, kube-apiserver, kube-controller-manager, helm, helm-docs, and linters. Prints their directory.
# They are outside the checkout, since the build takes minutes and all clones can share it.
set -euo pipefail
cd "$(dirname "$0")"

command -v go >/dev/null || { echo "error: go is not installed: install it from https://go.dev" >&2; exit 2; }

cache=${KUBECOST_LAKE_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubecost-lake}
directory=$cache/go-$(cat go.mod go.sum go.sh | sha256sum | cut -c 1-16)
if ! [ -d "$directory" ]; then
    version=$(sed -n 's|^\tk8s.io/kubernetes \(v[0-9.]*\).*|\1|p' go.mod)
    IFS=. read -r major minor _ <<<"${version#v}"
    # Helm checks the server's version, which the linker sets.
    stamp="-X k8s.io/component-base/version.gitVersion=$version"
    stamp+=" -X k8s.io/component-base/version.gitMajor=$major -X k8s.io/component-base/version.gitMinor=$minor"
    rm -rf "$cache"/go-*
    mkdir -p "$cache"
    unfinished=$(mktemp -d "$cache/unfinished.XXXXXX")
    trap 'rm -rf "$unfinished"' EXIT
    echo "building Kubernetes $version, etcd, helm and linters into $directory: this takes some minutes, the first time only" >&2
    go build -trimpath -ldflags "-s -w $stamp" -o "$unfinished/" tool >&2
    mv "$unfinished/server" "$unfinished/etcd"
    mv "$unfinished" "$directory"
fi
echo "$directory"
