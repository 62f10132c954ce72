//! What a machine starts in: QEMU's own BIOS, or the UEFI of this host.

use std::fs;
use std::path::{Path, PathBuf};

use machine::Firmware;
use params::Params;

use crate::{Stop, TestResult};

/// Where distributions and QEMU itself put OVMF: its code, and the template of its variables.
const OVMF: [(&str, &str); 6] = [
    (
        "/usr/share/OVMF/OVMF_CODE_4M.fd",
        "/usr/share/OVMF/OVMF_VARS_4M.fd",
    ),
    (
        "/usr/share/OVMF/OVMF_CODE.fd",
        "/usr/share/OVMF/OVMF_VARS.fd",
    ),
    (
        "/usr/share/edk2/ovmf/OVMF_CODE.fd",
        "/usr/share/edk2/ovmf/OVMF_VARS.fd",
    ),
    (
        "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
        "/usr/share/edk2/x64/OVMF_VARS.4m.fd",
    ),
    (
        "/usr/share/qemu/edk2-x86_64-code.fd",
        "/usr/share/qemu/edk2-i386-vars.fd",
    ),
    (
        "/usr/local/share/qemu/edk2-x86_64-code.fd",
        "/usr/local/share/qemu/edk2-i386-vars.fd",
    ),
];

/// The firmware of machine `vm`. UEFI's variables are copied to `dir` when the machine is first started, and kept from then on.
///
/// # Errors
/// SKIP where OVMF is not on this host.
pub(crate) fn of(params: &Params, data: &Path, dir: &Path, vm: &str) -> TestResult<Firmware> {
    if params.value("firmware") != Some("ovmf") {
        return Ok(Firmware::SeaBios);
    }
    let named = |key| -> TestResult<Option<PathBuf>> {
        Ok(params.read::<PathBuf>(key)?.map(|path| data.join(path)))
    };
    let (code, template) = find(named("ovmf_code")?, named("ovmf_vars")?, Path::is_file)?;
    let vars = variables(dir, vm);
    if !vars.exists() {
        fs::copy(&template, &vars).map_err(|error| {
            let (from, to) = (template.display(), vars.display());
            Stop::error(format!("failed to copy {from} to {to}: {error}"))
        })?;
    }
    Ok(Firmware::Uefi { code, vars })
}

/// Where the variables of machine `vm` are.
pub(crate) fn variables(dir: &Path, vm: &str) -> PathBuf {
    dir.join(format!("{vm}-ovmf-vars.fd"))
}

/// OVMF's code and the template of its variables.
fn find(
    code: Option<PathBuf>,
    vars: Option<PathBuf>,
    is_file: impl Fn(&Path) -> bool,
) -> TestResult<(PathBuf, PathBuf)> {
    let known = OVMF.map(|(code, vars)| (PathBuf::from(code), PathBuf::from(vars)));
    let (code, vars) = match (code, vars) {
        (Some(code), Some(vars)) => (code, vars),
        (Some(code), None) => {
            let vars = known.into_iter().find(|(known, _)| *known == code);
            let vars = vars.map_or_else(|| beside(&code), |(_, vars)| vars);
            (code, vars)
        }
        (None, vars) => {
            let mut known = known.into_iter();
            let found = known.find(|(code, vars)| is_file(code) && is_file(vars));
            let Some((code, template)) = found else {
                let hint =
                    "hint: install the package ovmf, or name its files by ovmf_code and ovmf_vars";
                return Err(Stop::skip("firmware = ovmf: OVMF is not on this host").detail(hint));
            };
            (code, vars.unwrap_or(template))
        }
    };
    for path in [&code, &vars] {
        if !is_file(path) {
            let path = path.display();
            return Err(Stop::skip(format!(
                "firmware = ovmf: there is no file {path}"
            )));
        }
    }
    Ok((code, vars))
}

/// `OVMF_CODE_4M.fd` has its `OVMF_VARS_4M.fd` beside it.
fn beside(code: &Path) -> PathBuf {
    let name = code.file_name().unwrap_or_default().to_string_lossy();
    code.with_file_name(name.replace("CODE", "VARS").replace("code", "vars"))
}

#[cfg(test)]
mod tests {
    use events::Verdict;

    use super::*;

    fn found(
        code: Option<&str>,
        vars: Option<&str>,
        files: &[&str],
    ) -> TestResult<(PathBuf, PathBuf)> {
        find(code.map(PathBuf::from), vars.map(PathBuf::from), |path| {
            files.iter().any(|file| Path::new(file) == path)
        })
    }

    #[test]
    fn ovmf_is_found_where_distributions_put_it_and_only_as_a_pair() {
        let (code, vars) = OVMF[1];
        let lone = OVMF[0].0;
        assert_eq!(
            found(None, None, &[lone, code, vars]),
            Ok((code.into(), vars.into()))
        );
    }

    #[test]
    fn without_ovmf_the_test_is_skipped_and_told_what_to_install() {
        let stop = found(None, None, &[]).unwrap_err();
        assert_eq!(stop.verdict, Verdict::Skip);
        assert!(stop.reason.contains("OVMF is not on this host"), "{stop}");
        assert!(stop.details[0].contains("ovmf_code"), "{stop:?}");
    }

    #[test]
    fn named_code_takes_the_variables_beside_it() {
        let files = ["/x/MY_CODE.fd", "/x/MY_VARS.fd"];
        assert_eq!(
            found(Some("/x/MY_CODE.fd"), None, &files),
            Ok((files[0].into(), files[1].into()))
        );
    }

    #[test]
    fn a_named_file_that_is_not_there_is_named() {
        let stop = found(Some("/x/CODE.fd"), Some("/y/VARS.fd"), &["/x/CODE.fd"]).unwrap_err();
        assert_eq!(stop.verdict, Verdict::Skip);
        assert!(stop.reason.contains("/y/VARS.fd"), "{stop}");
    }

    #[test]
    fn every_machine_writes_to_its_own_copy_and_finds_it_again() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["code.fd", "vars.fd"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let params: Params = [("firmware", "ovmf"), ("ovmf_code", "code.fd")].into();
        let of = |vm| of(&params, dir.path(), dir.path(), vm).unwrap();
        let Firmware::Uefi { code, vars } = of("vm1") else {
            panic!("no UEFI");
        };
        assert_eq!(code, dir.path().join("code.fd"));
        fs::write(&vars, "written by the guest").unwrap();
        assert_eq!(
            of("vm1"),
            Firmware::Uefi {
                code,
                vars: vars.clone()
            }
        );
        assert_eq!(fs::read_to_string(&vars).unwrap(), "written by the guest");
        assert_ne!(of("vm2"), of("vm1"));
        assert_eq!(
            fs::read_to_string(dir.path().join("vars.fd")).unwrap(),
            "vars.fd"
        );
    }
}
