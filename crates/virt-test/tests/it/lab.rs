//! A place to run the program in, with data that outlives one test so that the guest is built once.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Own logs and runtime directory, shared data directory.
pub struct Lab {
    logs: TempDir,
    runtime: TempDir,
}

/// What the program said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Lab {
    pub fn new() -> Self {
        Self {
            logs: tempfile::tempdir().unwrap(),
            runtime: tempfile::tempdir().unwrap(),
        }
    }

    pub fn data() -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("data")
    }

    pub fn logs(&self) -> &Path {
        self.logs.path()
    }

    pub fn latest(&self) -> PathBuf {
        self.logs().join("latest")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_virt-test"));
        command
            .args(args)
            .env("VIRT_TEST_DATA_DIR", Self::data())
            .env("XDG_RUNTIME_DIR", self.runtime.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn say(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }

    /// `virt-test run`, with results in this lab.
    pub fn run(&self, args: &[&str]) -> Said {
        self.run_command(args).output().unwrap().into()
    }

    pub fn run_command(&self, args: &[&str]) -> Command {
        let mut command = self.command(&["run", "--logs-dir"]);
        command.arg(self.logs()).args(args);
        command
    }

    /// Starts `virt-test run` and waits until its results contain an event with `text`.
    pub fn run_until(&self, args: &[&str], text: &str) -> Child {
        let child = self
            .run_command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let end = Instant::now() + Duration::from_secs(180);
        while !self.events().contains(text) {
            assert!(Instant::now() < end, "no {text} in {}", self.events());
            std::thread::sleep(Duration::from_millis(20));
        }
        child
    }

    pub fn events(&self) -> String {
        std::fs::read_to_string(self.latest().join("events.jsonl")).unwrap_or_default()
    }

    /// Process ids of QEMUs whose command line names this lab's runtime directory or logs.
    pub fn qemus(&self) -> Vec<i32> {
        let marks = [self.runtime.path(), self.logs.path()];
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line);
            let program = line.split('\0').next().unwrap_or_default();
            if program.contains("qemu-system")
                && marks
                    .iter()
                    .any(|mark| line.contains(&*mark.to_string_lossy()))
            {
                found.push(pid);
            }
        }
        found
    }

    /// Waits until no QEMU of this lab is left.
    pub fn assert_no_qemu_is_left(&self) {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.qemus().is_empty() {
            assert!(
                Instant::now() < end,
                "QEMU is left running: {:?}",
                self.qemus()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Disk images of the tests of the latest run.
    pub fn disks(&self) -> Vec<PathBuf> {
        let tests = std::fs::read_dir(std::fs::canonicalize(self.latest()).unwrap()).unwrap();
        let files = tests
            .flatten()
            .filter_map(|test| std::fs::read_dir(test.path()).ok());
        let paths = files.flatten().flatten().map(|file| file.path());
        paths
            .filter(|path| path.extension().is_some_and(|ending| ending == "qcow2"))
            .collect()
    }

    /// Files and sockets below the runtime directory that no run owns any more.
    pub fn left_in_runtime(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.runtime.path().to_owned()];
        while let Some(dir) = open.pop() {
            for entry in std::fs::read_dir(dir).unwrap().flatten() {
                if entry.path().is_dir() {
                    open.push(entry.path());
                } else {
                    found.push(entry.path());
                }
            }
        }
        found
    }
}

/// A test that failed midway leaves no machine behind.
impl Drop for Lab {
    fn drop(&mut self) {
        for pid in self.qemus() {
            // It may have ended in between.
            let _ = Command::new("sh")
                .args(["-c", &format!("kill -KILL {pid}")])
                .status();
        }
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The rest of what a program says, and how it ends, within a limit.
pub fn finish(mut child: Child, limit: Duration) -> Said {
    let out = child.stdout.take().map(BufReader::new);
    let reader = std::thread::spawn(move || {
        out.map(|out| {
            out.lines()
                .map_while(Result::ok)
                .collect::<Vec<_>>()
                .join("\n")
        })
        .unwrap_or_default()
    });
    let end = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            let _ = child.kill();
            panic!(
                "the program did not end within {limit:?}; it said {}",
                reader.join().unwrap()
            );
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Said {
        status: status.code().unwrap_or(-1),
        out: reader.join().unwrap(),
        err: String::new(),
    }
}

pub fn signal(pid: u32, signal: &str) {
    // The shell's own: the program of that name is not on every host.
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{signal} {pid}")])
        .status()
        .unwrap();
    assert!(status.success());
}
