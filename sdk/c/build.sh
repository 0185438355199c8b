#!/bin/sh
# build.sh COMPONENT SOURCE.c...: compiles a plugin, together with the SDK, into a component ready to install.
#
# Needs clang with lld, wasi-libc (for its headers and string functions) and the compiler's WebAssembly runtime: on
# Debian, clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32. CC and STRONGROOM name other programs than clang-19 and
# strongroom.
set -eu

[ $# -ge 2 ] || { echo "usage: build.sh COMPONENT SOURCE.c..." >&2; exit 2; }
component=$1
shift
sdk=$(cd "$(dirname "$0")" && pwd)
module=$(mktemp "${TMPDIR:-/tmp}/strongroom-c.XXXXXX")
trap 'rm -f "$module"' EXIT

# No entry and no start files: nothing runs before the first call, and nothing asks for WASI.
"${CC:-clang-19}" --target=wasm32-wasi -std=c17 -Os -flto -mbulk-memory -Wall -Wextra -Werror \
    -ffunction-sections -fdata-sections -nostartfiles \
    -Wl,--no-entry,--gc-sections,--strip-all,--stack-first,-z,stack-size="${STACK_BYTES:-32768}" \
    -I"$sdk/include" -o "$module" "$@" \
    "$sdk"/src/abi.c "$sdk"/src/base64.c "$sdk"/src/container.c "$sdk"/src/fields.c "$sdk"/src/items.c \
    "$sdk"/src/json.c "$sdk"/src/json_valid.c "$sdk"/src/kinds.c "$sdk"/src/kubernetes.c "$sdk"/src/maps.c \
    "$sdk"/src/pod.c "$sdk"/src/protobuf.c "$sdk"/src/text.c "$sdk"/src/verdict.c "$sdk"/src/volume.c
"${STRONGROOM:-strongroom}" plugin pack "$module" --output "$component"
