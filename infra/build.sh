#!/usr/bin/env bash
# Builds what is deployed: the functions' zips and the exporter's static binary, for arm64 and x86-64, with checksums, below target/packages.
# Needs Rust with rustup, and python3: cargo-lambda and zig (the linker for both architectures) come from PyPI into target/packages/tools.
# Both take about 20 minutes on two cores.
#
#   bash infra/build.sh                 # both architectures
#   bash infra/build.sh arm64           # one of them
set -euo pipefail
cd "$(dirname "$0")/.."

architectures=("$@")
[ ${#architectures[@]} -gt 0 ] || architectures=(arm64 x86_64)
packages=$PWD/target/packages
tools=$packages/tools
mkdir -p "$packages"
if ! [ -x "$tools/bin/cargo-lambda" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check cargo-lambda==1.9.2 cargo-zigbuild==0.24.0 ziglang==0.17.1
fi
export PATH="$tools/bin:$PATH"

# The same input gives the same bytes: no paths of this machine, no time of day.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export CARGO_TARGET_DIR=$PWD/target/lambda
export RUSTFLAGS="--remap-path-prefix=$PWD=/src --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"

zip_bootstrap() {
    python3 - "$@" <<'PYTHON'
import sys, zipfile
entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
entry.external_attr = 0o755 << 16
entry.compress_type = zipfile.ZIP_DEFLATED
with zipfile.ZipFile(sys.argv[2], "w") as package, open(sys.argv[1], "rb") as bootstrap:
    package.writestr(entry, bootstrap.read(), compresslevel=9)
PYTHON
}

for architecture in "${architectures[@]}"; do
    case $architecture in
        arm64) flag=--arm64 target=aarch64-unknown-linux-musl ;;
        x86_64) flag=--x86-64 target=x86_64-unknown-linux-musl ;;
        *) echo "error: '$architecture' is neither arm64 nor x86_64" >&2; exit 2 ;;
    esac
    mkdir -p "$packages/$architecture"
    cargo lambda build --locked --profile lambda "$flag" -p transform -p backfill -p crawler --lambda-dir "$packages/$architecture/functions"
    for function in transform backfill crawler; do
        zip_bootstrap "$packages/$architecture/functions/$function/bootstrap" "$packages/$architecture/$function.zip"
    done
    rm -r "$packages/$architecture/functions"
    rustup target add "$target"
    cargo zigbuild --locked --profile lambda --target "$target" -p exporter
    cp "$CARGO_TARGET_DIR/$target/lambda/exporter" "$packages/$architecture/exporter"
    (cd "$packages/$architecture" && sha256sum -- *.zip exporter >SHA256SUMS)
done
echo "built: $packages"
