#!/usr/bin/env bash
# Makes the certificates of the tests again. All of them are for the key in server.key; the CA's key is not kept.
#
#   ca.pem         a private CA
#   server.pem     of that CA, for 127.0.0.1
#   lake.pem       of that CA, for *.lake.test, such as an S3 behind a proxy
#   expired.pem    of that CA, for 127.0.0.1, until 2021
#   elsewhere.pem  of that CA, for elsewhere.test
#   both.pem       a CA and a server for 127.0.0.1 in one (CA:TRUE)
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
newest=21261031000000Z

touch "$work/index"
cat > "$work/ca.cnf" <<CNF
[ca]
default_ca = tests
[tests]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
CNF

new_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
request() { openssl req -new -key "$1" -subj "/CN=$2" -out "$work/request.pem"; }
sign() { openssl ca -batch -notext -config "$work/ca.cnf" -in "$work/request.pem" "$@" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }; }

# server <file> <subject alternative name> <from> <to> [more extensions]
server() {
  printf '%s\n' '[server]' "basicConstraints = critical, CA:FALSE" 'extendedKeyUsage = serverAuth' "subjectAltName = $2" > "$work/server.cnf"
  request server.key 'source of tests'
  sign -cert ca.pem -keyfile "$work/ca.key" -extfile "$work/server.cnf" -extensions server -startdate "$3" -enddate "$4" -out "$1"
}

new_key "$work/ca.key"
new_key server.key
request "$work/ca.key" 'Private CA of tests'
sign -selfsign -keyfile "$work/ca.key" -extensions authority -startdate 20200101000000Z -enddate "$newest" -out ca.pem
server server.pem IP:127.0.0.1 20200101000000Z "$newest"
server lake.pem DNS:*.lake.test 20200101000000Z "$newest"
server expired.pem IP:127.0.0.1 20200101000000Z 20210101000000Z
server elsewhere.pem DNS:elsewhere.test 20200101000000Z "$newest"
printf '%s\n' '[both]' 'basicConstraints = critical, CA:TRUE' 'subjectAltName = IP:127.0.0.1' > "$work/both.cnf"
request server.key 'source of tests'
sign -selfsign -keyfile server.key -extfile "$work/both.cnf" -extensions both -startdate 20200101000000Z -enddate "$newest" -out both.pem
