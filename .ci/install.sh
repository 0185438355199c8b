#!/bin/sh
# Installs what a make target needs and this machine does not have. Usage: .ci/install.sh [build|wasm|etcd|bench|clients|guests|deny|clang]...
set -eu

packages=""

# The workspace's oldest compiler; Debian's must be no older for the plugins.
rust_min=1.95
# What `make verify` was last seen to pass with.
cargo_deny=0.20.2

need() {
    packages="$packages $*"
}

has_libclang() {
    has_library && has_headers
}

has_library() {
    for library in "${LIBCLANG_PATH:-/nowhere}" /usr/lib/llvm-*/lib/libclang.so* /usr/lib/llvm-*/lib/libclang-[0-9]*.so* \
        /usr/lib64/libclang.so* /usr/lib/libclang.so*; do
        [ ! -e "$library" ] || return 0
    done
    return 1
}

# libclang does not find C's own types without the headers that belong to it.
has_headers() {
    for header in "${LIBCLANG_PATH:-/nowhere}"/clang/*/include/stddef.h \
        /usr/lib/llvm-*/lib/clang/*/include/stddef.h /usr/lib*/clang/*/include/stddef.h; do
        [ ! -e "$header" ] || return 0
    done
    return 1
}

has_wasm_target() {
    libraries=$(rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null) && [ -d "$libraries" ]
}

# A part has a name of its own: a function called etcd would be found by `command -v etcd`.
#
# The C++ compiler and libclang are for RocksDB and its bindings.
part_build() {
    command -v cargo >/dev/null || { echo "install Rust first: https://rustup.rs" >&2; exit 1; }
    command -v c++ >/dev/null || need g++
    has_libclang || need libclang1-14 libclang-common-14-dev
}

# The plugins' target: rustup's, or Debian's build of it.
part_wasm() {
    ! has_wasm_target || return 0
    if ! command -v apt-get >/dev/null; then
        echo "the plugins need a target that this toolchain lacks: rustup target add wasm32-unknown-unknown" >&2
        exit 1
    fi
    for package in rustc-web cargo-web rust-web-src; do
        is_recent "$package" || need "$package"
    done
}

# An installed package that is older is installed again, which upgrades it.
is_recent() {
    version=$(dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null) || return 1
    [ "${version%% *}" = installed ] && dpkg --compare-versions "${version#* }" ge "$rust_min"
}

# The tests compare with the real etcd, and drive Strongroom by its client.
part_etcd() {
    command -v etcdctl >/dev/null || need etcd-client
    command -v etcd >/dev/null || need etcd-server
}

# Makes the disk slow for either server.
part_bench() {
    command -v strace >/dev/null || need strace
}

# The oldest Go that fetches a newer one by itself, where a module asks for it.
go_min=1.21

# What the client programs are written in. Without these their tests fail rather than pass.
part_clients() {
    command -v curl >/dev/null || need curl
    command -v python3 >/dev/null || need python3
    python3 -c 'import ensurepip' 2>/dev/null || need python3-venv
    command -v npm >/dev/null || need nodejs npm
    # protoc, and the .proto files that it always knows.
    command -v protoc >/dev/null || need protobuf-compiler
    [ -e /usr/include/google/protobuf/descriptor.proto ] || need libprotobuf-dev
    command -v go >/dev/null || { is_offered golang-go "$go_min" && need golang-go; } ||
        { echo "the Go clients need Go $go_min or newer: https://go.dev/dl" >&2; exit 1; }
}

# What the SDKs of plugins in other languages need, and what their build tools were last seen to work with.
guests_go_min=1.26
guests_node_min=20

part_guests() {
    command -v cc >/dev/null || need gcc libc6-dev
    command -v clang-19 >/dev/null || need clang-19
    command -v wasm-ld-19 >/dev/null || need lld-19
    [ -e /usr/include/wasm32-wasi/string.h ] || need wasi-libc
    [ -e /usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a ] ||
        need libclang-rt-19-dev-wasm32
    command -v python3 >/dev/null || need python3
    python3 -c 'import ensurepip' 2>/dev/null || need python3-venv
    has_node || { is_offered nodejs "$guests_node_min" && need nodejs npm; } ||
        { echo "the plugin SDK for JavaScript needs Node.js $guests_node_min or newer: https://nodejs.org" >&2; exit 1; }
    command -v go >/dev/null || { is_offered golang-go "$guests_go_min" && need golang-go; } ||
        { echo "the plugin SDK for Go needs Go $guests_go_min or newer: https://go.dev/dl" >&2; exit 1; }
}

has_node() {
    command -v npm >/dev/null && version=$(node --version 2>/dev/null) && [ "$(echo "${version#v}" | cut -d. -f1)" -ge "$guests_node_min" ]
}

# Whether the distribution has a package in a version that is new enough.
is_offered() {
    version=$(apt-cache policy "$1" 2>/dev/null | sed -n 's/ *Candidate: //p') || return 1
    [ -n "$version" ] && dpkg --compare-versions "${version#*:}" ge "$2"
}

# Not optimised: it runs for seconds, and compiles in a fifth of the time.
part_deny() {
    command -v cargo-deny >/dev/null || cargo install --debug --locked cargo-deny --version "$cargo_deny"
}

# Compiles RocksDB in four fifths of g++'s time, and where it was compiled before in a tenth.
part_clang() {
    command -v clang++ >/dev/null || need clang
    command -v ccache >/dev/null || need ccache
}

for part in "$@"; do
    case "$part" in
    build | wasm | etcd | bench | clients | guests | deny | clang) "part_$part" ;;
    *) echo ".ci/install.sh: no part is called $part" >&2; exit 1 ;;
    esac
done

[ -n "$packages" ] || exit 0
command -v apt-get >/dev/null || { echo "install these packages, or what your system calls them:$packages" >&2; exit 1; }
sudo=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "run as root: apt-get install --no-install-recommends$packages" >&2; exit 1; }
    sudo=sudo
fi
$sudo apt-get update -qq
# The tests start an etcd of their own: the packaged service must not take its ports. A policy of "101: do not start"
# is Debian's way to say so; it is only in the way for the time of the installation.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod +x "$policy"
    trap '$sudo rm -f "$policy"' EXIT
fi
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq -y --no-install-recommends $packages
