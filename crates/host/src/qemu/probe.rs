//! A QEMU binary, and what it said of itself.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use machine::capabilities::Capabilities;

use super::answers::{Answers, capabilities};
use super::ask::Run;
use super::cache::{Entry, Stamp, key};
use super::{QemuError, firmware, modules};

/// Longest that a binary may take to answer all questions. It takes some 0.2 s; a cold disk and a busy host are allowed for.
const LIMIT: Duration = Duration::from_secs(60);

/// Arguments of a QEMU that has no machine and only answers. An accelerator is named since a QEMU called `kvm` would insist on `/dev/kvm`.
const BARE: [&str; 9] = [
    "-machine",
    "none,accel=tcg:kvm",
    "-nodefaults",
    "-no-user-config",
    "-display",
    "none",
    "-S",
    "-qmp",
    "stdio",
];

/// A QEMU binary, what it can do, and what it must be told to run where it is.
#[derive(Debug, Clone)]
pub struct Qemu {
    /// The binary.
    pub path: PathBuf,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Directories of firmware that it would not look into by itself, each for an `-L`.
    pub data_dirs: Vec<PathBuf>,
    /// Variables it needs in its environment whenever it is started.
    pub env: Vec<(String, String)>,
    /// Firmware that x86 machines need and that is nowhere.
    pub missing_firmware: Vec<String>,
}

impl Qemu {
    /// Asks a binary what it can do, or recalls what it said last, if it has not changed since. `cache` is where that is kept.
    ///
    /// # Errors
    /// When it is no QEMU, or one that does not run here.
    pub fn probe(path: &Path, cache: &Path) -> Result<Self, QemuError> {
        Self::probe_within(path, cache, LIMIT)
    }

    fn probe_within(path: &Path, cache: &Path, limit: Duration) -> Result<Self, QemuError> {
        let real = path
            .canonicalize()
            .map_err(|source| QemuError::Unreadable {
                path: path.to_owned(),
                source,
            })?;
        let directory = cache.join("qemu");
        let file = directory.join(format!("{}.json", key(&real)));
        if let Some(entry) = Entry::load(&file) {
            return Ok(Self::new(path, entry));
        }
        check_format(&real)?;
        let shadow = directory.join(format!("{}.modules", key(&real)));
        let entry = Prober {
            path,
            real: &real,
            shadow,
            limit,
        }
        .ask()?;
        // A cache that cannot be written costs time at every start, nothing else.
        let _ = entry.store(&file);
        Ok(Self::new(path, entry))
    }

    fn new(path: &Path, entry: Entry) -> Self {
        Qemu {
            path: path.to_owned(),
            capabilities: entry.capabilities,
            data_dirs: entry.data_dirs,
            env: entry.env,
            missing_firmware: entry.missing_firmware,
        }
    }

    /// The arguments to start with wherever it is used: `-L DIR` for each of [`Qemu::data_dirs`].
    #[must_use]
    pub fn base_args(&self) -> Vec<OsString> {
        self.data_dirs
            .iter()
            .flat_map(|directory| [OsString::from("-L"), directory.into()])
            .collect()
    }

    /// Does it emulate this architecture (`x86_64`)?
    ///
    /// # Errors
    /// [`QemuError::OtherTarget`] if not.
    pub fn require_target(&self, target: &str) -> Result<(), QemuError> {
        let found = &self.capabilities.target;
        if found == target {
            return Ok(());
        }
        Err(QemuError::OtherTarget {
            path: self.path.clone(),
            found: found.clone(),
            wanted: target.to_owned(),
        })
    }
}

struct Prober<'a> {
    /// As it was named, which may decide what a link or script does.
    path: &'a Path,
    real: &'a Path,
    shadow: PathBuf,
    limit: Duration,
}

impl Prober<'_> {
    fn ask(&self) -> Result<Entry, QemuError> {
        let own_modules = modules::below_prefix(self.real);
        let mut env = Vec::new();
        let mut foreign = BTreeSet::new();
        // One round finds out which modules are foreign, another answers. Should those who look into several places complain of one
        // after the other, each round knows of one more.
        loop {
            let mut stderr = String::new();
            let result = self.converse(&env, &mut stderr);
            let mut complaints = modules::complained_of(&stderr);
            complaints.remove(&self.shadow);
            if complaints.is_subset(&foreign) {
                let (answers, stamps) = result?;
                return self.entry(answers, stamps, env);
            }
            foreign.extend(complaints);
            let beside: Vec<PathBuf> = own_modules
                .iter()
                .filter(|path| !foreign.contains(*path))
                .cloned()
                .collect();
            let io_error = |source| QemuError::Io {
                path: self.path.to_owned(),
                source,
            };
            modules::shadow(&self.shadow, &beside, &foreign).map_err(io_error)?;
            let shadow = self.shadow.canonicalize().map_err(io_error)?;
            env = vec![(
                modules::VARIABLE.to_owned(),
                shadow.to_string_lossy().into_owned(),
            )];
        }
    }

    /// Puts all questions. What it said on standard error is told in any case.
    fn converse(
        &self,
        env: &[(String, String)],
        stderr: &mut String,
    ) -> Result<(Answers, Vec<Stamp>), QemuError> {
        let mut run = Run::start(self.path, &BARE, env, self.limit)?;
        let answers = self.questions(&mut run);
        let stamps = self.stamps(run.pid());
        stderr.push_str(&run.finish());
        let mut answers = answers?;
        let help =
            Run::start(self.path, &["-device", "help"], env, self.limit)?.output("-device help")?;
        answers.device_help = help.0;
        stderr.push('\n');
        stderr.push_str(&help.1);
        Ok((answers, stamps))
    }

    fn questions(&self, run: &mut Run) -> Result<Answers, QemuError> {
        run.greet()?;
        Ok(Answers {
            version: run.ask("query-version", "")?,
            target: run.ask("query-target", "")?,
            machines: run.ask("query-machines", "")?,
            // Not every architecture can list its CPUs without a machine.
            cpus: run.ask("query-cpu-definitions", "").or_else(refused)?,
            devices: run.ask(
                "qom-list-types",
                "\"implements\":\"device\",\"abstract\":false",
            )?,
            objects: run.ask(
                "qom-list-types",
                "\"implements\":\"user-creatable\",\"abstract\":false",
            )?,
            accelerators: run.ask(
                "qom-list-types",
                "\"implements\":\"accel\",\"abstract\":false",
            )?,
            options: run.ask("query-command-line-options", "")?,
            schema: run.ask("query-qmp-schema", "")?,
            device_help: String::new(),
        })
    }

    fn entry(
        &self,
        answers: Answers,
        mut stamps: Vec<Stamp>,
        env: Vec<(String, String)>,
    ) -> Result<Entry, QemuError> {
        let capabilities = capabilities(answers).map_err(|answer| QemuError::Answer {
            path: self.path.to_owned(),
            during: "query-qmp-schema".to_owned(),
            answer,
        })?;
        let listing = Run::start(self.path, &["-L", "help"], &env, self.limit)?
            .output("-L help")?
            .0;
        let built_in: Vec<PathBuf> = listing.lines().map(PathBuf::from).collect();
        let needed = firmware::needed(&capabilities.target);
        let firmware = firmware::choose(self.real, &built_in, needed, |path| path.is_file());
        if !env.is_empty() {
            // Without the links it would find foreign modules again.
            stamps.extend(Stamp::of(&self.shadow));
        }
        let mut entry = Entry::new(stamps, capabilities);
        entry.data_dirs = firmware.directories;
        entry.missing_firmware = firmware.missing;
        entry.env = env;
        Ok(entry)
    }

    /// What the answers depend on: the file named, the program that ran (another one, if a script was named), and the directories of
    /// modules, since devices come and go with them.
    fn stamps(&self, pid: u32) -> Vec<Stamp> {
        let running = fs::read_link(format!("/proc/{pid}/exe")).ok();
        let program = running.filter(|program| program != self.real);
        let installed = modules::below_prefix(Path::new("/usr/bin/qemu"));
        let modules = modules::below_prefix(program.as_deref().unwrap_or(self.real));
        let mut paths = vec![self.real.to_owned()];
        paths.extend(program.into_iter().chain(modules).chain(installed));
        paths.dedup();
        paths
            .iter()
            .filter_map(|path| Stamp::of(path).ok())
            .collect()
    }
}

fn refused<T: Default>(error: QemuError) -> Result<T, QemuError> {
    match error {
        QemuError::Answer { .. } => Ok(T::default()),
        error => Err(error),
    }
}

/// Refuses what is neither a program of this host's processor nor a script. The kernel would refuse it too, but the C library then
/// hands it to a shell.
fn check_format(path: &Path) -> Result<(), QemuError> {
    let unreadable = |source| QemuError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(20).read_to_end(&mut start))
        .map_err(unreadable)?;
    if start.starts_with(b"#!") {
        return Ok(());
    }
    if !start.starts_with(b"\x7fELF") {
        let said = "it is neither a program nor a script".to_owned();
        return Err(QemuError::NotQemu {
            path: path.to_owned(),
            said,
        });
    }
    // Bytes 18 and 19 of an ELF file are its machine, see elf(5).
    let mut ours = [0; 20];
    let known = File::open("/proc/self/exe")
        .and_then(|file| file.read_exact_at(&mut ours, 0))
        .is_ok();
    if known && start.get(18..20) != Some(&ours[18..20]) {
        return Err(QemuError::OtherProcessor(path.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    fn probe(script: &str, limit: Duration) -> QemuError {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("qemu");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Qemu::probe_within(&path, temp.path(), limit).unwrap_err()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_program_that_says_something_else_is_quoted() {
        let error = probe("#!/bin/sh\necho Hello; sleep 1000\n", LONG);
        assert!(
            matches!(&error, QemuError::NotQemu { said, .. } if said.contains("Hello")),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_refuses_the_options_is_quoted() {
        let error = probe("#!/bin/sh\necho usage: me >&2; exit 64\n", LONG);
        let expected = "it exited with status 64: usage: me";
        assert!(
            matches!(&error, QemuError::NotQemu { said, .. } if said == expected),
            "{error}"
        );
    }

    #[test]
    fn a_missing_shared_library_is_named() {
        let error = probe(
            "#!/bin/sh\necho 'qemu: error while loading shared libraries: libx.so.1: cannot open' >&2; exit 127\n",
            LONG,
        );
        assert!(
            matches!(&error, QemuError::SharedLibrary { stderr, .. } if stderr.contains("libx.so.1")),
            "{error}"
        );
    }

    #[test]
    fn a_silent_program_is_given_up_in_time() {
        let start = Instant::now();
        let error = probe(
            "#!/bin/sh\necho waiting >&2; exec sleep 1000\n",
            Duration::from_millis(300),
        );
        assert!(
            matches!(&error, QemuError::TimedOut { stderr, .. } if stderr == "waiting"),
            "{error}"
        );
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_crash_tells_the_question_and_the_last_words() {
        let error = probe(
            "#!/bin/sh\necho '{\"QMP\": {}}'; read l; echo '{\"return\": {}}'; read l; echo oops >&2; kill -SEGV $$\n",
            LONG,
        );
        let QemuError::Died {
            during,
            stderr,
            exit,
            ..
        } = &error
        else {
            panic!("{error}")
        };
        assert_eq!(
            (during.as_str(), stderr.as_str(), exit.signal),
            ("query-version", "oops", Some(11))
        );
    }

    #[test]
    fn a_refused_question_is_an_unexpected_answer() {
        let error = probe(
            "#!/bin/sh\necho '{\"QMP\": {}}'; read l; echo '{\"return\": {}}'; read l; \
             echo '{\"error\": {\"class\": \"x\", \"desc\": \"no such thing\"}}'; sleep 1000\n",
            LONG,
        );
        let expected = "gave an unexpected answer to query-version: no such thing";
        assert!(error.to_string().ends_with(expected), "{error}");
    }

    #[test]
    fn an_endless_talker_is_stopped() {
        let error = probe("#!/bin/sh\nexec tr '\\0' x </dev/zero\n", LONG);
        assert!(matches!(error, QemuError::NotQemu { .. }), "{error}");
    }

    #[test]
    fn a_text_file_is_not_run_as_a_script() {
        let error = probe("rm -rf /nothing\n", LONG);
        assert!(
            matches!(&error, QemuError::NotQemu { said, .. } if said.contains("neither")),
            "{error}"
        );
    }

    #[test]
    fn a_program_for_another_processor_is_told_as_such() {
        let mut header = fs::read("/proc/self/exe").unwrap();
        header.truncate(64);
        header[18] ^= 0x55;
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("qemu");
        fs::write(&path, header).unwrap();
        let error = Qemu::probe(&path, temp.path()).unwrap_err();
        assert!(matches!(error, QemuError::OtherProcessor(_)), "{error}");
    }
}
