//! Finds the tests: every source file below `src` is a module of the crate, and no list names them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let mut text = String::new();
    modules(&package.join("src"), &mut text)?;
    fs::write(out.join("modules.rs"), text)
}

fn modules(folder: &Path, text: &mut String) -> io::Result<()> {
    // A file which comes or goes changes its folder; this is also how a `.cfg` beside a test is noticed.
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut paths = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else {
            continue;
        };
        if path.is_dir() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "pub(crate) mod {name} {{");
            modules(&path, text)?;
            let _ = writeln!(text, "}}");
        } else if path.extension().is_some_and(|ending| ending == "rs") && name != "lib" {
            let _ = writeln!(text, "#[path = {path:?}]\npub(crate) mod {name};");
        }
    }
    Ok(())
}
