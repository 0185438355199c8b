#!/bin/sh
# test.sh [FOLDER]: tests the policy natively, under the address and undefined-behaviour sanitizers.
# What it builds lands in FOLDER, by default ./build. HOST_CC names another compiler than cc.
set -eu

out=$(mkdir -p "${1:-build}" && cd "${1:-build}" && pwd)
cd "$(dirname "$0")"
sdk=../../sdk/c
"${HOST_CC:-cc}" -std=c17 -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all \
    -I"$sdk/include" -o "$out/quota_test" tests/quota_test.c src/plugin.c src/namespace.c src/settings.c src/usage.c \
    "$sdk/src/native.c" "$sdk/src/text.c" "$sdk/src/verdict.c"
"$out/quota_test"
echo "value-size-quota: ok"
