//! Finds the bundled plugin, which `plugins/build.sh` leaves in `plugins/` of the target directory, and asks the compiler
//! for its version.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where `plugins/build.sh` puts it.
const PLUGIN: &str = "plugins/no-secrets-in-configmaps.wasm";

/// What of the SDKs the program brings along: cargo does not see by itself that it goes into it.
const SDKS: [&str; 8] = ["rust/src", "go", "js/src", "js/bin", "python/src", "c", "wit", "templates"];

fn main() {
    SDKS.iter().for_each(|folder| println!("cargo::rerun-if-changed=../../sdk/{folder}"));
    println!("cargo::rustc-env=STRONGROOM_RUSTC={}", compiler());
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // OUT_DIR is some levels below the target directory, wherever CARGO_TARGET_DIR or a configuration put that.
    let Some(plugin) = out.ancestors().map(|above| above.join(PLUGIN)).find(|path| path.is_file()) else {
        println!("cargo::error=the bundled plugin is not built: run plugins/build.sh first (make does it by itself)");
        return;
    };
    println!("cargo::rerun-if-changed={}", shown(&plugin));
    println!("cargo::rustc-env=STRONGROOM_BUNDLED_PLUGIN={}", shown(&plugin));
}

/// Such as `rustc 1.95.0 (0123abc 2026-04-01)`.
fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").expect("cargo sets RUSTC");
    let output = Command::new(rustc).arg("--version").output().expect("the compiler that cargo uses starts");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("cargo only takes paths that are UTF-8")
}
