#!/usr/bin/env bash
# Examines what infra/programs.sh built for the target that this machine runs: checksums, the archive with its completions and man pages, and the
# wheel in a fresh environment. Both programs run the demo, verify its lake and write its report. Needs python3, and no network.
#
#   bash infra/programs_check.sh x86_64-unknown-linux-musl
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 1 ] || { echo "error: expected the target that this machine runs, such as x86_64-unknown-linux-musl" >&2; exit 2; }

programs=$PWD/target/programs
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed() { echo "error: $1" >&2; exit 1; }

cd "$programs"
checksum() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }
checksum --check SHA256SUMS
for file in *.tar.gz *.whl; do
    grep -qF "  $file" SHA256SUMS || failed "SHA256SUMS lacks $file"
done

tar -xzf "kubecost-lake-$1.tar.gz" -C "$work"
archive=$work/kubecost-lake-$1
bash -n "$archive/completions/kubecost-lake.bash"
for file in LICENSE README.md completions/_kubecost-lake completions/kubecost-lake.fish man/kubecost-lake.1 man/kubecost-lake-verify.1; do
    [ -s "$archive/$file" ] || failed "the archive lacks $file"
done
case $1 in
    *-linux-musl) ! ldd "$archive/kubecost-lake" >/dev/null 2>&1 || failed "the program of $1 is not static" ;;
esac
python3 -m venv "$work/wheel"
"$work/wheel/bin/pip" install --quiet --disable-pip-version-check --no-index --find-links "$programs" kubecost-lake

for program in "$archive/kubecost-lake" "$work/wheel/bin/kubecost-lake"; do
    [ "$("$program" --version)" = "kubecost-lake $version" ] || failed "$program is not version $version"
    lake=$(mktemp -d "$work/lake.XXXXXX")
    "$program" demo --lake "$lake" >/dev/null
    "$program" verify --lake "$lake"
    "$program" report --lake "$lake" --out "$lake/again.html"
    # Released programs read a private CA from Secrets Manager.
    said=$("$program" collect --cluster arn:aws:eks:eu-west-1:111122223333:cluster/none --source https://localhost:1 --ca-certificate-secret none \
        --lake "$lake/none" 2>&1 || true)
    ! grep -q "built without AWS Secrets Manager" <<<"$said" || failed "$program lacks the client of Secrets Manager"
done
echo "archive and wheel of $1 work"
