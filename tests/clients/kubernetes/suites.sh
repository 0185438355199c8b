#!/bin/sh
# Runs kube-apiserver's own tests of its storage in etcd, which start the server that they need: see testserver/server.go.
#
# SUITES is a folder with the test programs, SOURCES the module's sources, in which each looks for its files. Prints "ok SUITE" for
# each and ends with 0, or prints what failed and ends with 1.
set -eu

# run SUITE FOLDER: only what failed is printed, and no more of it than can be read.
run() {
    log=$(cd "$SOURCES/$2" && timeout 300 "$SUITES/$1.test" -test.parallel 4 2>&1) || {
        printf '%s\n' "$log" | grep -a -A 20 -e '--- FAIL' | cut -c -300 | head -n 200 >&2
        exit 1
    }
    echo "ok $1"
}

run etcd3 pkg/storage/etcd3
run factory pkg/storage/storagebackend/factory
