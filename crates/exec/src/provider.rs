//! Folders of executables: which tests are there, and what the configuration of each is.
//!
//! A provider is a folder. Its tests are the executables in its folder `tests`, or in itself where it has none; a test is named after
//! its file, and a `.cfg` beside it is its own configuration. `provider.cfg` is that of all of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The folder of tests in a provider.
const TESTS: &str = "tests";

/// The configuration of all tests of a provider.
const COMMON: &str = "provider.cfg";

/// Folders below it that are looked into.
const DEPTH: usize = 16;

/// A folder of tests, or one executable that is a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// What its variants are called: in a folder, behind the name of which theirs stand.
    pub name: String,
    /// Where it is; absolute.
    pub path: PathBuf,
    /// Its tests, by name.
    pub tests: Vec<Executable>,
    /// Is it the one executable itself?
    pub alone: bool,
}

/// A test: a program, its configuration, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executable {
    /// Its folders and its file name without ending, with dots in between.
    pub name: String,
    /// The program; none where only the configuration says which.
    pub program: Option<PathBuf>,
    /// The `.cfg` beside it.
    pub config: Option<PathBuf>,
}

/// Why there are no tests to be had.
#[derive(Debug)]
pub struct ProviderError {
    /// What is wrong.
    pub reason: String,
    /// What may help.
    pub hint: Option<String>,
}

impl ProviderError {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            hint: None,
        }
    }

    fn io(path: &Path, error: &io::Error) -> Self {
        Self::new(format!("failed to read {}: {error}", path.display()))
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for ProviderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for ProviderError {}

impl Provider {
    /// What there is at `path`, which is a folder, or a program that is a test.
    ///
    /// # Errors
    /// Where there is nothing, or two tests of one name, or none at all.
    pub fn find(path: &Path) -> Result<Self, ProviderError> {
        let absolute = fs::canonicalize(path).map_err(|error| ProviderError::io(path, &error))?;
        if absolute
            .to_str()
            .is_none_or(|text| text.contains(['\n', ':']))
        {
            return Err(ProviderError::new(format!(
                "{} has a line break, a colon or no text in its path, which a configuration cannot hold",
                absolute.display()
            )));
        }
        if absolute.is_dir() {
            Self::folder(absolute)
        } else {
            Ok(Self::program(absolute))
        }
    }

    fn program(path: PathBuf) -> Self {
        let name = label(&path.file_stem().unwrap_or_default().to_string_lossy());
        let config = Some(path.with_extension("cfg")).filter(|config| config.is_file());
        Self {
            tests: vec![Executable {
                name: name.clone(),
                program: Some(path.clone()),
                config,
            }],
            name,
            path,
            alone: true,
        }
    }

    fn folder(path: PathBuf) -> Result<Self, ProviderError> {
        let name = label(&path.file_name().unwrap_or_default().to_string_lossy());
        let own = path.join(TESTS);
        let tests = if own.is_dir() { own } else { path.clone() };
        let mut found = BTreeMap::new();
        let common = path.join(COMMON);
        collect(&tests, "", 0, &common, &mut found)?;
        if found.is_empty() {
            return Err(
                ProviderError::new(format!("there is no test in {}", tests.display()))
                    .hint(Self::none_there(&path)),
            );
        }
        Ok(Self {
            name,
            path,
            tests: found.into_values().collect(),
            alone: false,
        })
    }

    fn none_there(path: &Path) -> &'static str {
        let avocado = ["qemu/tests", "generic/tests", "libvirt/tests"];
        if avocado.iter().any(|folder| path.join(folder).is_dir()) {
            "its tests are Python modules that avocado-vt loads; here a test is an executable"
        } else {
            "tests are executable files in its folder tests, or in itself where it has none"
        }
    }

    /// Its tests in the Cartesian configuration, `indent` deep.
    #[must_use]
    pub fn configuration(&self, indent: usize) -> String {
        let mut text = String::new();
        let mut write = |depth: usize, line: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:1$}{line}", "", indent + 4 * depth);
        };
        let mut depth = 0;
        if !self.alone {
            write(0, format!("- {}:", self.name));
            let common = self.path.join(COMMON);
            if common.is_file() {
                write(1, format!("include {}", common.display()));
            }
            write(1, "variants:".to_owned());
            depth = 2;
        }
        for test in &self.tests {
            write(depth, format!("- {}:", test.name));
            write(depth + 1, format!("type = {}", crate::TYPE));
            if let Some(program) = &test.program {
                write(depth + 1, format!("exec_path = \"{}\"", program.display()));
            }
            if let Some(config) = &test.config {
                write(depth + 1, format!("include {}", config.display()));
            }
        }
        text
    }
}

/// Finds the tests in `folder`, whose names begin with `prefix`.
fn collect(
    folder: &Path,
    prefix: &str,
    depth: usize,
    common: &Path,
    found: &mut BTreeMap<String, Executable>,
) -> Result<(), ProviderError> {
    let failed = |error: io::Error| ProviderError::io(folder, &error);
    let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(failed)?;
    paths.sort();
    for path in paths {
        let (Some(name), Some(stem)) = (text(path.file_name()), text(path.file_stem())) else {
            continue;
        };
        if name.starts_with(['.', '_']) || path == common {
            continue;
        }
        if path.is_dir() {
            if depth < DEPTH {
                let prefix = format!("{prefix}{}.", label(&name));
                collect(&path, &prefix, depth + 1, common, found)?;
            }
        } else {
            files
                .entry(format!("{prefix}{}", label(&stem)))
                .or_default()
                .push(path);
        }
    }
    for (name, paths) in files {
        let (configs, others): (Vec<_>, Vec<_>) = paths
            .into_iter()
            .partition(|path| path.extension().is_some_and(|ending| ending == "cfg"));
        let mut programs: Vec<PathBuf> = others.into_iter().filter(|path| is_meant(path)).collect();
        if let [one, other, ..] = &programs[..] {
            return Err(ProviderError::new(format!(
                "two tests are called {name}: {} and {}",
                one.display(),
                other.display()
            ))
            .hint("rename one, or let its name begin with _ if it is no test"));
        }
        let (program, config) = (programs.pop(), configs.into_iter().next());
        if program.is_some() || config.is_some() {
            found.insert(
                name.clone(),
                Executable {
                    name,
                    program,
                    config,
                },
            );
        }
    }
    Ok(())
}

fn text(name: Option<&std::ffi::OsStr>) -> Option<String> {
    name.map(|name| name.to_string_lossy().into_owned())
}

/// Is the file a test? One that says what runs it is meant as one even if its run bit was lost: told, not passed over.
fn is_meant(path: &Path) -> bool {
    let Ok(found) = fs::metadata(path) else {
        return false;
    };
    if !found.is_file() {
        return false;
    }
    let mut head = [0; 2];
    found.permissions().mode() & 0o111 != 0
        || fs::File::open(path)
            .and_then(|mut file| file.read_exact(&mut head))
            .is_ok_and(|()| head == *b"#!")
}

/// A name as a label of the configuration: letters, digits, `_` and `-`.
fn label(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let label: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    match label.trim_start_matches('-') {
        "" => "_".to_owned(),
        label => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn names(path: &Path) -> Vec<String> {
        let tests = Provider::find(path).unwrap().tests;
        tests.into_iter().map(|test| test.name).collect()
    }

    #[test]
    fn tests_are_the_executables_and_what_is_meant_to_be_one() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text, mode) in [
            ("plain.sh", "#!/bin/sh\n", 0o755),
            ("lost-its-bit.py", "#!/usr/bin/python3\n", 0o644),
            ("README.md", "read me", 0o644),
            ("_helper.sh", "#!/bin/sh\n", 0o755),
            (".hidden", "#!/bin/sh\n", 0o755),
            ("net/ping.v2.sh", "#!/bin/sh\n", 0o755),
            ("net/only.cfg", "exec_path = /bin/true\n", 0o644),
        ] {
            write(&dir.path().join(name), text, mode);
        }
        assert_eq!(
            names(dir.path()),
            ["lost-its-bit", "net.only", "net.ping_v2", "plain"]
        );
        write(&dir.path().join("tests/inner.sh"), "", 0o755);
        assert_eq!(
            names(dir.path()),
            ["inner"],
            "the folder tests is all that is looked into"
        );
    }

    #[test]
    fn what_cannot_be_is_told_with_a_hint() {
        let dir = tempfile::tempdir().unwrap();
        let told = || Provider::find(dir.path()).unwrap_err();
        assert!(told().reason.starts_with("there is no test in "));
        fs::create_dir_all(dir.path().join("qemu/tests")).unwrap();
        assert!(told().hint.unwrap().contains("avocado-vt"));
        write(&dir.path().join("a.sh"), "", 0o755);
        write(&dir.path().join("a.py"), "", 0o755);
        assert!(told().reason.starts_with("two tests are called a: "));
        assert!(
            Provider::find(&dir.path().join("none"))
                .unwrap_err()
                .reason
                .contains("No such file")
        );
    }

    #[test]
    fn a_folder_is_a_group_of_variants_and_a_program_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let mine = fs::canonicalize(dir.path()).unwrap().join("my tests");
        write(&mine.join("tests/a.sh"), "", 0o755);
        write(&mine.join("tests/a.cfg"), "mem = 64", 0o644);
        write(&mine.join("tests/b.cfg"), "exec_path = /bin/true", 0o644);
        write(&mine.join("provider.cfg"), "vms =", 0o644);
        let folder = Provider::find(&mine).unwrap().configuration(4);
        let program = Provider::find(&mine.join("tests/a.sh"))
            .unwrap()
            .configuration(0);
        let shown = format!("{folder}{program}").replace(&mine.display().to_string(), "/MINE");
        insta::assert_snapshot!(shown, @r#"
            - my_tests:
                include /MINE/provider.cfg
                variants:
                    - a:
                        type = exec
                        exec_path = "/MINE/tests/a.sh"
                        include /MINE/tests/a.cfg
                    - b:
                        type = exec
                        include /MINE/tests/b.cfg
        - a:
            type = exec
            exec_path = "/MINE/tests/a.sh"
            include /MINE/tests/a.cfg
        "#);
    }

    #[test]
    fn a_label_holds_nothing_the_language_gives_a_meaning() {
        assert_eq!(
            [label("a b.c"), label("--x"), label("ü-1"), label("-")],
            ["a_b_c", "x", "_-1", "_"]
        );
    }
}
