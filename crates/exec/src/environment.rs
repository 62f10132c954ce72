//! What an executable learns of its test: parameters, and where things are.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use params::Params;

/// File of the parameters: a JSON object, text by key.
pub(crate) const PARAMS_FILE: &str = "VIRT_TEST_PARAMS";
/// Name of the test.
pub(crate) const NAME: &str = "VIRT_TEST_NAME";
/// Directory of the test's evidence, which stays.
pub(crate) const DIR: &str = "VIRT_TEST_DIR";
/// Directory the program starts in, which goes with the test. Its value is nobody else's, so it also marks what the program starts.
pub(crate) const SCRATCH: &str = "VIRT_TEST_SCRATCH";

/// What the name of a parameter's variable begins with.
pub(crate) const PREFIX: &str = "VT_";

/// Longest value that goes into a variable, in bytes. The kernel takes 128 KiB for one, and some MiB for all (`execve(2)`).
const LONGEST: usize = 16 << 10;

/// The variables of parameters: those whose keys are made of ASCII letters, digits and underscores, and whose values are not very long.
pub(crate) fn variables(params: &Params) -> impl Iterator<Item = (String, &str)> {
    let legal = |key: &str| {
        key.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let fits = |value: &str| value.len() <= LONGEST && !value.contains('\0');
    params
        .iter()
        .filter(move |(key, value)| legal(key) && fits(value))
        .map(|(key, value)| (format!("{PREFIX}{key}"), value))
}

/// Variables of our own environment that speak of another test: that of an outer run, if one runs us.
pub(crate) fn of_others() -> Vec<OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    let ours = [PARAMS_FILE, NAME, DIR, SCRATCH];
    names
        .filter(|name| {
            let name = name.to_string_lossy();
            name.starts_with(PREFIX) || ours.contains(&&*name)
        })
        .collect()
}

/// Where our own files are in the directory a program starts in.
const OURS: &str = ".virt-test";

/// What the command is called that holds the machines.
const COMMAND: &str = "vt";

/// Puts what is ours into a program's directory: the command, and a file of all parameters. Returns the program's `PATH`, and the file.
pub(crate) fn furnish(params: &Params, scratch: &Path) -> io::Result<(OsString, PathBuf)> {
    let ours = scratch.join(OURS);
    fs::create_dir(&ours)?;
    let file = ours.join("params.json");
    let all: BTreeMap<&str, &str> = params.iter().collect();
    fs::write(&file, serde_json::to_vec_pretty(&all)?)?;
    Ok((path_with_command(&ours)?, file))
}

/// Puts the command `vt`, which is this very program under that name, into `dir`. Returns `PATH` with that directory first.
///
/// # Errors
/// Those of finding this program and of making a link.
pub fn path_with_command(dir: &Path) -> io::Result<OsString> {
    symlink(std::env::current_exe()?, dir.join(COMMAND))?;
    let mut path = dir.as_os_str().to_owned();
    if let Some(rest) = std::env::var_os("PATH").filter(|rest| !rest.is_empty()) {
        path.push(":");
        path.push(rest);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_with_a_legal_name_and_a_value_that_fits_is_a_variable() {
        let long = "x".repeat(LONGEST + 1);
        let params: Params = [
            ("mem_vm1", "512"),
            ("1st", ""),
            ("a-b", "x"),
            ("a.b", "x"),
            ("long", &long),
        ]
        .into();
        let variables: Vec<_> = variables(&params).collect();
        assert_eq!(
            variables,
            [("VT_1st".to_owned(), ""), ("VT_mem_vm1".to_owned(), "512")]
        );
    }

    #[test]
    fn all_parameters_are_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let params: Params = [("a-b", "1 \"2\"\n"), ("c", "")].into();
        let (_, path) = furnish(&params, dir.path()).unwrap();
        let read: BTreeMap<String, String> =
            serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        assert_eq!(
            read,
            [
                ("a-b".into(), "1 \"2\"\n".into()),
                ("c".into(), String::new())
            ]
            .into()
        );
    }
}
