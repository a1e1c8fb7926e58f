#!/usr/bin/env bash
# Builds the deployed artefacts into target/packages: for arm64 and x86_64 the functions' zips with their checksums, and the build context
# of the exporter's image (functions/exporter/Containerfile) with its static binary for both architectures and the roots of public CAs.
# Needs Rust with rustup, and python3: cargo-lambda, zig (the linker for both architectures) and the CAs are packages of requirements.txt.
# Takes about 20 minutes on two cores. The same commit results in the same binaries in any directory, and in the same zips if Python
# compresses with the usual zlib.
#
#   bash infra/build.sh                 # both architectures
#   bash infra/build.sh arm64           # one of them
set -euo pipefail
cd "$(dirname "$0")/.."

architectures=("$@")
[ ${#architectures[@]} -gt 0 ] || architectures=(arm64 x86_64)

packages=$PWD/target/packages
tools=$PWD/target/packaging
mkdir -p "$packages/image"
if ! cmp -s infra/requirements.txt "$tools/requirements.txt"; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check -r infra/requirements.txt
    cp infra/requirements.txt "$tools/requirements.txt"
fi
export PATH="$tools/bin:$PATH"

# For reproducible builds: no paths of this machine, no time of day.
export CARGO_TARGET_DIR=$PWD/target/lambda
export CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$PWD=/src"$'\x1f'"--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"

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
    # Lambda, Rust and container images have different names for architectures.
    case $architecture in
        arm64) flag=--arm64 cpu=neoverse-n1 target=aarch64-unknown-linux-musl image=arm64 ;;
        x86_64) flag=--x86-64 cpu=haswell target=x86_64-unknown-linux-musl image=amd64 ;;
        *) echo "error: '$architecture' is neither arm64 nor x86_64" >&2; exit 2 ;;
    esac
    built=$packages/$architecture
    rm -rf "$built"
    mkdir -p "$built" "$packages/image/$image"
    rustup target add "$target"
    # Lambda's processors. cargo-lambda names them itself with --release alone. Pods may run on older ones.
    CARGO_ENCODED_RUSTFLAGS=$CARGO_ENCODED_RUSTFLAGS$'\x1f'-Ctarget-cpu=$cpu \
        cargo lambda build --locked --profile lambda "$flag" -p transform -p backfill -p crawler --lambda-dir "$built/functions"
    for function in transform backfill crawler; do
        zip_bootstrap "$built/functions/$function/bootstrap" "$built/$function.zip"
    done
    rm -r "$built/functions"
    (cd "$built" && sha256sum -- *.zip >SHA256SUMS)
    cargo zigbuild --locked --profile lambda --target "$target" -p exporter
    install -m 0555 "$CARGO_TARGET_DIR/$target/lambda/exporter" "$packages/image/$image/exporter"
done

install -m 0444 "$("$tools/bin/python" -m certifi)" "$packages/image/ca-certificates.crt"
(cd "$packages/image" && sha256sum -- ca-certificates.crt */exporter >SHA256SUMS)
cat "$packages"/*/SHA256SUMS
