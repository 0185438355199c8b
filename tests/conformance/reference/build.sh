#!/bin/sh
# Builds the etcd to compare with into the target folder, once, where Go is present. Without Go the cases use the `etcd` of the
# path: whichever is used is asked for its version. ETCD_BIN names another.
set -eu

target=${CARGO_TARGET_DIR:-$(dirname "$0")/../../../target}
mkdir -p "$target/reference"
target=$(cd "$target" && pwd)
cd "$(dirname "$0")"
etcd=$target/reference/etcd

[ -z "${ETCD_BIN:-}" ] || exit 0
command -v go >/dev/null || exit 0
# The lock file says what it was built from.
! cmp -s go.sum "$etcd.sum" || exit 0
CGO_ENABLED=0 go build -trimpath -mod=readonly -ldflags="-s -w" -o "$etcd" .
cp go.sum "$etcd.sum"
