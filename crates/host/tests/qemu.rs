//! The installed QEMU, asked for real. `VIRT_TEST_QEMU10` may name another one, of release 10.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "tests, and what they share"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use host::qemu::{self, Qemu};
use machine::capabilities::Capabilities;

fn installed() -> Option<PathBuf> {
    let found = qemu::find(None).ok();
    if found.is_none() {
        eprintln!("note: no QEMU is installed, nothing is tested");
    }
    found
}

fn check_common(caps: &Capabilities) {
    assert_eq!(caps.target, "x86_64");
    assert!(caps.has_machine("q35") && caps.has_machine("pc") && !caps.has_machine("virt"));
    assert!(caps.resolve_machine("q35").unwrap().starts_with("pc-q35-"));
    assert!(caps.default_machine().is_some());
    assert!(caps.machine("q35").unwrap().cpu_max >= 255);
    assert_eq!(
        caps.machine("q35").unwrap().default_ram_id.as_deref(),
        Some("pc.ram")
    );
    assert!(
        caps.has_device("virtio-blk-pci")
            && caps.has_device("virtio-blk")
            && caps.has_device("virtio-serial-pci")
    );
    assert!(!caps.has_device("ICH9-LPC") && caps.devices.contains_key("ICH9-LPC"));
    assert_eq!(caps.devices["virtio-net-pci"].bus.as_deref(), Some("PCI"));
    assert!(caps.has_object("iothread") && caps.has_object("memory-backend-file"));
    assert!(caps.has_accelerator("tcg"));
    assert!(caps.has_cpu("qemu64") && caps.has_cpu("max"));
    assert!(caps.has_option("sandbox") && caps.option_has_parameter("sandbox", "enable"));
    assert!(caps.has_command("query-status") && !caps.has_command("query-nonsense"));
    assert!(caps.has_event("SHUTDOWN") && !caps.has_event("TEA"));
    assert!(caps.schema.commands["migrate-recover"].out_of_band);
    assert!(caps.command_has_arg("migrate-set-parameters", "multifd-channels"));
    assert!(caps.command_has_arg("blockdev-add", "driver"));
    assert!(caps.command_has_arg("blockdev-add", "+qcow2.lazy-refcounts"));
    assert!(!caps.command_has_arg("blockdev-add", "+raw.lazy-refcounts"));
    assert!(caps.enum_has(
        "migrate-set-capabilities.capabilities.capability",
        "multifd"
    ));
    assert!(caps.enum_has("blockdev-add.driver", "qcow2"));
    assert!(
        !caps
            .schema
            .answer_types_at("query-migrate.ram.transferred")
            .is_empty()
    );
    assert!(!caps.schema.types_at("SHUTDOWN.reason").is_empty());
}

/// Starts a machine as the answers say, to see that they were right.
fn starts(qemu: &Qemu, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new(&qemu.path);
    command
        .args(qemu.base_args())
        .envs(qemu.env.iter().cloned());
    command.args([
        "-accel",
        "tcg",
        "-nodefaults",
        "-display",
        "none",
        "-S",
        "-monitor",
        "stdio",
    ]);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"quit\n").unwrap();
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn the_installed_qemu_says_what_it_can_do() {
    let Some(path) = installed() else { return };
    let cache = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let cold = Qemu::probe(&path, cache.path()).unwrap();
    let cold_time = start.elapsed();
    check_common(&cold.capabilities);
    assert!(cold.require_target("x86_64").is_ok());
    let error = cold.require_target("s390x").unwrap_err().to_string();
    assert!(error.contains("qemu-system-s390x"), "{error}");

    let times = (0..20).map(|_| {
        let start = Instant::now();
        let warm = Qemu::probe(&path, cache.path()).unwrap();
        assert_eq!(warm.capabilities, cold.capabilities);
        start.elapsed()
    });
    let best = times.min().unwrap();
    eprintln!("note: cold {cold_time:?}, warm {best:?}");
    assert!(
        best < cold_time / 2 && best < Duration::from_millis(50),
        "cold {cold_time:?}, warm {best:?}"
    );
    starts(
        &cold,
        &["-M", "q35", "-m", "64", "-device", "virtio-net-pci"],
    )
    .unwrap();
}

#[test]
fn a_relocated_qemu_is_told_where_its_firmware_is_and_kept_from_foreign_modules() {
    let Some(path) = std::env::var_os("VIRT_TEST_QEMU10").map(PathBuf::from) else {
        eprintln!("note: VIRT_TEST_QEMU10 is not set, nothing is tested");
        return;
    };
    let cache = tempfile::tempdir().unwrap();
    let qemu = Qemu::probe(&path, cache.path()).unwrap();
    check_common(&qemu.capabilities);
    assert_eq!(qemu.capabilities.version.major, 10);
    assert!(qemu.capabilities.enum_has(
        "migrate-set-capabilities.capabilities.capability",
        "mapped-ram"
    ));
    for (_, shadow) in &qemu.env {
        std::fs::remove_dir_all(shadow).unwrap();
        Qemu::probe(&path, cache.path()).unwrap();
        assert!(Path::new(shadow).exists(), "what was lost is made again");
    }
    assert_eq!(qemu.missing_firmware, Vec::<String>::new());
    let prefix = path.parent().and_then(Path::parent).unwrap();
    assert!(
        qemu.data_dirs
            .iter()
            .any(|directory| directory.starts_with(prefix)),
        "{:?}",
        qemu.data_dirs
    );
    starts(
        &qemu,
        &[
            "-M",
            "q35",
            "-m",
            "64",
            "-device",
            "virtio-net-pci",
            "-device",
            "virtio-gpu-pci",
        ],
    )
    .unwrap();
}

#[test]
fn a_wrapper_script_is_a_qemu_too() {
    use std::os::unix::fs::PermissionsExt;
    let Some(path) = installed() else { return };
    let temp = tempfile::tempdir().unwrap();
    let script = temp.path().join("my-qemu");
    std::fs::write(
        &script,
        format!("#!/bin/sh\nexec {} \"$@\"\n", path.display()),
    )
    .unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let qemu = Qemu::probe(&script, temp.path()).unwrap();
    check_common(&qemu.capabilities);
}

#[test]
fn another_program_is_no_qemu() {
    let temp = tempfile::tempdir().unwrap();
    let path = qemu::find(Some(Path::new("sh"))).unwrap();
    let error = Qemu::probe(&path, temp.path()).unwrap_err();
    assert!(matches!(error, qemu::QemuError::NotQemu { .. }), "{error}");
}
