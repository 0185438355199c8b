#!/bin/sh
# Builds this plugin: build.sh FILE.wasm [FOLDER]
# What is missing is installed with npm into FOLDER (default: ./build), in the versions that the SDK's lock file pins.
set -eu

out=${1:?usage: build.sh FILE.wasm [FOLDER]}
plugin=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$plugin/../.." && pwd)
sdk=${2:-./build}/sdk-js

mkdir -p "$sdk" "$(dirname "$out")"
rm -rf "$sdk/bin" "$sdk/src"
cp -R "$root/sdk/js/bin" "$root/sdk/js/src" "$root/sdk/js/package.json" "$root/sdk/js/package-lock.json" "$sdk/"
if ! cmp -s "$sdk/package-lock.json" "$sdk/installed-lock.json"; then
    if ! npm ci --prefix "$sdk" --ignore-scripts --no-audit --no-fund --loglevel=error >"$sdk/npm.log" 2>&1; then
        cat "$sdk/npm.log" >&2
        exit 1
    fi
    cp "$sdk/package-lock.json" "$sdk/installed-lock.json"
fi
node "$sdk/bin/build.js" "$plugin/src/plugin.ts" -o "$out" --wit "$root/sdk/wit/admission.wit"
