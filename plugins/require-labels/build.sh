#!/bin/sh
# build.sh COMPONENT [CACHE]: builds this plugin to COMPONENT, a component ready to install.
#
# What is fetched and built on the way stays in CACHE [./build]. Needs go 1.26, and cargo for the encoder unless COMPONENTIZE
# names a built one.
set -eu

plugin=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$plugin/../.." && pwd)
component=$(realpath -m "${1:?usage: build.sh COMPONENT [CACHE]}")
cache=$(realpath -m "${2:-build}")
mkdir -p "$cache" "$(dirname "$component")"

# The package cache stays writable, so that the folder can be removed. Nothing else of the user's settings counts.
export GOMODCACHE="$cache/modules" GOCACHE="$cache/objects" GOFLAGS="-modcacherw -trimpath -buildvcs=false" GOWORK=off
quietly() {
    "$@" >"$cache/log" 2>&1 || { cat "$cache/log" >&2; exit 1; }
}

cd "$root/sdk/go/snapshot"
quietly go build -mod=readonly -o "$cache/snapshot" .

cd "$plugin"
GOOS=wasip1 GOARCH=wasm quietly go build -mod=readonly -buildmode=c-shared -ldflags="-s -w" -o "$cache/module.wasm" .
quietly "$cache/snapshot" "$cache/module.wasm" "$cache/started.wasm"

if [ -n "${COMPONENTIZE:-}" ]; then
    "$COMPONENTIZE" "$cache/started.wasm" "$component"
else
    cd "$root"
    quietly cargo run --quiet --locked -p componentize -- "$cache/started.wasm" "$component"
fi
