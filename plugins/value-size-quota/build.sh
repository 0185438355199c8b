#!/bin/sh
# build.sh COMPONENT [SCRATCH]: builds this plugin. It needs nothing beyond what sdk/c/build.sh names, and leaves nothing in
# SCRATCH (default ./build) but a module while it runs.
set -eu

[ $# -ge 1 ] || { echo "usage: build.sh COMPONENT [SCRATCH]" >&2; exit 2; }
component=$1
scratch=${2:-build}
folder=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$scratch"
TMPDIR=$(cd "$scratch" && pwd) "$folder/../../sdk/c/build.sh" "$component" \
    "$folder"/src/plugin.c "$folder"/src/namespace.c "$folder"/src/settings.c "$folder"/src/usage.c
