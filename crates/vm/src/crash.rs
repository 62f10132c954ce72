//! What a crashed QEMU leaves behind: a core dump, and the backtrace a debugger reads from it.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use host::deadlines::Deadlines;
use host::ledger::Ledger;
use host::process::{Exit, Output, Process, ProcessId, Spec};
use object::Endianness;
use object::elf::{FileHeader64, NT_PRPSINFO};
use object::read::elf::{FileHeader, ProgramHeader};
use regex::Regex;

/// Name of the core dump in the directory of the machine's logs.
const CORE: &str = "qemu.core";
/// What the debugger said, all threads included.
const BACKTRACE: &str = "qemu-backtrace.txt";

/// How long the debugger may take; it reads the symbols of a large program.
const DEBUGGER_LIMIT: Duration = Duration::from_secs(60);

/// Bytes at the start of a core dump in which its notes are.
const NOTES: u64 = 1 << 20;

/// Frames in [`Crash`].
const FRAMES: usize = 16;

/// What was found out about a crash of QEMU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// The core dump, among the machine's logs.
    pub core: Option<PathBuf>,
    /// Frames of the thread that crashed, the innermost first; `qemu-backtrace.txt` among the logs has all threads.
    pub backtrace: Vec<String>,
    /// Why there is no core dump or no backtrace.
    pub missing: Option<String>,
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(core) = &self.core {
            writeln!(f, "core dump: {}", core.display())?;
        }
        if let Some(missing) = &self.missing {
            writeln!(f, "{missing}")?;
        }
        if !self.backtrace.is_empty() {
            writeln!(f, "backtrace of the thread that crashed:")?;
            self.backtrace
                .iter()
                .try_for_each(|frame| writeln!(f, "  {frame}"))?;
        }
        Ok(())
    }
}

/// The program that crashed, and where what is known of it goes.
#[derive(Debug, Clone)]
pub(crate) struct Crashable {
    pub(crate) program: PathBuf,
    pub(crate) process: ProcessId,
    /// Where the machine's logs are, and QEMU's working directory.
    pub(crate) logs: PathBuf,
    pub(crate) ledger: Ledger,
    pub(crate) deadlines: Deadlines,
}

impl Crashable {
    /// Looks for the core dump, keeps it with the logs, and has a debugger read it.
    pub(crate) async fn examine(&self, exit: Exit) -> Crash {
        let core = if exit.core_dumped {
            self.take_core()
        } else {
            Err("there is no core dump (hint: `ulimit -H -c` must not be 0)".to_owned())
        };
        let core = match core {
            Ok(core) => core,
            Err(missing) => {
                return Crash {
                    core: None,
                    backtrace: Vec::new(),
                    missing: Some(missing),
                };
            }
        };
        let (backtrace, missing) = match self.debug(&core).await {
            Ok(text) => (crashed_thread(&text), None),
            Err(missing) => (Vec::new(), Some(missing)),
        };
        Crash {
            core: Some(core),
            backtrace,
            missing,
        }
    }

    fn take_core(&self) -> Result<PathBuf, String> {
        let setting = |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}"));
        let pattern = setting("core_pattern").unwrap_or_default();
        let uses_pid = setting("core_uses_pid").is_ok_and(|text| text.trim() != "0");
        let (directory, name) = place(pattern.trim_end(), uses_pid, self.process.pid)?;
        // A relative pattern is relative to QEMU's working directory.
        let directory = self.logs.join(directory);
        let entries = fs::read_dir(&directory).map_err(|error| {
            format!(
                "cannot look for the core dump in {}: {error}",
                directory.display()
            )
        })?;
        let is_ours = |path: &Path| pid_of(path) == Some(self.process.pid);
        let found = entries
            .flatten()
            .filter(|entry| name.is_match(&entry.file_name().to_string_lossy()))
            .map(|entry| entry.path())
            .find(|path| is_ours(path));
        let found = found.ok_or_else(|| {
            format!(
                "the core dump is not in {} (core_pattern {})",
                directory.display(),
                pattern.trim_end()
            )
        })?;
        let kept = self.logs.join(CORE);
        let moved = fs::rename(&found, &kept).or_else(|_| {
            // Another file system.
            fs::copy(&found, &kept)?;
            fs::remove_file(&found)
        });
        // Where it cannot be moved to is no reason not to read it.
        Ok(moved.map_or(found, |()| kept))
    }

    async fn debug(&self, core: &Path) -> Result<String, String> {
        let Some(gdb) = host::qemu::in_path("gdb".as_ref()) else {
            return Err("there is no backtrace: gdb is not installed".to_owned());
        };
        let failed = |why: String| format!("there is no backtrace: {why}");
        let path = self.logs.join(BACKTRACE);
        let gdb = Spec::new(gdb)
            .args(["-batch", "-nx", "-iex", "set debuginfod enabled off"])
            .args(["-ex", "bt", "-ex", "thread apply all bt", "--core"])
            .arg(core)
            .arg(&self.program)
            .stdout(Output::File(path.clone()))
            .stderr(Output::File(path.clone()));
        let gdb = Process::spawn(gdb, &self.ledger).map_err(|error| failed(error.to_string()))?;
        let limit = self.deadlines.scaled(DEBUGGER_LIMIT);
        match tokio::time::timeout(limit, gdb.wait()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => {
                return Err(failed(format!(
                    "gdb took longer than {} s",
                    limit.as_secs()
                )));
            }
        }
        // Names of the program's own may be in any encoding.
        let said = fs::read(&path).map_err(|error| failed(error.to_string()))?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

/// The directory the kernel writes core dumps to, and what their names look like, see `core(5)`.
fn place(pattern: &str, uses_pid: bool, pid: u32) -> Result<(PathBuf, Regex), String> {
    if let Some(program) = pattern.strip_prefix('|') {
        let program = program.split_whitespace().next().unwrap_or_default();
        let hint = if program.ends_with("systemd-coredump") {
            format!(" (hint: coredumpctl debug {pid})")
        } else {
            String::new()
        };
        return Err(format!("the host hands core dumps to {program}{hint}"));
    }
    let (directory, name) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let mut wanted = String::from("^");
    let mut pid_given = false;
    let mut letters = name.chars();
    while let Some(letter) = letters.next() {
        match (letter, (letter == '%').then(|| letters.next()).flatten()) {
            ('%', Some('%')) => wanted.push('%'),
            ('%', Some('p')) => {
                pid_given = true;
                wanted.push_str(&pid.to_string());
            }
            // The rest is known only to the kernel: the thread's name, the time, …
            ('%', _) => wanted.push_str(".*"),
            (letter, _) => wanted.push_str(&regex::escape(&letter.to_string())),
        }
    }
    if uses_pid && !pid_given {
        wanted.push_str(&format!(r"\.{pid}"));
    }
    wanted.push('$');
    let directory = if pattern.starts_with('/') && directory.is_empty() {
        "/"
    } else {
        directory
    };
    let name = Regex::new(&wanted)
        .map_err(|error| format!("core_pattern {pattern} is not understood: {error}"))?;
    Ok((directory.into(), name))
}

/// The process a core dump is of: `pr_pid` of its `struct elf_prpsinfo` (linux/elfcore.h).
fn pid_of(core: &Path) -> Option<u32> {
    const PR_PID: usize = 24;
    let mut bytes = Vec::new();
    File::open(core)
        .ok()?
        .take(NOTES)
        .read_to_end(&mut bytes)
        .ok()?;
    let bytes = bytes.as_slice();
    let header = FileHeader64::<Endianness>::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, bytes).ok()?;
    let notes = segments
        .iter()
        .find_map(|segment| segment.notes(endian, bytes).ok()?);
    let mut notes = notes?;
    while let Ok(Some(note)) = notes.next() {
        if note.n_type(endian) == NT_PRPSINFO {
            let pid = note.desc().get(PR_PID..)?.first_chunk()?;
            return Some(u32::from_ne_bytes(*pid));
        }
    }
    None
}

/// The frames of the thread gdb starts with, which is the one that crashed.
fn crashed_thread(text: &str) -> Vec<String> {
    // It shows the innermost frame and its source before it is asked for anything.
    let threads = text.find("\nThread ").unwrap_or(text.len());
    let own = &text[..threads];
    let asked = own.rfind("\n#0 ").map_or(0, |at| at + 1);
    let frames = own[asked..].lines().filter(|line| line.starts_with('#'));
    frames.take(FRAMES).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(pattern: &str, uses_pid: bool, name: &str) -> bool {
        place(pattern, uses_pid, 42).unwrap().1.is_match(name)
    }

    #[test]
    fn a_core_dump_is_looked_for_where_the_kernel_puts_it() {
        assert!(placed("core", false, "core"));
        assert!(!placed("core", true, "core"));
        assert!(placed("core", true, "core.42"));
        assert!(placed("core.%p", true, "core.42"));
        assert!(!placed("core.%p", true, "core.43"));
        assert!(placed(
            "/var/cores/%e-100%%-%p-%t.dump",
            false,
            "CPU 0/TCG-100%-42-7.dump"
        ));
        assert_eq!(place("/core", false, 1).unwrap().0, Path::new("/"));
        assert_eq!(place("core", false, 1).unwrap().0, Path::new(""));
    }

    #[test]
    fn a_program_that_takes_core_dumps_is_named() {
        let systemd = "|/usr/lib/systemd/systemd-coredump %P %u";
        let told = place(systemd, false, 42).unwrap_err();
        assert!(told.contains("coredumpctl debug 42"), "{told}");
        let told = place("|/bin/other", false, 42).unwrap_err();
        assert!(told.ends_with("/bin/other"), "{told}");
    }

    #[test]
    fn the_first_thread_of_the_debugger_is_the_one_that_crashed() {
        let text = "[New LWP 7]\nProgram terminated\n#0  abort ()\n42  ../abort.c: No such file\n#0  abort ()\n#1  main ()\n\n\
                    Thread 2 (LWP 7):\n#0  poll ()\n";
        assert_eq!(crashed_thread(text), ["#0  abort ()", "#1  main ()"]);
        assert!(crashed_thread("no symbols").is_empty());
    }

    #[test]
    fn what_is_no_core_dump_is_nobodys() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "text").unwrap();
        assert_eq!(pid_of(file.path()), None);
    }
}
