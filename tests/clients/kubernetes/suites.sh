#!/bin/sh
# Runs kube-apiserver's own tests of its storage in etcd, which start the server that they need: see testserver/server.go.
#
# SUITES is a folder with the test programs, SOURCES the module's sources, in which each looks for its files. Prints "ok SUITE" for
# each and ends with 0, or prints what failed and ends with 1.
set -eu

# suite SUITE FOLDER ARGUMENTS...: the test program, in the folder of its sources.
suite() {
    program=$SUITES/$1.test
    cd "$SOURCES/$2"
    shift 2
    timeout 300 "$program" "$@" 2>&1
}

# run SUITE FOLDER: only what failed is printed, and no more of it than can be read. What failed may try once more, alone: some of
# these tests give the server only a second, which a loaded machine may take by itself.
run() {
    log=$(suite "$1" "$2" -test.parallel 4) && { echo "ok $1"; return; }
    failed=$(printf '%s\n' "$log" | sed -n 's/^--- FAIL: \([A-Za-z0-9_]*\).*/\1/p' | paste -s -d '|')
    if [ -n "$failed" ] && log=$(suite "$1" "$2" -test.run "^($failed)\$"); then
        echo "$failed passed at the second try"
        echo "ok $1"
        return
    fi
    printf '%s\n' "$log" | grep -a -A 20 -e '--- FAIL' | cut -c -300 | head -n 200 >&2
    exit 1
}

run etcd3 pkg/storage/etcd3
run factory pkg/storage/storagebackend/factory
