//! The tiny guest, made for real and booted by this machine's QEMU.
//!
//! Skipped, saying so, where the packages cannot be had or there is no QEMU.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "the lint's exception for tests does not reach functions that tests share"
)]

use image::{Acceleration, Ensured, Error, GuestStore, KernelKind, Progress, Rebuild, TinyGuest};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};
use std::{fs, thread};

const QEMU: &str = "qemu-system-x86_64";
/// Generous: other tests run beside this one, and only a guest that hangs meets it.
const BOOT_LIMIT: Duration = Duration::from_secs(120);

/// One store for all tests of this program, so that packages are downloaded once, kept between runs beside the test's binary.
fn store() -> (MutexGuard<'static, ()>, PathBuf) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let guard = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    (
        guard,
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests-data"),
    )
}

fn ensure(data: &Path, rebuild: Rebuild) -> Option<Ensured> {
    match GuestStore::new(data).ensure("tiny", rebuild, &|_| {}) {
        Ok(ensured) => Some(ensured),
        Err(error @ (Error::NoPackage { .. } | Error::Download { .. } | Error::Spawn { .. })) => {
            println!(
                "skipped: {error}; hint: {}",
                error.hint().unwrap_or_default()
            );
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// A guest on its serial console; killed when dropped.
struct Running {
    qemu: Child,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
    seen: String,
    started: Instant,
}

impl Running {
    fn start(guest: &TinyGuest, devices: &[&str]) -> Self {
        let started = Instant::now();
        let mut qemu = Command::new(QEMU)
            .args([
                "-accel",
                "tcg",
                "-M",
                "q35",
                "-m",
                "256",
                "-display",
                "none",
                "-nodefaults",
            ])
            .args(["-no-reboot", "-serial", "stdio"])
            .arg("-kernel")
            .arg(&guest.kernel)
            .arg("-initrd")
            .arg(&guest.initrd)
            .arg("-append")
            .arg(guest.kernel_options(Acceleration::Tcg).join(" "))
            .args(["-chardev", "null,id=agent", "-device", "virtio-serial-pci"])
            .args([
                "-device",
                "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
            ])
            .args(devices)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut console = qemu.stdout.take().unwrap();
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = console.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        let input = qemu.stdin.take().unwrap();
        Self {
            qemu,
            input,
            output,
            seen: String::new(),
            started,
        }
    }

    /// Waits until the console has shown `text` after what earlier waits found; says how long after the start that was.
    fn wait_for(&mut self, text: &str) -> Duration {
        self.text_before(text);
        self.started.elapsed()
    }

    /// The same, giving back what the console showed before it.
    fn text_before(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(text) {
                let before = self.seen[..at].to_owned();
                self.seen.drain(..at + text.len());
                return before;
            }
            let left = BOOT_LIMIT.saturating_sub(self.started.elapsed());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => panic!(
                    "waiting for {text:?}: {error}; the console said: {}",
                    self.seen
                ),
            }
        }
    }

    fn type_line(&mut self, line: &str) {
        self.input
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

fn has_qemu() -> bool {
    let found = Command::new(QEMU)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        println!("skipped: there is no {QEMU} here");
    }
    found
}

#[test]
fn the_guest_boots_and_has_its_disks_and_nic_when_it_is_ready() {
    let (_guard, data) = store();
    let Some(Ensured { guest, .. }) = ensure(&data, Rebuild::IfStale) else {
        return;
    };
    if !has_qemu() {
        return;
    }
    assert_eq!(guest.kernel_kind(), KernelKind::Pvh);
    let mut running = Running::start(
        &guest,
        &[
            "-blockdev",
            "null-co,node-name=disk,size=1048576,read-zeroes=on",
            "-device",
            "virtio-blk-pci,drive=disk",
            "-device",
            "virtio-scsi-pci",
            "-blockdev",
            "null-co,node-name=scsi,size=1048576,read-zeroes=on",
            "-device",
            "scsi-hd,drive=scsi",
            "-netdev",
            "user,id=net,restrict=on",
            "-device",
            "virtio-net-pci,netdev=net",
        ],
    );
    let ready = running.wait_for("virt-test: ready");
    println!("ready after {ready:?}");
    // What is typed comes back first; the quotes keep it from looking like the answer.
    running.type_line("echo 'devi'ces: $(ls /sys/class/block /sys/class/net) on $(uname -r).");
    running.wait_for("devices: ");
    let answer = running.text_before(&format!(" on {}.", guest.kernel_release()));
    for device in ["vda", "sda", "eth0"] {
        assert!(
            answer.split_whitespace().any(|word| word == device),
            "no {device} in {answer:?}"
        );
    }
}

#[test]
fn a_guest_that_is_there_is_found_again_and_not_made_again() {
    let (_guard, data) = store();
    let Some(first) = ensure(&data, Rebuild::IfStale) else {
        return;
    };
    let second = ensure(&data, Rebuild::IfStale).unwrap();
    assert_eq!(second.built, None);
    assert_eq!(second.guest, first.guest);
    assert_eq!(
        GuestStore::new(&data).find("tiny").unwrap(),
        Some(first.guest)
    );
}

#[test]
fn the_same_packages_make_the_same_guest_and_are_not_downloaded_again() {
    let (_guard, data) = store();
    let Some(first) = ensure(&data, Rebuild::IfStale) else {
        return;
    };
    let before = fs::read(&first.guest.initrd).unwrap();
    let downloads = Mutex::new(Vec::new());
    let watch = |progress| {
        if let Progress::Downloading { packages } = progress {
            downloads.lock().unwrap().extend(packages);
        }
    };
    let second = GuestStore::new(&data)
        .ensure("tiny", Rebuild::Always, &watch)
        .unwrap();
    assert!(second.built.is_some());
    if second.guest.manifest.components != first.guest.manifest.components {
        println!("skipped: the distribution has a newer package");
        return;
    }
    assert_eq!(second.guest.manifest.key, first.guest.manifest.key);
    assert!(fs::read(&second.guest.initrd).unwrap() == before);
    assert_eq!(
        *downloads.lock().unwrap(),
        Vec::<String>::new(),
        "they were here"
    );
}

#[test]
fn a_damaged_guest_is_made_again_and_leftovers_of_a_killed_build_go() {
    let (_guard, data) = store();
    let Some(Ensured { guest, .. }) = ensure(&data, Rebuild::IfStale) else {
        return;
    };
    fs::OpenOptions::new()
        .write(true)
        .open(&guest.initrd)
        .unwrap()
        .set_len(100)
        .unwrap();
    let left = guest
        .kernel
        .ancestors()
        .nth(2)
        .unwrap()
        .join(".building-left");
    fs::create_dir_all(left.join("unpacked")).unwrap();

    assert_eq!(GuestStore::new(&data).find("tiny").unwrap(), None);
    let again = ensure(&data, Rebuild::IfStale).unwrap();
    assert!(again.built.is_some() && !left.exists());
    assert_eq!(
        again.guest.initrd.metadata().unwrap().len(),
        again.guest.manifest.initrd_size
    );
}

#[test]
fn two_runs_at_once_make_the_guest_once() {
    let (_guard, data) = store();
    let Some(Ensured { guest, .. }) = ensure(&data, Rebuild::IfStale) else {
        return;
    };
    fs::remove_file(&guest.kernel).unwrap();
    let built: Vec<bool> = thread::scope(|scope| {
        let runs: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| ensure(&data, Rebuild::IfStale).unwrap().built.is_some()))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(built.iter().filter(|&&built| built).count(), 1, "{built:?}");
}

#[test]
fn a_guest_nobody_knows_is_an_error_that_names_those_there_are() {
    let data = tempfile::tempdir().unwrap();
    let error = GuestStore::new(data.path()).find("giant").unwrap_err();
    assert_eq!(
        error.to_string(),
        "no guest is called \"giant\" (there are: tiny, tiny-generic)"
    );
    let list = GuestStore::new(data.path()).list().unwrap();
    assert_eq!(
        list.iter()
            .map(|status| status.recipe.name)
            .collect::<Vec<_>>(),
        ["tiny", "tiny-generic"]
    );
    assert!(list.iter().all(|status| status.ready.is_none()));
}

#[test]
fn a_guest_is_given_an_ssh_server_behind_what_it_is_made_of() {
    let (_guard, data) = store();
    let Some(ensured) = ensure(&data, Rebuild::IfStale) else {
        return;
    };
    let store = GuestStore::new(&data);
    let made = match store.ensure_ssh_server(&ensured.guest, &|_| {}) {
        Ok(made) => made,
        Err(error @ (Error::NoPackage { .. } | Error::Download { .. } | Error::Spawn { .. })) => {
            println!("skipped: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let plain = fs::read(&ensured.guest.initrd).unwrap();
    let with_server = fs::read(&made).unwrap();
    assert!(with_server.starts_with(&plain));
    let added = String::from_utf8_lossy(&with_server[plain.len()..]).into_owned();
    for file in [
        "sbin/dropbear",
        "lib/libc.so.6",
        "lib64/ld-linux",
        "etc/dropbear",
    ] {
        assert!(added.contains(file), "{file}");
    }
    let began = Instant::now();
    let again = store.ensure_ssh_server(&ensured.guest, &|_| panic!("it is there"));
    assert_eq!(again.unwrap(), made);
    println!(
        "made: {} bytes; found again in {:?}",
        added.len(),
        began.elapsed()
    );
}
