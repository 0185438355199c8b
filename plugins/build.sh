#!/usr/bin/env bash
# Builds every plugin in this folder to TARGET/plugins/<name>.wasm, a component ready to install.
# TARGET is CARGO_TARGET_DIR, or `target` at the root of the repository.
#
# Uses the toolchain's own wasm32-unknown-unknown where it is installed (`rustup target add wasm32-unknown-unknown`).
# Where it is not, Debian's rustc-web, cargo-web and rust-web-src build the standard library for it from source.
set -euo pipefail

plugins=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$plugins")
cd "$root"
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
out=$target/plugins
guest=$target/guest
triple=wasm32-unknown-unknown
# A stack of 64 KiB, rather than the usual megabyte, which lies before everything else, so that an overflow traps; and a megabyte
# to begin with: a guest whose memory need not grow is reviewed in half of the time.
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-C link-arg=-zstack-size=65536 -C link-arg=--initial-memory=1048576 -C target-feature=+simd128"
rust_min=1.95

die() {
    echo "plugins/build.sh: $*" >&2
    exit 1
}

# One line that changes when anything does that goes into the plugin in folder $1.
fingerprint() {
    find "$1" sdk/wit sdk/rust sdk/componentize plugins/build.sh Cargo.lock -name target -prune -o -type f -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

has_own_target() {
    local libdir
    libdir=$(rustc --print target-libdir --target "$triple" 2>/dev/null) && compgen -G "$libdir/libstd-*.rlib" >/dev/null
}

# Debian's package $1 is installed, and new enough.
is_recent() {
    local version
    version=$(dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null) || return 1
    [ "${version%% *}" = installed ] && dpkg --compare-versions "${version#* }" ge "$rust_min"
}

# Installs what is missing or too old.
install_debian_toolchain() {
    local packages=(rustc-web cargo-web rust-web-src)
    is_recent rustc-web && is_recent cargo-web && is_recent rust-web-src && return
    if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
        die "no WebAssembly target: run 'rustup target add $triple', or as root 'apt-get install ${packages[*]}'"
    fi
    echo "installing ${packages[*]}: this toolchain has no $triple" >&2
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
}

# Debian's compiler comes without a linker for WebAssembly.
find_linker() {
    local linker
    for linker in "${RUSTUP_HOME:-$HOME/.rustup}"/toolchains/*/lib/rustlib/*/bin/rust-lld; do
        [ -x "$linker" ] && echo "$linker" && return
    done
    command -v wasm-ld-19 || command -v wasm-ld || die "no linker for WebAssembly: run 'apt-get install lld-19'"
}

build_with_own_target() {
    (
        # Flags for the host's linker or processor are not for WebAssembly.
        unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
        cargo build --quiet --locked --release --target "$triple" --target-dir "$guest/own" \
            --manifest-path "$1/Cargo.toml"
    )
    module=$guest/own/$triple/release
}

# A CARGO_HOME of its own, so that the older cargo and the newer one do not rewrite each other's index.
build_with_debian() {
    local linker
    linker=$(find_linker)
    (
        unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS RUSTC_WRAPPER CARGO_TARGET_DIR
        export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_HOME="$guest/cargo-home"
        export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker
        /usr/bin/cargo build --quiet --locked --release --target "$triple" -Zbuild-std=std,panic_abort \
            --target-dir "$guest/debian" --manifest-path "$1/Cargo.toml"
    )
    module=$guest/debian/$triple/release
}

build() {
    local folder=$1 name inputs
    name=$(basename "$folder")
    inputs=$(fingerprint "$folder")
    if [ -f "$out/$name.wasm" ] && [ "$(cat "$out/$name.inputs" 2>/dev/null)" = "$inputs" ]; then
        return
    fi
    echo "building plugin $name" >&2
    if has_own_target; then
        build_with_own_target "$folder"
    else
        install_debian_toolchain
        build_with_debian "$folder"
    fi
    cargo run --quiet --locked -p componentize -- "$module/${name//-/_}.wasm" "$out/$name.wasm.new"
    mv "$out/$name.wasm.new" "$out/$name.wasm"
    echo "$inputs" >"$out/$name.inputs"
}

mkdir -p "$out" "$guest"
exec 9>"$guest/lock"
flock 9
for manifest in plugins/*/Cargo.toml; do
    build "$(dirname "$manifest")"
done
