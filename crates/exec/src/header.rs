//! Can this file be run at all? The kernel's own answer is one word, and a C library may run what the kernel refused by a shell.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use harness::{Stop, TestResult};
use rustix::fs::{Access, access};

/// What of a file's beginning is looked at; the kernel looks at 256 bytes.
const HEAD: u64 = 512;

const ELF: &[u8] = b"\x7fELF";

/// Checks that the kernel could run `program`.
///
/// # Errors
/// ERROR that says what is in the way, with a hint.
pub(crate) fn check(program: &Path) -> TestResult {
    let shown = program.display();
    let found = fs::metadata(program)
        .map_err(|error| Stop::error(format!("failed to run {shown}: {error}")))?;
    if !found.is_file() {
        return Err(Stop::error(format!("failed to run {shown}: it is no file")));
    }
    if access(program, Access::EXEC_OK).is_err() {
        let hint = match found.permissions().mode() & 0o111 {
            0 => format!("hint: chmod +x {shown}"),
            _ => "hint: another user owns it, or its file system is mounted noexec".to_owned(),
        };
        return Err(Stop::error(format!("failed to run {shown}: it may not be run")).detail(hint));
    }
    let mut head = Vec::new();
    let read = File::open(program).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    if read.is_err() {
        // One may run what one may not read.
        return Ok(());
    }
    let in_path = |name: &str| host::qemu::in_path(name.as_ref()).is_some();
    match obstacle(&head, own_machine(), &|path| path.exists(), &in_path) {
        Some(_) if kernel_runs_more() && !head.starts_with(b"#!") => Ok(()),
        Some((what, hint)) => {
            Err(Stop::error(format!("failed to run {shown}: {what}"))
                .detail(format!("hint: {hint}")))
        }
        None => Ok(()),
    }
}

/// What keeps a file that begins like this from being run, and what may help.
fn obstacle(
    head: &[u8],
    own_machine: Option<u16>,
    exists: &dyn Fn(&Path) -> bool,
    in_path: &dyn Fn(&str) -> bool,
) -> Option<(String, String)> {
    if let Some(line) = head.strip_prefix(b"#!") {
        return interpreter_missing(line, exists, in_path);
    }
    if head.is_empty() {
        return Some(("it is empty".into(), "write a program into it".into()));
    }
    if !head.starts_with(ELF) {
        return Some((
            "its first line does not say what runs it, and it is no program of this host".into(),
            "a script begins with its interpreter, such as #!/bin/sh".into(),
        ));
    }
    let (of_file, own) = (machine(head)?, own_machine?);
    let runs = of_file == own || (own == X86_64 && of_file == I386);
    (!runs).then(|| {
        (
            format!(
                "it is a program for {}, and this host is {}",
                machine_name(of_file),
                machine_name(own)
            ),
            "build it for this host, or install qemu-user-binfmt".into(),
        )
    })
}

/// `line` is the first one, behind its `#!`, see `execve(2)`.
fn interpreter_missing(
    line: &[u8],
    exists: &dyn Fn(&Path) -> bool,
    in_path: &dyn Fn(&str) -> bool,
) -> Option<(String, String)> {
    let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    if line.ends_with('\r') {
        return Some((
            "its first line ends with a carriage return, which becomes part of the interpreter's name".into(),
            "convert its lines to those of Unix: sed -i 's/\\r$//'".into(),
        ));
    }
    let mut words = line.split_whitespace();
    let Some(interpreter) = words.next() else {
        return Some((
            "its first line names no interpreter".into(),
            "such as #!/bin/sh".into(),
        ));
    };
    if !exists(Path::new(interpreter)) {
        return Some((
            format!("its interpreter {interpreter} is not on this host"),
            format!(
                "install it, or name another in its first line, #!{}",
                line.trim()
            ),
        ));
    }
    if !interpreter.ends_with("/env") {
        return None;
    }
    // What `env` is to look for stands behind its options and variables.
    let name = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    let missing = !name.contains('/') && !in_path(name);
    missing.then(|| {
        (
            format!("its interpreter {name} is not in PATH"),
            format!("install {name}"),
        )
    })
}

/// `e_machine` of an ELF header, see `elf(5)`.
fn machine(head: &[u8]) -> Option<u16> {
    let bytes = head
        .get(18..20)
        .and_then(|bytes| <[u8; 2]>::try_from(bytes).ok())?;
    match head.get(5)? {
        2 => Some(u16::from_be_bytes(bytes)),
        _ => Some(u16::from_le_bytes(bytes)),
    }
}

const I386: u16 = 3;
const X86_64: u16 = 62;

fn machine_name(machine: u16) -> String {
    let name = match machine {
        I386 => "i386",
        X86_64 => "x86_64",
        20 => "ppc",
        21 => "ppc64",
        22 => "s390",
        40 => "arm",
        183 => "aarch64",
        243 => "riscv",
        258 => "loongarch",
        _ => return format!("machine {machine} of elf(5)"),
    };
    name.to_owned()
}

fn own_machine() -> Option<u16> {
    let mut head = Vec::new();
    let own = File::open("/proc/self/exe").ok()?;
    own.take(HEAD).read_to_end(&mut head).ok()?;
    machine(&head)
}

/// Has the kernel been told of more formats (`binfmt_misc`)? Then it is its business what it can run.
fn kernel_runs_more() -> bool {
    let formats = fs::read_dir("/proc/sys/fs/binfmt_misc");
    formats.is_ok_and(|mut formats| {
        formats.any(|format| {
            format.is_ok_and(|format| {
                format.file_name() != "register" && format.file_name() != "status"
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(head: &[u8]) -> String {
        let exists = |path: &Path| path.starts_with("/bin") || path == Path::new("/usr/bin/env");
        let found = obstacle(head, Some(X86_64), &exists, &|name| name == "python3");
        found.map_or_else(String::new, |(what, hint)| format!("{what}; {hint}"))
    }

    fn elf(machine: u16) -> Vec<u8> {
        let mut head = vec![0; 64];
        head[..4].copy_from_slice(ELF);
        head[5] = 1;
        head[18..20].copy_from_slice(&machine.to_le_bytes());
        head
    }

    #[test]
    fn what_can_be_run_is_not_held_up() {
        for head in [
            &b"#!/bin/sh\necho"[..],
            b"#! /bin/sh -e\n",
            b"#!/usr/bin/env python3\n",
            b"#!/usr/bin/env -S A=b python3 -u",
            &elf(X86_64),
            &elf(I386),
        ] {
            assert_eq!(told(head), "", "{:?}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        for (head, what) in [
            (
                &b"#!/opt/none\n"[..],
                "its interpreter /opt/none is not on this host",
            ),
            (b"#!/bin/sh\r\n", "carriage return"),
            (b"#!\n", "names no interpreter"),
            (
                b"#!/usr/bin/env -S A=b pytohn -u\n",
                "its interpreter pytohn is not in PATH",
            ),
            (b"", "it is empty"),
            (b"echo hello\n", "its first line does not say what runs it"),
            (
                &elf(183),
                "it is a program for aarch64, and this host is x86_64",
            ),
        ] {
            assert!(told(head).contains(what), "{}", told(head));
        }
    }

    #[test]
    fn this_very_program_can_be_run() {
        assert_eq!(check(&std::env::current_exe().unwrap()), Ok(()));
    }

    #[test]
    fn a_file_without_its_run_bit_says_how_to_set_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.sh");
        fs::write(&path, "#!/bin/sh\n").unwrap();
        let stop = check(&path).unwrap_err();
        assert_eq!(stop.details, [format!("hint: chmod +x {}", path.display())]);
        let stop = check(dir.path()).unwrap_err();
        assert!(stop.reason.ends_with("it is no file"), "{stop}");
        let stop = check(&dir.path().join("none")).unwrap_err();
        assert!(stop.reason.contains("No such file"), "{stop}");
    }
}
