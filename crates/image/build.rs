//! Builds the tiny guest's init, statically linked, and leaves it where `include_bytes!` finds it, so that the one
//! installed binary carries its guest's init and needs no Rust toolchain to make a guest.
//!
//! The nested cargo has its own target directory, so it does not wait for the lock the outer cargo holds.

#![expect(
    clippy::expect_used,
    reason = "a build script that cannot go on has nobody to return to"
)]

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const GUEST_TARGET: &str = "x86_64-unknown-linux-gnu";
const PROFILE: &str = "init";
const PACKAGE: &str = "tiny-init";

fn main() {
    let manifest_dir = path_from_env("CARGO_MANIFEST_DIR");
    let out_dir = path_from_env("OUT_DIR");
    let workspace = manifest_dir.join("../..");
    for input in ["guests/init", "Cargo.toml", "Cargo.lock"] {
        println!(
            "cargo::rerun-if-changed={}",
            workspace.join(input).display()
        );
    }
    println!("cargo::rerun-if-changed=build.rs");

    let target_dir = out_dir.join("init-target");
    build_init(&workspace, &target_dir);

    let built = target_dir.join(GUEST_TARGET).join(PROFILE).join(PACKAGE);
    let bytes = fs::read(&built)
        .unwrap_or_else(|error| panic!("failed to read {}: {error}", built.display()));
    fs::write(out_dir.join(PACKAGE), &bytes).expect("OUT_DIR is writable");
    println!(
        "cargo::rustc-env=TINY_INIT_SHA256={}",
        hex(&Sha256::digest(&bytes))
    );
}

fn build_init(workspace: &Path, target_dir: &Path) {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo tells this build script about *this* package and the outer build (its flags, clippy's wrapper, its target and
    // profile) must not reach the inner build. Where crates come from (home, registries, network) must.
    for (name, _) in env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let ours_to_keep = ["CARGO_HOME", "CARGO_MAKEFLAGS"].contains(&name)
            || [
                "CARGO_NET_",
                "CARGO_HTTP_",
                "CARGO_REGISTRIES_",
                "CARGO_REGISTRY_",
                "CARGO_SOURCE_",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        let of_outer_build = name.starts_with("CARGO_")
            || [
                "RUSTFLAGS",
                "RUSTDOCFLAGS",
                "RUSTC_WORKSPACE_WRAPPER",
                "CLIPPY_ARGS",
                "CLIPPY_CONF_DIR",
            ]
            .contains(&name);
        if of_outer_build && !ours_to_keep {
            cargo.env_remove(name);
        }
    }
    let status = cargo
        .current_dir(workspace)
        .args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            PACKAGE,
            "--profile",
            PROFILE,
        ])
        .args(["--target", GUEST_TARGET])
        .arg("--target-dir")
        .arg(target_dir)
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            ["-Ctarget-feature=+crt-static", "-Crelocation-model=static"].join("\x1f"),
        )
        .status()
        .expect("cargo runs: it runs this build script");
    assert!(
        status.success(),
        "failed to build the tiny guest's init for {GUEST_TARGET} (see above). It links the C library statically: on Debian \
         `apt-get install libc6-dev` provides it; on another architecture `rustup target add {GUEST_TARGET}` and a cross linker are needed"
    );
}

fn path_from_env(name: &str) -> PathBuf {
    PathBuf::from(
        env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name} for build scripts")),
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
