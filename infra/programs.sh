#!/usr/bin/env bash
# Builds the program kubecost-lake for people into target/programs: for each target an archive with the program, its licence, completions of
# shells and man pages, and a Python wheel that carries the program; and the checksums of all of them. Needs Rust with rustup, and python3:
# maturin and zig (the linker of Linux's targets) are packages of requirements-programs.txt. Takes about 15 minutes for a target on two cores.
#
#   bash infra/programs.sh x86_64-unknown-linux-musl aarch64-unknown-linux-musl    # on Linux: static programs
#   bash infra/programs.sh aarch64-apple-darwin x86_64-apple-darwin                # on macOS
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { echo "error: expected targets, such as x86_64-unknown-linux-musl" >&2; exit 2; }

programs=$PWD/target/programs
tools=$PWD/target/programs-tools
# `release` compiles faster; released programs are built as deployed ones are.
profile=${KUBECOST_LAKE_PROFILE:-lambda}
rm -rf "$programs"
mkdir -p "$programs"
if ! cmp -s infra/requirements-programs.txt "$tools/requirements.txt"; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check -r infra/requirements-programs.txt
    cp infra/requirements-programs.txt "$tools/requirements.txt"
fi
export PATH="$tools/bin:$PATH"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/lambda}
# For reproducible builds: no paths of this machine.
export CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$PWD=/src"$'\x1f'"--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"

# Completions and man pages are the same for all targets.
manual=$(mktemp -d)
trap 'rm -rf "$manual"' EXIT
cargo run --quiet --locked --package kubecost-lake --example manual -- "$manual"

for target in "$@"; do
    arguments=(--locked --profile "$profile" --target "$target" --out "$programs" --manifest-path functions/kubecost-lake/Cargo.toml)
    case $target in
        # A static program runs with any C library.
        *-linux-musl) rustup target add "$target"; arguments+=(--zig --compatibility manylinux2014 musllinux_1_1) ;;
        *-apple-darwin) rustup target add "$target" ;;
    esac
    maturin build "${arguments[@]}"
    name=kubecost-lake-$target
    mkdir -p "$programs/$name"
    install -m 0755 "$CARGO_TARGET_DIR/$target/$profile/kubecost-lake" "$programs/$name"
    cp -R LICENSE README.md "$manual/completions" "$manual/man" "$programs/$name"
    tar -czf "$programs/$name.tar.gz" -C "$programs" "$name"
    rm -r "$programs/$name"
done
cd "$programs"
checksum() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }
checksum -- *.tar.gz *.whl | tee SHA256SUMS
