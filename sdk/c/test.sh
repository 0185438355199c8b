#!/bin/sh
# test.sh [FOLDER]: runs the SDK's tests natively, under the address and undefined-behaviour sanitizers.
# What it builds lands in FOLDER, by default ./build. HOST_CC names another compiler than cc.
set -eu

out=$(mkdir -p "${1:-build}" && cd "${1:-build}" && pwd)
cd "$(dirname "$0")"
for test in text json kubernetes pod; do
    "${HOST_CC:-cc}" -std=c17 -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all \
        -Iinclude -o "$out/${test}_test" "tests/${test}_test.c" \
        src/base64.c src/container.c src/fields.c src/items.c src/json.c src/json_valid.c src/kinds.c src/kubernetes.c \
        src/maps.c src/native.c src/pod.c src/protobuf.c src/text.c src/verdict.c src/volume.c
    "$out/${test}_test"
    echo "$test: ok"
done
