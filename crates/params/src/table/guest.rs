//! The guest: what it is, how to log in, how to stop it.

use super::Section;
use crate::key::Where::{Test, Vm};
use crate::key::{Key, SizeUnit};

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
        .or("linux"),
        Key::text(
            "os_variant",
            Vm,
            "The guest's system, `debian12` or `win2022`.",
        ),
        Key::text("username", Vm, "Account to log in with.").or("root"),
        Key::text("password", Vm, "Its password."),
        Key::text(
            "shell_prompt",
            Vm,
            "Regular expression of the shell's prompt.",
        )
        .or(r"[#$] ?$"),
        Key::one_of(
            "shell_linesep",
            &[r"\n", r"\r\n"],
            Vm,
            "What ends a line typed to the shell.",
        )
        .or(r"\n"),
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
        Key::set(
            "login_methods",
            &["agent", "console", "ssh"],
            Vm,
            "Ways to run a command in the guest, the best first.",
        )
        .or("agent console ssh")
        .also(&["shell_client", "login_method"]),
        Key::integer(
            "shell_port",
            1,
            65535,
            Vm,
            "Port of the guest's SSH server.",
        )
        .or("22"),
        Key::path("ssh_key", Vm, "Private key to log in with."),
        Key::seconds(
            "login_timeout",
            Vm,
            "How long the guest may take from power-on to a login.",
        )
        .or("60")
        .also(&["boot_timeout"]),
        Key::seconds(
            "session_timeout",
            Vm,
            "How long a command in the guest may take.",
        )
        .or("60"),
        Key::text(
            "status_test_command",
            Vm,
            "Command that prints the status of the one before it.",
        )
        .or("echo $?"),
        Key::list(
            "guest_modules",
            Vm,
            "Kernel modules the tiny guest loads beside its usual ones.",
        ),
        Key::list(
            "guest_files",
            Vm,
            "Files of the host put into the tiny guest, `SOURCE:TARGET`.",
        ),
        Key::path(
            "guest_kernel",
            Vm,
            "Kernel image the tiny guest is built around.",
        )
        .also(&["kernel_image"]),
        Key::list("guest_packages", Vm, "Packages added to a built guest."),
        Key::one_of(
            "unattended",
            &["none", "kickstart", "preseed", "autoyast", "cloud-init"],
            Vm,
            "How the guest is installed without a person.",
        )
        .or("none"),
        Key::path("unattended_file", Vm, "Its answer file."),
        Key::path("install_media", Vm, "The medium it is installed from."),
        Key::seconds("install_timeout", Vm, "How long the installation may take.").or("4800"),
        Key::size(
            "tmp_space",
            SizeUnit::M,
            Vm,
            "Free space a test needs in the guest.",
        )
        .or("16"),
    ],
};

pub(super) const POWER: Section = Section {
    title: "Shutdown, reboot, migration",
    doc: "What the tests around a machine's life read.",
    keys: &[
        Key::set(
            "shutdown_methods",
            &["shell", "system_powerdown", "agent"],
            Test,
            "Ways the test shuts the guest down, one after the other: by its own command, by the power button, by its agent.",
        )
        .or("shell")
        .also(&["shutdown_method"]),
        Key::text("shutdown_command", Vm, "The guest's own command.").or("poweroff"),
        Key::seconds("shutdown_timeout", Vm, "How long a shutdown may take.").or("60"),
        Key::count(
            "shutdown_count",
            Test,
            "How many times the test shuts down.",
        )
        .or("1"),
        Key::set(
            "reboot_methods",
            &["shell", "system_reset", "agent"],
            Test,
            "Ways the test reboots the guest, one after the other.",
        )
        .or("shell")
        .also(&["reboot_method"]),
        Key::text("reboot_command", Vm, "The guest's own command.").or("reboot"),
        Key::seconds(
            "reboot_timeout",
            Vm,
            "How long a reboot may take, up to the login.",
        )
        .or("60"),
        Key::count("reboot_count", Test, "How many times the test reboots.").or("1"),
        Key::one_of(
            "migration_protocol",
            &["tcp", "unix", "exec", "fd", "file", "rdma", "x-rdma"],
            Test,
            "What a migration goes through.",
        )
        .or("unix")
        .also(&["migration_mode", "mig_protocol"]),
        Key::seconds("mig_timeout", Test, "How long a migration may take.")
            .or("120")
            .also(&["migration_timeout"]),
        Key::bool(
            "mig_cancel",
            Test,
            "Cancel the migration once, then migrate for good.",
        )
        .or("no"),
        Key::size(
            "mig_speed",
            SizeUnit::B,
            Test,
            "Largest number of bytes a second.",
        )
        .also(&["migration_speed"]),
        Key::duration(
            "mig_downtime",
            crate::TimeUnit::Ms,
            Test,
            "Longest pause of the guest.",
        )
        .also(&["migration_downtime", "downtime_limit"]),
        Key::list(
            "mig_capabilities",
            Test,
            "Migration capabilities to turn on, `postcopy-ram multifd`.",
        ),
        Key::bool(
            "mig_postcopy",
            Test,
            "Switch to postcopy once the migration runs.",
        )
        .or("no"),
        Key::count(
            "mig_multifd_channels",
            Test,
            "Channels of a multifd migration.",
        )
        .or("2"),
        Key::count("migration_count", Test, "How many times the test migrates.").or("1"),
        Key::text("snapshot_name", Test, "Name of an internal snapshot.").or("snap1"),
    ],
};
