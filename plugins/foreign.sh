#!/usr/bin/env bash
# Builds the plugins that are not written in Rust to TARGET/plugins/<name>.wasm, runs the native tests of the plugins and of their
# SDKs, and has a member's engine try the plugins' cases. Does the same with what `strongroom plugin new` makes in these languages.
# TARGET is CARGO_TARGET_DIR, or `target` at the root of the repository; what the languages' package managers fetch stays below it.
#
# STRONGROOM and COMPONENTIZE name the built programs.
set -euo pipefail

plugins=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$plugins")
cd "$root"
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
out=$target/plugins
cache=$target/guest
export STRONGROOM=${STRONGROOM:-$target/debug/strongroom} COMPONENTIZE=${COMPONENTIZE:-$target/debug/componentize}
export PYTHONDONTWRITEBYTECODE=1

# Runs a command, and shows what it said only when it fails.
quietly() {
    local log
    log=$(mktemp)
    "$@" >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; echo "plugins/foreign.sh: failed: $*" >&2; exit 1; }
    rm -f "$log"
}

within() {
    local folder=$1
    shift
    (cd "$folder" && "$@")
}

native_tests() {
    case "$1" in
    require-labels)
        # As its build.sh has them: what was compiled there is not compiled again.
        export GOMODCACHE=$cache/$1/modules GOCACHE=$cache/$1/objects GOFLAGS="-modcacherw -trimpath -buildvcs=false" GOWORK=off
        within sdk/go go test ./...
        within sdk/go/snapshot go test ./...
        within "plugins/$1" go test ./...
        ;;
    image-registry-allowlist)
        # The packages that the build has installed stand beside a copy of the SDK.
        cp -R sdk/js/test "$cache/$1/sdk-js/"
        within "$cache/$1/sdk-js" node --test test/
        node "$cache/$1/sdk-js/bin/test.js" "plugins/$1"
        ;;
    name-conventions)
        within sdk/python env PYTHONPATH=src python3 -m unittest discover -s tests
        within "plugins/$1" env PYTHONPATH="$root/sdk/python/src" python3 -m unittest discover -s tests
        ;;
    value-size-quota)
        sdk/c/test.sh "$cache/$1/sdk-tests"
        "plugins/$1/test.sh" "$cache/$1/tests"
        ;;
    *)
        echo "no native tests are known of it" >&2
        return 1
        ;;
    esac
}

mkdir -p "$out"
for script in plugins/*/build.sh; do
    name=$(basename "$(dirname "$script")")
    echo "building plugin $name" >&2
    mkdir -p "$cache/$name"
    quietly "$script" "$out/$name.wasm" "$cache/$name"
    quietly native_tests "$name"
    quietly "$STRONGROOM" plugin test "plugins/$name" --component "$out/$name.wasm"
done

for language in c go js python; do
    name=new-in-$language
    echo "building plugin $name" >&2
    rm -rf "${cache:?}/$name"
    quietly within "$cache" "$STRONGROOM" plugin new --lang "$language" "$name"
    quietly within "$cache/$name" ./build.sh "$name.wasm"
    quietly within "$cache/$name" "$STRONGROOM" plugin test .
done
