//! The guest: what it is, how to log in, how to stop it.

use super::Section;
use crate::key::Key;
use crate::key::Where::{Test, Vm};
use units::SizeUnit;

pub(super) const SECTION: Section = Section {
    title: "The guest",
    doc: "What runs in the machine and how to log in to it.",
    keys: &[
        Key::text(
            "guest_name",
            Vm,
            "The guest, as `virt-test guest list` names it; without one, a kernel or the disks are booted.",
        )
        .also(&["guest", "guest_os"]),
        Key::one_of(
            "os_type",
            &["linux", "windows", "other"],
            Vm,
            "Family of the guest's system.",
        )
        .or("linux")
        .informational(),
        Key::text("username", Vm, "Account to log in with.").or("root"),
        Key::text("password", Vm, "Its password."),
        Key::text(
            "shell_prompt",
            Vm,
            "Regular expression of the shell's prompt.",
        )
        .or(r"[#$] ?$"),
        Key::text(
            "login_prompt",
            Vm,
            "Regular expression of the prompt for a user name.",
        )
        .or(r"login: ?$"),
        Key::text(
            "password_prompt",
            Vm,
            "Regular expression of the prompt for a password.",
        )
        .or(r"[Pp]assword: ?$"),
        Key::one_of(
            "shell_client",
            &["serial", "virtio_console", "agent", "ssh"],
            Vm,
            "How commands reach the guest: a login on the first serial port or virtio console, the guest agent, or SSH, for which a port of the host is made to lead to the guest.",
        )
        .or("serial"),
        Key::integer(
            "shell_port",
            1,
            65535,
            Vm,
            "Port of the guest's SSH server for commands.",
        ).or("22"),
        Key::one_of(
            "file_transfer_client",
            &["agent", "ssh", "scp"],
            Vm,
            "How files reach the guest. `scp` is `ssh`, as older configuration has it.",
        )
        .or("agent"),
        Key::integer(
            "file_transfer_port",
            1,
            65535,
            Vm,
            "Port of the guest's SSH server for files.",
        )
        .or("22"),
        Key::seconds(
            "login_timeout",
            Vm,
            "How long the guest may take from power-on to a login.",
        )
        .or("15")
        .also(&["boot_timeout"]),
        Key::seconds(
            "session_timeout",
            Vm,
            "How long a command in the guest may take.",
        )
        .or("10"),
        Key::text(
            "agent_restart_command",
            Vm,
            "The guest's command that starts its agent anew.",
        ),
    ],
};

pub(super) const POWER: Section = Section {
    title: "Shutdown and reboot",
    doc: "What the tests around a machine's life read.",
    keys: &[
        Key::set(
            "shutdown_methods",
            &["shell", "agent", "system_powerdown"],
            Test,
            "Ways the test shuts the guest down, one after the other: by its own command, by its agent, by the power button.",
        )
        .or("shell")
        .also(&["shutdown_method"]),
        Key::text("shutdown_command", Vm, "The guest's own command.").or("poweroff"),
        Key::seconds("shutdown_timeout", Vm, "How long a shutdown may take.").or("15"),
        Key::set(
            "reboot_methods",
            &["shell", "agent", "system_reset"],
            Test,
            "Ways the test reboots the guest, one after the other: by its own command, by its agent, by the reset button.",
        )
        .or("shell")
        .also(&["reboot_method"]),
        Key::text("reboot_command", Vm, "The guest's own command.").or("reboot"),
        Key::seconds(
            "reboot_timeout",
            Vm,
            "How long the guest may take until it resets the machine; `login_timeout` counts from there.",
        )
        .or("15"),
        Key::seconds("pause_time", Test, "How long the test lets the machine stand still.").or("2"),
        Key::one_of(
            "suspend_to",
            &["ram", "disk"],
            Test,
            "Where the guest keeps its memory while it is suspended: ACPI S3 or S4.",
        )
        .or("ram"),
        Key::text(
            "suspend_prepare",
            Test,
            "Command of the guest that makes it able to be suspended.",
        )
        .or("true"),
        Key::seconds(
            "suspend_timeout",
            Test,
            "How long the guest may take until it sleeps.",
        )
        .or("60"),
    ],
};

pub(super) const TROUBLE: Section = Section {
    title: "Watchdogs, panics, clocks",
    doc: "What the tests of a guest in trouble read.",
    keys: &[
        Key::set(
            "panic_actions",
            &["none", "pause", "shutdown", "exit-failure"],
            Test,
            "What QEMU does with a guest that panics, one after the other; one that ends QEMU comes last.",
        )
        .or("pause"),
        Key::set(
            "watchdog_actions",
            &["none", "debug", "pause", "inject-nmi", "reset", "shutdown", "poweroff"],
            Test,
            "What QEMU does when the watchdog fires, one after the other; one that ends QEMU comes last.",
        )
        .or("reset"),
        Key::bool(
            "watchdog_attended",
            Test,
            "Whether it is shown first that a watchdog that is looked after does not fire.",
        )
        .or("yes"),
        Key::text("watchdog_driver", Test, "The guest's driver of the watchdog.").or("i6300esb"),
        Key::count(
            "watchdog_timeout",
            Test,
            "Seconds after which a watchdog that is not looked after fires.",
        )
        .or("2"),
        Key::seconds("drift_time", Test, "How long the test watches the guest's clock.").or("3"),
        Key::number(
            "drift_tolerance",
            Test,
            "Share of that time by which the guest's clock may be off.",
        )
        .or("0.002"),
    ],
};

pub(super) const FILES: Section = Section {
    title: "Copying files",
    doc: "What the test of it reads.",
    keys: &[
        Key::size(
            "filesize",
            SizeUnit::M,
            Test,
            "Size of the largest file that is copied.",
        )
        .or("4"),
        Key::seconds("transfer_timeout", Test, "How long one copy may take.").or("30"),
    ],
};
